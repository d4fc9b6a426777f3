//! Databases for tests.

use std::ops::Deref;

use diesel::{QueryableByName, sql_types::Text};
use diesel_async::RunQueryDsl;
use platform::database::{Config, Database, Migrations, with_conn};
use tempfile::TempDir;
use uuid::Uuid;

/// A migrated database. Dropping it deletes the database.
pub struct TestDatabase {
    database: Database,
    _place: Place,
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

/// A new database on SQLite, in a file of its own.
pub async fn database(migrations: &'static Migrations) -> TestDatabase {
    migrated(Place::sqlite(), migrations).await
}

/// A new schema on the PostgreSQL at `DATABASE_URL`.
pub async fn postgres(migrations: &'static Migrations) -> TestDatabase {
    migrated(Place::postgres().await, migrations).await
}

/// A new schema on the CockroachDB at `COCKROACH_URL`.
pub async fn cockroachdb(migrations: &'static Migrations) -> TestDatabase {
    migrated(Place::cockroachdb().await, migrations).await
}

async fn migrated(place: Place, migrations: &'static Migrations) -> TestDatabase {
    let database = open(place.url());
    database
        .migrate(migrations)
        .await
        .expect("the migrations apply");
    TestDatabase {
        database,
        _place: place,
    }
}

/// An empty database for one test: a SQLite file, or a schema on a server. Dropping it deletes the database.
pub enum Place {
    Folder {
        _folder: TempDir,
        url: String,
    },
    Schema {
        name: String,
        server: String,
        url: String,
    },
}

impl Place {
    /// A new schema on the PostgreSQL at `DATABASE_URL`, or a new SQLite file where that is not set.
    pub async fn any() -> Self {
        match server("DATABASE_URL") {
            Some(server) => Self::schema(server).await,
            None => Self::sqlite(),
        }
    }

    /// A new SQLite file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self::Folder {
            _folder: folder,
            url,
        }
    }

    /// A new schema on the PostgreSQL at `DATABASE_URL`.
    pub async fn postgres() -> Self {
        let server = server("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL");
        Self::schema(server).await
    }

    /// A new schema on the CockroachDB at `COCKROACH_URL`.
    pub async fn cockroachdb() -> Self {
        let server = server("COCKROACH_URL").expect("COCKROACH_URL names a CockroachDB");
        let version = version(&server).await;
        assert!(
            version.starts_with("CockroachDB"),
            "the server at COCKROACH_URL is not a CockroachDB but {version}"
        );
        Self::schema(server).await
    }

    async fn schema(server: String) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(&server, &format!("CREATE SCHEMA {name}")).await;
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{name}");
        Self::Schema { name, server, url }
    }

    /// The URL, as a service's `database.url`.
    pub fn url(&self) -> &str {
        match self {
            Self::Folder { url, .. } | Self::Schema { url, .. } => url,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Schema { name, server, .. } = self else {
            return;
        };
        let (drop, server) = (format!("DROP SCHEMA {name} CASCADE"), server.clone());
        // A thread of its own: `drop` cannot wait for a future on the runtime of the test.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime can be made")
                .block_on(execute(&server, &drop));
        });
        let _ = dropped.join();
    }
}

/// The URL in an environment variable, unless it is empty.
fn server(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

async fn version(url: &str) -> String {
    let database = open(url);
    let version = with_conn!(database, |conn| diesel::sql_query(
        "SELECT version() AS version"
    )
    .get_result::<Version>(conn)
    .await);
    version.expect("the database returns its version").version
}

async fn execute(url: &str, statement: &str) {
    let database = open(url);
    let done = with_conn!(database, |conn| diesel::sql_query(statement)
        .execute(conn)
        .await);
    done.expect("the database runs the statement");
}

fn open(url: &str) -> Database {
    Database::open("test", &Config::at(url).expect("the URL can be used"))
        .expect("a pool can be made")
}
