//! `buf.validate` rules as JSON Schema, as far as it can express them.

use api_model::{
    message::Kind,
    rule::{Comparison, Limit, Literal, Rule, Test, Unit},
};
use serde_json::{Value, json};

/// Adds the rules of one value; `values` are the values of its enum.
pub fn value(
    schema: &mut Value,
    kind: &Kind,
    values: &[(String, i32)],
    rules: &[Rule],
    answered: bool,
) {
    if let (Kind::String, false) = (kind, answered) {
        // No string may contain NUL, because databases cannot store it.
        schema["pattern"] = r"^[^\u0000]*$".into();
    }
    for rule in rules {
        match (&rule.test, kind) {
            (Test::Length(Unit::Characters, limit, count), Kind::String) => {
                length(schema, *limit, *count, ["minLength", "maxLength"]);
            }
            (Test::Pattern(pattern), Kind::String) => schema["pattern"] = pattern.as_str().into(),
            (Test::Format("uuid"), Kind::String) => {
                schema["format"] = "uuid".into();
                schema["pattern"] = UUID.into();
            }
            (
                Test::Format(format @ ("email" | "uri" | "hostname" | "ipv4" | "ipv6")),
                Kind::String,
            ) => schema["format"] = (*format).into(),
            // For an integer as text, a schema can express only the form.
            (Test::Compare(comparison, limit), _) => {
                if let Some(limit) = limit.json() {
                    schema[keyword(*comparison)] = limit;
                }
            }
            (Test::In(values), Kind::String | Kind::Bool) => match values.as_slice() {
                [one] if rule.id.ends_with(".const") => schema["const"] = json!(one.json()),
                values => schema["enum"] = values.iter().filter_map(Literal::json).collect(),
            },
            (Test::NotIn(refused), Kind::Enum(_)) if !answered => {
                let refused = |known: &Value| {
                    let number = values
                        .iter()
                        .find(|(name, _)| known.as_str() == Some(name))
                        .map_or(known.clone(), |(_, number)| json!(number));
                    refused
                        .iter()
                        .any(|value| value.json().as_ref() == Some(&number))
                };
                let schema = match schema.get_mut("anyOf") {
                    Some(schemas) => &mut schemas[0],
                    None => schema,
                };
                if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                    values.retain(|known| !refused(known));
                }
            }
            _ => (),
        }
    }
    if !rules.is_empty() && *kind != Kind::String && schema.get("pattern").is_some() {
        bound_text(schema);
    }
}

/// Allows a bounded number as text only if every match is within the bounds. A pattern cannot compare, so it matches
/// whole numbers with fewer digits than the bounds.
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

fn keyword(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => "exclusiveMinimum",
        Comparison::AtLeast => "minimum",
        Comparison::Less => "exclusiveMaximum",
        Comparison::AtMost => "maximum",
    }
}

fn length(schema: &mut Value, limit: Limit, count: u64, [least, most]: [&str; 2]) {
    if limit != Limit::AtMost {
        schema[least] = count.into();
    }
    if limit != Limit::AtLeast {
        schema[most] = count.into();
    }
}

/// Adds the rules of a list to its schema.
pub fn list(schema: &mut Value, rules: &[Rule]) {
    for rule in rules {
        match rule.test {
            Test::Length(_, limit, count) => {
                length(schema, limit, count, ["minItems", "maxItems"]);
            }
            Test::Unique => schema["uniqueItems"] = true.into(),
            _ => (),
        }
    }
}

/// Adds the rules of a map to its schema.
pub fn map(schema: &mut Value, rules: &[Rule]) {
    for rule in rules {
        if let Test::Length(_, limit, count) = rule.test {
            length(schema, limit, count, ["minProperties", "maxProperties"]);
        }
    }
}

const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

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
