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
mod url;

use std::{path::PathBuf, time::Duration};

pub use self::{client::Redis, url::RedisUrl};

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

/// Why a command did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The key holds a value of another type: a list, a set or the like.
    WrongType,
    /// There was no answer.
    NoAnswer,
}
