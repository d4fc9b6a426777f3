//! Assertions about the migrations of a service.

use diesel::{
    Table,
    pg::Pg,
    prelude::*,
    query_builder::QueryFragment,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;
use platform::database::{Backend, Database, Migrations, with_conn};

/// Asserts that the migrations can be undone and applied again: undoes all and applies all, twice.
///
/// # Panics
/// When a migration fails.
pub async fn assert_repeatable(database: &Database, migrations: &'static Migrations) {
    let all = database
        .pending(migrations)
        .await
        .expect("the pending migrations can be counted");
    assert_eq!(all, 0, "the database is migrated");
    for _ in 0..2 {
        let undone = async || database.revert_migration(migrations).await;
        while undone().await.expect("a migration can be undone").is_some() {}
        database
            .migrate(migrations)
            .await
            .expect("the migrations apply");
    }
}

/// The SQL types of diesel, each with the types of its columns on PostgreSQL and on SQLite.
const TYPES: [(&str, &str, &str); 16] = [
    ("diesel::sql_types::Bool", "boolean", "INTEGER"),
    ("diesel::sql_types::SmallInt", "smallint", "INTEGER"),
    ("diesel::sql_types::Integer", "integer", "INTEGER"),
    ("diesel::sql_types::BigInt", "bigint", "INTEGER"),
    ("diesel::sql_types::Float", "real", "REAL"),
    ("diesel::sql_types::Double", "double precision", "REAL"),
    ("diesel::sql_types::Text", "text", "TEXT"),
    ("diesel::sql_types::Text", "character varying", "TEXT"),
    ("diesel::sql_types::Binary", "bytea", "BLOB"),
    ("diesel::sql_types::Date", "date", "TEXT"),
    ("diesel::sql_types::Time", "time without time zone", "TEXT"),
    (
        "diesel::sql_types::Timestamp",
        "timestamp without time zone",
        "TEXT",
    ),
    ("platform_database::types::Uuid", "uuid", "BLOB"),
    (
        "platform_database::types::Instant",
        "timestamp with time zone",
        "TEXT",
    ),
    (
        "platform_database::types::FixedPoint",
        "numeric(18,6)",
        "INTEGER",
    ),
    ("platform_database::types::Json", "jsonb", "TEXT"),
];

/// Asserts that the table has exactly the columns of its `diesel::table!`, in the same order and of the same types.
///
/// # Panics
/// When they differ.
pub async fn assert_same_columns<T>(database: &Database, table: T)
where
    T: Table + diesel::query_dsl::methods::SelectDsl<<T as Table>::AllColumns>,
    diesel::dsl::Select<T, <T as Table>::AllColumns>: QueryFragment<Pg>,
{
    let columns = T::all_columns();
    let query = diesel::debug_query::<Pg, _>(&table.select(columns)).to_string();
    let (columns, rest) = query.split_once(" FROM ").expect("it is a SELECT");
    let table = rest.split('"').nth(1).expect("a table has a name");
    // The columns are `"table"."column", …`: between the quotes, every second name is the table's.
    let expected: Vec<&str> = columns.split('"').skip(3).step_by(4).collect();

    let found = match database.backend() {
        Backend::Postgres(_) => {
            "SELECT column_name::TEXT AS name, is_nullable = 'YES' AS nullable, CASE data_type \
             WHEN 'numeric' THEN 'numeric(' || numeric_precision || ',' || numeric_scale || ')' ELSE data_type END AS kind \
             FROM information_schema.columns \
             WHERE table_name = $1 AND table_schema = current_schema() ORDER BY ordinal_position"
        }
        Backend::Sqlite(_) => {
            "SELECT name, NOT (\"notnull\" OR pk) AS nullable, type AS kind FROM pragma_table_xinfo($1) ORDER BY cid"
        }
    };
    let found: Vec<Column> = with_conn!(database, |conn| {
        diesel::sql_query(found)
            .bind::<Text, _>(table)
            .load(conn)
            .await
    })
    .expect("the columns can be listed");
    let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names, expected,
        "columns of {table} in the database, and in schema.rs"
    );

    let is_sqlite = database.is_sqlite();
    // Such as `(diesel::sql_types::BigInt, diesel::sql_types::Nullable<diesel::sql_types::Text>)`.
    let types = std::any::type_name::<T::SqlType>().trim_matches(['(', ')', ',']);
    let differ = types
        .split(", ")
        .zip(&found)
        .filter(|(sql_type, column)| !column.is_of(sql_type, is_sqlite))
        .map(|(sql_type, column)| {
            let Column {
                name,
                kind,
                nullable,
            } = column;
            let null = if *nullable { "NULL" } else { "NOT NULL" };
            format!(
                "{table}.{name} is {kind} {null} in the database, and {sql_type} in schema.rs\n"
            )
        })
        .collect::<String>();
    assert!(
        differ.is_empty(),
        "columns have other types in schema.rs:\n{differ}"
    );
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

impl Column {
    fn is_of(&self, sql_type: &str, is_sqlite: bool) -> bool {
        let inner = sql_type
            .strip_prefix("diesel::sql_types::Nullable<")
            .and_then(|rest| rest.strip_suffix('>'));
        let plain = inner.unwrap_or(sql_type);
        let mut known = TYPES
            .iter()
            .filter(|(known, ..)| *known == plain)
            .peekable();
        assert!(
            known.peek().is_some(),
            "testkit does not know {plain}: add it to TYPES, with the types of its columns on both databases"
        );
        let mut kinds =
            known.map(|(_, postgres, sqlite)| if is_sqlite { sqlite } else { postgres });
        self.nullable == inner.is_some() && kinds.any(|kind| *kind == self.kind)
    }
}

#[cfg(test)]
mod tests {
    use platform::database::Config;

    use super::*;
    use crate::Place;

    diesel::table! {
        use diesel::sql_types::*;

        things (id) {
            id -> platform::database::types::Uuid,
            count -> Integer,
            price -> Nullable<platform::database::types::FixedPoint>,
            note -> Nullable<Text>,
        }
    }

    /// The message of the assertion about a table with these columns; empty when it holds.
    async fn refusal(place: &Place, columns: &str) -> String {
        let database = Database::open("test", &Config::at(place.url()).unwrap()).unwrap();
        for statement in [
            "DROP TABLE IF EXISTS things".to_owned(),
            format!("CREATE TABLE things ({columns})"),
        ] {
            with_conn!(database, |conn| diesel::sql_query(statement)
                .execute(conn)
                .await)
            .unwrap();
        }
        let checked = tokio::spawn(async move {
            assert_same_columns(&database, things::table).await;
        });
        match checked.await {
            Ok(()) => String::new(),
            Err(error) => *error.into_panic().downcast::<String>().unwrap(),
        }
    }

    async fn a_column_of_another_type_is_named(
        place: Place,
        good: &str,
        differences: [(&str, &str, &str); 5],
    ) {
        assert_eq!(refusal(&place, good).await, "");
        for (right, wrong, named) in differences {
            let said = refusal(&place, &good.replace(right, wrong)).await;
            assert!(said.contains(named), "{wrong}: {said}");
        }
    }

    #[tokio::test]
    async fn a_column_of_another_type_is_named_on_sqlite() {
        let good = "id BLOB PRIMARY KEY NOT NULL, count INTEGER NOT NULL, price INTEGER, note TEXT";
        let differences = [
            (
                "count INTEGER",
                "count REAL",
                "things.count is REAL NOT NULL in the database, and diesel::sql_types::Integer in schema.rs",
            ),
            (
                "INTEGER NOT NULL",
                "INTEGER",
                "things.count is INTEGER NULL in",
            ),
            (
                "note TEXT",
                "note TEXT NOT NULL",
                "things.note is TEXT NOT NULL in",
            ),
            (
                "price INTEGER",
                "price TEXT",
                "things.price is TEXT NULL in",
            ),
            ("note TEXT", "remark TEXT", "columns of things"),
        ];
        a_column_of_another_type_is_named(Place::sqlite(), good, differences).await;
    }

    #[tokio::test]
    #[ignore = "needs DATABASE_URL"]
    async fn a_column_of_another_type_is_named_on_postgresql() {
        let good = "id UUID PRIMARY KEY, count INT4 NOT NULL, price NUMERIC(18,6), note VARCHAR(9)";
        let differences = [
            (
                "INT4",
                "INT8",
                "things.count is bigint NOT NULL in the database, and diesel::sql_types::Integer in schema.rs",
            ),
            ("INT4 NOT NULL", "INT4", "things.count is integer NULL in"),
            (
                "VARCHAR(9)",
                "TEXT NOT NULL",
                "things.note is text NOT NULL in",
            ),
            ("18,6", "10,2", "things.price is numeric(10,2) NULL in"),
            ("note", "remark", "columns of things"),
        ];
        a_column_of_another_type_is_named(Place::postgres().await, good, differences).await;
    }
}
