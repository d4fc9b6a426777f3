//! Protobuf messages as proto3 JSON.
//!
//! [`json`] writes and reads a message through serde, with a small impl that api-build generates for each message.
//! [`wkt`] has the well-known types, which have their own JSON forms, and a few values of `google.type` that resources
//! use.
//!
//! It promises the JSON of the proto3 specification and writes every field. It refuses unknown fields by name. No
//! request can exhaust the stack.
//!
//! Begin with [`json::Fields`], the generated trait, then [`json::Kind`], which writes a value of each type.

pub mod json;
pub mod wkt;

#[doc(hidden)]
pub use serde;
