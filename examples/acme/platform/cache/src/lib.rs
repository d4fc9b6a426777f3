//! A cache of rows in front of a database (cache-aside), in the process or on a Redis, chosen by `cache.url`.
//!
//! The `data` layer reads a row with [`CachedRows::get`], which asks the cache and else the database, and announces each
//! write of one with [`CachedRows::invalidation`]. What can be relied on:
//!
//! - A cache that is away, slow or filled by somebody else never fails a request. A command waits for `cache.timeout` at
//!   most; after one that was in vain, reads go without the cache for a second.
//! - Nothing is served that was read from the database longer than `cache.ttl` ago, whatever the cache says of its age.
//! - With a Redis, a read that begins after a write was answered sees it, whichever replica either goes to. Where Redis
//!   could not be told of the write, this process still sees it at once, and others when that was made good, within
//!   `cache.ttl` at the latest; so does everyone after a fail-over to a Redis that had not been told yet.
//! - With `memory://`, a process sees its own writes at once and those of other replicas within `cache.ttl`.
//! - A write whose request was cut off, so that nobody knows whether and when it was done, is seen within `cache.ttl`.
//!
//! Reads of one row that come together are one read of the database (single flight, as in Go's package of that name).
//! What does not exist is remembered too, for a tenth of the time. Entries live for a random time between nine tenths
//! and all of their `ttl`, so that those made together do not end together.
//!
//! A reader that was overtaken by a write must not put back what it had read before. So only the holder of a lease may
//! fill an entry, and to invalidate an entry takes the lease away: Nishtala et al., *Scaling Memcache at Facebook*, NSDI
//! 2013, §3.2.1. On Redis the lease stands in the place of the entry; in memory, the flight is the lease.

mod config;
mod entry;
mod flights;
mod memory;
mod redis;

use std::{
    fmt::Display,
    marker::PhantomData,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use ::metrics::{Counter, counter};
use serde::{Serialize, de::DeserializeOwned};
use tokio::runtime::Handle;

use platform_base::StartError;

pub use self::config::{CacheUrl, CertificateFile, Config};
use self::{
    entry::Shape,
    flights::{Flight, Flights},
    memory::Memory,
    redis::{Lease, RedisStore, Reply},
};

/// What does not exist is remembered for this part of the time that rows are.
const PLACEHOLDER_SHARE: f64 = 0.1;

/// The cache of a service; clones share it.
#[derive(Clone)]
pub struct Cache {
    service: &'static str,
    ttl: Duration,
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Memory { bytes: usize },
    Redis(Arc<RedisStore>),
}

impl Cache {
    /// The cache at the configured URL, for keys that begin with the service's name. A Redis is connected to in the
    /// background, and again whenever that is needed. To be called within a runtime.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn open(service: &'static str, config: &Config) -> Result<Self, StartError> {
        let backend = match &config.url {
            CacheUrl::Memory => Backend::Memory {
                bytes: config.memory,
            },
            CacheUrl::Redis(_) => {
                let options = config.redis().ok_or_else(|| StartError::new("no Redis"))?;
                Backend::Redis(RedisStore::connect(&options, config.ttl)?)
            }
        };
        Ok(Self {
            service,
            ttl: config.ttl,
            backend,
        })
    }

    /// The rows of a table. `T` is what is kept of a row: nothing in it may be a secret. Each table is to be asked for
    /// once.
    pub fn rows<T>(&self, table: &str) -> CachedRows<T>
    where
        T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let name = format!("{}:{table}", self.service);
        let store = match &self.backend {
            Backend::Memory { bytes } => Store::Memory(Memory::new(*bytes)),
            Backend::Redis(redis) => Store::Redis(redis.clone()),
        };
        CachedRows(Arc::new(Inner {
            prefix: format!("{name}:v{}:", entry::FORMAT),
            ttl: self.ttl,
            shape: Shape::of::<T>(),
            store,
            flights: Flights::default(),
            metrics: Metrics::new(name),
            row: PhantomData,
        }))
    }
}

/// The rows of one table, as far as they are cached; clones share them.
pub struct CachedRows<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// What every key begins with.
    prefix: String,
    ttl: Duration,
    shape: Shape,
    store: Store,
    flights: Flights<Result<Option<T>, Failed>>,
    metrics: Metrics,
    row: PhantomData<fn() -> T>,
}

enum Store {
    Memory(Memory),
    Redis(Arc<RedisStore>),
}

/// The read that others waited for failed; the one who made it has the error.
#[derive(Clone)]
struct Failed;

impl<T> CachedRows<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The row with this id, from the cache or else as `load` reads it from the database; `None` when there is none.
    ///
    /// # Errors
    ///
    /// Those of `load`, and no others.
    pub async fn get<E, F>(&self, id: impl Display, load: impl Fn() -> F) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        let rows = &*self.0;
        let key = rows.key(id);
        if let Some(row) = rows.held(&key) {
            return Ok(row);
        }
        let flight = rows.flights.join(key);
        let mut error = None;
        let mut leads = false;
        // When the one who leads is cut off, another takes its place.
        let landed = flight.landed(async {
            leads = true;
            let found = rows.find(&flight, &load).await;
            found.map_err(|cause| {
                error = Some(cause);
                Failed
            })
        });
        match (landed.await, error) {
            (_, Some(error)) => Err(error),
            (Ok(row), None) => {
                if !leads {
                    rows.metrics.shared.increment();
                }
                Ok(row)
            }
            // One after the other, those who waited would wait for the same failure again.
            (Err(Failed), None) => load().await,
        }
    }

    /// To be made before a row is inserted, updated or deleted, and [run](Invalidation::run) once that is committed.
    pub fn invalidation(&self, id: impl Display) -> Invalidation<T> {
        Invalidation {
            rows: Self(self.0.clone()),
            key: self.0.key(id),
            done: false,
        }
    }
}

impl<T> Clone for CachedRows<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Inner<T>
where
    T: Clone + Serialize + DeserializeOwned,
{
    /// What the memory of the process holds.
    fn held(&self, key: &str) -> Option<Option<T>> {
        let Store::Memory(memory) = &self.store else {
            return None;
        };
        let bytes = memory.get(key)?;
        let row = self.shape.decode(&bytes, SystemTime::now()).ok()??;
        self.metrics.hits.increment();
        Some(row)
    }

    /// Asks the cache, then the database, and fills the cache with what that said.
    async fn find<E, F>(
        &self,
        flight: &Flight<'_, Result<Option<T>, Failed>>,
        load: &impl Fn() -> F,
    ) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        match &self.store {
            Store::Memory(memory) => {
                // An earlier flight may have landed before this one began.
                if let Some(row) = self.held(flight.key()) {
                    return Ok(row);
                }
                self.metrics.misses.increment();
                let asked = SystemTime::now();
                let row = load().await?;
                let life = self.life(&row);
                if let Some(bytes) = self.shape.encode(asked + life, &row) {
                    flight.if_current(|key| memory.put(key, bytes, life));
                }
                Ok(row)
            }
            Store::Redis(redis) => {
                let lease = match self.look_up(redis, flight.key()).await {
                    LookUp::Found(row) => return Ok(row),
                    LookUp::Absent(lease) => lease,
                };
                let asked = SystemTime::now();
                let row = load().await?;
                let life = self.life(&row);
                if let Some(lease) = lease
                    && let Some(bytes) = self.shape.encode(asked + life, &row)
                {
                    redis.fill(flight.key(), &lease, bytes, life).await;
                }
                Ok(row)
            }
        }
    }

    async fn look_up(&self, redis: &RedisStore, key: &str) -> LookUp<T> {
        let foreign = match redis.get(key).await {
            Reply::Entry(bytes) => match self.shape.decode(&bytes, SystemTime::now()) {
                Ok(Some(row)) => {
                    self.metrics.hits.increment();
                    return LookUp::Found(row);
                }
                Ok(None) => false,
                Err(_) => true,
            },
            Reply::Foreign => true,
            Reply::Absent => {
                self.metrics.misses.increment();
                return LookUp::Absent(redis.lease(key).await);
            }
            Reply::Leased => {
                self.metrics.misses.increment();
                return LookUp::Absent(None);
            }
            Reply::Unavailable => {
                self.metrics.errors.increment();
                return LookUp::Absent(None);
            }
        };
        // What cannot be used makes room: left there, it would cost every reader until it ends, if it ever does.
        if foreign {
            self.metrics.errors.increment();
            redis.warn_of_foreign(key);
        } else {
            self.metrics.misses.increment();
        }
        let lease = match redis.remove(key).await {
            true => redis.lease(key).await,
            false => None,
        };
        LookUp::Absent(lease)
    }

    /// How long what was just read may be kept.
    fn life(&self, row: &Option<T>) -> Duration {
        let share = if row.is_some() {
            1.0
        } else {
            PLACEHOLDER_SHARE
        };
        self.ttl.mul_f64(share * rand::random_range(0.9..=1.0))
    }
}

impl<T> Inner<T> {
    fn key(&self, id: impl Display) -> String {
        format!("{}{id}", self.prefix)
    }

    /// From now on, this process uses nothing that it read before.
    fn forget(&self, key: &str) {
        self.flights.forget(key, || match &self.store {
            Store::Memory(memory) => memory.remove(key),
            Store::Redis(redis) => redis.owe(key),
        });
    }
}

enum LookUp<T> {
    Found(Option<T>),
    /// With the right to fill the place, if nobody else has it.
    Absent(Option<Lease>),
}

/// That a row is about to change. Dropped without having been run (the write failed, perhaps after it was committed, or
/// the request was cut off), it does its work nevertheless, in the background.
#[must_use = "an entry is to be invalidated after the write"]
pub struct Invalidation<T> {
    rows: CachedRows<T>,
    key: String,
    done: bool,
}

impl<T> Invalidation<T> {
    /// Removes the entry: to be awaited after the commit and before the write is answered.
    pub async fn run(mut self) {
        self.rows.0.forget(&self.key);
        if let Store::Redis(redis) = &self.rows.0.store {
            redis.settle(&self.key).await;
        }
        self.done = true;
    }
}

impl<T> Drop for Invalidation<T> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.rows.0.forget(&self.key);
        if let Store::Redis(redis) = &self.rows.0.store {
            let (redis, key) = (redis.clone(), std::mem::take(&mut self.key));
            // Without a runtime the process is about to end.
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(async move { redis.settle(&key).await });
            }
        }
    }
}

/// `cache_requests_total`, by cache and outcome: `hit`, `miss`, `shared` (with another's read), and `error` (the cache did
/// not answer, or held something else).
struct Metrics {
    hits: Outcome,
    misses: Outcome,
    shared: Outcome,
    errors: Outcome,
}

impl Metrics {
    fn new(cache: String) -> Self {
        let cache: Arc<str> = cache.into();
        let outcome = |name| Outcome {
            cache: cache.clone(),
            name,
            counter: OnceLock::new(),
        };
        Self {
            hits: outcome("hit"),
            misses: outcome("miss"),
            shared: outcome("shared"),
            errors: outcome("error"),
        }
    }
}

/// A counter, looked up when it is first needed: then the recorder is there, and `/metrics` has no lines for what never
/// happens.
struct Outcome {
    cache: Arc<str>,
    name: &'static str,
    counter: OnceLock<Counter>,
}

impl Outcome {
    fn increment(&self) {
        let new = || counter!("cache_requests_total", "cache" => self.cache.clone(), "outcome" => self.name);
        self.counter.get_or_init(new).increment(1);
    }
}
