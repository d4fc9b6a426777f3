//! Every database lists what memory lists: every kind of value, every comparison, every order, page by page.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    database::{self, Column, Database, Sql, listing, with_conn},
    filter::{Field, Kind, Value},
    page::{ListQuery, ListRequest, Listed},
};
use rust_decimal::Decimal;
use testkit::Place;
use uuid::Uuid;

diesel::table! {
    goods (id) {
        id -> platform::database::types::Uuid,
        made_at -> platform::database::types::Instant,
        name -> Text,
        on -> Bool,
        order -> Integer,
        count -> BigInt,
        score -> Double,
        price -> Nullable<platform::database::types::FixedPoint>,
        day -> Nullable<Date>,
    }
}

#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = goods)]
struct Good {
    id: Uuid,
    made_at: DateTime<Utc>,
    name: String,
    on: bool,
    order: i32,
    count: i64,
    score: f64,
    price: Option<Decimal>,
    day: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Id,
    MadeAt,
    Name,
    On,
    Order,
    Count,
    Score,
    Price,
    Day,
}

const FIELDS: &[Field<By>] = &[
    Field::required(By::MadeAt, "made_at", Kind::Timestamp),
    Field::required(By::Id, "id", Kind::Id),
    Field::required(
        By::Name,
        "name",
        Kind::Enum(&[("NAME_A", "a"), ("NAME_B", "b")]),
    ),
    Field::required(By::On, "on", Kind::Bool),
    Field::required(By::Order, "order", Kind::Int32),
    Field::required(By::Count, "count", Kind::Int64),
    Field::required(By::Score, "score", Kind::Double),
    Field::optional(By::Price, "price", Kind::Decimal),
    Field::optional(By::Day, "day", Kind::Date),
];

impl Listed for Good {
    type Field = By;

    fn id(&self) -> Uuid {
        self.id
    }

    fn value(&self, field: By) -> Option<Value> {
        match field {
            By::Id => Some(self.id.into()),
            By::MadeAt => Some(self.made_at.into()),
            By::Name => Some(self.name.as_str().into()),
            By::On => Some(self.on.into()),
            By::Order => Some(self.order.into()),
            By::Count => Some(self.count.into()),
            By::Score => Some(self.score.into()),
            By::Price => self.price.map(Into::into),
            By::Day => self.day.map(Into::into),
        }
    }
}

fn column(field: By) -> Column<goods::table> {
    match field {
        By::Id => Column::of(goods::id),
        By::MadeAt => Column::of(goods::made_at),
        By::Name => Column::of(goods::name),
        By::On => Column::of(goods::on),
        By::Order => Column::of(goods::order),
        By::Count => Column::of(goods::count),
        By::Score => Column::of(goods::score),
        By::Price => Column::of(goods::price),
        By::Day => Column::of(goods::day),
    }
}

async fn list(database: &Database, query: &ListQuery<By>) -> Vec<Good> {
    let (condition, order) = listing(query, column, goods::id);
    let found = with_conn!(database, |conn| {
        goods::table
            .select(Good::as_select())
            .filter(condition)
            .order(order)
            .limit(query.limit())
            .load(conn)
            .await
    });
    found.unwrap()
}

/// Twelve rows with few values each, some of them the smallest, the greatest, or none.
fn goods() -> Vec<Good> {
    let row = |number: usize| Good {
        id: Uuid::from_u128(number as u128 * 7919 % 12),
        made_at: DateTime::from_timestamp_micros([-1, 0, 1_000_001][number % 3]).unwrap(),
        name: ["a", "b"][number % 2].to_owned(),
        on: number.is_multiple_of(3),
        order: [i32::MIN, -1, 10, 9][number % 4],
        count: [i64::MAX, i64::MAX - 1, 0][number % 3],
        score: [0.1, 0.30000000000000004, -1e300, 5e-324][number % 4],
        price: [
            None,
            Some(Decimal::new(-5, 1)),
            Some(Decimal::from(10)),
            Some(Decimal::from(9)),
        ][number % 4],
        day: [
            None,
            NaiveDate::from_ymd_opt(1, 1, 1),
            NaiveDate::from_ymd_opt(9999, 12, 31),
        ][number % 3],
    };
    (0..12).map(row).collect()
}

const FILTERS: &[&str] = &[
    "",
    "id = 00000000-0000-0000-0000-000000000007",
    "id != 00000000-0000-0000-0000-000000000007",
    "made_at >= \"1970-01-01T00:00:00Z\"",
    "made_at < \"1970-01-01T01:00:01.000001+01:00\"",
    "name = NAME_A",
    "-name = NAME_A",
    "on = true",
    "NOT on != false",
    "order > -1",
    "order <= 9 AND order != -2147483648",
    "count = 9223372036854775806",
    "score = 0.30000000000000004",
    "score < 0.1 OR score > 0.2",
    "price >= 9.5",
    "NOT price = 9",
    "price != 9",
    "price = 9 OR NOT (price > -1 AND on = true)",
    "day < 9999-12-31",
    "day = \"0001-01-01\" AND (order = 9 OR order = 10)",
    "(on = true AND name = NAME_B) OR -(on = true OR name = NAME_B)",
];

#[tokio::test]
async fn sqlite_lists_what_memory_lists() {
    let create = "CREATE TABLE goods (id BLOB PRIMARY KEY NOT NULL, made_at TEXT NOT NULL, name TEXT NOT NULL, \
        \"on\" INTEGER NOT NULL, \"order\" INTEGER NOT NULL, count INTEGER NOT NULL, score REAL NOT NULL, price INTEGER, \
        day TEXT) STRICT";
    lists_what_memory_lists(Place::sqlite(), create).await;
}

const POSTGRES: &str = "CREATE TABLE goods (id UUID PRIMARY KEY, made_at TIMESTAMPTZ NOT NULL, name TEXT NOT NULL, \
    \"on\" BOOLEAN NOT NULL, \"order\" INT4 NOT NULL, count INT8 NOT NULL, score FLOAT8 NOT NULL, price NUMERIC(18,6), \
    day DATE)";

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn postgres_lists_what_memory_lists() {
    lists_what_memory_lists(Place::postgres().await, POSTGRES).await;
}

#[tokio::test]
#[ignore = "needs COCKROACH_URL"]
async fn what_memory_lists_is_listed_on_cockroachdb() {
    lists_what_memory_lists(Place::cockroachdb().await, POSTGRES).await;
}

async fn lists_what_memory_lists(place: Place, create: &str) {
    let database = filled(place.url(), create).await;
    let names = ["made_at", "id", "name", "on", "order", "count", "score"];
    let orders = names
        .into_iter()
        .flat_map(|name| [name.to_owned(), format!("{name} desc")]);
    for order_by in orders {
        for filter in FILTERS {
            let mut token = String::new();
            loop {
                let request = ListRequest {
                    page_size: 4,
                    page_token: &token,
                    filter,
                    order_by: &order_by,
                };
                let query = ListQuery::new("goods", FIELDS, request).unwrap();
                let found = list(&database, &query).await;
                assert_eq!(found, query.select(goods()), "{filter}; {order_by}");
                token = query.page(found).unwrap().next_page_token;
                if token.is_empty() {
                    break;
                }
            }
        }
    }
}

async fn filled(url: &str, create: &str) -> Database {
    let database = Database::open("test", &database::Config::at(url).unwrap()).unwrap();
    with_conn!(database, |conn| diesel::sql_query(create)
        .execute(conn)
        .await)
    .unwrap();
    for good in goods() {
        let columns = (
            goods::id.eq(Sql(good.id)),
            goods::made_at.eq(Sql(good.made_at)),
            goods::name.eq(good.name),
            goods::on.eq(good.on),
            goods::order.eq(good.order),
            goods::count.eq(good.count),
            goods::score.eq(good.score),
            goods::price.eq(good.price.map(Sql)),
            goods::day.eq(good.day),
        );
        with_conn!(database, |conn| diesel::insert_into(goods::table)
            .values(columns)
            .execute(conn)
            .await)
        .unwrap();
    }
    database
}
