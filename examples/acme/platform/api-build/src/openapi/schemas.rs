//! Schemas of messages and fields.

use std::collections::BTreeMap;

use api_model::{
    message::{Enum, Field, Kind, Message, NULL_VALUE, Shape, Types},
    rule::{Rule, Test},
};
use serde_json::{Map, Value, json};

use super::rules;

/// The use of a message.
#[derive(Clone, Copy, PartialEq)]
pub enum Use {
    Answered,
    Sent,
    /// Sent in an update: missing fields stay unchanged.
    Patched,
}

/// The schemas that the operations refer to, by name.
pub struct Schemas<'a> {
    pub types: &'a Types,
    schemas: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    pub fn new(types: &'a Types) -> Self {
        Self {
            types,
            schemas: BTreeMap::new(),
        }
    }

    pub fn finish(mut self) -> BTreeMap<String, Value> {
        self.schemas
            .insert("google.rpc.Status".to_owned(), status());
        self.schemas
    }

    /// The schema of a field in a body.
    pub fn field(&mut self, field: &Field, usage: Use) -> Value {
        let value = self.value(&field.kind, rules_of_one(field), usage);
        match &field.shape {
            Shape::Map(_) => {
                let mut schema = json!({"type": "object", "additionalProperties": value});
                rules::map(&mut schema, &field.rules.own);
                schema
            }
            Shape::List => self.list(field, value),
            Shape::Value | Shape::Optional | Shape::Member(..) => {
                self.ruled(field, value, usage == Use::Answered)
            }
        }
    }

    /// The schema of a field in the path or the query, where every value is text and a list repeats its name.
    pub fn parameter(&mut self, field: &Field) -> Value {
        let schema = match &field.kind {
            Kind::Int32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 => json!({"type": "integer", "format": "uint32", "minimum": 0}),
            Kind::Int64 => json!({"type": "integer", "format": "int64"}),
            Kind::Uint64 => json!({"type": "integer", "format": "uint64", "minimum": 0}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            kind => self.value(kind, rules_of_one(field), Use::Sent),
        };
        match &field.shape {
            Shape::List => self.list(field, schema),
            _ => self.ruled(field, schema, false),
        }
    }

    fn list(&self, field: &Field, items: Value) -> Value {
        let mut schema = json!({"type": "array", "items": items});
        rules::list(&mut schema, &field.rules.own);
        schema
    }

    fn ruled(&self, field: &Field, mut schema: Value, answered: bool) -> Value {
        let values = match &field.kind {
            Kind::Enum(name) => self.types.enums[name].values.as_slice(),
            _ => &[],
        };
        rules::value(&mut schema, &field.kind, values, &field.rules.own, answered);
        schema
    }

    /// The schema of one value of a field, without its shape.
    fn value(&mut self, kind: &Kind, rules: &[Rule], usage: Use) -> Value {
        let answered = usage == Use::Answered;
        match kind {
            Kind::Double | Kind::Float if answered => json!({"type": "number"}),
            Kind::Double | Kind::Float => json!({"type": ["number", "string"], "pattern": NUMBER}),
            Kind::Int32 => integer("int32", i32::MIN.into(), i32::MAX.into(), answered),
            Kind::Uint32 => integer("uint32", 0, u32::MAX.into(), answered),
            Kind::Int64 => long("int64", "^-?[0-9]+$", answered),
            Kind::Uint64 => long("uint64", "^[0-9]+$", answered),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => {
                json!({"type": "string", "format": "byte", "contentEncoding": "base64", "pattern": BASE64})
            }
            Kind::Enum(name) if name == NULL_VALUE => json!({"type": "null"}),
            Kind::Enum(name) => {
                let is_closed = rules.iter().any(|rule| matches!(rule.test, Test::Defined));
                enumeration(&self.types.enums[name], is_closed, answered)
            }
            Kind::Message(message) => self.message(message, usage),
        }
    }

    /// The schema of a message: well-known types inline, others by reference.
    pub fn message(&mut self, message: &str, usage: Use) -> Value {
        let message = &self.types.messages[message];
        if let Some(schema) = self.well_known(message, usage) {
            return schema;
        }
        let suffix = match usage {
            Use::Sent if !message.name.ends_with("Request") => ".Input",
            Use::Patched => ".Patch",
            Use::Answered | Use::Sent => "",
        };
        let name = format!("{}{suffix}", message.full_name);
        if !self.schemas.contains_key(&name) {
            // Inserted before the fields are visited, because a message may contain itself.
            self.schemas.insert(name.clone(), Value::Null);
            let schema = self.object(message, usage);
            self.schemas.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn object(&mut self, message: &Message, usage: Use) -> Value {
        // A message inside a patched resource is replaced as a whole.
        let inner = if usage == Use::Patched && !message.name.ends_with("Request") {
            Use::Sent
        } else {
            usage
        };
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in &message.fields {
            let behavior = field.behavior;
            if usage == Use::Answered && behavior.input_only {
                continue;
            }
            let must = match usage {
                // An unset Value is left out, because null is a value of it.
                Use::Answered => {
                    let is_optional = matches!(field.shape, Shape::Optional);
                    let is_left_out = field.is_member() || is_optional && holds_null(field);
                    !is_left_out
                }
                Use::Sent => behavior.required,
                Use::Patched => false,
            };
            let schema = self.field(field, inner);
            let optional = match usage {
                Use::Answered => matches!(field.shape, Shape::Optional),
                Use::Sent | Use::Patched => !must,
            };
            let schema = if optional { nullable(schema) } else { schema };
            let mut schema = described(field, schema);
            if usage != Use::Answered && (behavior.output_only || behavior.identifier) {
                schema["readOnly"] = true.into();
            }
            if must {
                required.push(field.json.clone());
            }
            properties.insert(field.json.clone(), schema);
        }
        let mut object = json!({"type": "object", "properties": properties});
        let text = message.comment.paragraphs();
        if !text.is_empty() {
            object["description"] = text.into();
        }
        if message.deprecated {
            object["deprecated"] = true.into();
        }
        if !required.is_empty() {
            object["required"] = required.into();
        }
        if usage != Use::Answered {
            object["additionalProperties"] = false.into();
        }
        object
    }

    fn well_known(&mut self, message: &Message, usage: Use) -> Option<Value> {
        let schema = match message.full_name.as_str() {
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
                self.value(&message.field("value")?.kind, &[], usage)
            }
            _ => return None,
        };
        Some(schema)
    }
}

/// Adds the comment of a field.
pub fn described(field: &Field, mut value: Value) -> Value {
    let mut text = field.comment.paragraphs();
    if let Some(visibility) = &field.visible_to {
        let owner = visibility.owner.as_ref();
        let owner = owner.map(|owner| format!("its owner (`{owner}`)"));
        let roles = visibility
            .any_role
            .iter()
            .map(|role| format!("the role `{role}`"));
        let seers: Vec<String> = owner.into_iter().chain(roles).collect();
        let sentence = format!(
            "Only for {}; unset for everybody else.",
            seers.join(" and ")
        );
        text = format!("{text}\n\n{sentence}").trim().to_owned();
    }
    if !text.is_empty() {
        value["description"] = text.into();
    }
    if field.deprecated {
        value["deprecated"] = true.into();
    }
    value
}

/// The rules of a single value of the field, which may have several.
fn rules_of_one(field: &Field) -> &[Rule] {
    match &field.shape {
        Shape::List | Shape::Map(_) => &field.rules.items.rules,
        Shape::Value | Shape::Optional | Shape::Member(..) => &field.rules.own,
    }
}

/// Whether null is a value of the field, and not its absence.
fn holds_null(field: &Field) -> bool {
    match &field.kind {
        Kind::Enum(name) => name == NULL_VALUE,
        kind => kind.is("google.protobuf.Value"),
    }
}

/// proto3 JSON writes a number that has no name as a number, and accepts any number. Only the rule `defined_only` refuses
/// numbers without a name.
fn enumeration(values: &Enum, is_closed: bool, answered: bool) -> Value {
    let names = || {
        values
            .values
            .iter()
            .map(|(name, _)| Value::from(name.as_str()))
    };
    let mut schema = match (is_closed, answered) {
        (true, true) => json!({"type": "string", "enum": names().collect::<Value>()}),
        (true, false) => {
            let numbers = values.values.iter().map(|(_, number)| Value::from(*number));
            let all: Value = names().chain(numbers).collect();
            json!({"type": ["string", "integer"], "enum": all})
        }
        (false, _) => json!({
            "anyOf": [
                {"type": "string", "enum": names().collect::<Value>()},
                {"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX},
            ],
        }),
    };
    if values.deprecated {
        schema["deprecated"] = true.into();
    }
    schema
}

/// Whether this is the schema of `google.api.HttpBody`, which is not JSON.
pub fn is_http_body(schema: &Value) -> bool {
    schema["format"] == HTTP_BODY
}

const HTTP_BODY: &str = "binary";

/// Two digits of exponent always fit into a double.
const NUMBER: &str = r"^-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][-+]?[0-9]{1,2})?$";

/// Both alphabets of RFC 4648, with or without padding.
const BASE64: &str = "^[A-Za-z0-9+/_-]*={0,2}$";

/// proto3 JSON accepts 32-bit integers as text, too, and writes them as numbers.
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

/// proto3 JSON writes 64-bit integers as text, because JavaScript cannot represent them, and accepts numbers, too.
fn long(format: &str, pattern: &str, answered: bool) -> Value {
    let types = if answered {
        json!("string")
    } else {
        json!(["string", "integer"])
    };
    json!({"type": types, "format": format, "pattern": pattern})
}

/// The same schema, or null.
pub fn nullable(mut schema: Value) -> Value {
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    if let Some(schemas) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        schemas.push(json!({"type": "null"}));
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
        // A schema without a type already allows null.
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
