//! Caches for tests.

use platform::{cache::Cache, config};

/// A cache in memory.
pub fn cache() -> Cache {
    open(&config::Cache::new("memory://"))
}

/// A cache on the Redis at `REDIS_URL`. Its timeout is long, because many tests may run at once. All tests share the
/// Redis; their random ids keep their entries apart.
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
