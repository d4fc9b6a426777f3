//! Entries on a Redis, or on what speaks like one.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fred::{
    bytes::Bytes,
    error::{Error as RedisError, ErrorKind},
    interfaces::{ClientLike, KeysInterface, LuaInterface},
    types::{
        Builder, Expiration, SetOptions,
        config::{Config, ReconnectPolicy, TlsConnector, UnresponsiveConfig},
    },
};
use moka::sync::Cache;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::{Error, config, tls};

/// What stands in the place of an entry while somebody reads it from the database.
const LEASE: &[u8] = b"lease ";

/// A lease ends with whoever holds it, who may have died. A read that takes longer does not fill its entry.
const LEASE_LIFE: Duration = Duration::from_secs(5);

/// Fills an entry, if the lease still stands in its place.
const FILL: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end";

/// How long reads go without a cache that did not answer.
const PAUSE: Duration = Duration::from_secs(1);

const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that says nothing for so long, though it is asked, is dead and made anew.
const UNRESPONSIVE: Duration = Duration::from_secs(10);

/// Keys whose removal is owed, at most.
const MOST_OWED: u64 = 100_000;

pub(crate) struct Redis {
    client: fred::clients::Client,
    /// Whether the last command was in vain: a circuit breaker (Nygard, *Release It!*), open while this is true.
    is_away: AtomicBool,
    /// When to try again nevertheless.
    attempts: Throttle,
    /// Whether the log says that the cache fails.
    is_told: AtomicBool,
    /// When the log may say so again.
    complaints: Throttle,
    /// When the log may speak of foreign entries again.
    suspicions: Throttle,
    /// Keys whose entries could not be removed after a write. This process uses none of them before that is made good,
    /// which it tries again and again for the sake of others, or before they have ended.
    owed: Cache<String, ()>,
}

/// What is in the place of an entry.
pub(crate) enum Reply {
    Entry(Bytes),
    Absent,
    /// Somebody else is about to fill it.
    Leased,
    /// Another program's: no entry, not even a text.
    Foreign,
    /// No answer.
    Unavailable,
}

/// The right to fill an entry.
pub(crate) struct Lease(Vec<u8>);

impl Redis {
    /// Starts to connect; `None` when the cache is no Redis.
    pub fn connect(config: &config::Cache) -> Result<Option<Arc<Self>>, Error> {
        let url = config.url.expose_secret();
        if url == config::MEMORY {
            return Ok(None);
        }
        let (mut redis, with_tls) = parse(url).map_err(Error::internal)?;
        // Away at start is no different from away later.
        redis.fail_fast = false;
        if with_tls {
            let tls = tls::client(config.root_certificate.as_deref()).map_err(Error::internal)?;
            redis.tls = Some(TlsConnector::from(tls).into());
        }
        let client = Builder::from_config(redis)
            .with_performance_config(|performance| {
                performance.default_command_timeout = config.timeout;
            })
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT_TIMEOUT;
                connection.internal_command_timeout = CONNECT_TIMEOUT;
                connection.max_command_attempts = 1;
                connection.reconnect_on_auth_error = true;
                connection.tcp.nodelay = Some(true);
                connection.unresponsive = UnresponsiveConfig {
                    max_timeout: Some(UNRESPONSIVE),
                    ..UnresponsiveConfig::default()
                };
            })
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .build()
            .map_err(Error::internal)?;
        // In a task of its own, for ever.
        drop(client.connect());
        let redis = Arc::new(Self {
            client,
            is_away: AtomicBool::new(false),
            attempts: Throttle::new(PAUSE),
            is_told: AtomicBool::new(false),
            complaints: Throttle::new(COMPLAIN_EVERY),
            suspicions: Throttle::new(COMPLAIN_EVERY),
            owed: Cache::builder()
                .max_capacity(MOST_OWED)
                .time_to_live(config.ttl)
                .build(),
        });
        tokio::spawn(Self::settle_all(Arc::downgrade(&redis)));
        Ok(Some(redis))
    }

    /// Makes good what is owed, as long as somebody uses the cache.
    async fn settle_all(redis: Weak<Self>) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let Some(redis) = redis.upgrade() else { return };
            for (key, ()) in &redis.owed {
                if !redis.remove(&key).await {
                    break;
                }
            }
        }
    }

    /// What is in the place of an entry.
    pub async fn get(&self, key: &str) -> Reply {
        if self.is_away.load(Ordering::Relaxed) && !self.attempts.is_due() {
            return Reply::Unavailable;
        }
        if self.owed.contains_key(key) && !self.remove(key).await {
            return Reply::Unavailable;
        }
        match self.answer(self.client.get::<Option<Bytes>, _>(key).await) {
            Ok(Some(bytes)) if bytes.starts_with(LEASE) => Reply::Leased,
            Ok(Some(bytes)) => Reply::Entry(bytes),
            Ok(None) => Reply::Absent,
            // A list, a set or the like.
            Err(error) if *error.kind() == ErrorKind::InvalidArgument => Reply::Foreign,
            Err(_) => Reply::Unavailable,
        }
    }

    /// The right to fill an entry that is absent, unless somebody else has it by now.
    pub async fn lease(&self, key: &str) -> Option<Lease> {
        let lease = [LEASE, Uuid::new_v4().as_bytes()].concat();
        let life = Some(Expiration::PX(LEASE_LIFE.as_millis() as i64));
        let set = self.client.set::<Option<Bytes>, _, _>(
            key,
            lease.as_slice(),
            life,
            Some(SetOptions::NX),
            false,
        );
        match self.answer(set.await) {
            Ok(Some(_)) => Some(Lease(lease)),
            Ok(None) | Err(_) => None,
        }
    }

    /// Puts an entry in the place of its lease, if that has not been taken away.
    pub async fn fill(&self, key: &str, lease: &Lease, bytes: Vec<u8>, life: Duration) {
        let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX).max(1);
        let arguments = vec![
            Bytes::copy_from_slice(&lease.0),
            Bytes::from(bytes),
            Bytes::from(life.to_string()),
        ];
        let filled = self
            .client
            .eval::<Option<Bytes>, _, _, _>(FILL, key, arguments);
        // Whether or not it is filled now, whoever reads it next knows what to do.
        let _ = self.answer(filled.await);
    }

    /// Removes what is in the place of an entry; whether that was done.
    pub async fn remove(&self, key: &str) -> bool {
        let removed = self.answer(self.client.del::<i64, _>(key).await).is_ok();
        if removed {
            self.owed.invalidate(key);
        }
        removed
    }

    /// Has this process remember that an entry is out of date, until [`Redis::settle`] has removed it.
    pub fn owe(&self, key: &str) {
        self.owed.insert(key.to_owned(), ());
    }

    /// Removes an entry that is out of date. If that cannot be done now, the next to read it does it.
    pub async fn settle(&self, key: &str) {
        let in_vain = self.is_away.load(Ordering::Relaxed) && !self.client.is_connected();
        if in_vain || !self.remove(key).await {
            // Somebody else may have settled what was owed for an earlier write.
            self.owe(key);
        }
    }

    /// Tells of an entry that is none, but not of each.
    pub fn warn_of_foreign(&self, key: &str) {
        if self.suspicions.is_due() {
            tracing::warn!(key, "the cache held something that is no entry of ours");
        }
    }

    /// What a script makes of a key; none without an answer.
    pub async fn eval(&self, script: &str, key: String, arguments: Vec<String>) -> Option<i64> {
        if self.is_away.load(Ordering::Relaxed) && !self.attempts.is_due() {
            return None;
        }
        let answer = self.client.eval(script, key, arguments).await;
        self.answer(answer).ok()
    }

    /// Notes whether there was an answer, and tells when that changes; of one that comes and goes, once a minute.
    fn answer<T>(&self, answer: Result<T, RedisError>) -> Result<T, RedisError> {
        match &answer {
            Err(error) if *error.kind() != ErrorKind::InvalidArgument => {
                self.attempts.restart();
                self.is_away.store(true, Ordering::Relaxed);
                if !self.is_told.load(Ordering::Relaxed) && self.complaints.is_due() {
                    self.is_told.store(true, Ordering::Relaxed);
                    tracing::warn!(cause = %error, "the cache fails: going on without it");
                }
            }
            _ => {
                self.is_away.store(false, Ordering::Relaxed);
                if self.is_told.load(Ordering::Relaxed)
                    && self.is_told.swap(false, Ordering::Relaxed)
                {
                    tracing::info!("the cache works again");
                }
            }
        }
        answer
    }
}

/// The servers, the user and all else that a URL says, and whether TLS is wanted.
///
/// # Errors
///
/// What is wrong with it, in words that do not repeat it: it may hold a password.
pub(crate) fn parse(url: &str) -> Result<(Config, bool), &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    // Told of TLS, fred would ask the system for its certificates here and now.
    let (scheme, with_tls) = match scheme {
        "redis" | "redis-cluster" | "redis-sentinel" => (scheme, false),
        "rediss" => ("redis", true),
        "rediss-cluster" => ("redis-cluster", true),
        "rediss-sentinel" => ("redis-sentinel", true),
        _ => return Err("must be memory:// or start with redis:// or rediss://"),
    };
    let config = Config::from_url(&format!("{scheme}://{rest}"));
    config
        .map(|config| (config, with_tls))
        .map_err(|_| "is no URL like redis://user:password@host:port")
}

/// Lets something happen once in a while.
struct Throttle {
    pause: Duration,
    made: Instant,
    /// Milliseconds after `made`.
    due: AtomicU64,
}

impl Throttle {
    fn new(pause: Duration) -> Self {
        Self {
            pause,
            made: Instant::now(),
            due: AtomicU64::new(0),
        }
    }

    /// True for one of those who ask once the pause is over, which then begins again.
    fn is_due(&self) -> bool {
        let now = self.now();
        let due = self.due.load(Ordering::Relaxed);
        let next = now + self.pause.as_millis() as u64;
        now >= due
            && self
                .due
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn restart(&self) {
        let next = self.now() + self.pause.as_millis() as u64;
        self.due.store(next, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.made.elapsed().as_millis() as u64
    }
}
