//! Databases for tests.

use std::ops::Deref;

use diesel_async::RunQueryDsl;
use platform::{
    config::Database as Config,
    database::{Database, Migrations},
    with_conn,
};
use tempfile::TempDir;
use uuid::Uuid;

/// A migrated database, gone when dropped.
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

/// A new database on SQLite.
pub async fn database(migrations: &'static Migrations) -> TestDatabase {
    migrated(Place::sqlite(), migrations).await
}

/// A new schema on the PostgreSQL at `DATABASE_URL`.
pub async fn postgres(migrations: &'static Migrations) -> TestDatabase {
    let place = Place::postgres()
        .await
        .expect("DATABASE_URL names a PostgreSQL");
    migrated(place, migrations).await
}

async fn migrated(place: Place, migrations: &'static Migrations) -> TestDatabase {
    let database = open(place.url());
    database
        .migrate(migrations)
        .await
        .expect("the migrations apply");
    // Each may be repeated: a run that was cut off between a statement and its record is run again.
    TestDatabase {
        database,
        _place: place,
    }
}

/// Where a database is for the time of a test.
pub(crate) enum Place {
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
    /// On PostgreSQL if `DATABASE_URL` is set, else on SQLite.
    pub async fn any() -> Self {
        match Self::postgres().await {
            Some(place) => place,
            None => Self::sqlite(),
        }
    }

    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self::Folder {
            _folder: folder,
            url,
        }
    }

    async fn postgres() -> Option<Self> {
        let server = std::env::var("DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty())?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(&server, &format!("CREATE SCHEMA {name}")).await;
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{name}");
        Some(Self::Schema { name, server, url })
    }

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
        // Dropping cannot wait within the test's own runtime.
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

async fn execute(url: &str, statement: &str) {
    let database = open(url);
    let done = with_conn!(database, |conn| diesel::sql_query(statement)
        .execute(conn)
        .await);
    done.expect("the PostgreSQL at DATABASE_URL does as it is told");
}

fn open(url: &str) -> Database {
    Database::open("test", &Config::new(url)).expect("a pool can be made")
}
