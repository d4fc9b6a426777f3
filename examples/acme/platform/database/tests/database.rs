//! What every database makes of the same schema, models and queries.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    database::{self, Database, Sql, transaction, with_conn},
    time,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use testkit::Place;
use tonic::{Code, Status};
use uuid::Uuid;

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Double, Nullable, Text};

    values (id) {
        id -> platform::database::types::Uuid,
        label -> Text,
        on -> Bool,
        count -> BigInt,
        score -> Double,
        day -> Date,
        bytes -> Binary,
        price -> Nullable<platform::database::types::FixedPoint>,
        extra -> Nullable<platform::database::types::Json>,
        created_at -> platform::database::types::Instant,
    }
}

#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = values)]
struct Row {
    id: Uuid,
    label: String,
    on: bool,
    count: i64,
    score: f64,
    day: NaiveDate,
    bytes: Vec<u8>,
    price: Option<Decimal>,
    extra: Option<Map<String, Value>>,
    created_at: DateTime<Utc>,
}

const SQLITE: &str = "CREATE TABLE \"values\" (id BLOB PRIMARY KEY NOT NULL, label TEXT NOT NULL, \"on\" INTEGER NOT NULL, \
    count INTEGER NOT NULL, score REAL NOT NULL, day TEXT NOT NULL, bytes BLOB NOT NULL, price INTEGER, extra TEXT, \
    created_at TEXT NOT NULL, CONSTRAINT values_label_key UNIQUE (label)) STRICT";
const POSTGRES: &str = "CREATE TABLE \"values\" (id UUID PRIMARY KEY, label TEXT NOT NULL, \"on\" BOOLEAN NOT NULL, \
    count INT8 NOT NULL, score FLOAT8 NOT NULL, day DATE NOT NULL, bytes BYTEA NOT NULL, price NUMERIC(18,6), extra JSONB, \
    created_at TIMESTAMPTZ NOT NULL, CONSTRAINT values_label_key UNIQUE (label))";

async fn open(place: &Place, create: &str) -> Database {
    let database = Database::open("test", &database::Config::at(place.url()).unwrap()).unwrap();
    with_conn!(database, |conn| diesel::sql_query(create)
        .execute(conn)
        .await)
    .unwrap();
    database
}

fn row(label: &str, price: Option<&str>) -> Row {
    Row {
        id: Uuid::new_v4(),
        label: label.to_owned(),
        on: true,
        count: i64::MIN,
        score: -0.1,
        day: NaiveDate::from_ymd_opt(1, 1, 1).unwrap(),
        bytes: vec![0, 255],
        price: price.map(|price| price.parse().unwrap()),
        extra: json!({"a": [1, null, "ä"]}).as_object().cloned(),
        created_at: time::now(),
    }
}

async fn insert(database: &Database, row: &Row) -> Result<(), platform::Error> {
    let columns = (
        values::id.eq(Sql(row.id)),
        values::label.eq(&row.label),
        values::on.eq(row.on),
        values::count.eq(row.count),
        values::score.eq(row.score),
        values::day.eq(row.day),
        values::bytes.eq(&row.bytes),
        values::price.eq(row.price.map(Sql)),
        values::extra.eq(row.extra.clone().map(Sql)),
        values::created_at.eq(Sql(row.created_at)),
    );
    with_conn!(database, |conn| diesel::insert_into(values::table)
        .values(columns)
        .execute(conn)
        .await)?;
    Ok(())
}

async fn find(database: &Database, id: Uuid) -> Option<Row> {
    let found = with_conn!(database, |conn| values::table
        .find(Sql(id))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional());
    found.unwrap()
}

async fn every_value_is_read_as_it_was_written(database: Database) {
    for price in [
        None,
        Some("0"),
        Some("-0.000001"),
        Some("999999999999.999999"),
        Some("1.5"),
    ] {
        let row = row(&format!("{price:?}"), price);
        insert(&database, &row).await.unwrap();
        assert_eq!(find(&database, row.id).await, Some(row));
    }
    assert_eq!(find(&database, Uuid::new_v4()).await, None);
}

/// A column keeps no sign of a zero, so there is none here.
async fn a_number_comes_back_bit_by_bit(database: Database) {
    let numbers = std::iter::repeat_with(|| f64::from_bits(rand::random()));
    let mut numbers: Vec<f64> = numbers
        .filter(|number| number.is_normal())
        .take(500)
        .collect();
    numbers.extend([901259.0097939931, 0.1, 5e-324, f64::MAX]);
    let number = Row {
        extra: json!({"numbers": numbers}).as_object().cloned(),
        ..row("numbers", None)
    };
    insert(&database, &number).await.unwrap();
    let extra = find(&database, number.id).await.unwrap().extra.unwrap();
    let read = extra["numbers"].as_array().unwrap().iter();
    let read: Vec<u64> = read
        .map(|number| number.as_f64().unwrap().to_bits())
        .collect();
    let written: Vec<u64> = numbers.iter().map(|number| number.to_bits()).collect();
    assert_eq!(read, written, "in a JSON column");
    for score in &numbers[480..] {
        let row = Row {
            score: *score,
            ..row(&score.to_string(), None)
        };
        insert(&database, &row).await.unwrap();
        let read = find(&database, row.id).await.unwrap().score;
        assert_eq!(read.to_bits(), score.to_bits(), "{score:?} in a column");
    }
}

async fn decimals_and_instants_are_ordered_as_such(database: Database) {
    for price in ["9", "10", "-3", "0.5"] {
        insert(&database, &row(price, Some(price))).await.unwrap();
    }
    let by_price = with_conn!(database, |conn| values::table
        .order(values::price.asc())
        .select(values::label)
        .load(conn)
        .await);
    let by_price: Vec<String> = by_price.unwrap();
    assert_eq!(by_price, ["-3", "0.5", "9", "10"]);
    let newest = with_conn!(database, |conn| values::table
        .filter(values::created_at.le(Sql(time::now())))
        .order((values::created_at.desc(), values::id.desc()))
        .select(values::label)
        .first(conn)
        .await);
    let newest: String = newest.unwrap();
    assert_eq!(newest, "0.5");
}

async fn a_decimal_that_would_have_to_be_rounded_is_refused(database: Database) {
    for price in ["0.0000001", "1000000000000"] {
        assert!(
            insert(&database, &row("x", Some(price))).await.is_err(),
            "{price}"
        );
    }
}

async fn a_taken_value_is_told_by_its_column(database: Database) {
    let first = row("taken", None);
    insert(&database, &first).await.unwrap();
    let error = insert(&database, &row("taken", None)).await.unwrap_err();
    assert_eq!(
        database::unique_violation(&error, "values", &["day", "label"]),
        Some("label")
    );
    let error = insert(
        &database,
        &Row {
            label: "other".to_owned(),
            ..first
        },
    )
    .await
    .unwrap_err();
    assert_eq!(
        database::unique_violation(&error, "values", &["day", "label"]),
        None
    );
}

macro_rules! on_every_database {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let place = testkit::Place::sqlite();
                super::$rule(super::open(&place, super::SQLITE).await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs DATABASE_URL"]
            async fn $rule() {
                let place = testkit::Place::postgres().await;
                super::$rule(super::open(&place, super::POSTGRES).await).await;
            })*
        }

        mod on_cockroachdb {
            $(#[tokio::test]
            #[ignore = "needs COCKROACH_URL"]
            async fn $rule() {
                let place = testkit::Place::cockroachdb().await;
                super::$rule(super::open(&place, super::POSTGRES).await).await;
            })*
        }
    };
}

on_every_database! {
    every_value_is_read_as_it_was_written,
    a_number_comes_back_bit_by_bit,
    decimals_and_instants_are_ordered_as_such,
    a_decimal_that_would_have_to_be_rounded_is_refused,
    a_taken_value_is_told_by_its_column,
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_and_its_address_stays_secret() {
    let database = Database::open(
        "test",
        &database::Config::at("postgres://shop:secret@127.0.0.1:1/shop").unwrap(),
    )
    .unwrap();
    let error = database.ping().await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    let status = Status::from(error);
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(
        status.message(),
        "the service cannot reach its database: try again"
    );
}

#[tokio::test]
async fn who_waits_too_long_for_a_connection_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let config = database::Config {
        max_connections: 1,
        wait_timeout: Duration::from_millis(20),
        ..database::Config::at(&url).unwrap()
    };
    let database = Database::open("test", &config).unwrap();
    let waiting = with_conn!(database, |_conn| Ok(database.ping().await)).unwrap();
    assert_eq!(Status::from(waiting.unwrap_err()).code(), Code::Unavailable);
}

/// A pool of one connection to the PostgreSQL at `DATABASE_URL`.
fn one_connection(statement_timeout: Duration) -> Database {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL");
    let config = database::Config {
        max_connections: 1,
        statement_timeout,
        ..database::Config::at(&url).unwrap()
    };
    Database::open("test", &config).unwrap()
}

diesel::define_sql_function! {
    fn pg_backend_pid() -> diesel::sql_types::Integer;
}

async fn process(database: &Database) -> i32 {
    let process = with_conn!(database, |conn| diesel::select(pg_backend_pid())
        .get_result(conn)
        .await);
    process.unwrap()
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn a_statement_that_takes_too_long_is_ended_and_its_connection_stays() {
    let database = one_connection(Duration::from_millis(100));
    let before = process(&database).await;
    let begun = Instant::now();
    let slow = with_conn!(database, |conn| diesel::sql_query("SELECT pg_sleep(10)")
        .execute(conn)
        .await);
    assert!(begun.elapsed() < Duration::from_secs(5), "{slow:?}");
    assert_eq!(
        Status::from(slow.unwrap_err()).code(),
        Code::DeadlineExceeded
    );
    assert_eq!(process(&database).await, before);
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn a_transaction_with_a_statement_that_takes_too_long_is_undone_as_a_whole() {
    let database = one_connection(Duration::from_millis(100));
    let table = format!("slow_{}", Uuid::new_v4().simple());
    let execute = async |statement: &str| {
        with_conn!(database, |conn| diesel::sql_query(statement)
            .execute(conn)
            .await)
    };
    execute(&format!("CREATE TABLE {table} (id INT8 PRIMARY KEY)"))
        .await
        .unwrap();
    let insert = format!("INSERT INTO {table} VALUES (1)");
    let slow: Result<(), platform::Error> = transaction!(database, "slow", |conn| {
        diesel::sql_query(&insert).execute(conn).await?;
        diesel::sql_query("SELECT pg_sleep(10)")
            .execute(conn)
            .await?;
        Ok(())
    });
    assert_eq!(
        Status::from(slow.unwrap_err()).code(),
        Code::DeadlineExceeded
    );
    // It would be refused if the first were there.
    execute(&insert).await.unwrap();
    execute(&format!("DROP TABLE {table}")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn nobody_waits_for_a_statement_whose_request_is_over() {
    let database = one_connection(Duration::from_secs(30));
    let slow = async {
        with_conn!(database, |conn| diesel::sql_query("SELECT pg_sleep(5)")
            .execute(conn)
            .await)
    };
    let given_up = tokio::time::timeout(Duration::from_millis(100), slow).await;
    assert!(given_up.is_err(), "{given_up:?}");
    let begun = Instant::now();
    database.ping().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3));
}
