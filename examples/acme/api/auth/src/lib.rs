//! The contract `auth.v1`: messages, server and client, REST routes and OpenAPI document,
//! all made from `v1/auth.proto` when this crate is built.

api_runtime::contract!("v1");
