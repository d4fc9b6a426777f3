//! Two contracts that show what `api-build` and `api-runtime` promise; no service of a workspace uses them.
//!
//! `v1/mapping.proto` has all of `google.api.http` and of proto3 JSON, and [`echo`] answers with what it was asked.
//! `v1/notes.proto` has fields that not everybody sets or sees.
//!
//! Begin with `tests/`: each program there is one promise.

pub mod echo;

api_runtime::contract!("v1");
