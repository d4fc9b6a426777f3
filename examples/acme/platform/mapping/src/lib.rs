//! Two contracts that test the promises of `api-build` and `api-runtime`; no service of a workspace uses them.
//!
//! `v1/mapping.proto` uses all of `google.api.http` and of proto3 JSON, and [`echo`] returns each request.
//! `v1/notes.proto` has fields that only some callers may set or see.
//!
//! Begin with `tests/`: each program there tests one promise.

pub mod echo;

api_runtime::contract!("v1");
