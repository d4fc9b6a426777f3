//! The base of every service: one name for the crates under `platform/`.
//!
//! - A service describes itself with [`service!`], and [`run`] runs it; begin there.
//! - During wiring, [`Platform`] gives a service what it needs. The service returns what it offers in a [`Module`].
//! - Everything else is re-exported from its own crate. The documentation of each crate begins with its promises.
//!
//! `biz` of a service needs only [`Error`], [`filter`], [`page`] and [`time`], which know neither SQL nor servers.
//!
//! With the feature `dynamic`, the dev profile links all of this once, into the shared library of `platform-dynamic`, and
//! not into each service. It pays in a workspace of many services. A release build stays one static file. Two checkouts
//! must not share a target folder then: cargo gives a shared library one file name in it.

// A shared library is for development.
#[cfg(all(feature = "dynamic", debug_assertions))]
use platform_dynamic as _;

pub use platform_application::{
    Application, Module, Platform, Running, Service, Sources, run, service,
};
pub use platform_auth as auth;
pub use platform_base::{
    Error, Fault, Part, Phase, StartError, Stop, async_trait, context, etag, every, section, time,
};
pub use platform_cache as cache;
pub use platform_client as client;
pub use platform_database::{self as database, migrations};
pub use platform_list::{filter, page};
pub use platform_server::idempotency;
pub use platform_telemetry::SENDS_TRACES;

/// Configuration: [`Config`] lists the sections of a process.
pub mod config {
    pub use platform_application::{Config, Shutdown};
    pub use platform_base::config::*;
}
