//! Entries on a Redis or a compatible server.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use moka::sync::Cache;
use platform_base::{LogOnce, StartError};
use platform_redis::{Failure, Options, REST, Redis};
use uuid::Uuid;

/// The start of a lease, which is stored under the key while its holder reads the row from the database.
const LEASE: &[u8] = b"lease ";

/// A lease expires because its holder may have crashed. A read that takes longer does not fill its entry.
const LEASE_LIFE: Duration = Duration::from_secs(5);

/// Fills an entry if the lease is still there.
const FILL: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// The maximum number of keys with a pending removal.
const MOST_OWED: u64 = 100_000;

/// Entries on a Redis.
pub(crate) struct RedisStore {
    redis: Arc<Redis>,
    /// Limits the log lines about foreign entries.
    suspicions: LogOnce,
    /// Keys whose entries could not be removed after a write. This process does not use such an entry before it is
    /// removed or has expired. It retries the removal for the sake of the other replicas.
    owed: Cache<String, ()>,
}

/// What is stored under a key.
pub(crate) enum Reply {
    Entry(Bytes),
    Absent,
    /// Another reader is about to fill the entry.
    Leased,
    /// A value of another type, which some other program stored.
    Foreign,
    /// Redis does not answer.
    Unavailable,
}

/// The right to fill an entry: only the holder may, and a write takes it away.
pub(crate) struct Lease(Vec<u8>);

impl RedisStore {
    /// Starts to connect in the background. Entries live for `ttl` at most.
    pub fn connect(options: &Options, ttl: Duration) -> Result<Arc<Self>, StartError> {
        let store = Arc::new(Self {
            redis: Redis::connect(options)?,
            suspicions: LogOnce::a_minute(),
            owed: Cache::builder()
                .max_capacity(MOST_OWED)
                .time_to_live(ttl)
                .build(),
        });
        tokio::spawn(Self::settle_all(Arc::downgrade(&store)));
        Ok(store)
    }

    /// Retries the pending removals while the cache is in use.
    async fn settle_all(store: Weak<Self>) {
        loop {
            tokio::time::sleep(REST).await;
            let Some(store) = store.upgrade() else { return };
            for (key, ()) in &store.owed {
                if !store.remove(&key).await {
                    break;
                }
            }
        }
    }

    /// Reads what is stored under a key.
    pub async fn get(&self, key: &str) -> Reply {
        if self.redis.is_open() {
            return Reply::Unavailable;
        }
        if self.owed.contains_key(key) && !self.remove(key).await {
            return Reply::Unavailable;
        }
        match self.redis.get(key).await {
            Ok(Some(bytes)) if bytes.starts_with(LEASE) => Reply::Leased,
            Ok(Some(bytes)) => Reply::Entry(bytes),
            Ok(None) => Reply::Absent,
            Err(Failure::WrongType) => Reply::Foreign,
            Err(Failure::NoAnswer) => Reply::Unavailable,
        }
    }

    /// The right to fill an absent entry; `None` if another reader already has it.
    pub async fn lease(&self, key: &str) -> Option<Lease> {
        let lease = [LEASE, Uuid::new_v4().as_bytes()].concat();
        match self.redis.set_if_absent(key, &lease, LEASE_LIFE).await {
            Ok(true) => Some(Lease(lease)),
            Ok(false) | Err(_) => None,
        }
    }

    /// Replaces the lease by the entry, if the lease is still there.
    pub async fn fill(&self, key: &str, lease: &Lease, bytes: Vec<u8>, life: Duration) {
        let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX).max(1);
        let arguments = vec![
            Bytes::copy_from_slice(&lease.0),
            Bytes::from(bytes),
            Bytes::from(life.to_string()),
        ];
        // A failure does no harm: the next reader finds the lease, the entry or nothing.
        let _ = self.redis.eval(FILL, key, arguments).await;
    }

    /// Removes an entry; returns whether it was done.
    pub async fn remove(&self, key: &str) -> bool {
        let removed = self.redis.delete(key).await.is_ok();
        if removed {
            self.owed.invalidate(key);
        }
        removed
    }

    /// Marks an entry as out of date for this process until [`RedisStore::settle`] has removed it.
    pub fn owe(&self, key: &str) {
        self.owed.insert(key.to_owned(), ());
    }

    /// Removes an entry that is out of date. If that fails, the next read retries it.
    pub async fn settle(&self, key: &str) {
        let in_vain = self.redis.is_away() && !self.redis.is_connected();
        if in_vain || !self.remove(key).await {
            // A concurrent `settle` for an earlier write may have cleared the mark of this one.
            self.owe(key);
        }
    }

    /// Warns of a foreign entry, at most once a minute.
    pub fn warn_of_foreign(&self, key: &str) {
        if self.suspicions.due().is_some() {
            tracing::warn!(key, "the cache held something that is no entry of ours");
        }
    }
}
