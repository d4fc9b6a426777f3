//! The basics that all platform crates share.
//!
//! - [`Error`] tells why a request failed, [`StartError`] why a process cannot start. Begin there.
//! - [`context`] holds the current request: its ids, its deadline, its client.
//! - [`config`] reads sections of settings, typed and documented key by key, and reports every mistake at once.
//! - [`Part`] is a component of a process: a database, a listener, an exporter, or one of the team's own.
//! - [`backoff`], [`every`] and [`LogOnce`] are the one way to retry, to repeat work and to limit repeated log lines.
//! - [`workspace`] finds the folder where relative paths start.
//! - [`etag`], [`time`], [`tls`] and [`draft`] are small helpers for several crates.
//!
//! The crate knows nothing of HTTP routes, SQL or servers. All other platform crates may depend on it.

pub mod backoff;
pub mod config;
pub mod context;
pub mod draft;
mod error;
pub mod etag;
mod every;
mod log_once;
mod part;
mod start_error;
pub mod time;
pub mod tls;
pub mod workspace;

pub use async_trait::async_trait;

pub use self::{
    error::{Error, Fault, status},
    every::every,
    log_once::LogOnce,
    part::{Part, Phase, Stop},
    start_error::StartError,
};
