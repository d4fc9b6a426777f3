//! The requests that we answer differently from Envoy, and why. For differences in all answers, see `General` in
//! `compare.rs`.

use crate::requests::Request;

pub struct Difference {
    pub reason: &'static str,
    /// The status of our answer.
    pub ours: u16,
    /// The status of Envoy's answer; if both are the same, the bodies differ.
    pub envoys: u16,
    pub requests: Vec<Request>,
}

const INTEGERS: &[&str] = &[
    "int32Value",
    "int64Value",
    "uint32Value",
    "uint64Value",
    "sint32Value",
    "sint64Value",
    "fixed32Value",
    "fixed64Value",
    "sfixed32Value",
    "sfixed64Value",
    "optionalInt64",
    "wrappedInt32",
    "wrappedInt64",
    "wrappedUint32",
    "wrappedUint64",
    "number",
];
const UNSIGNED: &[&str] = &[
    "uint32Value",
    "uint64Value",
    "fixed32Value",
    "fixed64Value",
    "wrappedUint32",
    "wrappedUint64",
];
const SIGNED_64: &[&str] = &[
    "int64Value",
    "sint64Value",
    "sfixed64Value",
    "optionalInt64",
    "wrappedInt64",
    "number",
];
const FLOATS: &[&str] = &[
    "doubleValue",
    "floatValue",
    "optionalDouble",
    "wrappedDouble",
    "wrappedFloat",
];
const BOOLS: &[&str] = &["boolValue", "optionalBool", "wrappedBool"];
const BYTES: &[&str] = &["bytesValue", "wrappedBytes"];
const ENUMS: &[&str] = &["color", "optionalColor", "paint"];
const DURATIONS: &[&str] = &["duration", "time"];

/// `{"field": value}` for each field and value, to be echoed.
fn fields(fields: &[&str], values: &[&str]) -> Vec<Request> {
    let body = |field, value| Request::echo(format!("{{\"{field}\":{value}}}"));
    fields
        .iter()
        .flat_map(|field| values.iter().map(move |value| body(field, value)))
        .collect()
}

/// Bodies to be echoed.
fn echoes(bodies: &[&str]) -> Vec<Request> {
    bodies.iter().map(Request::echo).collect()
}

/// `GET /path?query body`
fn lines(lines: &[&str]) -> Vec<Request> {
    lines.iter().map(|line| Request::line(line)).collect()
}

/// A value nested at this many levels.
fn nested(open: &str, levels: usize, value: &str, close: &str) -> String {
    format!("{}{value}{}", open.repeat(levels), close.repeat(levels))
}

#[rustfmt::skip]
pub fn differences() -> Vec<Difference> {
    vec![
        Difference {
            reason: "an integer out of range is refused; Envoy takes the nearest float, which is in range",
            ours: 400,
            envoys: 200,
            requests: fields(SIGNED_64, &["-9223372036854775809"]),
        },
        Difference {
            reason: "a % stays encoded in a name of several segments; for Envoy, %2523 is the %23 of another path",
            ours: 200,
            envoys: 200,
            requests: lines(&[
                "GET /v1/files/a%25",
                "GET /v1/files/x%2523",
                "GET /v1/files/%22%25%2D%2E%3C%3E%5C%5E%5F%60%7B%7C%7D%7E",
            ]),
        },
        Difference {
            reason: "a field given twice is a mistake; Envoy sees it only where the same name follows itself",
            ours: 400,
            envoys: 200,
            requests: lines(&[
                "GET /v1/query?string_value=a&stringValue=b",
                "GET /v1/query?text=a&otherName=b",
                "GET /v1/query?nested.child.name=a&nested.child.number=1&nested.child.name=b",
            ]),
        },
        Difference {
            reason: "a name that nobody knows is a mistake of the client, and silence would hide it",
            ours: 400,
            envoys: 200,
            requests: [
                echoes(&[
                    r#"{"unknown":1}"#,
                    r#"{"nested":{"unknown":{"a":1}}}"#,
                    r#"{"camelcase":"a"}"#,
                    r#"{"empty":{"a":1}}"#,
                    r#"{"any":{"@type":"type.googleapis.com/mapping.v1.Nested","unknown":1}}"#,
                    r#"{"any":{"@type":"type.googleapis.com/mapping.v1.Nested","value":{"name":"x"}}}"#,
                    r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}"#,
                ]),
                lines(&[
                    r#"POST /v1/nothing {"a":1}"#,
                    r#"PUT /v1/body/nested/a {"unknown":1}"#,
                    "GET /v1/query?=a",
                    "GET /v1/query?nested.",
                    "GET /v1/raw/abc?body.content_type=x",
                ]),
            ].concat(),
        },
        Difference {
            reason: "of two values for one field, one would be lost without a word",
            ours: 400,
            envoys: 200,
            requests: [
                echoes(&[
                    r#"{"int32Value":1,"int32Value":2}"#,
                    r#"{"int32Value":1,"int32_value":2}"#,
                    r#"{"nested":{},"nested":{"name":"a"}}"#,
                    r#"{"int32Map":{"01":"x","1":"y"}}"#,
                ]),
                lines(&[
                    "GET /v1/query?string_value=a&string_value=b",
                    "GET /v1/query?nested.name=a&nested.name=b",
                    "GET /v1/query?mask=a&mask=b",
                ]),
            ].concat(),
        },
        Difference {
            reason: "only JSON is JSON (RFC 8259)",
            ours: 400,
            envoys: 200,
            requests: echoes(&[
                r#"{"int32Value":1,}"#,
                r#"{"strings":["a",]}"#,
                "{int32Value:1}",
                "{'int32Value':1}",
                r#"{"int32Value":1.}"#,
                r#"{"stringValue":"\x"}"#,
                "{\"stringValue\":\"a\nb\"}",
            ]),
        },
        Difference {
            reason: "a list is a list, also with one element, and holds elements only",
            ours: 400,
            envoys: 200,
            requests: [
                fields(
                    &["strings", "nesteds", "timestamps", "wrappeds", "anys"],
                    &["[null]"],
                ),
                fields(&["list"], &["{}"]),
                fields(&["values"], &["1", "{}"]),
                echoes(&[r#"{"strings":"a"}"#, r#"{"strings":[["a"]]}"#, r#"{"nesteds":{}}"#]),
                lines(&[
                    r#"PUT /v1/body/strings "a""#,
                    "PUT /v1/body/strings [null]",
                    r#"PUT /v1/body/nesteds {"name":"a"}"#,
                    "PUT /v1/body/list {}",
                ]),
            ].concat(),
        },
        Difference {
            reason: "proto3 JSON allows an exponent or a fraction of zeros in quotes as without",
            ours: 200,
            envoys: 400,
            requests: [
                fields(INTEGERS, &[r#""1.0""#, r#""1e3""#]),
                fields(UNSIGNED, &[r#""-0""#]),
                echoes(&[r#"{"int32Map":{"1.0":"x"}}"#, r#"{"int32Map":{"1e1":"x"}}"#]),
                lines(&[
                    "GET /v1/query?int32_value=1.0",
                    "GET /v1/query?int32_value=1e3",
                    "GET /v1/path/int32/1.0",
                ]),
            ].concat(),
        },
        Difference {
            reason: "a number in quotes is written as without",
            ours: 400,
            envoys: 200,
            requests: fields(FLOATS, &[r#""+1""#, r#""0x1p3""#]),
        },
        Difference {
            reason: "there are two truth values: true and false",
            ours: 400,
            envoys: 200,
            requests: [
                fields(BOOLS, &[r#""true""#, r#""false""#, r#""True""#, r#""1""#, r#""yes""#]),
                fields(&["boolMap"], &[r#"{"1":1}"#, r#"{"True":1}"#, r#"{"t":1}"#]),
                lines(&[
                    r#"PUT /v1/body/bool "true""#,
                    "GET /v1/query?bool_value=True",
                    "GET /v1/query?bool_value=1",
                    "GET /v1/query?bool_value=0",
                    "GET /v1/query?bool_value=yes",
                    "GET /v1/query?bool_value=t",
                    "GET /v1/path/bool/True",
                    "GET /v1/path/bool/1",
                ]),
            ].concat(),
        },
        Difference {
            reason: "base64 has no white space",
            ours: 400,
            envoys: 200,
            requests: fields(BYTES, &[r#""AA== ""#, r#"" AA==""#, r#""\nYQ==""#]),
        },
        Difference {
            reason: "in JSON a mask has its paths in camelCase; in a query people write them in snake_case, too",
            ours: 400,
            envoys: 200,
            requests: fields(
                &["mask"],
                &[
                    r#""foo_bar""#,
                    r#""f_o""#,
                    r#""a.b_c""#,
                    r#""foo_1""#,
                    r#""_a""#,
                    r#""a_""#,
                    r#""foo__bar""#,
                ],
            ),
        },
        Difference {
            reason: "an enum value is a name or a number; a number in quotes is neither",
            ours: 400,
            envoys: 200,
            requests: fields(ENUMS, &[r#""1""#, r#""5""#, r#""-1""#]),
        },
        Difference {
            reason: "an enum is open: a number of a newer contract goes through, in a query as in a body",
            ours: 200,
            envoys: 400,
            requests: lines(&["GET /v1/query?color=77", "GET /v1/path/enum/77"]),
        },
        Difference {
            reason: "times have the form of RFC 3339 and durations that of proto3 JSON, and clocks here have no leap second",
            ours: 400,
            envoys: 200,
            requests: [
                fields(
                    &["timestamp"],
                    &[
                        r#""2020-01-01T23:59:60Z""#,
                        r#""2020-1-1T0:0:0Z""#,
                        r#""2020-01-01T00:00:00.Z""#,
                        r#"" 2020-01-01T00:00:00Z""#,
                    ],
                ),
                fields(DURATIONS, &[r#""1.s""#, r#""+1s""#, r#"" 1s""#]),
            ].concat(),
        },
        Difference {
            reason: "a well-known type has one form in JSON, which is not that of its fields",
            ours: 400,
            envoys: 200,
            requests: [
                fields(&["wrappedInt32", "wrappedInt64", "wrappedUint32", "wrappedUint64"], &["{}"]),
                fields(&["timestamp"], &["{}", r#"{"seconds":1}"#]),
                fields(DURATIONS, &["{}", r#"{"seconds":1}"#]),
                fields(&["mask"], &["{}", r#"{"paths":["a"]}"#]),
                fields(&["null", "none"], &["0", "1"]),
                echoes(&[r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration"}}"#]),
                lines(&[
                    "PUT /v1/body/timestamp {}",
                    "GET /v1/query?timestamp.seconds=5",
                    "GET /v1/query?duration.seconds=3",
                    "GET /v1/query?mask.paths=a",
                    "GET /v1/query?mask.paths=a&mask.paths=b_c",
                    "GET /v1/query?wrapped_int64.value=5",
                    "GET /v1/query?wrapped_string.value=a",
                    "GET /v1/raw/abc?body.data=YQ==",
                ]),
            ].concat(),
        },
        Difference {
            reason: "spaces between the paths of a mask mean nothing, and a path gives back the capitals it came with",
            ours: 200,
            envoys: 200,
            requests: [
                fields(&["mask"], &[r#""a, b""#, r#"" a""#, r#""Foo""#, r#""FOO""#, r#""fooBAR""#]),
                lines(&["GET /v1/query?mask=a,%20b"]),
            ].concat(),
        },
        Difference {
            reason: "null unsets a list, whatever it is a list of",
            ours: 200,
            envoys: 200,
            requests: fields(&["values"], &["null"]),
        },
        Difference {
            reason: "what is before the slash of a type URL says where the type comes from, not which it is",
            ours: 200,
            envoys: 400,
            requests: echoes(&[
                r#"{"any":{"@type":"example.com/mapping.v1.Nested","name":"x"}}"#,
                r#"{"any":{"@type":"/mapping.v1.Nested","name":"x"}}"#,
            ]),
        },
        Difference {
            reason: "Envoy cannot read a ListValue in an Any",
            ours: 200,
            envoys: 400,
            requests: echoes(&[r#"{"any":{"@type":"type.googleapis.com/google.protobuf.ListValue","value":[1]}}"#]),
        },
        Difference {
            reason: "details of errors are sent by servers",
            ours: 400,
            envoys: 200,
            requests: echoes(&[r#"{"any":{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"x"}}"#]),
        },
        Difference {
            reason: "Envoy takes the object for the entry, and our answer to its gRPC names no field",
            ours: 400,
            envoys: 400,
            requests: fields(&["stringMap"], &[r#"{"a":{}}"#]),
        },
        Difference {
            reason: "messages are nested 32 levels deep at most, so that no request can exhaust the stack",
            ours: 400,
            envoys: 200,
            requests: [40, 60].map(|levels| Request::echo(
                format!(r#"{{"recursive":{}}}"#, nested(r#"{"one":"#, levels, "{}", "}")),
            )).into(),
        },
        Difference {
            reason: "a Value is no message here, and takes the depth that JSON may have; Envoy gives up",
            ours: 200,
            envoys: 400,
            requests: vec![Request::echo(format!(r#"{{"value":{}}}"#, nested("[", 90, "", "]")))],
        },
        Difference {
            reason: "Envoy passes on text that is not UTF-8, and our answer to its gRPC names no field",
            ours: 400,
            envoys: 400,
            requests: lines(&[
                "GET /v1/query?string_value=%FF",
                "GET /v1/path/string/%FF",
                "GET /v1/files/%FF",
            ]),
        },
        Difference {
            reason: "google.api.http has no query parameters for repeated messages, maps and any JSON",
            ours: 400,
            envoys: 200,
            requests: lines(&[
                "GET /v1/query?nesteds.name=a",
                "GET /v1/query?recursive.list.leaf=a",
                "GET /v1/query?stringMap.key=a&stringMap.value=b",
                "GET /v1/query?values=1",
                "GET /v1/query?value=1",
                "GET /v1/query?value=a",
                "GET /v1/query?value.stringValue=a",
                "GET /v1/query?value.string_value=a",
                "GET /v1/query?value.number_value=2",
                "GET /v1/query?list.values=1",
            ]),
        },
        Difference {
            reason: "the query has what neither path nor body has; with body `*` that is nothing",
            ours: 400,
            envoys: 200,
            requests: lines(&[
                "GET /v1/path/string/a?string_value=b",
                "GET /v1/path/string/a?stringValue=b",
                "GET /v1/path/string/a?string_value=a",
                "GET /v1/path/nested/a?nested.name=b",
                "GET /v1/path/text/a?otherName=b",
                "GET /v1/path/text/a?text=b",
                "GET /v1/shelves/1/items/2?name=x",
                "POST /v1/shelves/1/items/2:move?page=4 {}",
                r#"PUT /v1/body/string?string_value=b "a""#,
                "PUT /v1/body/nested/a?nested.number=5 {}",
                r#"PUT /v1/body/nested/a?string_value=q&nested.flag=true {"number":1}"#,
            ]),
        },
        Difference {
            reason: "the path says what the request is about, whatever the body says",
            ours: 200,
            envoys: 200,
            requests: lines(&[
                r#"POST /v1/shelves/1/items/2:move {"name":"x","page":3}"#,
                r#"PUT /v1/body/nested/a {"name":"b"}"#,
            ]),
        },
        Difference {
            reason: "a method without `body` reads none",
            ours: 200,
            envoys: 200,
            requests: lines(&[
                r#"GET /v1/query {"stringValue":"x"}"#,
                r#"POST /v1/body/none {"stringValue":"x"}"#,
                r#"DELETE /v1/body/nested/a {"nested":{"number":1}}"#,
            ]),
        },
        Difference {
            reason: "a method without `body` reads none, so it cannot be malformed",
            ours: 200,
            envoys: 400,
            requests: lines(&["GET /v1/query garbage", "POST /v1/body/none garbage"]),
        },
        Difference {
            reason: "no body is no value; Envoy reads {}",
            ours: 200,
            envoys: 400,
            requests: lines(&["PUT /v1/body/string", "PUT /v1/body/optional", "PUT /v1/body/strings"]),
        },
        Difference {
            reason: "no body is no value; Envoy reads {}",
            ours: 200,
            envoys: 200,
            requests: lines(&["PUT /v1/body/value"]),
        },
        Difference {
            reason: "Envoy forgets a number that is the whole body",
            ours: 200,
            envoys: 500,
            requests: lines(&[
                "PUT /v1/body/int32 5",
                "PUT /v1/body/int64 5",
                "PUT /v1/body/double 1.5",
                "PUT /v1/body/enum 5",
                "PUT /v1/body/optional 0",
                "PUT /v1/body/optional 5",
                "PUT /v1/body/value 1",
            ]),
        },
        Difference {
            reason: "a path has the segments that it is written with: one that ends with `/` is another",
            ours: 404,
            envoys: 200,
            requests: lines(&["GET /v1/path/string/a/", "GET /v1/query/", "GET /v1/one//then"]),
        },
        Difference {
            reason: "a path has the segments that it is written with: one that ends with `/` is another",
            ours: 200,
            envoys: 200,
            requests: lines(&["GET /v1/files/a/", "GET /v1/files//", "GET /v1/trees/roots/a/"]),
        },
        Difference {
            reason: "a path that is there for other methods is not missing: 405 with Allow",
            ours: 405,
            envoys: 404,
            requests: lines(&[
                "GET /v1/shelves/1/items/2:move",
                "POST /v1/shelves/1/items/2:moveall {}",
                "POST /v1/shelves/1/items/2: {}",
                "POST /v1/shelves/1/items/2 {}",
                "GET /v1/echo",
                "PUT /v1/echo {}",
                "GET /v1/body/report/a",
                "OPTIONS /v1/names/a",
                "PUT /v1/names/a",
                "DELETE /v1/names/a",
                "PATCH /v1/names/a",
                "TRACE /v1/names/a",
            ]),
        },
        Difference {
            reason: "HEAD is GET without the body (RFC 9110)",
            ours: 200,
            envoys: 404,
            requests: lines(&["HEAD /v1/names/a"]),
        },
        Difference {
            reason: "a stream that breaks ends with a line `{\"error\": …}`; Envoy cuts it off, or has the bare error as its only line",
            ours: 200,
            envoys: 200,
            requests: lines(&["GET /v1/count?to=3&break_at=1", "GET /v1/count?to=3&break_at=2"]),
        },
    ]
}
