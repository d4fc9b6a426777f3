//! The requests to both servers.

use std::fmt;

/// An HTTP request; its body, if any, is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub method: String,
    /// The path and query.
    pub target: String,
    pub body: String,
}

impl Request {
    pub fn new(method: &str, target: &str, body: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            body: body.to_owned(),
        }
    }

    /// A request that echoes this body.
    pub fn echo(body: impl AsRef<str>) -> Self {
        Self::new("POST", "/v1/echo", body.as_ref())
    }

    /// `GET /v1/echo?x=1`, and a body after another space.
    pub fn line(line: &str) -> Self {
        let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
        Self::new(method, target, body)
    }

    pub fn to_line(&self) -> String {
        match self.body.as_str() {
            "" => format!("{} {}", self.method, self.target),
            body => format!("{} {} {body}", self.method, self.target),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:.200}", self.method, self.target, self.body)
    }
}

/// Lines without comments.
fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// `{"field": value}` for every field and value of `fields.txt`, and the requests of `requests.txt`.
pub fn agreed() -> Vec<Request> {
    let mut requests = Vec::new();
    let mut fields: Vec<&str> = Vec::new();
    for line in lines(include_str!("fields.txt")) {
        if line.starts_with(' ') {
            for value in line.split_whitespace() {
                let bodies = fields
                    .iter()
                    .map(|field| format!("{{\"{field}\":{value}}}"));
                requests.extend(bodies.map(Request::echo));
            }
        } else {
            fields = line.split(' ').collect();
        }
    }
    requests.extend(lines(include_str!("requests.txt")).map(Request::line));
    requests
}

/// The answers of `AnswerService`: the last part of the path, and the field that is the answer.
const ANSWERS: &[(&str, &str)] = &[
    ("nested", "nested"),
    ("nesteds", "nesteds"),
    ("string", "stringValue"),
    ("bool", "boolValue"),
    ("int32", "int32Value"),
    ("int64", "int64Value"),
    ("double", "doubleValue"),
    ("bytes", "bytesValue"),
    ("enum", "color"),
    ("optional", "optionalString"),
    ("int64s", "int64s"),
    ("map", "nestedMap"),
    ("timestamp", "timestamp"),
    ("wrapper", "wrappedInt64"),
    ("struct", "struct"),
    ("value", "value"),
    ("any", "any"),
    ("member", "choice"),
];

/// For every field that can be a whole answer, with and without a value.
pub fn answers_of_one_field() -> Vec<(&'static str, Request)> {
    const FULL: &str = r#"{
        "nested": {"name": "a", "child": {}}, "nesteds": [{"number": "5"}, {}], "stringValue": "s", "boolValue": true,
        "int32Value": 5, "int64Value": "9223372036854775807", "doubleValue": 1.5, "bytesValue": "/+8=",
        "color": "COLOR_BLUE", "optionalString": "", "int64s": ["1", "2"], "nestedMap": {"a": {"name": "b"}},
        "timestamp": "2026-01-31T12:00:00Z", "wrappedInt64": "7", "struct": {"a": [null]}, "value": [1, "a"],
        "any": {"@type": "type.googleapis.com/mapping.v1.Nested", "name": "x"}, "choice": "c"
    }"#;
    let with = |body: &'static str| {
        ANSWERS.iter().map(move |(path, field)| {
            (
                *field,
                Request::new("POST", &format!("/v1/answer/{path}"), body),
            )
        })
    };
    with(FULL).chain(with("{}")).collect()
}

/// Headers that change nothing, or that reach the service.
pub const HEADERS: &[&[(&str, &str)]] = &[
    &[("content-type", "application/json; charset=utf-8")],
    &[("content-type", "text/plain")],
    &[("content-type", "application/x-www-form-urlencoded")],
    &[("content-type", "garbage")],
    &[("content-type", "")],
    &[("accept", "text/html")],
    &[("accept-encoding", "gzip")],
];
