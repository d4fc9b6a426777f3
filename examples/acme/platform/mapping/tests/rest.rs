//! REST requests are answered as recorded in `vectors.jsonl`.
//!
//! Each line is a request and its answer. Envoy's gRPC-JSON transcoder got the same requests, and its answers mean the
//! same, except where this platform differs on purpose. A line has
//!
//! - `request`: method, target and body, separated by spaces;
//! - `status`, and `type`, the content type;
//! - `answer`: the JSON of the body, without the members that equal those of the answer to an empty message; of an
//!   error only its code and the names of its fields; `text` instead, if the body is not one JSON value.
//!
//! `UPDATE_VECTORS=1 cargo test -p api-mapping --test rest` records the current answers.

use std::{env, fs, path::Path};

use api_mapping::{
    echo::Service,
    v1::{answer_service, mapping_service},
};
use api_runtime::{Endpoint, Routes, unknown_path};
use axum::{Router, body::Body};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

#[tokio::test]
async fn rest_answers_as_recorded() {
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap();
    let file = Path::new(&folder).join("tests/vectors.jsonl");
    let recorded = fs::read_to_string(&file).unwrap();
    let contracts = [mapping_service(Service), answer_service(Service)];
    let routes = Routes::new(Router::new().fallback(unknown_path));
    let routes = routes.rest(&contracts, |_, endpoint| endpoint).unwrap();
    let routes = routes.endpoint();
    let empty = ask(&routes, "POST /v1/echo {}").await;
    let unset: Map<String, Value> = serde_json::from_slice(&empty.body).unwrap();

    let mut answered = String::new();
    let mut differences = Vec::new();
    for line in recorded.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let request = vector["request"].as_str().unwrap();
        let answer = ask(&routes, request).await;
        let now = answer.recorded(request, &unset).to_string();
        // Both are parsed from text: the order of members does not matter.
        if serde_json::from_str::<Value>(&now).unwrap() != vector {
            differences.push(format!("{line}\n  now {now}"));
        }
        answered += &format!("{now}\n");
    }
    if env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&file, answered).unwrap();
        return;
    }
    assert!(recorded.lines().count() > 1000, "vectors are missing");
    assert!(
        differences.is_empty(),
        "{} answers differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

async fn ask(routes: &Endpoint, request: &str) -> Answer {
    let (method, rest) = request.split_once(' ').unwrap();
    let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut request = http::Request::builder().method(method).uri(target);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = routes.call(request).await.unwrap();
    let content_type = response.headers().get("content-type");
    let content_type = content_type.map_or("", |value| value.to_str().unwrap());
    Answer {
        status: response.status().as_u16(),
        content_type: content_type.to_owned(),
        body: response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    }
}

impl Answer {
    fn recorded(&self, request: &str, unset: &Map<String, Value>) -> Value {
        let mut line = json!({
            "request": request,
            "status": self.status,
            "type": self.content_type,
        });
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(error)) if self.status >= 400 => {
                let violations = error["details"][0]["fieldViolations"].as_array();
                let fields: Vec<&Value> = violations
                    .into_iter()
                    .flatten()
                    .map(|violation| &violation["field"])
                    .collect();
                line["answer"] = json!({"code": error["code"], "fields": fields});
            }
            Ok(Value::Object(mut members)) => {
                members.retain(|name, value| unset.get(name) != Some(value));
                line["answer"] = members.into();
            }
            Ok(value) => line["answer"] = value,
            Err(_) => line["text"] = String::from_utf8_lossy(&self.body).into(),
        }
        line
    }
}
