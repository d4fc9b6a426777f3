//! Caches for tests.

use platform::{cache::Cache, config};

/// A cache in memory.
pub fn cache() -> Cache {
    open(&config::Cache::new("memory://"))
}

/// The cache on the Redis at `REDIS_URL`, with time to answer even where many tests run at once. Tests share it: they
/// keep apart by their random ids.
pub fn redis() -> Cache {
    let url = std::env::var("REDIS_URL").expect("REDIS_URL names a Redis");
    open(&config::Cache {
        timeout: std::time::Duration::from_secs(5),
        ..config::Cache::new(&url)
    })
}

fn open(config: &config::Cache) -> Cache {
    Cache::open("test", config).expect("a cache can be made")
}
