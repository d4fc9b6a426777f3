//! Entries in the memory of the process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, sync::Cache};

/// Holds a limited number of bytes and evicts the least used entries.
pub(super) struct Memory(Cache<String, Kept>);

#[derive(Clone)]
struct Kept {
    bytes: Arc<[u8]>,
    life: Duration,
}

/// The approximate overhead of an entry beyond its key and its bytes, in bytes.
const OVERHEAD: usize = 128;

impl Memory {
    pub fn new(bytes: usize) -> Self {
        let weight = |key: &String, kept: &Kept| {
            u32::try_from(key.len() + kept.bytes.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder()
            .max_capacity(bytes as u64)
            .weigher(weight)
            .expire_after(Life)
            .build();
        Self(cache)
    }

    pub fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.0.get(key).map(|kept| kept.bytes)
    }

    pub fn put(&self, key: &str, bytes: Vec<u8>, life: Duration) {
        let bytes = bytes.into();
        self.0.insert(key.to_owned(), Kept { bytes, life });
    }

    pub fn remove(&self, key: &str) {
        self.0.invalidate(key);
    }
}

/// Gives each entry its own expiry.
struct Life;

impl Expiry<String, Kept> for Life {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.life)
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.life)
    }
}
