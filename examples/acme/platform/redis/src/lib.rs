//! A client for Redis or a compatible server (Valkey, Upstash, ElastiCache): single, clustered or behind sentinels.
//!
//! - [`Redis::connect`] takes [`Options`]; begin there. It connects in the background and reconnects when needed. A
//!   Redis that is down at the start is treated like one that goes down later.
//! - The commands are those that the cache and the rate limits need, with the types they need.
//! - After a failed command, [`Redis::is_open`] tells callers to skip Redis for a second: a circuit breaker (Nygard,
//!   *Release It!*).
//!
//! The crate promises that no command takes longer than the timeout. The log has one line when Redis fails and one when
//! it works again. Without the feature `redis` there is no client, and every URL is refused.

#[cfg(not(feature = "redis"))]
#[path = "absent.rs"]
mod client;
#[cfg(feature = "redis")]
mod client;
mod url;

use std::{path::PathBuf, time::Duration};

pub use self::{client::Redis, url::RedisUrl};

/// How long callers skip a Redis that did not answer.
pub const REST: Duration = Duration::from_secs(1);

/// The address of the Redis, and the limits for its use.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address.
    pub url: RedisUrl,
    /// The timeout of a command.
    pub timeout: Duration,
    /// The certificates to trust (PEM) instead of the system's.
    pub root_certificate: Option<PathBuf>,
}

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The key holds a value of another type: a list, a set or the like.
    WrongType,
    /// Redis did not answer in time, or the connection failed.
    NoAnswer,
}
