//! What becomes of requests and of readiness when a database cannot store.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use diesel_async::RunQueryDsl;
use diesel_migrations::embed_migrations;
use metrics_exporter_prometheus::PrometheusBuilder;
use platform::{
    Fault, Part,
    database::{self, Database, Migrations, Rollback, ServiceDatabase, transaction, with_conn},
};
use testkit::Place;
use uuid::Uuid;

static MIGRATIONS: Migrations = Migrations::new(
    embed_migrations!("tests/migrations/postgres"),
    embed_migrations!("tests/migrations/sqlite"),
);

/// A database with one connection, and the part of a process that it is.
fn open(url: &str) -> (Database, ServiceDatabase) {
    let config = database::Config {
        max_connections: 1,
        ..database::Config::at(url).unwrap()
    };
    let database = Database::open("test", &config).unwrap();
    let part = ServiceDatabase::new("test", database.clone(), &MIGRATIONS, false);
    (database, part)
}

async fn execute(database: &Database, statement: &str) -> Result<usize, platform::Error> {
    with_conn!(database, |conn| diesel::sql_query(statement)
        .execute(conn)
        .await)
}

/// As [`execute`], in a transaction.
async fn transact(database: &Database, statement: &str) -> Result<usize, platform::Error> {
    transaction!(database, "storage", |conn| {
        diesel::sql_query(statement)
            .execute(conn)
            .await
            .map_err(Rollback::<platform::Error>::Query)
    })
}

fn fault<T: std::fmt::Debug>(result: Result<T, platform::Error>) -> Fault {
    result.unwrap_err().fault()
}

#[tokio::test]
async fn a_full_disk_is_told_apart_counted_and_not_ready_until_there_is_room() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _recorded = metrics::set_default_local_recorder(&recorder);
    let place = Place::sqlite();
    let (database, part) = open(place.url());
    execute(&database, "CREATE TABLE notes (text TEXT NOT NULL)")
        .await
        .unwrap();
    // SQLite treats this limit, which is the connection's, like the end of the disk.
    execute(&database, "PRAGMA max_page_count = 20")
        .await
        .unwrap();
    let write = "INSERT INTO notes VALUES (hex(randomblob(4096)))";
    let mut acknowledged = 0;
    let refused = loop {
        match execute(&database, write).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 0);
    assert_eq!(refused.fault(), Fault::StorageFull);
    assert_eq!(fault(transact(&database, write).await), Fault::StorageFull);
    let missing = part.ready().await.unwrap_err();
    assert_eq!(missing, "the database of test has no room left");
    let line = "db_faults_total{service=\"test\",fault=\"STORAGE_FULL\"} 2";
    assert!(page.render().contains(line), "{}", page.render());

    // That was asked on the connection with the limit; the next has none.
    part.ready().await.unwrap();
    execute(&database, write).await.unwrap();
}

/// Protects a file, or takes the protection away, by the number that tells which versions of SQLite may write it: unlike
/// the mode of a file it also holds for root.
fn protect(file: &Path, protected: bool) {
    let mut file = File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[if protected { 3 } else { 2 }]).unwrap();
}

#[tokio::test]
async fn a_file_that_can_only_be_read_is_read_and_not_ready_until_it_can_be_written() {
    let place = Place::sqlite();
    let file = Path::new(place.url().strip_prefix("sqlite://").unwrap());
    let (database, part) = open(place.url());
    execute(&database, "CREATE TABLE notes (text TEXT NOT NULL)")
        .await
        .unwrap();
    // The last connection that closes moves everything into the file.
    drop((database, part));
    while file.with_extension("db-wal").exists() {
        tokio::task::yield_now().await;
    }
    protect(file, true);
    let (database, part) = open(place.url());
    let write = "INSERT INTO notes VALUES ('x')";
    for refused in [
        execute(&database, write).await,
        transact(&database, write).await,
    ] {
        assert_eq!(fault(refused), Fault::StorageReadOnly);
    }
    execute(&database, "SELECT count(*) FROM notes")
        .await
        .unwrap();
    let missing = part.ready().await.unwrap_err();
    assert_eq!(missing, "the database of test only reads");

    protect(file, false);
    part.ready().await.unwrap();
    execute(&database, write).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let place = Place::sqlite();
    let file = place.url().strip_prefix("sqlite://").unwrap();
    fs::write(
        file,
        "These are the notes of a meeting, not a database.".repeat(20),
    )
    .unwrap();
    let (database, part) = open(place.url());
    assert_eq!(
        fault(execute(&database, "SELECT 1").await),
        Fault::StorageCorrupt
    );
    part.ready().await.unwrap_err();
}

#[tokio::test]
async fn a_file_that_others_keep_locked_is_busy() {
    let place = Place::sqlite();
    let ((holder, _), (database, part)) = (open(place.url()), open(place.url()));
    execute(&holder, "BEGIN EXCLUSIVE").await.unwrap();
    execute(&database, "PRAGMA busy_timeout = 10")
        .await
        .unwrap();
    assert_eq!(
        fault(execute(&database, "CREATE TABLE notes (text TEXT)").await),
        Fault::DatabaseBusy
    );
    part.ready().await.unwrap();
}

/// A user of the PostgreSQL at `DATABASE_URL`, for one test.
struct User {
    server: Database,
    name: String,
    url: String,
}

impl User {
    async fn new() -> Self {
        let server = std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL");
        let name = format!("storage_{}", Uuid::new_v4().simple());
        let (_, address) = server.split_once('@').expect("DATABASE_URL names a user");
        let user = Self {
            server: open(&server).0,
            url: format!("postgres://{name}:secret@{address}"),
            name,
        };
        user.administer("CREATE ROLE {} LOGIN PASSWORD 'secret'")
            .await;
        user.administer("CREATE SCHEMA {} AUTHORIZATION {}").await;
        user
    }

    /// Runs a statement as the one who owns the server; `{}` is the name of the user.
    async fn administer(&self, statement: &str) {
        execute(&self.server, &statement.replace("{}", &self.name))
            .await
            .unwrap();
    }

    async fn delete(self) {
        self.administer("DROP OWNED BY {}").await;
        self.administer("DROP ROLE {}").await;
    }
}

/// As after a failover: the connections lead to the server that may no longer write, a new one to the next.
#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn a_server_that_can_only_be_read_is_not_ready_until_another_can_be_written() {
    let user = User::new().await;
    user.administer("ALTER ROLE {} SET default_transaction_read_only = on")
        .await;
    let (database, part) = open(&user.url);
    let write = "CREATE TABLE notes (text TEXT)";
    for refused in [
        execute(&database, write).await,
        transact(&database, write).await,
    ] {
        assert_eq!(fault(refused), Fault::StorageReadOnly);
    }
    let missing = part.ready().await.unwrap_err();
    assert_eq!(missing, "the database of test only reads");

    user.administer("ALTER ROLE {} RESET default_transaction_read_only")
        .await;
    part.ready().await.unwrap();
    execute(&database, write).await.unwrap();
    user.delete().await;
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn a_server_without_a_free_connection_is_busy() {
    let user = User::new().await;
    user.administer("ALTER ROLE {} CONNECTION LIMIT 1").await;
    let ((_, first), (database, _)) = (open(&user.url), open(&user.url));
    first.ready().await.unwrap();
    assert_eq!(
        fault(execute(&database, "SELECT 1").await),
        Fault::DatabaseBusy
    );
    user.delete().await;
}

/// A disk cannot be filled here, so a function says what PostgreSQL says.
#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn what_a_server_says_of_its_disk_has_its_fault() {
    let place = Place::postgres().await;
    let (database, part) = open(place.url());
    for (state, message, expected) in [
        (
            "53100",
            "could not extend file \"base/5/16384\": No space left on device",
            Fault::StorageFull,
        ),
        (
            "53100",
            "could not extend file \"base/5/16384\": wrote only 4096 of 8192 bytes' \
             , HINT = 'Check free disk space.",
            Fault::StorageFull,
        ),
        (
            "XX001",
            "invalid page in block 0 of relation base/5/16384",
            Fault::StorageCorrupt,
        ),
        (
            "XX002",
            "index \"notes_pkey\" contains unexpected zero page at block 3",
            Fault::StorageCorrupt,
        ),
    ] {
        let raise = format!(
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = '{message}'; END $$"
        );
        for refused in [
            execute(&database, &raise).await,
            transact(&database, &raise).await,
        ] {
            assert_eq!(fault(refused), expected, "{message}");
        }
    }
    // A write works.
    part.ready().await.unwrap();
}
