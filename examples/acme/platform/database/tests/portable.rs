//! What the platform itself asks a database for is no more than CockroachDB takes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel_async::RunQueryDsl;
use diesel_migrations::embed_migrations;
use platform::database::{self, Migrations, Rollback, transaction, with_conn};
use testkit::Recording;

static MIGRATIONS: Migrations = Migrations::new(
    embed_migrations!("tests/migrations/postgres"),
    embed_migrations!("tests/migrations/sqlite"),
);

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn migrations_and_transactions_are_portable() {
    let recording = Recording::start(&MIGRATIONS).await;
    let database = recording.database();
    database.ping().await.unwrap();
    for result in [Ok(()), Err("no")] {
        let ended: Result<(), platform::Error> = transaction!(database, "portable", |conn| {
            let marks = "UPDATE marks SET id = id + 1";
            diesel::sql_query(marks).execute(conn).await?;
            result.map_err(|reason| {
                Rollback::Application(database::Error::Setup(reason.to_owned()).into())
            })
        });
        assert_eq!(ended.is_ok(), result.is_ok());
    }
    while database
        .revert_migration(&MIGRATIONS)
        .await
        .unwrap()
        .is_some()
    {}

    for statement in [
        "BEGIN TRANSACTION",
        "COMMIT",
        "ROLLBACK",
        "SET TIME ZONE",
        "CREATE TABLE",
        "DROP TABLE",
    ] {
        assert!(
            recording.has_heard(statement),
            "{statement} was not recorded"
        );
    }
    recording.assert_portable();

    let unknown = "SELECT pg_backend_pid()";
    with_conn!(database, |conn| diesel::sql_query(unknown)
        .execute(conn)
        .await)
    .unwrap();
    let refused = catch_unwind(AssertUnwindSafe(|| recording.assert_portable())).unwrap_err();
    let refused = refused.downcast_ref::<String>().unwrap();
    assert!(refused.contains("support `pg_backend_pid`"), "{refused}");
}
