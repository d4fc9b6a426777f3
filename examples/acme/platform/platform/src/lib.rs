//! What a service is built on: one name for the crates under `platform/`, and the life of a process.
//!
//! - A service describes itself with [`service!`] and is [`run`]; begin there.
//! - While it is wired, [`Platform`] gives it what it needs, and it collects in a [`Module`] what it offers.
//! - [`Application`] puts services together to a process, starts its parts and stops them in order.
//! - Everything else is re-exported from the crate whose job it is; each begins with what it promises.
//!
//! `biz` of a service needs [`Error`], [`filter`], [`page`] and [`time`] alone, which know neither SQL nor any server.

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
