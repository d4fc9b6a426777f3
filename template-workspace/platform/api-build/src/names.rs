//! Names of Rust for names of protobuf, as prost-build makes them.

use std::{collections::BTreeMap, path::Path};

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use crate::source::Source;

/// Where the types of each package are.
#[derive(Clone, Default)]
pub struct Names {
    /// Rust path by protobuf prefix, with a leading dot: `.users.v1` → `::users_api::v1`.
    paths: BTreeMap<String, String>,
    own: String,
}

/// Types that api-runtime has, because their JSON is not that of other messages or everybody needs them.
const RUNTIME: [&str; 5] = [
    ".google.protobuf",
    ".google.type.Date",
    ".google.type.Decimal",
    ".google.api.HttpBody",
    ".google.rpc.Status",
];

/// Those of them that are a kind of JSON value themselves.
const OWN_JSON: [&str; 18] = [
    "Any",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "Empty",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "ListValue",
    "StringValue",
    "Struct",
    "Timestamp",
    "UInt32Value",
    "UInt64Value",
    "Value",
    "NullValue",
];

impl Names {
    /// The contracts that the crate depends on, as their build scripts say.
    pub fn of_dependencies(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut names = Self::default();
        for (_, contract) in
            variables.filter(|(name, _)| name.starts_with("DEP_") && name.ends_with("_CONTRACT"))
        {
            let (library, packages) = contract.split_once('=').unwrap_or_default();
            for package in packages.split(',') {
                let version = package.rsplit('.').next().unwrap_or_default();
                names
                    .paths
                    .insert(format!(".{package}"), format!("::{library}::{version}"));
            }
        }
        names.add_runtime();
        names
    }

    fn add_runtime(&mut self) {
        for runtime in RUNTIME {
            let last = runtime
                .rsplit('.')
                .next()
                .filter(|last| *last != "protobuf");
            let path = last.map_or(String::new(), |name| format!("::{name}"));
            self.paths
                .insert(runtime.to_owned(), format!("::api_runtime::wkt{path}"));
        }
    }

    /// The versions of one crate see each other.
    pub fn add_versions(&mut self, folder: &Path, versions: &[String]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        for version in versions {
            self.paths
                .insert(format!(".{name}.{version}"), format!("crate::{version}"));
        }
    }

    pub fn with_own(&self, source: &Source) -> Self {
        let mut names = Self {
            own: source.package.clone(),
            paths: self.paths.clone(),
        };
        names.paths.remove(&format!(".{}", source.package));
        names
    }

    /// For prost-build: every type that is made elsewhere.
    pub fn extern_paths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.paths
            .iter()
            .map(|(prefix, path)| (prefix.as_str(), path.as_str()))
    }

    /// The Rust path of a message or enum, usable at the top of the module; `None` when nothing makes it.
    pub fn ty(&self, full_name: &str) -> Option<String> {
        let full = format!(".{full_name}");
        if let Some(path) = self.paths.get(&full) {
            return Some(path.clone());
        }
        let own = format!(".{}", self.own);
        let prefix = |prefix: &str| {
            full.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let (known, path) = if prefix(&own) {
            (own.as_str(), String::new())
        } else {
            let (known, path) = self.paths.iter().rev().find(|(known, _)| prefix(known))?;
            (known.as_str(), format!("{path}::"))
        };
        let mut parts: Vec<&str> = full[known.len() + 1..].split('.').collect();
        let last = parts.pop()?.to_upper_camel_case();
        let modules: String = parts.iter().map(|part| snake(part) + "::").collect();
        Some(format!("{path}{modules}{}", sanitize(&last)))
    }

    /// The type of api_runtime::json that reads and writes a field, or an element of a repeated one.
    pub fn kind(&self, kind: &Kind) -> Option<String> {
        let simple = match kind {
            Kind::Double => "F64",
            Kind::Float => "F32",
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "I32",
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "I64",
            Kind::Uint32 | Kind::Fixed32 => "U32",
            Kind::Uint64 | Kind::Fixed64 => "U64",
            Kind::Bool => "Bool",
            Kind::String => "Str",
            Kind::Bytes => "Bytes",
            Kind::Enum(e) => {
                let ty = self.ty(e.full_name())?;
                return Some(match own_json(e.full_name()) {
                    true => ty,
                    false => format!("::api_runtime::json::Enum<{ty}>"),
                });
            }
            Kind::Message(m) => {
                let ty = self.ty(m.full_name())?;
                return Some(match own_json(m.full_name()) {
                    true => ty,
                    false => format!("::api_runtime::json::Msg<{ty}>"),
                });
            }
        };
        Some(format!("::api_runtime::json::{simple}"))
    }

    /// The enum that prost makes of a oneof.
    pub fn oneof(&self, oneof: &OneofDescriptor) -> String {
        let parent = oneof.parent_message();
        format!(
            "{}{}",
            self.module_of(parent),
            sanitize(&oneof.name().to_upper_camel_case())
        )
    }

    /// `consultant::`, where prost puts what is inside a message of the contract itself.
    fn module_of(&self, message: &MessageDescriptor) -> String {
        let path = message
            .full_name()
            .strip_prefix(&self.own)
            .unwrap_or_default();
        path.split('.')
            .filter(|part| !part.is_empty())
            .map(|part| snake(part) + "::")
            .collect()
    }
}

fn own_json(full_name: &str) -> bool {
    full_name
        .strip_prefix("google.protobuf.")
        .is_some_and(|name| OWN_JSON.contains(&name))
}

/// Whether a message is one value in JSON, and so a leaf for path variables and query parameters.
pub fn is_value(message: &MessageDescriptor) -> bool {
    let name = message.full_name().strip_prefix("google.protobuf.");
    name.is_some_and(|name| {
        name.ends_with("Value") && !matches!(name, "Value" | "ListValue")
            || matches!(name, "Timestamp" | "Duration" | "FieldMask")
    })
}

/// Whether a field has presence by the word `optional` or by being a message, outside of a oneof.
pub fn is_optional(field: &FieldDescriptor) -> bool {
    field.supports_presence() && real_oneof(field).is_none()
}

/// The oneof of a field, unless it is the one that `optional` stands for.
pub fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

/// A field, method or module.
pub fn snake(name: &str) -> String {
    sanitize(&name.to_snake_case())
}

/// A variant of a oneof.
pub fn camel(name: &str) -> String {
    sanitize(&name.to_upper_camel_case())
}

/// Keywords as prost-build escapes them.
fn sanitize(name: &str) -> String {
    match name {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        name if name.starts_with(|first: char| first.is_numeric()) => format!("_{name}"),
        name => name.to_owned(),
    }
}
