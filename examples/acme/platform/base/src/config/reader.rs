//! Reads sections from the merged values and notes every mistake.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ConfigError, Layer, Problem, Setting, layers};

/// The section for the service's own settings.
pub const SETTINGS: &str = "service";

/// The values of one service, from all its sources.
pub struct Configuration {
    service: &'static str,
    values: Value,
    /// The source of each value, by key.
    sources: BTreeMap<String, String>,
    /// Every key that a section has read.
    shown: Vec<Shown>,
    problems: Vec<Problem>,
}

/// A key with its documentation and its effective value.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Such as `database.url`.
    pub key: String,
    /// The comment of its declaration.
    pub doc: String,
    /// The kind of the value, such as `duration`.
    pub kind: &'static str,
    /// `None` for a required key.
    pub default: Option<Value>,
    /// The value in use. `None` when a required key is missing; `(secret)` for a secret that is set.
    pub value: Option<String>,
    /// The source of the value.
    pub source: String,
    /// The lowest and the highest value allowed.
    pub bounds: Option<(Value, Value)>,
}

impl Shown {
    /// The environment variable that sets the key for this service.
    pub fn variable(&self, service: &str) -> String {
        layers::variable(service, &self.key)
    }
}

/// A key as its section declares it.
pub struct Key {
    name: &'static str,
    doc: String,
    default: Option<Value>,
    secret: bool,
    bounds: Option<(Value, Value)>,
}

impl Key {
    #[doc(hidden)]
    pub fn new(name: &'static str, doc: &[&str]) -> Self {
        let lines: Vec<_> = doc.iter().map(|line| line.trim()).collect();
        Self {
            name,
            doc: lines.join(" "),
            default: None,
            secret: false,
            bounds: None,
        }
    }

    /// The value that is used when no source sets the key.
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Hides the value in all output.
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The lowest and the highest value, both allowed.
    pub fn within(mut self, least: impl Into<Value>, most: impl Into<Value>) -> Self {
        self.bounds = Some((least.into(), most.into()));
        self
    }
}

impl Configuration {
    /// Merges the layers key by key; a later layer wins.
    pub fn new(service: &'static str, layers: impl IntoIterator<Item = Layer>) -> Self {
        let (values, sources) = layers::merge(layers);
        Self {
            service,
            values,
            sources,
            shown: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Reads a section: at the root (`""`) or under a key such as `service`. `None` when a required key is missing or
    /// wrong.
    pub fn read<S: Section>(&mut self, at: &str) -> Option<S> {
        let path = at.split('.').filter(|part| !part.is_empty());
        let path = path.map(str::to_owned).collect();
        S::read(&mut Reader {
            configuration: self,
            path,
        })
    }

    /// Notes a mistake that was found elsewhere, to be reported with the others.
    pub fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Every key that was read, in the order of the declarations.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Succeeds if there was no mistake.
    ///
    /// # Errors
    /// Every mistake, and every key that no section has read.
    pub fn finish(&mut self) -> Result<(), ConfigError> {
        let mut unknown = Vec::new();
        self.find_unknown(&self.values, &mut Vec::new(), &mut unknown);
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(unknown);
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { problems })
        }
    }

    fn find_unknown(&self, value: &Value, path: &mut Vec<String>, unknown: &mut Vec<Problem>) {
        let key = path.join(".");
        if self.shown.iter().any(|shown| shown.key == key) {
            return;
        }
        let inside = format!("{key}.");
        let is_section = key.is_empty()
            || key == SETTINGS
            || self
                .shown
                .iter()
                .any(|shown| shown.key.starts_with(&inside));
        match value {
            Value::Object(members) if is_section => {
                for (name, value) in members {
                    path.push(name.clone());
                    self.find_unknown(value, path, unknown);
                    path.pop();
                }
            }
            // YAML reads an empty section as null.
            Value::Null => {}
            _ if is_section => {}
            _ => {
                let source = self.source_of(&key);
                let message = match self.nearest(&key) {
                    Some(near) => format!("there is no such key; is `{near}` meant?"),
                    None => "there is no such key".to_owned(),
                };
                unknown.push(Problem {
                    key,
                    source,
                    message,
                });
            }
        }
    }

    /// The known key that a misspelt key probably means.
    fn nearest(&self, key: &str) -> Option<&str> {
        let distance = |shown: &Shown| strsim::damerau_levenshtein(&shown.key, key);
        let nearest = self.shown.iter().min_by_key(|shown| distance(shown))?;
        (distance(nearest) <= 2).then_some(&nearest.key)
    }

    /// The variables that look like misspelt keys of this service, each with the right spelling: `CORE_HTTP__PORT` for
    /// `CORE__HTTP__PORT`. Variables that Kubernetes sets for a service of the same name are left out.
    pub fn misspelt<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, String)> {
        let words = |name: &str| {
            let parts = name.split('_').filter(|part| !part.is_empty());
            parts.map(str::to_ascii_lowercase).collect::<Vec<_>>()
        };
        let prefix = self.service.to_uppercase().replace('-', "_");
        let mut misspelt = Vec::new();
        for name in names {
            let Some(rest) = name.strip_prefix(&prefix) else {
                continue;
            };
            if rest.starts_with("__") || !rest.starts_with('_') || is_from_kubernetes(rest) {
                continue;
            }
            let rest = words(rest).join("_");
            let near = self.shown.iter().find(|shown| {
                let key = shown.key.replace('.', "_");
                strsim::damerau_levenshtein(&key, &rest) <= 1
            });
            if let Some(shown) = near {
                misspelt.push((name, shown.variable(self.service)));
            }
        }
        misspelt
    }

    /// The source of a key, or, for a section, of the first value in it.
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

/// Kubernetes sets these variables for every service: `CORE_SERVICE_HOST`, `CORE_SERVICE_PORT_HTTP`, `CORE_PORT`,
/// `CORE_PORT_8101_TCP_ADDR`. <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_from_kubernetes(rest: &str) -> bool {
    let is = |name: &str| {
        rest.strip_prefix(name)
            .is_some_and(|more| more.is_empty() || more.starts_with('_'))
    };
    is("_SERVICE_HOST") || is("_SERVICE_PORT") || is("_PORT")
}

/// A place in the configuration, from which keys are read.
pub struct Reader<'a> {
    configuration: &'a mut Configuration,
    path: Vec<String>,
}

impl Reader<'_> {
    /// Reads the value of a key. A wrong value is noted, and the default is returned in its place.
    pub(super) fn value<T: Setting>(&mut self, key: Key) -> Option<T> {
        let full = self.full(key.name);
        let default = key.default.map(|value| self.completed(value));
        let written = self.written(key.name).filter(|value| !value.is_null());
        let found = written.as_ref().or(default.as_ref());
        let read = found.map(|value| Self::checked::<T>(value, key.bounds.as_ref()));
        let source = match &written {
            Some(_) => self.configuration.source_of(&full),
            None => "default".to_owned(),
        };
        let shown = found.map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) if text.is_empty() => String::new(),
            _ if key.secret => "(secret)".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        });
        self.configuration.shown.push(Shown {
            key: full.clone(),
            doc: key.doc,
            kind: T::KIND,
            default: default.clone(),
            value: shown,
            source: source.clone(),
            bounds: key.bounds,
        });
        let message = match read {
            Some(Ok(value)) => return Some(value),
            Some(Err(message)) => message,
            None => "must be given".to_owned(),
        };
        let source = match &written {
            Some(_) => source,
            None => String::new(),
        };
        self.configuration.note(Problem {
            key: full,
            source,
            message,
        });
        default.and_then(|value| T::read(&value).ok())
    }

    /// A section under a key.
    pub fn section<S: Section>(&mut self, key: Key) -> Option<S> {
        if let Some(value) = self.written(key.name)
            && !value.is_object()
            && !value.is_null()
        {
            let full = self.full(key.name);
            let source = self.configuration.source_of(&full);
            self.configuration.note(Problem {
                key: full,
                source,
                message: "is a section: its keys stand below it".to_owned(),
            });
        }
        self.path.push(key.name.to_owned());
        let section = S::read(self);
        self.path.pop();
        section
    }

    fn checked<T: Setting>(value: &Value, bounds: Option<&(Value, Value)>) -> Result<T, String> {
        let read = T::read(value)?;
        if let (Some((least, most)), Some(size)) = (bounds, read.size()) {
            let size_of = |bound| T::read(bound).ok().and_then(|bound| bound.size());
            let below = size_of(least).is_some_and(|least| size < least);
            let above = size_of(most).is_some_and(|most| size > most);
            if below || above {
                let plain = |bound: &Value| bound.to_string().trim_matches('"').to_owned();
                return Err(format!("must be from {} to {}", plain(least), plain(most)));
            }
        }
        Ok(read)
    }

    fn full(&self, name: &str) -> String {
        let parts = self.path.iter().map(String::as_str).chain([name]);
        parts.collect::<Vec<_>>().join(".")
    }

    fn written(&self, name: &str) -> Option<Value> {
        let root = &self.configuration.values;
        let section = self
            .path
            .iter()
            .try_fold(root, |value, part| value.get(part));
        section?.get(name).cloned()
    }

    /// Fills the name of the service into a default.
    fn completed(&self, value: Value) -> Value {
        match value {
            Value::String(text) => text.replace("{service}", self.configuration.service).into(),
            value => value,
        }
    }
}

/// A group of keys; [`section!`](crate::section) declares it.
pub trait Section: Sized {
    /// Reads every key. `None` when a key without a default is missing or wrong; the mistake has been noted.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// The type of a key: a value or a section.
pub trait Read: Sized {
    /// Reads it from the place of its key.
    fn read(reader: &mut Reader<'_>, key: Key) -> Option<Self>;
}

impl<T: Setting> Read for T {
    fn read(reader: &mut Reader<'_>, key: Key) -> Option<Self> {
        reader.value(key)
    }
}

/// A section made of its defaults and these values, such as `{"url": "memory://"}`. Code uses it to configure a part
/// without files and variables.
///
/// # Errors
/// Every mistake, as [`Configuration::finish`] reports them.
pub fn section<S: Section>(service: &'static str, values: Value) -> Result<S, ConfigError> {
    let mut configuration = Configuration::new(service, [Layer::new("value", values)]);
    let section = configuration.read("");
    configuration.finish()?;
    section.ok_or_else(ConfigError::default)
}
