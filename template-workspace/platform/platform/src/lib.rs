//! What every service shares: life cycle, configuration, servers and their layers, database, cache, authentication,
//! health, telemetry.
//!
//! A service describes itself with [`service!`] and is run by [`run`]; while it is wired, [`Platform`] gives it what it
//! needs. [`config`] lists everything that can be configured.

mod application;
pub mod auth;
pub mod cache;
pub mod client;
pub mod config;
pub mod context;
mod cors;
pub mod database;
mod error;
pub mod etag;
pub mod filter;
mod health;
pub mod idempotency;
mod layers;
mod ops;
pub mod page;
mod routes;
mod run;
mod server;
mod service;
mod telemetry;
pub mod time;
mod tls;

pub use self::{
    application::{Application, Running, Sources},
    error::Error,
    run::run,
    service::{Module, Platform, Service},
};

#[doc(hidden)]
pub mod __private {
    pub use crate::service::Commands;
    pub use clap;
    pub use diesel_migrations;
}
