//! A Redis, or what speaks like one (Valkey, Upstash, ElastiCache), on one server, a cluster or behind sentinels.
//!
//! - [`Redis::connect`] takes [`Options`]; begin there. The connection is made in the background, and again whenever that
//!   is needed: a Redis that is away at the start is no different from one that goes away later.
//! - Its commands are those that caches and rate limits need, with the values they need.
//! - After a command that failed, [`Redis::is_open`] tells callers to go on without Redis for a second: a circuit breaker
//!   (Nygard, *Release It!*).
//!
//! The crate promises that no command takes longer than the timeout, and that the log has one line when Redis fails and
//! one when it works again. Without the feature `redis` it holds no client: every URL is refused.

#[cfg(not(feature = "redis"))]
#[path = "absent.rs"]
mod client;
#[cfg(feature = "redis")]
mod client;

use std::{path::PathBuf, time::Duration};

use platform_base::config::Setting;
use secrecy::SecretString;
use serde_json::Value;

pub use self::client::Redis;

/// How long callers go on without a Redis that did not answer.
pub const REST: Duration = Duration::from_secs(1);

/// Which Redis, and how patient to be with it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub url: RedisUrl,
    /// How long a command may take.
    pub timeout: Duration,
    /// The certificates to trust (PEM) instead of the system's.
    pub root_certificate: Option<PathBuf>,
}

/// The URL of a Redis; it may hold a password and is never printed.
///
/// `redis://user:password@host:6379`, with TLS `rediss://…`; also `redis-cluster://host:port?node=host:port` and
/// `redis-sentinel://host:port?sentinelServiceName=name`.
#[derive(Clone, Debug)]
pub struct RedisUrl(pub SecretString);

impl Setting for RedisUrl {
    const KIND: &'static str = "URL";

    /// What is wrong is told without the URL.
    fn read(value: &Value) -> Result<Self, String> {
        let url = value.as_str().unwrap_or_default();
        client::check(url)?;
        Ok(Self(url.into()))
    }
}

/// Why a command did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The key holds a value of another type: a list, a set or the like.
    WrongType,
    /// There was no answer.
    NoAnswer,
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_url_is_taken() {
        for url in [
            "redis://host",
            "redis://user:password@host:6379/1",
            "rediss://default:password@eu1-name-12345.upstash.io:6379",
            "redis-cluster://user:password@one:30001?node=two:30002&node=three:30003",
            "rediss-cluster://one:30001",
            "redis-sentinel://:password@one:26379/1?sentinelServiceName=main&node=two:26379",
        ] {
            RedisUrl::read(&url.into()).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_its_password() {
        for url in ["redis://:secret@host:port", "http://:secret@host"] {
            let error = RedisUrl::read(&url.into()).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
