//! Caches for tests.

use platform::cache::{Cache, Config};

/// A cache in memory.
pub fn cache() -> Cache {
    open(&Config::at("memory://").expect("it is a URL"))
}

/// A cache on the Redis at `REDIS_URL`. Its timeout is long, because many tests may run at once. All tests share the
/// Redis; their random ids keep their entries apart.
pub fn redis() -> Cache {
    let url = std::env::var("REDIS_URL").expect("REDIS_URL names a Redis");
    open(&Config {
        timeout: std::time::Duration::from_secs(5),
        ..Config::at(&url).expect("REDIS_URL is the URL of a Redis")
    })
}

fn open(config: &Config) -> Cache {
    Cache::open("test", config).expect("a cache can be made")
}
