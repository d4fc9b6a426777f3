//! Layers of untyped values, one for each source.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value};

use super::error::Problem;

/// The values of one source.
pub struct Layer {
    /// The name of the source in messages.
    source: String,
    pub(super) values: Value,
}

impl Layer {
    /// Values as JSON; `source` is the name of the layer in messages.
    pub fn new(source: impl Into<String>, values: Value) -> Self {
        Self {
            source: source.into(),
            values,
        }
    }

    /// Values written in YAML; an empty text is an empty layer.
    pub fn yaml(source: impl Into<String>, text: &str) -> Result<Self, Problem> {
        let source = source.into();
        let problem = |message| Problem {
            key: String::new(),
            source: source.clone(),
            message,
        };
        match serde_saphyr::from_str::<Value>(text) {
            Ok(Value::Null) => Ok(Self::new(source, Value::Object(Map::new()))),
            Ok(values @ Value::Object(_)) => Ok(Self::new(source, values)),
            Ok(_) => Err(problem("a map of sections is expected".to_owned())),
            Err(_)
                if text
                    .lines()
                    .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) =>
            {
                Ok(Self::new(source, Value::Object(Map::new())))
            }
            Err(error) => Err(problem(format!(
                "is not YAML: {}",
                first_line(&error.to_string())
            ))),
        }
    }

    /// A file written in YAML.
    pub fn file(path: &Path) -> Result<Self, Problem> {
        let source = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::yaml(source, &text),
            Err(error) => Err(Problem {
                key: String::new(),
                source,
                message: format!("cannot be read: {error}"),
            }),
        }
    }

    /// One value under a key such as `http.port`. Text is accepted where a number or a truth value is expected.
    pub fn value(source: impl Into<String>, key: &str, value: impl Into<Value>) -> Self {
        let values = key.rsplit('.').fold(value.into(), |inner, part| {
            Value::Object(Map::from_iter([(part.to_owned(), inner)]))
        });
        Self::new(source, values)
    }

    /// A variable of this service: for `consultants`, `CONSULTANTS__DATABASE__URL` is `database.url`.
    pub fn variable(service: &str, kind: &str, name: &str, value: &str) -> Option<Self> {
        let key = name
            .strip_prefix(&variable(service, ""))?
            .to_lowercase()
            .replace("__", ".");
        Some(Self::value(format!("{kind} {name}"), &key, value))
    }

    /// Takes `mounted.<service>` out of this layer, as a layer for that service.
    pub fn take_mounted(&mut self, service: &str) -> Option<Self> {
        let mounted = self.values.get_mut("mounted")?.as_object_mut()?;
        let values = mounted.remove(service)?;
        if mounted.is_empty()
            && let Some(values) = self.values.as_object_mut()
        {
            values.remove("mounted");
        }
        Some(Self::new(self.source.clone(), values))
    }
}

/// The name of the environment variable that sets a key of a service.
pub(super) fn variable(service: &str, key: &str) -> String {
    let service = service.replace('-', "_");
    format!("{service}__{}", key.replace('.', "__")).to_uppercase()
}

/// Merges all layers key by key; a later layer wins. Returns the values and the source of each.
pub(super) fn merge(layers: impl IntoIterator<Item = Layer>) -> (Value, BTreeMap<String, String>) {
    let mut merged = Value::Object(Map::new());
    let mut sources = BTreeMap::new();
    for layer in layers {
        put(
            &mut merged,
            layer.values,
            &mut Vec::new(),
            &layer.source,
            &mut sources,
        );
    }
    (merged, sources)
}

/// Puts `new` over `old` and notes the source of each value that is not a map.
fn put(
    old: &mut Value,
    new: Value,
    path: &mut Vec<String>,
    source: &str,
    sources: &mut BTreeMap<String, String>,
) {
    match new {
        // YAML reads an empty section as null. It sets nothing.
        Value::Null if old.is_object() => {}
        Value::Object(new) => {
            if !old.is_object() {
                *old = Value::Object(Map::new());
            }
            let Value::Object(old) = old else { return };
            if new.is_empty() {
                sources.insert(path.join("."), source.to_owned());
            }
            for (key, value) in new {
                path.push(key.clone());
                put(
                    old.entry(key).or_insert(Value::Null),
                    value,
                    path,
                    source,
                    sources,
                );
                path.pop();
            }
        }
        value => {
            *old = value;
            sources.insert(path.join("."), source.to_owned());
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}
