//! `buf.validate` rules in the words of JSON Schema, as far as it has them.

use prost_reflect::{DynamicMessage, Kind, Value as Rule};
use serde_json::{Value, json};

/// Adds the rules of one value.
pub fn value(schema: &mut Value, kind: &Kind, rules: Option<&DynamicMessage>, answered: bool) {
    if let (Kind::String, false) = (kind, answered) {
        // Databases cannot keep NUL; no string may have one.
        schema["pattern"] = r"^[^\u0000]*$".into();
    }
    let Some(rules) = rules.and_then(of_type) else {
        return;
    };
    for (rule, value) in rules.fields() {
        let Some(value) = json(value) else { continue };
        match (rule.name(), kind) {
            ("min_len", Kind::String) => schema["minLength"] = value,
            ("max_len", Kind::String) => schema["maxLength"] = value,
            ("len", Kind::String) => {
                schema["minLength"] = value.clone();
                schema["maxLength"] = value;
            }
            ("pattern", Kind::String) => schema["pattern"] = value,
            ("email", Kind::String) => schema["format"] = "email".into(),
            ("uuid", Kind::String) => {
                schema["format"] = "uuid".into();
                schema["pattern"] = UUID.into();
            }
            ("uri", Kind::String) => schema["format"] = "uri".into(),
            ("hostname", Kind::String) => schema["format"] = "hostname".into(),
            ("ipv4", Kind::String) => schema["format"] = "ipv4".into(),
            ("ipv6", Kind::String) => schema["format"] = "ipv6".into(),
            // Of an integer as text, only the form can be said.
            ("gte", _) if value.is_number() => schema["minimum"] = value,
            ("gt", _) if value.is_number() => schema["exclusiveMinimum"] = value,
            ("lte", _) if value.is_number() => schema["maximum"] = value,
            ("lt", _) if value.is_number() => schema["exclusiveMaximum"] = value,
            ("const", _) if value.is_string() || value.is_boolean() => schema["const"] = value,
            ("in", Kind::String) => schema["enum"] = value,
            ("not_in", Kind::Enum(e)) => {
                let numbers = value.as_array().cloned().unwrap_or_default();
                let refused = |known: &Value| {
                    let number = match known.as_str() {
                        Some(name) => e.get_value_by_name(name).map(|value| json!(value.number())),
                        None => Some(known.clone()),
                    };
                    number.is_some_and(|number| numbers.contains(&number))
                };
                if let (false, Some(values)) = (
                    answered,
                    schema.get_mut("enum").and_then(Value::as_array_mut),
                ) {
                    values.retain(|known| !refused(known));
                }
            }
            _ => (),
        }
    }
}

/// Adds the rules of a list to its schema.
pub fn list(schema: &mut Value, rules: Option<&DynamicMessage>) {
    for (rule, value) in rules
        .and_then(of_type)
        .iter()
        .flat_map(DynamicMessage::fields)
    {
        match (rule.name(), json(value)) {
            ("min_items", Some(value)) => schema["minItems"] = value,
            ("max_items", Some(value)) => schema["maxItems"] = value,
            ("unique", Some(value)) => schema["uniqueItems"] = value,
            _ => (),
        }
    }
}

/// Adds the rules of a map.
pub fn map(schema: &mut Value, rules: Option<&DynamicMessage>) {
    for (rule, value) in rules
        .and_then(of_type)
        .iter()
        .flat_map(DynamicMessage::fields)
    {
        match (rule.name(), json(value)) {
            ("min_pairs", Some(value)) => schema["minProperties"] = value,
            ("max_pairs", Some(value)) => schema["maxProperties"] = value,
            _ => (),
        }
    }
}

const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/// `FieldRules.type`: the rules for the type of the field, such as `StringRules`.
fn of_type(rules: &DynamicMessage) -> Option<DynamicMessage> {
    rules.fields().find_map(|(field, value)| {
        let chosen = field
            .containing_oneof()
            .is_some_and(|oneof| oneof.name() == "type");
        chosen.then(|| value.as_message().cloned()).flatten()
    })
}

fn json(rule: &Rule) -> Option<Value> {
    Some(match rule {
        Rule::Bool(value) => json!(value),
        Rule::I32(value) => json!(value),
        Rule::I64(value) => json!(value),
        Rule::U32(value) => json!(value),
        Rule::U64(value) => json!(value),
        Rule::F32(value) => json!(value),
        Rule::F64(value) => json!(value),
        Rule::EnumNumber(value) => json!(value),
        Rule::String(value) => json!(value),
        Rule::List(values) => values.iter().filter_map(json).collect(),
        _ => return None,
    })
}
