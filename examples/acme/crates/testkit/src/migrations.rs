//! What every service's migrations must do.

use diesel::{Table, pg::Pg, prelude::*, query_builder::QueryFragment, sql_types::Text};
use diesel_async::RunQueryDsl;
use platform::{
    database::{Backend, Database, Migrations},
    with_conn,
};

/// Undoes every migration and applies all of them again, each twice.
///
/// # Panics
/// When one fails.
pub async fn assert_repeatable(database: &Database, migrations: &'static Migrations) {
    let all = database
        .pending(migrations)
        .await
        .expect("they can be read");
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

/// That the table has the columns of its `diesel::table!`, in the same order, and no others.
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
    // Every second part between quotes is the table's name.
    let expected: Vec<&str> = columns.split('"').skip(3).step_by(4).collect();

    let found = match database.backend() {
        Backend::Postgres(_) => {
            "SELECT column_name::TEXT AS name FROM information_schema.columns \
             WHERE table_name = $1 AND table_schema = current_schema() ORDER BY ordinal_position"
        }
        Backend::Sqlite(_) => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
    };
    let found: Vec<Column> = with_conn!(database, |conn| {
        diesel::sql_query(found)
            .bind::<Text, _>(table)
            .load(conn)
            .await
    })
    .expect("the columns can be listed");
    let found: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(found, expected, "columns of {table}, and of its schema");
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}
