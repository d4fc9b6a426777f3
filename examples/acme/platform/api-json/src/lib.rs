//! Protobuf messages as proto3 JSON.
//!
//! [`json`] writes and reads a message through serde, over a small impl that api-build generates for each message.
//! [`wkt`] has the well-known types, whose JSON is not that of other messages, and a few values of `google.type` that
//! resources use.
//!
//! What it promises: the JSON is that of the proto3 specification, every field is written, and what a message does not
//! know is refused with its name. No request can exhaust the stack.
//!
//! Begin with [`json::Fields`], the trait that is generated, then [`json::Kind`], how a value of each type is written.

pub mod json;
pub mod wkt;

#[doc(hidden)]
pub use serde;
