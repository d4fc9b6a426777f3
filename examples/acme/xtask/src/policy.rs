//! Who may call what, as the contracts say.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

use crate::api::{self, Output};

/// Prints a line for each method of the workspace: its HTTP bindings, who may call it, how often and for how long. Where
/// the contract sets no limit, the configuration does, which is a `-` here.
pub fn print() -> Result<()> {
    let mut outputs = api::build()?;
    outputs.sort_by_key(Output::package);
    let mut lines = vec![["METHOD", "HTTP", "WHO", "RATE LIMIT", "TIMEOUT"].map(str::to_owned)];
    for output in outputs {
        let descriptors = fs::read(&output.descriptors)?;
        let pool = DescriptorPool::decode(descriptors.as_slice())?;
        // The others are imported.
        let folder = format!("{}/{}/", output.contract, output.version);
        let files = pool.files().filter(|file| file.name().starts_with(&folder));
        for service in files.flat_map(|file| file.services().collect::<Vec<_>>()) {
            for method in service.methods() {
                lines.push(line(&method)?);
            }
        }
    }
    for line in aligned(&lines) {
        println!("{line}");
    }
    Ok(())
}

fn line(method: &MethodDescriptor) -> Result<[String; 5]> {
    let name = format!("{}/{}", method.parent_service().full_name(), method.name());
    let policy =
        option(method, "platform.v1.policy").with_context(|| format!("{name} has no policy"))?;
    let none = || "-".to_owned();
    let bindings = option(method, "google.api.http").map(|rule| bindings(&rule).join(", "));
    let limit = message(&policy, "rate_limit").map(|limit| {
        let requests = field(&limit, "requests").as_u32().unwrap_or_default();
        let per = message(&limit, "per").map(|per| duration(&per));
        format!("{requests} in {:?}", per.unwrap_or_default())
    });
    let timeout = message(&policy, "timeout").map(|timeout| format!("{:?}", duration(&timeout)));
    Ok([
        name,
        bindings.unwrap_or_else(none),
        who(&policy),
        limit.unwrap_or_else(none),
        timeout.unwrap_or_else(none),
    ])
}

fn who(policy: &DynamicMessage) -> String {
    let mut demands = Vec::new();
    let roles = texts(policy, "any_role");
    if !roles.is_empty() {
        demands.push(format!("role {}", roles.join(" or ")));
    }
    let scopes = texts(policy, "all_scopes");
    if !scopes.is_empty() {
        demands.push(format!("scope {}", scopes.join(" and ")));
    }
    if let Some(owner) = text(policy, "owner") {
        demands.push(format!("owner by {owner}"));
    }
    if !demands.is_empty() {
        return demands.join(", ");
    }
    match field(policy, "access").as_enum_number() {
        Some(1) => "public",
        Some(3) => "internal",
        _ => "authenticated",
    }
    .to_owned()
}

/// Such as `GET /v1/users/{id}`, the first one first.
fn bindings(rule: &DynamicMessage) -> Vec<String> {
    let verbs = ["get", "put", "post", "delete", "patch"];
    let own = verbs.into_iter().find_map(|verb| {
        let path = text(rule, verb)?;
        Some(format!("{} {path}", verb.to_uppercase()))
    });
    let custom = || {
        let custom = message(rule, "custom")?;
        Some(format!(
            "{} {}",
            text(&custom, "kind")?,
            text(&custom, "path")?
        ))
    };
    let more = field(rule, "additional_bindings");
    let more = more.as_list().into_iter().flatten();
    let more = more.filter_map(Value::as_message).flat_map(bindings);
    own.or_else(custom).into_iter().chain(more).collect()
}

fn option(method: &MethodDescriptor, name: &str) -> Option<DynamicMessage> {
    let extension = method.parent_pool().get_extension_by_name(name)?;
    let options = method.options();
    let value = options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension))?;
    value.as_message().cloned()
}

fn field(message: &DynamicMessage, name: &str) -> Value {
    let value = message.get_field_by_name(name);
    value.map_or(Value::Bool(false), |value| value.into_owned())
}

fn message(parent: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let is_set = parent.has_field_by_name(name);
    field(parent, name).as_message().filter(|_| is_set).cloned()
}

fn text(message: &DynamicMessage, name: &str) -> Option<String> {
    let value = field(message, name);
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn texts(message: &DynamicMessage, name: &str) -> Vec<String> {
    let values = field(message, name);
    let values = values.as_list().into_iter().flatten();
    values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn duration(message: &DynamicMessage) -> Duration {
    let seconds = field(message, "seconds").as_i64().unwrap_or_default();
    let nanos = field(message, "nanos").as_i32().unwrap_or_default();
    Duration::new(
        u64::try_from(seconds).unwrap_or_default(),
        u32::try_from(nanos).unwrap_or_default(),
    )
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
