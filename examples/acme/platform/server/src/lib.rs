//! Serves contracts over gRPC and HTTP, with the same layers around each method.
//!
//! - [`Listener`] binds an address and serves routes on it, with limits against slow and greedy clients.
//! - [`routes`] makes the routes of a process: its contracts, and the operational ones (`/readyz`, `/metrics`, …).
//! - `layers` takes a request from the server to the method; begin there, with its `observe` and `admit`.
//! - [`Health`] tells whether the process is ready.
//! - [`idempotency`] is for methods that create.
//!
//! The crate promises to answer every request that it has received, whatever happens inside or outside: a panic, a
//! stop, a timeout, an overload.

#[cfg(feature = "api-page")]
mod api_page;
mod config;
mod cors;
mod health;
pub mod idempotency;
mod layers;
mod listener;
mod ops;
pub mod routes;

pub use self::{
    config::{Cors, Grpc, Http, Limits, Origin, Rate},
    health::Health,
    layers::Shared,
    listener::{Bound, Listener},
    ops::About,
};
