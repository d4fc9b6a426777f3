//! What every part of a process shares and no part owns.
//!
//! - [`Error`] is why a request failed, [`StartError`] why a process cannot start. Begin there.
//! - [`context`] knows the request in work: its ids, its deadline, its client.
//! - [`config`] reads sections of settings, typed and documented key by key, and reports every mistake at once.
//! - [`Part`] is what a process is made of: a database, a listener, an exporter, a team's own.
//! - [`backoff`], [`every`] and [`LogOnce`] are the one way to retry, to repeat and to log what repeats itself.
//! - [`workspace`] finds the folder that relative paths begin at.
//! - [`etag`], [`time`], [`tls`] and [`draft`] are small things that several crates need.
//!
//! The crate promises to know nothing of HTTP routes, SQL or any server: it stands below all the others.

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
