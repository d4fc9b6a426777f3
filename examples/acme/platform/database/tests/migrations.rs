//! Migrations, when many processes want them at once and when something is in the way.

use diesel::{prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use diesel_migrations::embed_migrations;
use platform::database::{self, Database, Migrations, with_conn};
use testkit::Place;

/// The second one counts how often it is run.
static MIGRATIONS: Migrations = Migrations::new(
    embed_migrations!("tests/migrations/postgres"),
    embed_migrations!("tests/migrations/sqlite"),
);

fn open(url: &str) -> Database {
    Database::open("test", &database::Config::at(url).unwrap()).unwrap()
}

async fn execute(database: &Database, statement: &str) {
    with_conn!(database, |conn| diesel::sql_query(statement)
        .execute(conn)
        .await)
    .unwrap();
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn marks(database: &Database) -> i64 {
    let count = "SELECT count(*) AS count FROM marks";
    let count: Count = with_conn!(database, |conn| diesel::sql_query(count)
        .get_result(conn)
        .await)
    .unwrap();
    count.count
}

/// Each process has a pool of its own.
async fn ten_at_once(url: &str) {
    let databases: Vec<_> = (0..10).map(|_| open(url)).collect();
    let migrating = databases
        .iter()
        .map(|database| database.migrate(&MIGRATIONS));
    for migrated in futures_util::future::join_all(migrating).await {
        migrated.unwrap();
    }
    assert_eq!(marks(&databases[0]).await, 1);
    assert_eq!(databases[0].pending(&MIGRATIONS).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_processes_that_start_at_once_migrate_a_new_file_once() {
    ten_at_once(Place::sqlite().url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs DATABASE_URL"]
async fn ten_processes_that_start_at_once_migrate_postgresql_once() {
    ten_at_once(Place::postgres().await.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs COCKROACH_URL"]
async fn ten_processes_that_start_at_once_migrate_once_on_cockroachdb() {
    ten_at_once(Place::cockroachdb().await.url()).await;
}

#[tokio::test]
async fn a_process_that_died_while_migrating_stops_nobody() {
    let place = Place::sqlite();
    let database = open(place.url());
    database.migrate(&MIGRATIONS).await.unwrap();
    database.revert_migration(&MIGRATIONS).await.unwrap();
    let abandoned = "INSERT INTO __migration_lease (name, holder, expires_at) \
        VALUES ('migrations', 'somebody who died', unixepoch() + 1)";
    execute(&database, abandoned).await;
    database.migrate(&MIGRATIONS).await.unwrap();
    assert_eq!(marks(&database).await, 1);
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn an_index_that_was_not_finished_is_not_taken_for_one() {
    let place = Place::postgres().await;
    let database = open(place.url());
    database.migrate(&MIGRATIONS).await.unwrap();
    execute(&database, "INSERT INTO marks (id) VALUES (1)").await;
    let unique = "CREATE UNIQUE INDEX CONCURRENTLY marks_id_key ON marks (id)";
    let failed = with_conn!(database, |conn| diesel::sql_query(unique)
        .execute(conn)
        .await);
    assert!(failed.is_err(), "two rows are the same");
    database.revert_migration(&MIGRATIONS).await.unwrap();

    let refused = database.migrate(&MIGRATIONS).await.unwrap_err();
    assert!(
        refused.to_string().contains("DROP INDEX marks_id_key"),
        "{refused}"
    );
    execute(&database, "DROP INDEX marks_id_key").await;
    database.migrate(&MIGRATIONS).await.unwrap();
}

#[tokio::test]
async fn a_migration_is_undone_and_told() {
    let place = Place::sqlite();
    let database = open(place.url());
    let states = async || {
        let states = database.migration_states(&MIGRATIONS).await.unwrap();
        states
            .into_iter()
            .map(|state| (state.name, state.applied))
            .collect::<Vec<_>>()
    };
    let both = |first, second| {
        vec![
            ("0001_create_marks".to_owned(), first),
            ("0002_insert_mark".to_owned(), second),
        ]
    };
    assert_eq!(states().await, both(false, false));
    database.migrate(&MIGRATIONS).await.unwrap();
    assert_eq!(states().await, both(true, true));
    assert_eq!(
        database
            .revert_migration(&MIGRATIONS)
            .await
            .unwrap()
            .as_deref(),
        Some("0002")
    );
    assert_eq!(states().await, both(true, false));
    assert_eq!(marks(&database).await, 0);
    database.revert_migration(&MIGRATIONS).await.unwrap();
    assert_eq!(database.revert_migration(&MIGRATIONS).await.unwrap(), None);
}
