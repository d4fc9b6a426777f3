//! The contract `mapping.v1`, which uses every feature of `google.api.http` and of proto3 JSON.

api_runtime::contract!("v1");
