//! The messages and enums of the protos under `third_party/`, made once for all contracts.
//!
//! Each package is a module: `google.rpc` is [`google_rpc`]. A contract that has a message of it as a field names this
//! crate in its `Cargo.toml`. Types that have a JSON form of their own are not here but in `api_runtime::wkt`.

include!(concat!(env!("OUT_DIR"), "/vendored.rs"));
