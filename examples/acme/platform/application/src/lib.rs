//! The life of a process: its services, its parts, its configuration and its commands.
//!
//! - A service describes itself with [`service!`], and [`run`] runs it; begin there.
//! - During wiring, [`Platform`] gives a service what it needs. The service returns what it offers in a [`Module`].
//! - [`Application`] combines services into a process, starts its parts and stops them in order. It promises to stop
//!   within the time that [`Shutdown`] gives, whatever a part does.

mod application;
mod config_root;
mod life;
mod run;
mod service;

pub use self::{
    application::{Application, Running, Sources},
    config_root::{Config, Shutdown},
    run::run,
    service::{Module, Platform, Service},
};

#[doc(hidden)]
pub mod __private {
    pub use clap;

    pub use crate::service::Commands;
}
