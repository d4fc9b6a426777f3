//! Rules for the SQL of services. A migration must not break the version that still runs, and CockroachDB must accept
//! every statement for PostgreSQL.
//!
//! `cargo xtask migration check` and this crate's tests check the migrations of every service. `testkit::Recording` checks
//! the queries, in the tests of each service.

pub mod cockroachdb;
mod migrations;
mod rolling;
mod schema;
mod statements;

pub use self::{
    migrations::{Finding, check_service, check_services},
    rolling::Rule,
};
