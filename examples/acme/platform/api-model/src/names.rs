//! Rust names for protobuf names, as prost-build chooses them. No other module chooses names.

use std::{collections::BTreeMap, path::Path};

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Span};
use prost_reflect::OneofDescriptor;

use crate::source::Source;

/// The Rust path of each package.
#[derive(Clone, Default)]
pub struct Names {
    /// Rust path by protobuf prefix, with a leading dot: `.users.v1` → `::users_api::v1`.
    paths: BTreeMap<String, String>,
    own: String,
}

/// Types that api-runtime defines, because they have their own JSON forms or every contract needs them.
const RUNTIME: [&str; 5] = [
    ".google.protobuf",
    ".google.type.Date",
    ".google.type.Decimal",
    ".google.api.HttpBody",
    ".google.rpc.Status",
];

impl Names {
    /// The contracts that the crate depends on, from the variables of their build scripts.
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
        for runtime in RUNTIME {
            let last = runtime
                .rsplit('.')
                .next()
                .filter(|last| *last != "protobuf");
            let path = last.map_or(String::new(), |name| format!("::{name}"));
            names
                .paths
                .insert(runtime.to_owned(), format!("::api_runtime::wkt{path}"));
        }
        names
    }

    /// Lets the versions of one crate use each other.
    pub fn add_versions(&mut self, folder: &Path, versions: &[String]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        for version in versions {
            self.paths
                .insert(format!(".{name}.{version}"), format!("crate::{version}"));
        }
    }

    /// The same names, as one version of the contract sees them.
    pub fn with_own(&self, source: &Source) -> Self {
        let mut names = Self {
            own: source.package.clone(),
            paths: self.paths.clone(),
        };
        names.paths.remove(&format!(".{}", source.package));
        names
    }

    /// For prost-build: every type that another crate or module generates.
    pub fn extern_paths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.paths
            .iter()
            .map(|(prefix, path)| (prefix.as_str(), path.as_str()))
    }

    /// The Rust path of a message or enum, usable at the top of the module; `None` if no crate generates it.
    pub fn ty(&self, full_name: &str) -> Option<syn::Path> {
        let full = format!(".{full_name}");
        if let Some(path) = self.paths.get(&full) {
            return path_of(path);
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
        let last = camel(parts.pop()?);
        let modules: String = parts.iter().map(|part| module(part)).collect();
        path_of(&format!("{path}{modules}{last}"))
    }

    /// The enum that prost generates for a oneof of the contract itself.
    pub fn oneof(&self, oneof: &OneofDescriptor) -> Option<syn::Path> {
        let parent = oneof.parent_message().full_name();
        let parent = parent.strip_prefix(&self.own).unwrap_or_default();
        let parts = parent.split('.').filter(|part| !part.is_empty());
        let modules: String = parts.map(module).collect();
        path_of(&format!("{modules}{}", camel(oneof.name())))
    }
}

/// `consultant::`, the module of a message's nested types in prost.
fn module(message: &str) -> String {
    format!("{}::", snake(message))
}

fn path_of(text: &str) -> Option<syn::Path> {
    syn::parse_str(text).ok()
}

/// The identifier of a field, method or module.
pub fn snake(name: &str) -> Ident {
    ident(&name.to_snake_case())
}

/// The identifier of a type, or of a variant of a oneof.
pub fn camel(name: &str) -> Ident {
    ident(&name.to_upper_camel_case())
}

/// The identifier of a static.
pub fn shouty(name: &str) -> Ident {
    ident(&name.to_shouty_snake_case())
}

/// Escapes keywords as prost-build does.
fn ident(name: &str) -> Ident {
    let here = Span::call_site();
    match name {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => Ident::new_raw(name, here),
        "_" | "super" | "self" | "Self" | "extern" | "crate" => {
            Ident::new(&format!("{name}_"), here)
        }
        name if name.starts_with(|first: char| first.is_numeric()) => {
            Ident::new(&format!("_{name}"), here)
        }
        name => Ident::new(name, here),
    }
}
