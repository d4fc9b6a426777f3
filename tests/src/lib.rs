//! Renders the templates in process, for the demonstration and the tests, and runs the result.

pub mod acme;
pub mod cargo;
pub mod conformance;
pub mod grpc;
pub mod http;
pub mod process;
pub mod render;
pub mod servers;
pub mod terminal;
pub mod wire;
