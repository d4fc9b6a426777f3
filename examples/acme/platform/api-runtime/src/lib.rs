//! What the code that api-build generates needs at run time: messages as JSON, REST routes, validation, errors.
//!
//! A service uses [`Contract`], [`UpdateMask`], [`wkt`] and [`Error`]; a server puts its contracts behind [`router`].
//! The rest is called by generated code, which a contract crate includes with [`contract!`].

// Generated code names this crate absolutely, and so do the messages written by hand in `wkt`.
extern crate self as api_runtime;

pub mod codec;
pub mod contract;
pub mod error;
mod ids;
pub mod json;
mod mask;
pub mod message;
pub mod openapi;
pub mod rest;
mod routing;
pub mod validate;
pub mod wkt;

pub use contract::{
    Access, Contract, Description, Endpoint, LARGEST_MESSAGE, Method, Policy, RateLimit, Request,
    Response, Transport,
};
pub use error::Error;
pub use ids::parse_uuid;
pub use mask::UpdateMask;
pub use routing::{Conflict, router};
pub use serde;

/// Includes what api-build made of one version of a contract, as a module of that name: `contract!("v1");`.
#[macro_export]
macro_rules! contract {
    ($version:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $version, ".rs"));
    };
}
