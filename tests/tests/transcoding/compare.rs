//! Compares two answers.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::http::Answer;

/// Differences that concern all answers of a kind, not single requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum General {
    UnsetIsNull,
    FloatDigits,
    ErrorBody,
    StreamType,
}

impl General {
    pub const ALL: [Self; 4] = [
        Self::UnsetIsNull,
        Self::FloatDigits,
        Self::ErrorBody,
        Self::StreamType,
    ];

    pub fn reason(self) -> &'static str {
        match self {
            Self::UnsetIsNull => {
                "a field with presence that is unset is null, so that a client finds every name it knows; \
                 Envoy leaves it out"
            }
            Self::FloatDigits => {
                "a float is written with the fewest digits that give it back; Envoy writes up to nine"
            }
            Self::ErrorBody => {
                "a request that cannot be decoded is answered with google.rpc.Status in JSON as every other error is, \
                 and it names the fields; Envoy answers with a line of text"
            }
            Self::StreamType => {
                "lines of JSON are application/x-ndjson; Envoy says application/json, which they are not"
            }
        }
    }
}

/// Compares answers, and records which general differences occurred.
#[derive(Default)]
pub struct Comparison {
    pub met: BTreeSet<General>,
}

impl Comparison {
    /// # Errors
    /// The difference between the answers.
    pub fn compare(&mut self, ours: &Answer, envoys: &Answer) -> Result<(), String> {
        if ours.status != envoys.status {
            return Err(format!(
                "answered {} {}, Envoy {} {}",
                ours.status,
                excerpt(ours),
                envoys.status,
                excerpt(envoys)
            ));
        }
        if ours.status >= 400 && json(envoys).is_none() {
            self.met.insert(General::ErrorBody);
            return well_formed(ours);
        }
        self.content_types(ours, envoys)?;
        metadata(ours, envoys)?;
        match (json(ours), json(envoys)) {
            (Some(left), Some(right)) => self.values("", &left, &right),
            _ if ours.body == envoys.body => Ok(()),
            _ => Err(format!("body {}, Envoy {}", excerpt(ours), excerpt(envoys))),
        }
    }

    fn content_types(&mut self, ours: &Answer, envoys: &Answer) -> Result<(), String> {
        match (header(ours, "content-type"), header(envoys, "content-type")) {
            (left, right) if left == right => Ok(()),
            ("application/x-ndjson", "application/json") => {
                self.met.insert(General::StreamType);
                Ok(())
            }
            (left, right) => Err(format!("content type {left:?}, Envoy {right:?}")),
        }
    }

    fn values(&mut self, place: &str, ours: &Value, envoys: &Value) -> Result<(), String> {
        match (ours, envoys) {
            (Value::Object(left), Value::Object(right)) => {
                if let Some(name) = right.keys().find(|name| !left.contains_key(*name)) {
                    return Err(format!("{place}.{name} is missing, Envoy {}", right[name]));
                }
                for (name, value) in left {
                    match right.get(name) {
                        Some(other) => self.values(&format!("{place}.{name}"), value, other)?,
                        None if value.is_null() => {
                            self.met.insert(General::UnsetIsNull);
                        }
                        None => return Err(format!("{place}.{name} is {value}, Envoy has none")),
                    }
                }
                Ok(())
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
                .iter()
                .zip(right)
                .enumerate()
                .try_for_each(|(index, (a, b))| self.values(&format!("{place}[{index}]"), a, b)),
            (Value::Number(left), Value::Number(right)) => {
                let (a, b) = (left.as_f64(), right.as_f64());
                if a == b {
                    return Ok(());
                }
                let single = |number: Option<f64>| number.map(|number| number as f32);
                if place.to_lowercase().contains("float") && single(a) == single(b) {
                    self.met.insert(General::FloatDigits);
                    return Ok(());
                }
                Err(format!("{place} is {left}, Envoy {right}"))
            }
            _ if ours == envoys => Ok(()),
            _ => Err(format!("{place} is {ours}, Envoy {envoys}")),
        }
    }
}

/// Our error is well-formed where Envoy has only a line of text.
fn well_formed(answer: &Answer) -> Result<(), String> {
    if answer.body.is_empty() {
        // The answer to a HEAD.
        return Ok(());
    }
    let code = match answer.status {
        400 => 3,
        404 => 5,
        status => return Err(format!("what is {status} here? {}", excerpt(answer))),
    };
    let json = json(answer).ok_or_else(|| format!("not JSON: {}", excerpt(answer)))?;
    if json["code"] != code || json["message"].as_str().is_none_or(str::is_empty) {
        return Err(format!("no google.rpc.Status: {json}"));
    }
    let named = answer.violations().unwrap_or_default();
    if code == 3 && named.is_empty() {
        return Err(format!("names no field: {json}"));
    }
    Ok(())
}

/// The metadata of the service, as headers.
fn metadata(ours: &Answer, envoys: &Answer) -> Result<(), String> {
    let of = |answer: &Answer| -> BTreeSet<(String, String)> {
        let own = |name: &str| name.starts_with("x-") && !name.starts_with("x-envoy");
        let headers = answer.headers.iter().filter(|(name, _)| own(name.as_str()));
        headers
            .map(|(name, value)| (name.to_string(), format!("{value:?}")))
            .collect()
    };
    match of(ours) == of(envoys) {
        true => Ok(()),
        false => Err(format!("headers {:?}, Envoy {:?}", of(ours), of(envoys))),
    }
}

/// The body as JSON; a list, if it consists of several lines of JSON.
fn json(answer: &Answer) -> Option<Value> {
    if answer.body.is_empty() {
        return None;
    }
    serde_json::from_slice(&answer.body).ok().or_else(|| {
        let lines = answer.body.split(|byte| *byte == b'\n');
        let values = lines
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice);
        values
            .collect::<Result<Vec<Value>, _>>()
            .ok()
            .map(Value::Array)
    })
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.headers.get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn excerpt(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body)
        .chars()
        .take(200)
        .collect()
}
