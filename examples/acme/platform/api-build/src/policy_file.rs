//! The file `v1.policy.json` for tools and people: who may call which method, how often, and with which timeout.
//!
//! An object with the `package` and a list `methods`, in the order of the contract. Every key is always present:
//!
//! | key | value |
//! |---|---|
//! | `method` | `users.v1.UsersService/GetUser` |
//! | `http` | its bindings, `GET /v1/users/{id}`, the primary one first |
//! | `access` | `public`, `authenticated` or `internal` |
//! | `anyRole`, `allScopes` | lists of names |
//! | `owner` | the field that holds the caller's subject, or null |
//! | `rateLimit` | `{"requests": 60, "per": "60s"}`, or null for the limit of the configuration |
//! | `timeout` | a duration such as `1.5s`, or null for that of the configuration |
//! | `streamsRequests`, `streamsAnswers` | whether they are streams of messages |
//!
//! Durations are seconds with the letter `s`, as in proto3 JSON. Keys may be added, but are never renamed.

use std::time::Duration;

use api_model::{
    Contract,
    policy::Access,
    service::{Method, Service},
};
use serde_json::{Value, json};

/// The file of a contract.
pub fn generate(contract: &Contract) -> Value {
    let methods: Vec<Value> = contract
        .services
        .iter()
        .flat_map(|service| service.methods.iter().map(|method| entry(service, method)))
        .collect();
    json!({"package": contract.package, "methods": methods})
}

fn entry(service: &Service, method: &Method) -> Value {
    let policy = &method.policy;
    let bindings = method.bindings.iter();
    let http: Vec<String> = bindings
        .map(|binding| format!("{} {}", binding.verb, binding.template.text))
        .collect();
    let rate_limit = policy
        .rate_limit
        .map(|(requests, per)| json!({"requests": requests, "per": seconds(per)}));
    json!({
        "method": format!("{}/{}", service.full_name, method.name),
        "http": http,
        "access": match policy.access {
            Access::Public => "public",
            Access::Authenticated => "authenticated",
            Access::Internal => "internal",
        },
        "anyRole": policy.any_role,
        "allScopes": policy.all_scopes,
        "owner": policy.owner,
        "rateLimit": rate_limit,
        "timeout": policy.timeout.map(seconds),
        "streamsRequests": method.streams_requests,
        "streamsAnswers": method.streams_answers,
    })
}

/// `1.5s`
fn seconds(duration: Duration) -> String {
    let nanos = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    format!("{}s", nanos.trim_end_matches('0').trim_end_matches('.'))
}
