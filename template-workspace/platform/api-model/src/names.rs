//! Rust names for protobuf names. No other module chooses names.
//!
//! [`Names`] knows the Rust path of every type of every package, and tells it to prost-build. A [`Scope`] knows which
//! names a module or type has already: what the contract declares keeps its name or is refused, and what is generated
//! beside it makes way.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Span};
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, OneofDescriptor};
use serde_json::{Value, json};
use syn::ext::IdentExt;

use crate::problem::{Error, place};

/// The Rust path of each package.
#[derive(Clone, Default)]
pub struct Names {
    /// Rust path by protobuf prefix, with a leading dot: `.users.v1` → `::users_api::v1`. Empty for the module itself.
    paths: BTreeMap<String, String>,
    /// Why no crate makes the types of a package.
    unmade: BTreeMap<String, String>,
}

/// Types that api-runtime defines, because they have their own JSON forms or every contract needs them.
const RUNTIME: [&str; 22] = [
    "google.api.HttpBody",
    "google.protobuf.Any",
    "google.protobuf.BoolValue",
    "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue",
    "google.protobuf.Duration",
    "google.protobuf.Empty",
    "google.protobuf.FieldMask",
    "google.protobuf.FloatValue",
    "google.protobuf.Int32Value",
    "google.protobuf.Int64Value",
    "google.protobuf.ListValue",
    "google.protobuf.NullValue",
    "google.protobuf.StringValue",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.UInt32Value",
    "google.protobuf.UInt64Value",
    "google.protobuf.Value",
    "google.rpc.Status",
    "google.type.Date",
    "google.type.Decimal",
];

/// Whether api-runtime defines a type.
pub fn is_of_runtime(full_name: &str) -> bool {
    RUNTIME.contains(&full_name)
}

impl Names {
    /// The contracts that the crate depends on, from the variables of their build scripts.
    pub fn of_dependencies(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut names = Self::default();
        for (_, crate_made) in
            variables.filter(|(name, _)| name.starts_with("DEP_") && name.ends_with("_CONTRACT"))
        {
            let crate_made: Value = serde_json::from_str(&crate_made).unwrap_or_default();
            let texts = |of: &str| {
                let texts = crate_made[of].as_object().cloned().unwrap_or_default();
                texts.into_iter().filter_map(|(package, text)| {
                    Some((format!(".{package}"), text.as_str()?.to_owned()))
                })
            };
            for (package, path) in texts("made") {
                names.add(package, path);
            }
            names.unmade.extend(texts("unmade"));
        }
        names.paths.extend(RUNTIME.iter().map(|full_name| {
            let name = full_name.rsplit('.').next().unwrap_or_default();
            (
                format!(".{full_name}"),
                format!("::api_runtime::wkt::{name}"),
            )
        }));
        names
    }

    /// A package may be known through several dependencies. The shortest path leads to the same types.
    fn add(&mut self, package: String, path: String) {
        let known = self.paths.get(&package);
        if known.is_none_or(|known| known.matches("::").count() > path.matches("::").count()) {
            self.paths.insert(package, path);
        }
    }

    /// Lets the versions of one crate use each other.
    pub fn add_versions(&mut self, folder: &Path, versions: &[String]) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        for version in versions {
            self.add_module(&format!("{name}.{version}"), version);
        }
    }

    /// A package that the same crate makes, in a module at its root.
    pub fn add_module(&mut self, package: &str, module: &str) {
        self.paths
            .insert(format!(".{package}"), format!("crate::{module}"));
    }

    /// Removes a package that the same crate cannot make after all.
    pub fn remove_module(&mut self, package: &str, problem: &str) {
        self.paths.remove(&format!(".{package}"));
        self.unmade
            .insert(format!(".{package}"), problem.to_owned());
    }

    /// The same names, as the module of one package sees them.
    pub fn with_own(&self, package: &str) -> Self {
        let mut names = self.clone();
        names.paths.insert(format!(".{package}"), String::new());
        names
    }

    /// The libraries of the crates that the contract depends on. Its module exports them again under these names,
    /// because whoever uses its messages must be able to name the types of their fields.
    pub fn libraries(&self) -> Vec<(Ident, Ident)> {
        let library = |path: &String| path.strip_prefix("::")?.split("::").next().map(ident);
        let libraries: BTreeSet<Ident> = self.paths.values().filter_map(library).collect();
        libraries
            .into_iter()
            .filter(|library| library != "api_runtime")
            .map(|library| (exported(&library.to_string()), library))
            .collect()
    }

    /// What the build scripts of dependent crates read as `DEP_…_CONTRACT`: the packages of `modules`, which this crate
    /// makes, and those that it exports again.
    pub fn metadata(&self, library: &str, modules: &[(String, String)]) -> String {
        let mut made = BTreeMap::new();
        if let Some((_, module)) = modules.first() {
            for (package, path) in &self.paths {
                let full_name = &package[1..];
                if let Some(path) = path
                    .strip_prefix("::")
                    .filter(|_| !is_of_runtime(full_name))
                {
                    let (first, rest) = path.split_once("::").unwrap_or((path, ""));
                    let path = format!("::{library}::{module}::{}::{rest}", exported(first));
                    made.insert(full_name, path);
                }
            }
        }
        for (package, module) in modules {
            made.insert(package, format!("::{library}::{module}"));
        }
        let unmade: BTreeMap<&str, &String> = self
            .unmade
            .iter()
            .map(|(package, problem)| (&package[1..], problem))
            .collect();
        json!({"made": made, "unmade": unmade}).to_string()
    }

    /// The Rust path of a message or enum, usable at the top of the module; `None` if no crate generates it.
    pub fn ty(&self, full_name: &str) -> Option<syn::Path> {
        let full = format!(".{full_name}");
        if let Some(path) = self.paths.get(&full).filter(|_| is_of_runtime(full_name)) {
            return syn::parse_str(path).ok();
        }
        let (module, rest) = self.module(&full)?;
        let (outer, name) = rest.rsplit_once('.').unwrap_or(("", rest));
        path_of(&module, outer, &camel(name))
    }

    /// The enum that prost generates for a oneof.
    pub fn oneof(&self, oneof: &OneofDescriptor) -> Option<syn::Path> {
        let message = oneof.parent_message();
        let full = format!(".{}", message.full_name());
        let (module, outer) = self.module(&full)?;
        path_of(&module, outer, &self::oneof(oneof))
    }

    /// Why no crate makes a type, as far as that is known.
    pub fn problem(&self, package: &str) -> Option<&str> {
        self.unmade.get(&format!(".{package}")).map(String::as_str)
    }

    /// The Rust path of the package of a type, and the rest of its name.
    fn module<'a>(&self, full: &'a str) -> Option<(String, &'a str)> {
        let mut dots = full.rmatch_indices('.').map(|(dot, _)| dot);
        dots.find_map(|dot| Some((self.paths.get(&full[..dot])?.clone(), &full[dot + 1..])))
    }
}

/// The name under which a module exports the crate of another contract. No name of a contract begins with `__`.
fn exported(library: &str) -> Ident {
    ident(&format!("__{library}"))
}

/// `users::consultant::Kind` of the message `Consultant` in the module `users`.
fn path_of(module: &str, outer: &str, name: &Ident) -> Option<syn::Path> {
    let outer = outer.split('.').filter(|message| !message.is_empty());
    let module = (!module.is_empty()).then(|| module.to_owned());
    let parts = module
        .into_iter()
        .chain(outer.map(|message| snake(message).to_string()));
    let parts: Vec<String> = parts.chain([name.to_string()]).collect();
    syn::parse_str(&parts.join("::")).ok()
}

/// The names in a module or type.
#[derive(Default)]
pub struct Scope(BTreeMap<String, Option<Declared>>);

/// What has a name, and its descriptor. Its line is looked up only when it is told: a file has many.
struct Declared(String, FileDescriptor, Vec<i32>);

impl Scope {
    /// Takes a name for a declaration of the contract. If another one has it, the contract is refused.
    pub fn claim(
        &mut self,
        name: &Ident,
        what: &str,
        (file, path): (&FileDescriptor, &[i32]),
        problems: &mut Error,
    ) {
        if name == NAMELESS {
            let problem = format_args!("{what} needs a letter or a digit in its name");
            return problems.add(file, path, problem);
        }
        let declared = Declared(what.to_owned(), file.clone(), path.to_owned());
        if let Some(Some(other)) = self.0.insert(name.to_string(), Some(declared)) {
            let Declared(other, in_file, at) = other;
            let there = place(&in_file, &at);
            problems.add(
                file,
                path,
                format_args!(
                    "{what} and {other} ({there}) would both be `{name}` in Rust: rename one of them"
                ),
            );
        }
    }

    /// Takes names that Rust or a library has.
    pub fn reserve<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names = names.into_iter().map(|name| (name.to_owned(), None));
        self.0.extend(names);
    }

    /// Takes a name for what is generated beside the declarations: the one wanted, with `_` behind it while it is taken.
    pub fn free(&mut self, wanted: &str) -> Ident {
        let mut name = wanted.to_owned();
        while self.0.contains_key(&ident(&name).to_string()) {
            name.push('_');
        }
        let name = ident(&name);
        self.0.insert(name.to_string(), None);
        name
    }
}

/// The name of the enum that prost generates for a oneof: another one if a type beside it has its name.
pub fn oneof(oneof: &OneofDescriptor) -> Ident {
    let message = oneof.parent_message();
    let name = camel(oneof.name());
    // prost also looks at the entries of maps, which have no type.
    let messages = message.child_messages().map(|nested| camel(nested.name()));
    let mut types = messages.chain(message.child_enums().map(|nested| camel(nested.name())));
    match types.any(|nested| nested == name) {
        true => Ident::new(&format!("{name}OneOf"), Span::call_site()),
        false => name,
    }
}

/// The variants that prost generates for an enum, each with its number.
pub fn variants(values: &EnumDescriptor) -> Vec<(Ident, i32)> {
    let prefix = camel(values.name()).to_string();
    let variant = |name: &str| {
        let name = camel(name).to_string();
        // A prefix ends where the next word begins.
        let short = name.strip_prefix(&prefix);
        let short = short.filter(|rest| rest.starts_with(char::is_uppercase));
        ident(short.unwrap_or(&name))
    };
    values
        .values()
        .map(|value| (variant(value.name()), value.number()))
        .collect()
}

/// The identifier of a field, method or module.
pub fn snake(name: &str) -> Ident {
    ident(&name.to_snake_case())
}

/// The identifier of a type, or of a variant of a oneof.
pub fn camel(name: &str) -> Ident {
    ident(&name.to_upper_camel_case())
}

/// The identifier of a field in Rust.
pub fn field(field: &FieldDescriptor) -> Ident {
    snake(&for_prost(field.name(), is_map_of_enums(field)))
}

/// The name of a field, as prost must have it. Of a map of enums it makes functions such as `get_colors`, which cannot be
/// if the name is a keyword of Rust.
pub fn for_prost(name: &str, is_map_of_enums: bool) -> String {
    match is_map_of_enums && snake(name).to_string().starts_with("r#") {
        true => format!("{name}_map"),
        false => name.to_owned(),
    }
}

fn is_map_of_enums(field: &FieldDescriptor) -> bool {
    let kind = field.kind();
    let entry = kind.as_message().filter(|_| field.is_map());
    entry.is_some_and(|entry| entry.map_entry_value_field().kind().as_enum().is_some())
}

/// The functions that prost makes for a field outside oneofs.
pub fn functions(field: &FieldDescriptor) -> Vec<Ident> {
    let name = self::field(field).unraw().to_string();
    let forms: &[&str] = match field.kind() {
        _ if is_map_of_enums(field) => &["get_", "insert_"],
        Kind::Enum(_) if field.is_list() => &["", "push_"],
        Kind::Enum(_) => &["", "set_"],
        Kind::Message(_) => &[],
        _ if field.is_list() => &[],
        _ if field.supports_presence() => &[""],
        _ => &[],
    };
    forms
        .iter()
        .map(|form| ident(&format!("{form}{name}")))
        .collect()
}

/// Stands for a name without letters and digits, which nothing in Rust can have.
const NAMELESS: &str = "__";

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
        "" => Ident::new(NAMELESS, here),
        "_" | "super" | "self" | "Self" | "extern" | "crate" => {
            Ident::new(&format!("{name}_"), here)
        }
        name if name.starts_with(|first: char| first.is_numeric()) => {
            Ident::new(&format!("_{name}"), here)
        }
        name => Ident::new(name, here),
    }
}
