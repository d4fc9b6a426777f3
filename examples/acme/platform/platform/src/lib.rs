//! The base of every service: one name for the crates under `platform/`, and the life cycle of a process.
//!
//! - A service describes itself with [`service!`], and [`run`] runs it; begin there.
//! - During wiring, [`Platform`] gives a service what it needs. The service returns what it offers in a [`Module`].
//! - [`Application`] combines services into a process, starts its parts and stops them in order.
//! - Everything else is re-exported from its own crate. The documentation of each crate begins with its promises.
//!
//! `biz` of a service needs only [`Error`], [`filter`], [`page`] and [`time`], which know neither SQL nor servers.

mod application;
mod config_root;
mod life;
mod run;
mod service;

pub use platform_auth as auth;
pub use platform_base::{
    Error, Fault, Part, Phase, StartError, Stop, async_trait, context, etag, every, section, time,
};
pub use platform_cache as cache;
pub use platform_client as client;
pub use platform_database::{self as database, migrations};
pub use platform_list::{filter, page};
pub use platform_server::idempotency;

pub use self::{
    application::{Application, Running, Sources},
    run::run,
    service::{Module, Platform, Service},
};

/// Configuration: [`Config`](config::Config) lists the sections of a process.
pub mod config {
    pub use platform_base::config::*;

    pub use crate::config_root::{Config, Shutdown};
}

#[doc(hidden)]
pub mod __private {
    pub use clap;

    pub use crate::service::Commands;
}
