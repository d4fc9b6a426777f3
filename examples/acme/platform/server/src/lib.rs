//! Serves contracts over gRPC and HTTP, with the same layers around each method.
//!
//! - [`Listener`] takes an address and serves routes on it, with limits against slow and greedy clients.
//! - [`routes`] makes the routes of a process: its contracts, and what is asked about it (`/readyz`, `/metrics`, …).
//! - `layers` is a request's way from the server to the method; begin there, with its `observe` and `admit`.
//! - [`Health`] tells whether the process can do its work.
//! - [`idempotency`] is for methods that create.
//!
//! The crate promises that every request that was received is answered, whatever happens inside or outside: a panic, a
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
