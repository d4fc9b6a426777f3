//! Layers of untyped values, and how a typed section is taken out of them with every mistake noted.

use std::{collections::BTreeMap, path::Path};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Config,
    error::{ConfigError, Problem},
};

/// The values of one source.
pub struct Layer {
    /// How the source is called in messages.
    source: String,
    values: Value,
}

impl Layer {
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
                "is no YAML: {}",
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

    /// One value under a key such as `http.port`. Text stands for a number or a truth value where one is expected.
    pub fn value(source: impl Into<String>, key: &str, value: impl Into<Value>) -> Self {
        let values = key.rsplit('.').fold(value.into(), |inner, part| {
            Value::Object(Map::from_iter([(part.to_owned(), inner)]))
        });
        Self::new(source, values)
    }

    /// What a variable says, if its name starts with the service's: `CONSULTANTS__DATABASE__URL` is `database.url`.
    pub fn variable(service: &str, kind: &str, name: &str, value: &str) -> Option<Self> {
        let prefix = format!("{}__", service.to_uppercase().replace('-', "_"));
        let key = name
            .strip_prefix(&prefix)?
            .to_lowercase()
            .replace("__", ".");
        Some(Self::value(format!("{kind} {name}"), &key, value))
    }

    /// Takes `mounted.<service>` out of this layer, as a layer for that service.
    pub(crate) fn take_mounted(&mut self, service: &str) -> Option<Self> {
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

/// All layers of one service, merged.
pub struct Layers {
    values: Value,
    /// Which source gave a value, by its key.
    sources: BTreeMap<String, String>,
    /// The service has asked for its own settings.
    settings_are_read: bool,
    problems: Vec<Problem>,
}

impl Layers {
    /// Merges; a later layer wins, key by key.
    pub fn merge(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut merged = Self {
            values: Value::Object(Map::new()),
            sources: BTreeMap::new(),
            settings_are_read: false,
            problems: Vec::new(),
        };
        for layer in layers {
            put(
                &mut merged.values,
                layer.values,
                &mut Vec::new(),
                &layer.source,
                &mut merged.sources,
            );
        }
        merged
    }

    /// The sections that every service has. A key that is wrong is noted and left at its default, so that reading can
    /// go on; nothing may be started before [`Layers::finish`] has agreed.
    pub fn config(&mut self, defaults: &Value) -> Option<Config> {
        let mut values = self.values.clone();
        if let Some(sections) = values.as_object_mut() {
            sections.remove("service");
        }
        self.extract(values, "", Some(defaults))
    }

    /// The service's own settings.
    pub fn settings<T: DeserializeOwned>(&mut self) -> Option<T> {
        self.settings_are_read = true;
        let values = self.values.get("service").cloned();
        self.extract(
            values.unwrap_or_else(|| Value::Object(Map::new())),
            "service",
            None,
        )
    }

    /// Notes a problem from outside.
    pub fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Whether all is well. Settings that the service never asked for are refused like any unknown key.
    pub fn finish(&mut self) -> Result<(), ConfigError> {
        if let Some(Value::Object(left)) = self.values.get("service")
            && !self.settings_are_read
        {
            let unread: Vec<_> = left.keys().map(|key| format!("service.{key}")).collect();
            unread.into_iter().for_each(|key| self.unknown(key));
        }
        let mut problems = std::mem::take(&mut self.problems);
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { problems })
        }
    }

    /// Reads `values` as a `T`. When a value is refused, it is noted, replaced by its default or left out, and the
    /// reading starts again: so one run finds every mistake.
    fn extract<T: DeserializeOwned>(
        &mut self,
        mut values: Value,
        section: &str,
        defaults: Option<&Value>,
    ) -> Option<T> {
        let mut removed: Vec<Vec<String>> = Vec::new();
        loop {
            let mut unknown = Vec::new();
            let mut track = serde_path_to_error::Track::new();
            let deserializer = serde_path_to_error::Deserializer::new(&values, &mut track);
            let error =
                match serde_ignored::deserialize(deserializer, |path| unknown.push(keys_of(&path)))
                {
                    Ok(value) => {
                        unknown
                            .into_iter()
                            .for_each(|path| self.unknown(full_key(section, &path)));
                        return Some(value);
                    }
                    Err(error) => error,
                };
            let path: Vec<String> = track.path().iter().map(ToString::to_string).collect();
            if reread_text(&mut values, &path) {
                continue;
            }
            let message = error.to_string();
            // That a value is missing which was refused before is no news.
            let known = missing_field(&message)
                .is_some_and(|field| removed.contains(&with(path.clone(), field.to_owned())));
            if !known {
                let key = full_key(section, &path);
                let source = self.source_of(&key);
                self.note(Problem {
                    key,
                    source,
                    message,
                });
            }
            let default = defaults
                .and_then(|defaults| lookup(defaults, &path))
                .cloned();
            // Without a default the section cannot be completed: its other values have been looked at by now.
            if path.is_empty() || removed.contains(&path) || !replace(&mut values, &path, default) {
                return None;
            }
            removed.push(path);
        }
    }

    fn unknown(&mut self, key: String) {
        let source = self.source_of(&key);
        self.note(Problem {
            key,
            source,
            message: "there is no such key".to_owned(),
        });
    }

    /// The source of a key, or, for a map, of the first value in it.
    fn source_of(&self, key: &str) -> String {
        let inside = format!("{key}.");
        let found = self.sources.get(key).or_else(|| {
            self.sources
                .range(inside.clone()..)
                .take_while(|(path, _)| path.starts_with(&inside))
                .map(|(_, source)| source)
                .next()
        });
        found.cloned().unwrap_or_default()
    }
}

/// Puts `new` over `old`, noting the source of each value that is not a map.
fn put(
    old: &mut Value,
    new: Value,
    path: &mut Vec<String>,
    source: &str,
    sources: &mut BTreeMap<String, String>,
) {
    match new {
        // A section without a line in it is null in YAML and means "nothing to say".
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

/// Text from the environment is tried as what it looks like: `8101` as a number. True when it was changed.
fn reread_text(values: &mut Value, path: &[String]) -> bool {
    let Some(value) = lookup_mut(values, path) else {
        return false;
    };
    let Value::String(text) = &*value else {
        return false;
    };
    match serde_json::from_str::<Value>(text) {
        Ok(read) if !read.is_string() => {
            *value = read;
            true
        }
        _ => false,
    }
}

fn lookup<'a>(values: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(values, |value, key| child(value, key))
}

fn child<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    }
}

fn lookup_mut<'a>(values: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(values, |value, key| match value {
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        value => value.get_mut(key),
    })
}

/// Puts the default in the place of a value, or removes the value. False when there is no such place.
fn replace(values: &mut Value, path: &[String], default: Option<Value>) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    match (lookup_mut(values, parents), default) {
        (Some(Value::Object(map)), Some(default)) => map.insert(last.clone(), default).is_some(),
        (Some(Value::Object(map)), None) => map.remove(last).is_some(),
        // An item of a list: the list goes as a whole.
        (Some(Value::Array(_)), _) => replace(values, parents, None),
        _ => false,
    }
}

fn full_key(section: &str, path: &[String]) -> String {
    let parts = (!section.is_empty())
        .then_some(section)
        .into_iter()
        .chain(path.iter().map(String::as_str));
    parts.collect::<Vec<_>>().join(".")
}

fn keys_of(path: &serde_ignored::Path<'_>) -> Vec<String> {
    use serde_ignored::Path;
    match path {
        Path::Root => Vec::new(),
        Path::Seq { parent, index } => with(keys_of(parent), index.to_string()),
        Path::Map { parent, key } => with(keys_of(parent), key.clone()),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => keys_of(parent),
    }
}

fn with(mut keys: Vec<String>, key: String) -> Vec<String> {
    keys.push(key);
    keys
}

fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

#[cfg(test)]
mod tests;
