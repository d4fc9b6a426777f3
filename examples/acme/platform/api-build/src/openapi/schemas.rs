//! Schemas of messages and fields.

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::{comment, described, rules};
use crate::{names::real_oneof, options};

/// What a message is described for.
#[derive(Clone, Copy, PartialEq)]
pub enum Use {
    Answered,
    Sent,
    /// Sent in an update: what is missing is left as it is.
    Patched,
}

/// The schemas that the operations refer to, by name.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    pub fn finish(mut self) -> BTreeMap<String, Value> {
        self.0.insert("google.rpc.Status".to_owned(), status());
        self.0
    }

    /// A field in a body.
    pub fn field(&mut self, field: &FieldDescriptor, usage: Use) -> Value {
        let values = options::rules(field);

        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let mut schema = json!({
                    "type": "object",
                    "additionalProperties": self.value(&entry.map_entry_value_field(), usage),
                });
                rules::map(&mut schema, values.as_ref());
                schema
            }
            _ if field.is_list() => {
                let mut schema = json!({"type": "array", "items": self.value(field, usage)});
                rules::list(&mut schema, values.as_ref());
                schema
            }
            _ => {
                let mut schema = self.value(field, usage);
                rules::value(
                    &mut schema,
                    &field.kind(),
                    values.as_ref(),
                    usage == Use::Answered,
                );
                schema
            }
        }
    }

    /// A field in the path or the query, where every value is text and a list repeats its name.
    pub fn parameter(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = match field.kind() {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "uint32", "minimum": 0})
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "integer", "format": "int64"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "integer", "format": "uint64", "minimum": 0})
            }
            Kind::Double | Kind::Float => json!({"type": "number"}),
            _ => self.value(field, Use::Sent),
        };
        let values = options::rules(field);
        if field.is_list() {
            schema = json!({"type": "array", "items": schema});
            rules::list(&mut schema, values.as_ref());
        } else {
            rules::value(&mut schema, &field.kind(), values.as_ref(), false);
        }
        schema
    }

    /// One value of a field, whatever its cardinality.
    fn value(&mut self, field: &FieldDescriptor, usage: Use) -> Value {
        let answered = usage == Use::Answered;
        match field.kind() {
            Kind::Double | Kind::Float if answered => json!({"type": "number"}),
            Kind::Double | Kind::Float => json!({"type": ["number", "string"], "pattern": NUMBER}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                integer("int32", i32::MIN.into(), i32::MAX.into(), answered)
            }
            Kind::Uint32 | Kind::Fixed32 => integer("uint32", 0, u32::MAX.into(), answered),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => long("int64", "^-?[0-9]+$", answered),
            Kind::Uint64 | Kind::Fixed64 => long("uint64", "^[0-9]+$", answered),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => {
                json!({"type": "string", "format": "byte", "contentEncoding": "base64", "pattern": BASE64})
            }
            Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue" => {
                json!({"type": "null"})
            }
            Kind::Enum(e) => {
                let names = e.values().map(|value| Value::from(value.name()));
                let numbers = e.values().map(|value| Value::from(value.number()));
                let values: Vec<_> = if answered {
                    names.collect()
                } else {
                    names.chain(numbers).collect()
                };
                json!({"enum": values})
            }
            Kind::Message(message) => self.message(&message, usage),
        }
    }

    /// A whole message: well-known ones where they are used, the others by reference.
    pub fn message(&mut self, message: &MessageDescriptor, usage: Use) -> Value {
        if let Some(schema) = self.well_known(message, usage) {
            return schema;
        }
        let suffix = match usage {
            Use::Sent if !message.name().ends_with("Request") => ".Input",
            Use::Patched => ".Patch",
            Use::Answered | Use::Sent => "",
        };
        let name = format!("{}{suffix}", message.full_name());
        if !self.0.contains_key(&name) {
            // There before its fields are: a message may contain itself.
            self.0.insert(name.clone(), Value::Null);
            let schema = self.object(message, usage);
            self.0.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn object(&mut self, message: &MessageDescriptor, usage: Use) -> Value {
        // A resource within the patched one is replaced as a whole.
        let inner = if usage == Use::Patched && !message.name().ends_with("Request") {
            Use::Sent
        } else {
            usage
        };
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields() {
            let behavior = options::behavior(&field);
            if usage == Use::Answered && behavior.input_only {
                continue;
            }
            let must = match usage {
                Use::Answered => real_oneof(&field).is_none(),
                Use::Sent => behavior.required,
                Use::Patched => false,
            };
            let schema = self.field(&field, inner);
            let optional = match usage {
                Use::Answered => field.supports_presence() && real_oneof(&field).is_none(),
                Use::Sent | Use::Patched => !must,
            };
            let schema = if optional { nullable(schema) } else { schema };
            let mut schema = described(&field, schema);
            if usage != Use::Answered && (behavior.output_only || behavior.identifier) {
                schema["readOnly"] = true.into();
            }
            if must {
                required.push(field.json_name().to_owned());
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut object = json!({"type": "object", "properties": properties});
        let text = comment(&message.parent_file(), message.path());
        if !text.is_empty() {
            object["description"] = text.into();
        }
        if !required.is_empty() {
            object["required"] = required.into();
        }
        if usage != Use::Answered {
            object["additionalProperties"] = false.into();
        }
        object
    }

    fn well_known(&mut self, message: &MessageDescriptor, usage: Use) -> Option<Value> {
        let schema = match message.full_name() {
            "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
            "google.protobuf.Duration" => {
                json!({"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"})
            }
            "google.protobuf.FieldMask" => json!({
                "type": "string",
                "description": "Names of fields, separated by commas; `*` stands for all",
            }),
            "google.protobuf.Struct" => json!({"type": "object"}),
            "google.protobuf.ListValue" => json!({"type": "array"}),
            "google.protobuf.Value" => json!({}),
            "google.protobuf.Any" => {
                json!({"type": "object", "properties": {"@type": {"type": "string"}}})
            }
            "google.protobuf.Empty" => json!({"type": "object", "additionalProperties": false}),
            "google.api.HttpBody" => json!({"format": HTTP_BODY}),
            "google.type.Decimal" => json!({
                "type": "object",
                "properties": {"value": {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$", "examples": ["12.50"]}},
                "required": ["value"],
                "additionalProperties": false,
            }),
            "google.type.Date" => json!({
                "type": "object",
                "properties": {
                    "year": {"type": "integer", "minimum": 1, "maximum": 9999},
                    "month": {"type": "integer", "minimum": 1, "maximum": 12},
                    "day": {"type": "integer", "minimum": 1, "maximum": 31},
                },
                "required": ["year", "month", "day"],
                "additionalProperties": false,
            }),
            name if name.starts_with("google.protobuf.") && name.ends_with("Value") => {
                self.value(&message.get_field_by_name("value")?, usage)
            }
            _ => return None,
        };
        Some(schema)
    }
}

/// Whether a schema is the one of `google.api.HttpBody`, which is no JSON at all.
pub fn is_http_body(schema: &Value) -> bool {
    schema["format"] == HTTP_BODY
}

const HTTP_BODY: &str = "binary";

/// Any exponent of two digits is in the range of a double.
const NUMBER: &str = r"^-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][-+]?[0-9]{1,2})?$";

/// Both alphabets of RFC 4648, with or without padding.
const BASE64: &str = "^[A-Za-z0-9+/_-]*={0,2}$";

/// proto3 JSON takes 32-bit integers as text, too, and answers with numbers.
fn integer(format: &str, minimum: i64, maximum: i64, answered: bool) -> Value {
    let mut schema =
        json!({"type": "integer", "format": format, "minimum": minimum, "maximum": maximum});
    if !answered {
        schema["type"] = json!(["integer", "string"]);
        schema["pattern"] = if minimum < 0 {
            "^-?[0-9]+$"
        } else {
            "^[0-9]+$"
        }
        .into();
    }
    schema
}

/// proto3 JSON answers 64-bit integers as text, since JavaScript has no such numbers, and takes numbers, too.
fn long(format: &str, pattern: &str, answered: bool) -> Value {
    let types = if answered {
        json!("string")
    } else {
        json!(["string", "integer"])
    };
    json!({"type": types, "format": format, "pattern": pattern})
}

/// The same, or nothing.
pub fn nullable(mut schema: Value) -> Value {
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
        return schema;
    }
    match schema["type"].take() {
        Value::String(one) if one == "null" => schema["type"] = one.into(),
        Value::String(one) => schema["type"] = json!([one, "null"]),
        Value::Array(mut types) => {
            types.push("null".into());
            schema["type"] = types.into();
        }
        _ if schema.get("$ref").is_some() => {
            schema = json!({"anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}]});
        }
        // No type: everything is allowed already.
        _ => schema = json!({}),
    }
    schema
}

fn status() -> Value {
    json!({
        "type": "object",
        "description": "An error (google.rpc.Status).",
        "properties": {
            "code": {"type": "integer", "description": "google.rpc.Code"},
            "message": {"type": "string", "description": "What went wrong, for developers"},
            "details": {
                "type": "array",
                "description": "google.rpc.ErrorInfo with the `reason`, google.rpc.BadRequest with every bad field, …",
                "items": {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]},
            },
        },
        "required": ["code", "message", "details"],
    })
}
