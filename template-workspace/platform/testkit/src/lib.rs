//! What the services' tests need: a server of the service on free ports, a client, doubles of other services,
//! databases that are thrown away, and caches.
//!
//! Everything is SQLite in a temporary folder; with `DATABASE_URL` (PostgreSQL) set, servers get a schema of their own
//! there. The tests that need a CockroachDB are told of it by `COCKROACH_URL`, those that need a Redis by `REDIS_URL`. It
//! is for tests: what goes wrong panics and says so.

mod cache;
mod client;
mod database;
mod double;
mod keys;
mod migrations;
mod plans;
mod policy;
mod server;

pub use self::{
    cache::{cache, redis},
    client::{Client, Response},
    database::{Place, TestDatabase, cockroachdb, database, postgres},
    double::{Double, RunningDouble},
    keys::signing_keys,
    migrations::{assert_repeatable, assert_same_columns},
    plans::Recording,
    policy::assert_policy,
    server::TestServer,
};

/// A request over gRPC with a token.
pub fn authorized<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value = format!("Bearer {token}").parse().expect("a token is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}
