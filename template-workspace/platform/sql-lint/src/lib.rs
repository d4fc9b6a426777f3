//! What the SQL of a service must keep to: migrations that the version before bears, and statements that CockroachDB takes.
//!
//! `cargo xtask migration check` looks at the migrations of every service, as does `cargo test`; the queries are looked
//! at by `testkit::Recording`, in the services' own tests.

pub mod cockroachdb;
mod migrations;
mod rolling;
mod schema;
mod statements;

pub use self::{
    migrations::{Finding, check_service, check_services},
    rolling::Rule,
};
