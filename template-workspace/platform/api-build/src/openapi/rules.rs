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
    if kind != &Kind::String && schema.get("pattern").is_some() {
        bound_text(schema);
    }
}

/// Lets a bounded number be text only where it surely is within the bounds. A pattern cannot compare, so it takes whole
/// numbers with fewer digits than the bounds have.
fn bound_text(schema: &mut Value) {
    let bound = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| schema.get(name)?.as_f64());
        (
            value,
            value.map_or(9, |value| format!("{:.0}", value.abs().floor()).len() - 1),
        )
    };
    let (lowest, below) = bound(["minimum", "exclusiveMinimum"]);
    let (highest, above) = bound(["maximum", "exclusiveMaximum"]);
    if lowest.or(highest).is_none() {
        return;
    }
    let mut forms = Vec::new();
    if above > 0
        && lowest.is_none_or(|lowest| lowest <= 0.0)
        && highest.is_none_or(|highest| highest > 0.0)
    {
        forms.push(format!("[1-9][0-9]{{0,{}}}", above - 1));
    }
    if below > 0
        && lowest.is_none_or(|lowest| lowest < 0.0)
        && highest.is_none_or(|highest| highest >= 0.0)
    {
        forms.push(format!("-[1-9][0-9]{{0,{}}}", below - 1));
    }
    if forms.is_empty() {
        if let Some(types) = schema["type"].as_array_mut() {
            types.retain(|kind| kind != "string");
        }
    } else {
        schema["pattern"] = format!("^({})$", forms.join("|")).into();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_number_is_text_only_where_it_is_within_its_bounds() {
        let text = |mut schema: Value| {
            schema["type"] = json!(["integer", "string"]);
            schema["pattern"] = "^-?[0-9]+$".into();
            bound_text(&mut schema);
            (schema["type"] == json!(["integer", "string"])).then(|| schema["pattern"].clone())
        };
        assert_eq!(
            text(json!({"minimum": 0, "maximum": 1000})),
            Some("^([1-9][0-9]{0,2})$".into())
        );
        assert_eq!(
            text(json!({"minimum": -20})),
            Some("^([1-9][0-9]{0,8}|-[1-9][0-9]{0,0})$".into())
        );
        assert_eq!(text(json!({"minimum": 5, "maximum": 1000})), None);
        assert_eq!(text(json!({"exclusiveMinimum": 0, "maximum": 9})), None);
    }
}
