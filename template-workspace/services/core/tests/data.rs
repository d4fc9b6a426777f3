//! Storage, on every database.

use core_service::{data::schema, server::MIGRATIONS};
use platform::database::Database;

#[tokio::test]
async fn the_migrations_make_what_the_schema_says() {
    let database = testkit::database(&MIGRATIONS).await;
    check_migrations(&database).await;
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn the_migrations_make_what_the_schema_says_on_postgresql() {
    let database = testkit::postgres(&MIGRATIONS).await;
    check_migrations(&database).await;
}

#[tokio::test]
#[ignore = "needs COCKROACH_URL"]
async fn the_migrations_make_what_the_schema_says_on_cockroachdb() {
    let database = testkit::cockroachdb(&MIGRATIONS).await;
    check_migrations(&database).await;
}

async fn check_migrations(database: &Database) {
    testkit::assert_repeatable(database, &MIGRATIONS).await;
    testkit::assert_same_columns(database, schema::users::table).await;
}
