//! Rows in the memory of the process. They are kept as they are, so that a hit has nothing to decode.

use std::time::{Duration, Instant};

use moka::{Expiry, sync::Cache};
use serde::Serialize;

/// Holds a limited number of bytes and evicts the least used entries.
pub(super) struct Memory<T>(Cache<String, Kept<T>>);

#[derive(Clone)]
struct Kept<T> {
    /// `None` is "not found".
    row: Option<T>,
    /// In bytes.
    size: usize,
    expires: Instant,
}

/// The approximate overhead of an entry beyond its key and its row, in bytes.
const OVERHEAD: usize = 128;

impl<T: Clone + Serialize + Send + Sync + 'static> Memory<T> {
    pub fn new(bytes: usize) -> Self {
        let weight = |key: &String, kept: &Kept<T>| {
            u32::try_from(key.len() + kept.size + OVERHEAD).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder()
            .max_capacity(bytes as u64)
            .weigher(weight)
            .expire_after(Life)
            .build();
        Self(cache)
    }

    pub fn get(&self, key: &str) -> Option<Option<T>> {
        self.0.get(key).map(|kept| kept.row)
    }

    pub fn put(&self, key: &str, row: &Option<T>, expires: Instant) {
        let kept = Kept {
            row: row.clone(),
            // That of the texts and lists in it is about the same as that of the whole row, serialized.
            size: size_of::<T>() + rmp_serde::to_vec(row).map_or(0, |bytes| bytes.len()),
            expires,
        };
        self.0.insert(key.to_owned(), kept);
    }

    pub fn remove(&self, key: &str) {
        self.0.invalidate(key);
    }
}

/// Gives each entry its own expiry.
struct Life;

impl<T> Expiry<String, Kept<T>> for Life {
    fn expire_after_create(&self, _: &String, kept: &Kept<T>, now: Instant) -> Option<Duration> {
        Some(kept.expires.saturating_duration_since(now))
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept<T>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.expires.saturating_duration_since(now))
    }
}
