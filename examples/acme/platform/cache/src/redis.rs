//! Entries on a Redis, or on what speaks like one.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use moka::sync::Cache;
use platform_base::{LogOnce, StartError};
use platform_redis::{Failure, Options, REST, Redis};
use uuid::Uuid;

/// What stands in the place of an entry while somebody reads it from the database.
const LEASE: &[u8] = b"lease ";

/// A lease ends with whoever holds it, who may have died. A read that takes longer does not fill its entry.
const LEASE_LIFE: Duration = Duration::from_secs(5);

/// Fills an entry, if the lease still stands in its place.
const FILL: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// Keys whose removal is owed, at most.
const MOST_OWED: u64 = 100_000;

/// Entries on a Redis.
pub(crate) struct RedisStore {
    redis: Arc<Redis>,
    /// When the log may speak of foreign entries again.
    suspicions: LogOnce,
    /// Keys whose entries could not be removed after a write. This process uses none of them before they are removed,
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

impl RedisStore {
    /// Begins to connect. Entries live for `ttl` at most.
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

    /// Removes what is owed, as long as somebody uses the cache.
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

    /// What is in the place of an entry.
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

    /// The right to fill an entry that is absent, unless somebody else has it by now.
    pub async fn lease(&self, key: &str) -> Option<Lease> {
        let lease = [LEASE, Uuid::new_v4().as_bytes()].concat();
        match self.redis.set_if_absent(key, &lease, LEASE_LIFE).await {
            Ok(true) => Some(Lease(lease)),
            Ok(false) | Err(_) => None,
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
        // Whether or not it is filled now, whoever reads it next knows what to do.
        let _ = self.redis.eval(FILL, key, arguments).await;
    }

    /// Removes what is in the place of an entry; whether that was done.
    pub async fn remove(&self, key: &str) -> bool {
        let removed = self.redis.delete(key).await.is_ok();
        if removed {
            self.owed.invalidate(key);
        }
        removed
    }

    /// Has this process remember that an entry is out of date, until [`RedisStore::settle`] has removed it.
    pub fn owe(&self, key: &str) {
        self.owed.insert(key.to_owned(), ());
    }

    /// Removes an entry that is out of date. If that cannot be done now, the next to read it does it.
    pub async fn settle(&self, key: &str) {
        let in_vain = self.redis.is_away() && !self.redis.is_connected();
        if in_vain || !self.remove(key).await {
            // Somebody else may have settled what was owed for an earlier write.
            self.owe(key);
        }
    }

    /// Tells of an entry that is none, but not of each.
    pub fn warn_of_foreign(&self, key: &str) {
        if self.suspicions.due().is_some() {
            tracing::warn!(key, "the cache held something that is no entry of ours");
        }
    }
}
