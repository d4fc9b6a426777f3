//! Who may call what, as the contracts say: the files `v1.policy.json` that their builds write.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::api::{self, Output};

/// Prints a line for each method of the workspace: its HTTP bindings, who may call it, how often and for how long. Where
/// the contract sets no limit, the configuration does, which is a `-` here.
pub fn print() -> Result<()> {
    let mut outputs = api::build()?;
    outputs.sort_by_key(Output::package);
    let mut lines = vec![["METHOD", "HTTP", "WHO", "RATE LIMIT", "TIMEOUT"].map(str::to_owned)];
    for output in outputs {
        let file = output.policies;
        let policies: Value = serde_json::from_slice(&fs::read(&file)?)
            .with_context(|| file.display().to_string())?;
        // The crate api-build documents the keys.
        let methods = policies["methods"].as_array().into_iter().flatten();
        lines.extend(methods.map(line));
    }
    for line in aligned(&lines) {
        println!("{line}");
    }
    Ok(())
}

fn line(method: &Value) -> [String; 5] {
    let text = |key: &str| method[key].as_str().map(str::to_owned);
    let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let bindings = names(method, "http").join(", ");
    let limit = &method["rateLimit"];
    let limit = limit["per"]
        .as_str()
        .map(|per| format!("{} in {per}", limit["requests"]));
    [
        or_none(text("method")),
        or_none(Some(bindings).filter(|bindings| !bindings.is_empty())),
        who(method),
        or_none(limit),
        or_none(text("timeout")),
    ]
}

fn who(method: &Value) -> String {
    let mut demands = Vec::new();
    let (roles, scopes) = (names(method, "anyRole"), names(method, "allScopes"));
    if !roles.is_empty() {
        demands.push(format!("role {}", roles.join(" or ")));
    }
    if !scopes.is_empty() {
        demands.push(format!("scope {}", scopes.join(" and ")));
    }
    if let Some(owner) = method["owner"].as_str() {
        demands.push(format!("owner by {owner}"));
    }
    if demands.is_empty() {
        demands.extend(method["access"].as_str().map(str::to_owned));
    }
    demands.join(", ")
}

fn names<'a>(method: &'a Value, key: &str) -> Vec<&'a str> {
    let names = method[key].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

/// The columns one below the other, two spaces between them.
fn aligned(lines: &[[String; 5]]) -> Vec<String> {
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let padded = |line: &[String; 5]| {
        let cells = line.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect()
}
