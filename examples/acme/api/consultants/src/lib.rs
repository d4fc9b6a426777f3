//! The contract `consultants.v1`: messages, server and client, REST routes and OpenAPI document,
//! all made from the files in `v1/` when this crate is built.

api_runtime::contract!("v1");
