//! The pool of connections.

use std::{path::Path, sync::Arc};

use deadpool::{
    Runtime,
    managed::{self, Manager},
};
use diesel::{ConnectionError, ConnectionResult, SqliteConnection};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
    sync_connection_wrapper::SyncConnectionWrapper,
};
use futures_util::{FutureExt, future::BoxFuture};
use secrecy::ExposeSecret;

use super::{Error, Migrations, migrations};
use crate::{config, with_conn};

pub type Postgres = AsyncPgConnection;
pub type Sqlite = SyncConnectionWrapper<SqliteConnection>;

/// A pool of connections; clones share it. Connections are made when they are needed, so a database that is away when
/// the service starts, or for a while later, costs only the requests of that time.
#[derive(Clone)]
pub struct Database {
    backend: Arc<Backend>,
}

/// The pool of the backend in use, for [`with_conn!`].
pub enum Backend {
    Postgres(managed::Pool<AsyncDieselConnectionManager<Postgres>>),
    Sqlite(managed::Pool<AsyncDieselConnectionManager<Sqlite>>),
}

/// What each connection to SQLite is told. With the write-ahead log, `NORMAL` hands every commit to the operating
/// system before it is acknowledged: it survives the death of the process, at any time. A loss of power may cost the last
/// commits but never the consistency of the file; `FULL` would cost an fsync a commit.
const SQLITE_SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                            PRAGMA foreign_keys = ON;";

impl Database {
    /// A pool for the configured URL. Nothing is connected yet.
    pub fn open(config: &config::Database) -> Result<Self, Error> {
        let url = config.url.expose_secret();
        let backend = match url.strip_prefix("sqlite://") {
            Some(path) => Backend::Sqlite(pool(
                manager(path, |path| connect_sqlite(path).boxed()),
                config,
            )?),
            None => Backend::Postgres(pool(
                manager(url, |url| Postgres::establish(url).boxed()),
                config,
            )?),
        };
        Ok(Self {
            backend: Arc::new(backend),
        })
    }

    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(*self.backend, Backend::Sqlite(_))
    }

    /// Applies the migrations that have not been applied yet, in their order.
    pub async fn migrate(&self, migrations: &'static Migrations) -> Result<(), Error> {
        match &*self.backend {
            Backend::Postgres(pool) => {
                migrations::apply(&migrations.postgres, pool.get().await?).await
            }
            Backend::Sqlite(pool) => migrations::apply(&migrations.sqlite, pool.get().await?).await,
        }
    }

    /// How many migrations have not been applied yet.
    pub async fn pending(&self, migrations: &'static Migrations) -> Result<usize, Error> {
        match &*self.backend {
            Backend::Postgres(pool) => {
                migrations::pending(&migrations.postgres, pool.get().await?).await
            }
            Backend::Sqlite(pool) => {
                migrations::pending(&migrations.sqlite, pool.get().await?).await
            }
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), crate::Error> {
        with_conn!(self, |conn| diesel::sql_query("SELECT 1")
            .execute(conn)
            .await)?;
        Ok(())
    }
}

type Connect<C> = fn(&str) -> BoxFuture<'_, ConnectionResult<C>>;

fn manager<C: AsyncConnection + 'static>(
    url: &str,
    connect: Connect<C>,
) -> AsyncDieselConnectionManager<C> {
    let mut config = ManagerConfig::default();
    // Asking the server whether a connection is alive before each use doubles the time of a read.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(connect);
    AsyncDieselConnectionManager::new_with_config(url, config)
}

async fn connect_sqlite(path: &str) -> ConnectionResult<Sqlite> {
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    }
    let mut connection = Sqlite::establish(path).await?;
    connection
        .batch_execute(SQLITE_SETUP)
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

fn pool<M: Manager>(manager: M, config: &config::Database) -> Result<managed::Pool<M>, Error> {
    managed::Pool::builder(manager)
        .max_size(config.max_connections)
        .wait_timeout(Some(config.wait_timeout))
        .create_timeout(Some(config.connect_timeout))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Error::Setup(error.to_string()))
}
