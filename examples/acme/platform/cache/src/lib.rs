//! A cache-aside cache of database rows, in the process or on a Redis, chosen by `cache.url`.
//!
//! The `data` layer reads a row with [`CachedRows::get`], which asks the cache first and then the database. It
//! announces each write of a row with [`CachedRows::invalidation`]. The guarantees:
//!
//! - A cache that is down, slow or filled by another program never fails a request. A command waits at most
//!   `cache.timeout`; after one that times out, reads skip the cache for a second.
//! - No row is served later than `cache.ttl` after its read from the database, even if the cache fails to expire it.
//! - With a Redis, a read that begins after the response to a write sees the write, on every replica. If Redis could
//!   not be reached, this process sees the write at once, other replicas after a retried removal, within `cache.ttl` at
//!   the latest. This limit also holds for all after a fail-over to a Redis that missed the removal.
//! - With `memory://`, a process sees its own writes at once and those of other replicas within `cache.ttl`.
//! - A write whose request was cancelled, so that its outcome is unknown, is seen within `cache.ttl`.
//!
//! Concurrent reads of one row share one database read (single flight, as in Go's package of that name). "Not found" is
//! cached too, for a tenth of the time. Entries live for a random time between 90 % and 100 % of their `ttl`, so that
//! entries made together do not expire together.
//!
//! A reader must not put back an old row after a concurrent write. So only the holder of a lease may fill an entry, and
//! an invalidation takes the lease away: Nishtala et al., *Scaling Memcache at Facebook*, NSDI 2013, §3.2.1. On Redis
//! the lease is stored in place of the entry; in memory, the flight is the lease.

mod config;
mod entry;
mod flights;
mod memory;
mod redis;

use std::{
    fmt::{Display, Write},
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
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

/// "Not found" is cached for this share of the time of a row.
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
    /// Opens the cache at the configured URL; its keys begin with the service's name. A Redis is connected in the
    /// background and reconnected when needed. Must be called within a runtime.
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

    /// The cached rows of a table. `T` is the cached part of a row and must not hold a secret. Call this once per
    /// table.
    pub fn rows<T: Row>(&self, table: &str) -> CachedRows<T> {
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
        }))
    }
}

/// A row that can be cached: in the memory of the process, and on a Redis.
pub trait Row: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Row for T {}

/// The cached rows of one table; clones share them.
pub struct CachedRows<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// The start of every key.
    prefix: String,
    ttl: Duration,
    shape: Shape,
    store: Store<T>,
    flights: Flights<Result<Option<T>, Failed>>,
    metrics: Metrics,
}

enum Store<T> {
    Memory(Memory<T>),
    Redis(Arc<RedisStore>),
}

/// The shared read failed. The caller that made the read has the error.
#[derive(Clone)]
struct Failed;

impl<T: Row> CachedRows<T> {
    /// The row with this id, from the cache or else from the database through `load`. `None` when it does not exist.
    ///
    /// # Errors
    ///
    /// Only those of `load`.
    pub async fn get<E, F>(&self, id: impl Display, load: impl Fn() -> F) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        let key = self.0.key(id);
        if let Some(row) = self.0.held(&key) {
            return Ok(row);
        }
        // Boxed, so that a hit does not pay for the size of its future.
        Box::pin(self.read(key, load)).await
    }

    async fn read<E, F>(&self, key: String, load: impl Fn() -> F) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        let rows = &*self.0;
        let flight = rows.flights.join(key);
        let mut error = None;
        let mut leads = false;
        // If the leading caller is cancelled, another takes over.
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
            // Each waiting caller reads for itself: a new flight would make them wait for the same failure in turn.
            (Err(Failed), None) => load().await,
        }
    }

    /// Create this before a row is inserted, updated or deleted. [Run](Invalidation::run) it after the commit.
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

impl<T: Row> Inner<T> {
    /// Looks the row up in the memory of the process.
    fn held(&self, key: &str) -> Option<Option<T>> {
        let Store::Memory(memory) = &self.store else {
            return None;
        };
        let row = memory.get(key)?;
        self.metrics.hits.increment();
        Some(row)
    }

    /// Reads from the cache or else from the database, and then fills the cache.
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
                // An earlier flight may have finished before this one began.
                if let Some(row) = self.held(flight.key()) {
                    return Ok(row);
                }
                self.metrics.misses.increment();
                let asked = Instant::now();
                let row = load().await?;
                let expires = asked + self.life(&row);
                flight.if_current(|key| memory.put(key, &row, expires));
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
        // Remove an unusable value. Otherwise it would slow down every reader until it expires, if it ever does.
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

    /// How long a row that was just read may be cached.
    fn life(&self, row: &Option<T>) -> Duration {
        let share = if row.is_some() {
            1.0
        } else {
            PLACEHOLDER_SHARE
        };
        self.ttl.mul_f64(share * rand::random_range(0.9..=1.0))
    }
}

impl<T: Row> Inner<T> {
    fn key(&self, id: impl Display) -> String {
        // With room for a UUID.
        let mut key = String::with_capacity(self.prefix.len() + 36);
        key.push_str(&self.prefix);
        let _ = write!(key, "{id}");
        key
    }

    /// From now on, this process does not use an earlier read of this key.
    fn forget(&self, key: &str) {
        self.flights.forget(key, || match &self.store {
            Store::Memory(memory) => memory.remove(key),
            Store::Redis(redis) => redis.owe(key),
        });
    }
}

enum LookUp<T> {
    Found(Option<T>),
    /// With the right to fill the entry, unless another reader has it.
    Absent(Option<Lease>),
}

/// Announces that a row will change. If it is dropped without `run` (the write failed, perhaps after the commit, or the
/// request was cancelled), it still invalidates the entry, in the background.
#[must_use = "an entry is to be invalidated after the write"]
pub struct Invalidation<T: Row> {
    rows: CachedRows<T>,
    key: String,
    done: bool,
}

impl<T: Row> Invalidation<T> {
    /// Removes the entry. Await this after the commit and before the response to the write.
    pub async fn run(mut self) {
        self.rows.0.forget(&self.key);
        if let Store::Redis(redis) = &self.rows.0.store {
            redis.settle(&self.key).await;
        }
        self.done = true;
    }
}

impl<T: Row> Drop for Invalidation<T> {
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

/// `cache_requests_total`, by cache and outcome: `hit`, `miss`, `shared` (another caller's read) and `error` (the cache
/// did not answer, or held a foreign value).
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

/// A counter that is created at first use: by then the recorder is installed, and `/metrics` has no lines for unused
/// counters.
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
