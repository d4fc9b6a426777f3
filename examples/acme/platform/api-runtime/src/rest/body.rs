//! Bodies: JSON, or the bytes of a `google.api.HttpBody`.

use bytes::Bytes;
use http::{HeaderValue, header};
use serde::{Serialize, de::DeserializeSeed};

use crate::{
    endpoint::Response,
    json::{As, Kind, Nullable},
    violations::Violations,
    wkt::HttpBody,
};

/// The whole body of a request.
pub struct Body<'a> {
    pub(super) bytes: Bytes,
    /// The header, or empty if there is none.
    pub(super) content_type: &'a str,
}

impl Body<'_> {
    /// Reads a `body: "*"`, or a field that is not repeated.
    pub fn read<K: Kind>(
        &self,
        field: &'static str,
        violations: &mut Violations,
    ) -> Option<K::Value> {
        // An empty body is no value. The validation reports missing fields later.
        if self.bytes.is_empty() {
            return None;
        }
        let mut json = serde_json::Deserializer::from_slice(&self.bytes);
        let read = Nullable::<K>::default()
            .deserialize(&mut json)
            .and_then(|value| {
                json.end()?;
                Ok(value)
            });
        match read {
            Ok(None) if field.is_empty() => {
                violations.add_named("", "json", "expected an object, not null");
                None
            }
            Ok(value) => value,
            Err(error) => {
                violations.add_named(self.place::<K>(field), "json", reason(&error));
                None
            }
        }
    }

    /// Reads the bytes as they are.
    pub fn raw(&self) -> HttpBody {
        HttpBody {
            content_type: self.content_type.to_owned(),
            data: self.bytes.to_vec(),
            extensions: Vec::new(),
        }
    }

    /// The path of the error. Parses the body a second time with path tracking, which is slow.
    fn place<K: Kind>(&self, field: &'static str) -> String {
        let mut json = serde_json::Deserializer::from_slice(&self.bytes);
        let mut track = serde_path_to_error::Track::new();
        let json = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        let _ = Nullable::<K>::default().deserialize(json);
        let path = track.path().to_string();
        match (field, path.as_str()) {
            (field, "." | "?") => field.to_owned(),
            ("", path) => path.to_owned(),
            (field, path) if path.starts_with('[') => format!("{field}{path}"),
            (field, path) => format!("{field}.{path}"),
        }
    }
}

/// The error, without the field that is named beside it.
fn reason(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => error.to_string(),
        _ => format!("not valid JSON: {error}"),
    }
}

/// The body of an answer.
pub struct Reply {
    content_type: HeaderValue,
    pub(super) bytes: Vec<u8>,
}

impl Reply {
    /// # Errors
    /// When the value cannot be written as JSON, such as a time in the year 20000.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let bytes = serde_json::to_vec(value)?;
        Ok(Self {
            content_type: HeaderValue::from_static("application/json"),
            bytes,
        })
    }

    /// A single field as the body: `response_body` with a field that is not a message.
    pub fn field<K: Kind>(value: &K::Value) -> Result<Self, serde_json::Error> {
        Self::json(&As::<K>(value))
    }

    /// An unset field.
    pub fn null() -> Result<Self, serde_json::Error> {
        Self::json(&())
    }

    pub fn raw(body: &HttpBody) -> Result<Self, serde_json::Error> {
        let content_type = HeaderValue::from_str(&body.content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        Ok(Self {
            content_type,
            bytes: body.data.clone(),
        })
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::from(self.bytes));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, self.content_type);
        response
    }
}
