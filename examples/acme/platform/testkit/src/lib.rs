//! What the tests of services need: a server of the service on free ports, a client, doubles of other services,
//! databases that exist for one test, and caches.
//!
//! Databases are SQLite files in temporary folders. If `DATABASE_URL` (PostgreSQL) is set, each server gets a schema of
//! its own there instead. Tests on CockroachDB use the one at `COCKROACH_URL`, tests on Redis the one at `REDIS_URL`.
//! All of this is for tests alone: it panics on any failure.

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
