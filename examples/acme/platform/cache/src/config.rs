//! Section `cache` of the configuration.

use std::{path::PathBuf, time::Duration};

use platform_base::{
    config::{self, ConfigError, NONE, Setting},
    section, tls,
};
use platform_redis::{Options, RedisUrl};
use serde_json::{Value, json};

section! {
    /// Where rows are cached, and for how long.
    pub struct Config {
        /// `memory://`, in the process, or a Redis for all replicas: `redis://user:password@host:6379`, with TLS
        /// `rediss://…`; also `redis-cluster://host:port?node=host:port` and
        /// `redis-sentinel://host:port?sentinelServiceName=name`. The user needs `GET`, `SET`, `DEL`, `EVAL` and `TIME` on
        /// `<service>:*`.
        url: CacheUrl = MEMORY => secret(),
        /// How old a cached row may be.
        ttl: Duration = "60s" => within("1ms", "1d"),
        /// How long a request waits for an answer of Redis before it goes on without.
        timeout: Duration = "100ms" => within("1ms", "1m"),
        /// With `memory://`: bytes to hold of each table.
        memory: usize = 32 * 1024 * 1024 => within(1, 1u64 << 40),
        /// With `rediss://`: a file (PEM) with the certificates to trust instead of the system's.
        root_certificate: Option<CertificateFile> = NONE,
    }
}

impl Config {
    /// The defaults for a cache at this URL.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn at(url: &str) -> Result<Self, ConfigError> {
        config::section("", json!({ "url": url }))
    }

    /// The options for the Redis; `None` for `memory://`.
    pub fn redis(&self) -> Option<Options> {
        match &self.url {
            CacheUrl::Memory => None,
            CacheUrl::Redis(url) => Some(Options {
                url: url.clone(),
                timeout: self.timeout,
                root_certificate: self.root_certificate.clone().map(|file| file.0),
            }),
        }
    }
}

const MEMORY: &str = "memory://";

/// The kind of cache.
#[derive(Clone, Debug)]
pub enum CacheUrl {
    /// In the memory of the process.
    Memory,
    /// On a Redis.
    Redis(RedisUrl),
}

impl Setting for CacheUrl {
    const KIND: &'static str = "URL";

    /// The message does not repeat the URL: it may hold a password.
    fn read(value: &Value) -> Result<Self, String> {
        let url = value.as_str().unwrap_or_default();
        match url {
            MEMORY => Ok(Self::Memory),
            url if url.starts_with("redis") && url.contains("://") => {
                RedisUrl::read(value).map(Self::Redis)
            }
            _ => Err("must be memory:// or start with redis:// or rediss://".to_owned()),
        }
    }
}

/// An existing file with certificates in PEM.
#[derive(Clone, Debug)]
pub struct CertificateFile(pub PathBuf);

impl Setting for CertificateFile {
    const KIND: &'static str = "path";

    fn read(value: &Value) -> Result<Self, String> {
        let path = PathBuf::read(value)?;
        tls::certificates(&path)?;
        Ok(Self(path))
    }
}
