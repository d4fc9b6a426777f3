//! The pool of connections.

use std::{
    fmt::Display,
    fs::{DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use deadpool::{
    Runtime,
    managed::{self, Manager},
};
use diesel::{ConnectionError, ConnectionResult, SqliteConnection};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
    sync_connection_wrapper::SyncConnectionWrapper,
};
use futures_util::{FutureExt, future::BoxFuture};
use metrics::gauge;
use platform_base::backoff::Backoff;
use secrecy::ExposeSecret;

use crate::{
    config::{Config, sqlite_path},
    error::{self, Error},
    faults::Faults,
    postgres::Connector,
};

pub type Postgres = AsyncPgConnection;
pub type Sqlite = SyncConnectionWrapper<SqliteConnection>;

/// A pool of connections; clones share it. Connections are made when they are needed, so a database that is away when
/// the service starts, or for a while later, costs only the requests of that time.
#[derive(Clone)]
pub struct Database {
    backend: Arc<Backend>,
    pub(super) faults: Arc<Faults>,
    pooled: Option<Duration>,
    name: &'static str,
}

/// The pool of the backend in use, for [`with_conn!`].
pub enum Backend {
    Postgres(managed::Pool<AsyncDieselConnectionManager<Postgres>>),
    Sqlite(managed::Pool<AsyncDieselConnectionManager<Sqlite>>),
}

/// A connection while queries have it. Dropped before they are over, as when a request has run out of time, it does not
/// return to the pool: who got it next would wait until the database is done with what nobody waits for any more.
#[doc(hidden)]
pub struct Loan<M: Manager>(Option<managed::Object<M>>);

impl<M: Manager> Loan<M> {
    pub fn of(connection: managed::Object<M>) -> Self {
        Self(Some(connection))
    }

    pub fn connection(&mut self) -> &mut M::Type {
        self.0.as_mut().expect("it is taken only at the end")
    }

    /// The queries are over. A connection that can only read does not return to the pool.
    pub fn end(mut self, error: Option<&diesel::result::Error>) {
        if !error.is_some_and(error::is_read_only) {
            self.0.take();
        }
    }
}

impl<M: Manager> Drop for Loan<M> {
    fn drop(&mut self) {
        self.0.take().map(managed::Object::take);
    }
}

/// What each connection to SQLite is told. With the write-ahead log, `NORMAL` hands every commit to the operating
/// system before it is acknowledged: it survives the death of the process, at any time. A loss of power may cost the last
/// commits but never the consistency of the file; `FULL` would cost an fsync a commit.
const SQLITE_SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                            PRAGMA foreign_keys = ON;";

impl Database {
    /// A pool for the configured URL; `name` is the service's, for the server's lists and the metrics. Nothing is
    /// connected yet.
    pub fn open(name: &'static str, config: &Config) -> Result<Self, Error> {
        let url = config.url.0.expose_secret();
        let mut pooled = None;
        let backend = match url.strip_prefix("sqlite://") {
            Some(path) => {
                let path = sqlite_path(path).map_err(Error::Setup)?.to_owned();
                let connect = move || connect_sqlite(path.clone()).boxed();
                Backend::Sqlite(pool(manager(connect), config)?)
            }
            None => {
                let connector = Connector::new(url, name, config.statement_timeout, config.pooler);
                let connector = Arc::new(connector.map_err(Error::Setup)?);
                pooled = connector.pooled;
                let gate = Arc::new(Gate::default());
                let connect = move || {
                    let (connector, gate) = (connector.clone(), gate.clone());
                    async move { gate.pass(connector.connect()).await }.boxed()
                };
                Backend::Postgres(pool(manager(connect), config)?)
            }
        };
        Ok(Self {
            backend: Arc::new(backend),
            faults: Arc::new(Faults::new(name)),
            pooled,
            name,
        })
    }

    /// Sets the gauges `db_pool_connections` (by state) and `db_pool_waiting`.
    pub fn measure(&self) {
        let status = match &*self.backend {
            Backend::Postgres(pool) => pool.status(),
            Backend::Sqlite(pool) => pool.status(),
        };
        let idle = status.available.min(status.size);
        for (state, connections) in [("idle", idle), ("used", status.size - idle)] {
            gauge!("db_pool_connections", "service" => self.name, "state" => state)
                .set(connections as f64);
        }
        gauge!("db_pool_waiting", "service" => self.name).set(status.waiting as f64);
    }

    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Behind a pooler, the statement timeout that each transaction has to set.
    #[doc(hidden)]
    pub fn pooled(&self) -> Option<Duration> {
        self.pooled
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(*self.backend, Backend::Sqlite(_))
    }
}

/// While a server is away, one request in a while finds out whether it still is; the others are answered at once, with
/// what that one was told.
#[derive(Default)]
struct Gate(Mutex<Option<Closed>>);

struct Closed {
    /// How often connecting has failed since it last succeeded.
    failures: u32,
    /// When it may be tried again.
    until: Instant,
    cause: String,
    /// Whether waiting will not mend it.
    refused: bool,
}

impl Gate {
    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(50),
        longest: Duration::from_secs(1),
    };

    async fn pass<C>(
        &self,
        connect: impl Future<Output = ConnectionResult<C>>,
    ) -> ConnectionResult<C> {
        if let Some(closed) = &*self.state()
            && Instant::now() < closed.until
        {
            let cause = closed.cause.clone();
            return Err(if closed.refused {
                ConnectionError::InvalidConnectionUrl(cause)
            } else {
                ConnectionError::BadConnection(cause)
            });
        }
        let connected = connect.await;
        let mut state = self.state();
        *state = connected.as_ref().err().map(|error| {
            let failures = state.as_ref().map_or(0, |closed| closed.failures) + 1;
            Closed {
                failures,
                until: Instant::now() + Self::BACKOFF.bound(failures),
                cause: error.to_string(),
                refused: matches!(error, ConnectionError::InvalidConnectionUrl(_)),
            }
        });
        drop(state);
        connected
    }

    fn state(&self) -> MutexGuard<'_, Option<Closed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn manager<C: AsyncConnection + 'static>(
    connect: impl Fn() -> BoxFuture<'static, ConnectionResult<C>> + Send + Sync + 'static,
) -> AsyncDieselConnectionManager<C> {
    let mut config = ManagerConfig::default();
    // Asking the server whether a connection is alive before each use doubles the time of a read.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| connect());
    AsyncDieselConnectionManager::new_with_config("", config)
}

async fn connect_sqlite(path: String) -> ConnectionResult<Sqlite> {
    let at = |cause: &dyn Display| format!("{path}: {cause}");
    make_file(Path::new(&path))
        .map_err(|error| ConnectionError::InvalidConnectionUrl(at(&error)))?;
    let connected = Sqlite::establish(&path).await;
    let mut connection =
        connected.map_err(|error| ConnectionError::InvalidConnectionUrl(at(&error)))?;
    connection
        .batch_execute(SQLITE_SETUP)
        .await
        .map_err(|error| ConnectionError::BadConnection(at(&error)))?;
    Ok(connection)
}

/// Makes the file of a database and its folder where they are missing, for this user alone: they may hold personal data
/// and hashes of passwords. SQLite gives the same mode to the files that it puts beside it.
fn make_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = File::options();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !path.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(ErrorKind::IsADirectory.into())
        }
        made => made.map(drop),
    }
}

fn pool<M: Manager>(manager: M, config: &Config) -> Result<managed::Pool<M>, Error> {
    managed::Pool::builder(manager)
        .max_size(config.max_connections)
        .wait_timeout(Some(config.wait_timeout))
        .create_timeout(Some(config.connect_timeout))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Error::Setup(error.to_string()))
}
