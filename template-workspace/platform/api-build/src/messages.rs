//! For every message: its JSON, its parameters, its paths and its checks.

use std::fmt::Write;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::{
    checks,
    names::{Names, camel, is_optional, is_value, real_oneof, snake},
    problem::Error,
    source::Source,
};

pub fn generate(source: &Source, names: &Names, problems: &mut Error) -> String {
    let mut code = String::new();
    let mut enums: Vec<EnumDescriptor> = source
        .own_files()
        .flat_map(|file| file.enums().collect::<Vec<_>>())
        .collect();
    for message in source.messages() {
        enums.extend(message.child_enums());
        Generator {
            names,
            message: &message,
        }
        .generate(&mut code, problems);
    }
    for descriptor in &enums {
        if let Some(name) = names.ty(descriptor.full_name()) {
            let aliases = aliases(descriptor);
            let _ = writeln!(code, "::api_runtime::json_enum!({name}{aliases});");
        }
    }
    code
}

struct Generator<'a> {
    names: &'a Names,
    message: &'a MessageDescriptor,
}

/// A field and how Rust holds it.
struct Field {
    descriptor: FieldDescriptor,
    /// `r#type`
    ident: String,
    kind: String,
    shape: Shape,
}

enum Shape {
    Value,
    Optional,
    List,
    /// Kinds of key and value.
    Map(String, String),
    /// Path of the variant, identifier of the oneof's field.
    Member(String, String),
}

impl Generator<'_> {
    fn generate(&self, code: &mut String, problems: &mut Error) {
        let Some(fields) = self.fields(problems) else {
            return;
        };
        let ty = self.names.ty(self.message.full_name()).unwrap_or_default();
        let _ = writeln!(code, "::api_runtime::json_message!({ty});");
        let _ = writeln!(code, "impl ::api_runtime::json::Fields for {ty} {{");
        self.write(code, &fields);
        self.read(code, &fields);
        code.push_str("}\n");
        let _ = writeln!(code, "impl ::api_runtime::message::Message for {ty} {{");
        self.set(code, &fields);
        self.has(code, &fields);
        checks::generate(code, self.message, self.names, problems);
        code.push_str("}\n");
    }

    fn fields(&self, problems: &mut Error) -> Option<Vec<Field>> {
        let mut fields = Vec::new();
        for descriptor in self.message.fields() {
            match self.field(&descriptor) {
                Some(field) => fields.push(field),
                None => problems.add(
                    &descriptor.parent_file(),
                    descriptor.path(),
                    format_args!(
                        "nothing makes the type of `{}`: add the crate of its contract to [dependencies] of Cargo.toml \
                         (`users-api = {{ path = \"../users\" }}`), or move the message into a contract under api/",
                        descriptor.name()
                    ),
                ),
            }
        }
        (fields.len() == self.message.fields().len()).then_some(fields)
    }

    fn field(&self, descriptor: &FieldDescriptor) -> Option<Field> {
        let ident = snake(descriptor.name());
        let shape = match descriptor.kind() {
            Kind::Message(entry) if descriptor.is_map() => Shape::Map(
                self.names.kind(&entry.map_entry_key_field().kind())?,
                self.names.kind(&entry.map_entry_value_field().kind())?,
            ),
            _ if descriptor.is_list() => Shape::List,
            _ => match real_oneof(descriptor) {
                Some(oneof) => Shape::Member(
                    format!("{}::{}", self.names.oneof(&oneof), camel(descriptor.name())),
                    snake(oneof.name()),
                ),
                None if is_optional(descriptor) => Shape::Optional,
                None => Shape::Value,
            },
        };
        let kind = match shape {
            Shape::Map(..) => String::new(),
            _ => self.names.kind(&descriptor.kind())?,
        };
        Some(Field {
            descriptor: descriptor.clone(),
            ident,
            kind,
            shape,
        })
    }

    /// `fn write`, for serde.
    fn write(&self, code: &mut String, fields: &[Field]) {
        let _ = writeln!(
            code,
            "    fn write<S: ::api_runtime::serde::Serializer>(&self, object: &mut ::api_runtime::json::Object<S>) \
             -> ::core::result::Result<(), S::Error> {{"
        );
        for Field {
            descriptor,
            ident,
            kind,
            shape,
        } in fields
        {
            let name = descriptor.json_name();
            let _ = match shape {
                Shape::Value => writeln!(
                    code,
                    "        object.value::<{kind}>({name:?}, &self.{ident})?;"
                ),
                Shape::Optional => {
                    writeln!(
                        code,
                        "        object.optional::<{kind}>({name:?}, &self.{ident})?;"
                    )
                }
                Shape::List => writeln!(
                    code,
                    "        object.list::<{kind}>({name:?}, &self.{ident})?;"
                ),
                Shape::Map(key, value) => {
                    writeln!(
                        code,
                        "        object.map::<{key}, {value}>({name:?}, &self.{ident})?;"
                    )
                }
                Shape::Member(variant, oneof) => writeln!(
                    code,
                    "        if let ::core::option::Option::Some({variant}(value)) = &self.{oneof} {{ object.value::<{kind}>({name:?}, value)?; }}"
                ),
            };
        }
        code.push_str("        ::core::result::Result::Ok(())\n    }\n");
    }

    /// `impl Fields`, for serde.
    fn read(&self, code: &mut String, fields: &[Field]) {
        let list: Vec<_> = fields
            .iter()
            .map(|field| field.descriptor.json_name())
            .collect();
        let _ = writeln!(
            code,
            "    const NAMES: &'static [&'static str] = &{list:?};\n    \
             fn field<'de, __A: ::api_runtime::serde::de::MapAccess<'de>>(&mut self, name: &str, map: &mut __A) \
             -> ::core::result::Result<::core::option::Option<usize>, __A::Error> {{\n        \
             use ::api_runtime::json;\n        let place = match name {{"
        );
        for (
            place,
            Field {
                descriptor,
                ident,
                kind,
                shape,
            },
        ) in fields.iter().enumerate()
        {
            let _ = write!(code, "            {} => {{ json::", pattern(descriptor));
            let _ = match shape {
                Shape::Value => write!(code, "value::<{kind}, __A>(map, &mut self.{ident})"),
                Shape::Optional => write!(code, "optional::<{kind}, __A>(map, &mut self.{ident})"),
                Shape::List => write!(code, "list::<{kind}, __A>(map, &mut self.{ident})"),
                Shape::Map(key, value) => {
                    write!(code, "map::<{key}, {value}, __A>(map, &mut self.{ident})")
                }
                Shape::Member(variant, oneof) => write!(
                    code,
                    "member::<{kind}, __A, _>(map, &mut self.{oneof}, |value| {variant}(value.into()))"
                ),
            };
            let _ = writeln!(code, "?; {place} }}");
        }
        code.push_str(
            "            _ => return ::core::result::Result::Ok(::core::option::Option::None),\n        };\n        \
             ::core::result::Result::Ok(::core::option::Option::Some(place))\n    }\n",
        );
    }

    /// `fn set`, for path variables and query parameters.
    fn set(&self, code: &mut String, fields: &[Field]) {
        code.push_str(
            "    fn set(&mut self, path: &str, text: &str) -> ::core::result::Result<::api_runtime::rest::Arity, ::api_runtime::rest::ParamError> {\n        \
             use ::api_runtime::rest::params;\n        \
             let (name, rest) = ::api_runtime::message::split(path);\n        match name {\n",
        );
        for Field {
            descriptor,
            ident,
            kind,
            shape,
        } in fields
        {
            let nested = match descriptor.kind() {
                Kind::Message(message) => !is_value(&message),
                _ => false,
            };
            let call = match shape {
                // Neither has a form in a query.
                Shape::Map(..) => continue,
                Shape::List if nested => continue,
                Shape::Value => format!("value::<{kind}>(&mut self.{ident}, rest, text)"),
                Shape::Optional if nested => {
                    format!("nested(&mut *self.{ident}.get_or_insert_default(), rest, text)")
                }
                Shape::Optional => format!("optional::<{kind}>(&mut self.{ident}, rest, text)"),
                Shape::List => format!("push::<{kind}>(&mut self.{ident}, rest, text)"),
                Shape::Member(variant, oneof) if nested => format!(
                    "nested(match self.{oneof}.get_or_insert_with(|| {variant}(::core::default::Default::default())) {{\n                \
                     {variant}(value) => &mut *value,\n                \
                     _ => return ::core::result::Result::Err(params::taken()),\n            }}, rest, text)"
                ),
                Shape::Member(variant, oneof) => format!(
                    "member::<{kind}, _>(&mut self.{oneof}, rest, text, |value| {variant}(value.into()))"
                ),
            };
            let _ = writeln!(
                code,
                "            {} => params::{call},",
                pattern(descriptor)
            );
        }
        code.push_str(
            "            _ => ::core::result::Result::Err(::api_runtime::rest::ParamError::Unknown),\n        }\n    }\n",
        );
    }

    /// `fn has`, for field masks.
    fn has(&self, code: &mut String, fields: &[Field]) {
        code.push_str(
            "    fn has(path: &str) -> bool {\n        let (name, rest) = ::api_runtime::message::split(path);\n        match name {\n",
        );
        let mut leaves = Vec::new();
        for Field {
            descriptor, shape, ..
        } in fields
        {
            let name = format!("{:?}", descriptor.name());
            match descriptor.kind() {
                Kind::Message(message) if !matches!(shape, Shape::List | Shape::Map(..)) => {
                    let ty = self.names.ty(message.full_name()).unwrap_or_default();
                    let _ = writeln!(
                        code,
                        "            {name} => rest.is_none_or(<{ty} as ::api_runtime::message::Message>::has),"
                    );
                }
                _ => leaves.push(name),
            }
        }
        if !leaves.is_empty() {
            let _ = writeln!(
                code,
                "            {} => rest.is_none(),",
                leaves.join(" | ")
            );
        }
        code.push_str("            _ => false,\n        }\n    }\n");
    }
}

/// The names of an enum that share their number, of which prost knows but one.
fn aliases(descriptor: &EnumDescriptor) -> String {
    let mut aliases = String::new();
    for value in descriptor.values() {
        let mut others = descriptor
            .values()
            .filter(|other| other.name() != value.name());
        if others.any(|other| other.number() == value.number()) {
            let _ = write!(aliases, ", {:?} => {}", value.name(), value.number());
        }
    }
    aliases
}

/// Both names of a field, as a pattern.
fn pattern(field: &FieldDescriptor) -> String {
    let (json, proto) = (field.json_name(), field.name());
    if json == proto {
        format!("{json:?}")
    } else {
        format!("{json:?} | {proto:?}")
    }
}
