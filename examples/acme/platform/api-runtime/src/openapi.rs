//! OpenAPI documents.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Merges the documents of several contracts.
///
/// # Errors
/// When a document is not JSON; a generated one always is.
pub fn merge(title: &str, version: &str, documents: &[&str]) -> Result<String, serde_json::Error> {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut tags = BTreeSet::new();
    let mut merged = json!({"openapi": "3.1.0"});
    for document in documents {
        let mut document: Value = serde_json::from_str(document)?;
        for tag in document["tags"].as_array().into_iter().flatten() {
            tags.insert((
                tag["name"].as_str().unwrap_or_default().to_owned(),
                tag.to_string(),
            ));
        }
        for (path, item) in take(&mut document["paths"]) {
            let operations = paths.entry(path).or_insert_with(|| json!({}));
            if let (Some(operations), Value::Object(item)) = (operations.as_object_mut(), item) {
                operations.extend(item);
            }
        }
        schemas.extend(take(&mut document["components"]["schemas"]));
        merged["components"]["securitySchemes"] = document["components"]["securitySchemes"].take();
    }
    merged["info"] = json!({"title": title, "version": version});
    merged["tags"] = tags
        .iter()
        .filter_map(|(_, tag)| serde_json::from_str::<Value>(tag).ok())
        .collect();
    merged["paths"] = Value::Object(paths);
    merged["components"]["schemas"] = Value::Object(schemas);
    serde_json::to_string(&merged)
}

fn take(value: &mut Value) -> Map<String, Value> {
    match value.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
