//! The REST mapping agrees with Envoy's gRPC-JSON transcoder.
//!
//! The contract in `template-workspace/platform/mapping` uses every feature of `google.api.http` and of proto3 JSON.
//! Its server returns the requests as it decoded them, over REST itself, and over gRPC, which Envoy transcodes to REST.
//! Every request goes to both, and both must answer with the same status and the same JSON, except as `differences.rs`
//! explains.

mod compare;
mod differences;
mod requests;
mod servers;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
};

use compare::{Comparison, General};
use differences::differences;
use requests::Request;
use serde_json::{Value, json};
use servers::Servers;
use tests::render::repository;

#[test]
fn rest_answers_as_envoy_does() {
    let servers = Servers::start().unwrap();
    let differences = differences();
    let listed: HashSet<&Request> = differences
        .iter()
        .flat_map(|difference| &difference.requests)
        .collect();
    let mut comparison = Comparison::default();
    let mut problems = Vec::new();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();

    for request in requests::agreed().iter().filter(|r| !listed.contains(r)) {
        let (ours, envoys) = servers.ask(request).unwrap();
        *statuses.entry(ours.status).or_default() += 1;
        if let Err(difference) = comparison.compare(&ours, &envoys) {
            problems.push(format!("{request}\n    {difference}"));
        }
    }
    for difference in &differences {
        for request in &difference.requests {
            let (ours, envoys) = servers.ask(request).unwrap();
            if (ours.status, envoys.status) != (difference.ours, difference.envoys) {
                let what = format!(
                    "answered {} and {}, not {} and {}: {}",
                    ours.status,
                    envoys.status,
                    difference.ours,
                    difference.envoys,
                    difference.reason
                );
                problems.push(format!("{request}\n    {what}"));
            } else if comparison.compare(&ours, &envoys).is_ok() {
                let what = format!("no longer differs: {}", difference.reason);
                problems.push(format!("{request}\n    {what}"));
            }
        }
    }
    for (field, request) in requests::answers_of_one_field() {
        let (ours, envoys) = servers.ask_for_one(&request, field).unwrap();
        if let Err(difference) = comparison.compare(&ours, &envoys) {
            problems.push(format!("{request}\n    {field}: {difference}"));
        }
    }
    for headers in requests::HEADERS {
        let request = Request::new("POST", "/v1/echo", r#"{"int32Value":5}"#);
        let (ours, envoys) = servers.ask_with(&request, headers).unwrap();
        if let Err(difference) = comparison.compare(&ours, &envoys) {
            problems.push(format!("{request}\n    {headers:?}: {difference}"));
        }
    }

    for general in General::ALL {
        if !comparison.met.contains(&general) {
            problems.push(format!("nowhere: {}", general.reason()));
        }
    }
    // Two servers that refuse everything would also agree.
    for (status, count) in [(200, 500), (400, 400), (404, 20)] {
        let found = statuses.get(&status).copied().unwrap_or_default();
        if found < count {
            problems.push(format!("only {found} requests were answered with {status}"));
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// A rendered workspace replays recorded answers without Envoy. They must be for the requests that Envoy gets here.
#[test]
fn the_vectors_of_a_workspace_are_these_requests() {
    let differing = differences();
    let differing = differing.iter().flat_map(|difference| &difference.requests);
    let single = requests::answers_of_one_field();
    let single = single.iter().map(|(_, request)| request);
    let agreed = requests::agreed();
    let all = agreed.iter().chain(differing).chain(single);
    let asked: BTreeSet<String> = all.map(Request::to_line).collect();

    let file = repository().join("template-workspace/platform/mapping/tests/vectors.jsonl");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let lines = asked
            .iter()
            .map(|request| format!("{}\n", json!({"request": request})));
        fs::write(&file, lines.collect::<String>()).unwrap();
        return;
    }
    let vectors = fs::read_to_string(&file).unwrap();
    let recorded: Vec<String> = vectors
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["request"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(
        asked.iter().eq(&recorded),
        "UPDATE_VECTORS=1 writes the requests, and the answers after that in the crate api-mapping"
    );
}

/// A duplicate request would be judged twice, maybe for two reasons.
#[test]
fn a_request_differs_for_one_reason() {
    let mut reasons = HashMap::new();
    for difference in differences() {
        for request in difference.requests {
            let text = request.to_string();
            if let Some(other) = reasons.insert(request, difference.reason) {
                panic!("{text}: {other}; {}", difference.reason);
            }
        }
    }
}
