//! The rules of `buf.validate`, each as a condition in Rust.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::{names::Names, options, problem::Error};

/// The rules of a field, or of the elements of one.
#[derive(Default)]
pub struct Rules {
    pub checks: Vec<Check>,
    /// Of the elements of a list, or of the values of a map.
    pub items: Option<Box<Rules>>,
    /// Of the keys of a map.
    pub keys: Option<Box<Rules>>,
}

/// One rule.
pub struct Check {
    /// Holds when the value is right; `{v}` is a reference to the value.
    condition: String,
    /// `string.min_len`
    id: String,
    message: String,
}

impl Check {
    /// A statement that adds a violation when `guard` and the value is wrong.
    pub fn code(&self, value: &str, guard: &str) -> String {
        let condition = self.condition.replace("{v}", value);
        format!(
            "if {guard}!({condition}) {{ violations.add(at, {:?}, {:?}); }}",
            self.id, self.message
        )
    }
}

const RUNTIME: &str = "::api_runtime::validate";

impl Rules {
    /// Reads the rules of a field; a rule that nothing here enforces is a problem.
    pub fn read(
        field: &FieldDescriptor,
        rules: &DynamicMessage,
        names: &Names,
        problems: &mut Error,
    ) -> Self {
        let mut read = Self::default();
        let kind = match field.kind() {
            Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        let repeated = if field.is_map() {
            Some("map")
        } else if field.is_list() {
            Some("repeated")
        } else {
            None
        };
        let mut reader = Reader {
            field,
            names,
            problems,
        };
        reader.read(&mut read, rules, &kind, repeated);
        read
    }

    /// Our own rules for decimals.
    pub fn decimal(&mut self, field: &FieldDescriptor, problems: &mut Error) {
        let pool = field.parent_pool();
        let Some(rules) = options::message(pool, &field.options(), "platform.v1.decimal") else {
            return;
        };
        let decimal =
            matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.type.Decimal");
        if !decimal || field.is_list() || field.is_map() {
            problems.add(
                &field.parent_file(),
                field.path(),
                "(platform.v1.decimal) is for a single google.type.Decimal",
            );
            return;
        }
        for (rule, value) in rules.fields() {
            let limit = value.as_str().unwrap_or_default();
            if !is_decimal(limit) {
                problems.add(
                    &field.parent_file(),
                    field.path(),
                    format_args!("{limit:?} is no decimal: write up to 12 digits, then perhaps a point and up to 6 more"),
                );
            }
            let (order, words) = comparison(rule.name());
            self.checks.push(Check {
                condition: format!(
                    "{RUNTIME}::decimal({{v}}, {limit:?}).is_none_or(|order| order.is_{order}())"
                ),
                id: format!("decimal.{}", rule.name()),
                message: format!("must be {words} {limit}"),
            });
        }
    }

    fn add(
        &mut self,
        condition: impl Into<String>,
        id: impl Into<String>,
        message: impl Into<String>,
    ) {
        let (condition, id, message) = (condition.into(), id.into(), message.into());
        self.checks.push(Check {
            condition,
            id,
            message,
        });
    }
}

/// Name of the method of `Ordering`, and words.
fn comparison(rule: &str) -> (&'static str, &'static str) {
    match rule {
        "gt" => ("gt", "greater than"),
        "gte" => ("ge", "at least"),
        "lt" => ("lt", "less than"),
        _ => ("le", "at most"),
    }
}

fn is_decimal(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 12) && digits(fraction, 6)
}

struct Reader<'a> {
    field: &'a FieldDescriptor,
    names: &'a Names,
    problems: &'a mut Error,
}

impl Reader<'_> {
    fn problem(&mut self, problem: impl std::fmt::Display) {
        self.problems
            .add(&self.field.parent_file(), self.field.path(), problem);
    }

    fn unknown(&mut self, rule: &str) {
        self.problem(format_args!(
            "buf.validate rule `{rule}` is not enforced by this build: check it in biz, and delete it here"
        ));
    }

    /// Reads `FieldRules`; `repeated` names the group that a list or map must use.
    fn read(
        &mut self,
        read: &mut Rules,
        rules: &DynamicMessage,
        kind: &Kind,
        repeated: Option<&str>,
    ) {
        for (group, value) in rules.fields() {
            let name = group.name();
            let Some(rules) = value.as_message() else {
                // `required` and `ignore` are about the field, not about its value.
                if !matches!(name, "required" | "ignore") {
                    self.unknown(name);
                }
                continue;
            };
            match (name, repeated) {
                ("repeated", Some("repeated")) => self.repeated(read, rules, kind),
                ("map", Some("map")) => self.map(read, rules, kind),
                (name, None) if fits(name, kind) => self.values(read, name, rules, kind),
                _ => self.problem(format_args!(
                    "buf.validate rules `{name}` do not fit the type of the field"
                )),
            }
        }
    }

    fn values(&mut self, read: &mut Rules, group: &str, rules: &DynamicMessage, kind: &Kind) {
        let start = read.checks.len();
        for (rule, value) in rules.fields() {
            let known = match group {
                "string" => self.string(read, rule.name(), value),
                "bytes" => self.bytes(read, rule.name(), value),
                "bool" => boolean(read, rule.name(), value),
                "enum" => self.enumeration(read, rule.name(), value, kind),
                "any" => any(read, rule.name(), value),
                "duration" | "timestamp" => time(read, group, rule.name(), value),
                _ => number(read, group, rule.name(), value, rules),
            };
            if !known {
                self.unknown(&format!("{group}.{}", rule.name()));
            }
        }
        // A wrapper such as StringValue is checked by what it holds.
        if matches!(kind, Kind::Message(message) if is_wrapper(message)) {
            for check in &mut read.checks[start..] {
                check.condition = check.condition.replace("{v}", "(&{v}.value)");
            }
        }
    }

    fn repeated(&mut self, read: &mut Rules, rules: &DynamicMessage, kind: &Kind) {
        for (rule, value) in rules.fields() {
            let count = value.as_u64().unwrap_or_default();
            match rule.name() {
                "min_items" => {
                    read.add(
                        format!("{{v}}.len() >= {count}"),
                        "repeated.min_items",
                        format!("must have at least {}", of(count, "elements")),
                    );
                }
                "max_items" => {
                    read.add(
                        format!("{{v}}.len() <= {count}"),
                        "repeated.max_items",
                        format!("must have at most {}", of(count, "elements")),
                    );
                }
                "unique" if value.as_bool() == Some(true) => {
                    let elements = match kind {
                        Kind::Double | Kind::Float => "{v}.iter().map(|value| value.to_bits())",
                        Kind::Message(_) => {
                            self.unknown("repeated.unique of messages");
                            continue;
                        }
                        _ => "{v}.iter()",
                    };
                    read.add(
                        format!("{RUNTIME}::unique({elements})"),
                        "repeated.unique",
                        "must not have an element twice",
                    );
                }
                "unique" => (),
                "items" => {
                    let mut items = Rules::default();
                    if let Some(rules) = value.as_message() {
                        self.read(&mut items, rules, kind, None);
                    }
                    read.items = Some(Box::new(items));
                }
                rule => self.unknown(&format!("repeated.{rule}")),
            }
        }
    }

    fn map(&mut self, read: &mut Rules, rules: &DynamicMessage, kind: &Kind) {
        let Kind::Message(entry) = self.field.kind() else {
            return;
        };
        for (rule, value) in rules.fields() {
            let count = value.as_u64().unwrap_or_default();
            let (read_as, kind) = match rule.name() {
                "min_pairs" => {
                    read.add(
                        format!("{{v}}.len() >= {count}"),
                        "map.min_pairs",
                        format!("must have at least {}", of(count, "entries")),
                    );
                    continue;
                }
                "max_pairs" => {
                    read.add(
                        format!("{{v}}.len() <= {count}"),
                        "map.max_pairs",
                        format!("must have at most {}", of(count, "entries")),
                    );
                    continue;
                }
                "keys" => (&mut read.keys, entry.map_entry_key_field().kind()),
                "values" => (&mut read.items, kind.clone()),
                rule => {
                    self.unknown(&format!("map.{rule}"));
                    continue;
                }
            };
            let mut inner = Rules::default();
            if let Some(rules) = value.as_message() {
                self.read(&mut inner, rules, &kind, None);
            }
            *read_as = Some(Box::new(inner));
        }
    }

    fn string(&mut self, read: &mut Rules, rule: &str, value: &Value) -> bool {
        let count = value.as_u64().unwrap_or_default();
        let text = value.as_str().unwrap_or_default();
        let mut add = |condition: String, message: String| {
            read.add(condition, format!("string.{rule}"), message)
        };
        match rule {
            "const" => {
                add(
                    format!("{{v}}.as_str() == {text:?}"),
                    format!("must be {text:?}"),
                );
            }
            "len" => {
                add(
                    format!("{{v}}.chars().count() == {count}"),
                    format!("must have {}", of(count, "characters")),
                );
            }
            "min_len" => {
                add(
                    format!("{{v}}.chars().count() >= {count}"),
                    format!("must have at least {}", of(count, "characters")),
                );
            }
            "max_len" => {
                add(
                    format!("{{v}}.chars().count() <= {count}"),
                    format!("must have at most {}", of(count, "characters")),
                );
            }
            "len_bytes" => add(
                format!("{{v}}.len() == {count}"),
                format!("must have {}", of(count, "bytes")),
            ),
            "min_bytes" => add(
                format!("{{v}}.len() >= {count}"),
                format!("must have at least {}", of(count, "bytes")),
            ),
            "max_bytes" => add(
                format!("{{v}}.len() <= {count}"),
                format!("must have at most {}", of(count, "bytes")),
            ),
            "pattern" => {
                if let Err(error) = regex::Regex::new(text) {
                    self.problem(format_args!("buf.validate pattern {text:?}: {error}"));
                    return true;
                }
                add(pattern("{v}", text), format!("must match {text}"));
            }
            "prefix" => add(
                format!("{{v}}.starts_with({text:?})"),
                format!("must begin with {text:?}"),
            ),
            "suffix" => add(
                format!("{{v}}.ends_with({text:?})"),
                format!("must end with {text:?}"),
            ),
            "contains" => add(
                format!("{{v}}.contains({text:?})"),
                format!("must contain {text:?}"),
            ),
            "not_contains" => add(
                format!("!{{v}}.contains({text:?})"),
                format!("must not contain {text:?}"),
            ),
            "in" | "not_in" => {
                let texts: Vec<&str> = list(value).iter().filter_map(Value::as_str).collect();
                let not = if rule == "in" { "" } else { "!" };
                add(
                    format!("{not}{texts:?}.contains(&{{v}}.as_str())"),
                    format!(
                        "must {}be one of {}",
                        if rule == "in" { "" } else { "not " },
                        texts.join(", ")
                    ),
                );
            }
            "example" => (),
            format if value.as_bool() == Some(true) => {
                let Some(words) = string_format(format) else {
                    return false;
                };
                add(
                    format!("{RUNTIME}::formats::{format}({{v}})"),
                    format!("must be {words}"),
                );
            }
            // A format that is switched off.
            format => return string_format(format).is_some() || format == "strict",
        }
        true
    }

    fn bytes(&mut self, read: &mut Rules, rule: &str, value: &Value) -> bool {
        let count = value.as_u64().unwrap_or_default();
        let bytes = |value: &Value| {
            format!(
                "&{:?}[..]",
                value
                    .as_bytes()
                    .map(|bytes| bytes.to_vec())
                    .unwrap_or_default()
            )
        };
        let literal = bytes(value);
        let mut add = |condition: String, message: String| {
            read.add(condition, format!("bytes.{rule}"), message)
        };
        match rule {
            "const" => add(
                format!("{{v}}.as_slice() == {literal}"),
                "must be the one value there is".to_owned(),
            ),
            "len" => add(
                format!("{{v}}.len() == {count}"),
                format!("must have {}", of(count, "bytes")),
            ),
            "min_len" => {
                add(
                    format!("{{v}}.len() >= {count}"),
                    format!("must have at least {}", of(count, "bytes")),
                );
                // Of base64 with padding; without it a text may be two characters shorter.
            }
            "max_len" => {
                add(
                    format!("{{v}}.len() <= {count}"),
                    format!("must have at most {}", of(count, "bytes")),
                );
            }
            "pattern" => {
                let text = value.as_str().unwrap_or_default();
                if let Err(error) = regex::Regex::new(text) {
                    self.problem(format_args!("buf.validate pattern {text:?}: {error}"));
                    return true;
                }
                add(
                    format!(
                        "::core::str::from_utf8({{v}}).is_ok_and(|text| {})",
                        pattern("text", text)
                    ),
                    format!("must be text that matches {text}"),
                );
            }
            "prefix" => add(
                format!("{{v}}.starts_with({literal})"),
                "must begin with other bytes".to_owned(),
            ),
            "suffix" => add(
                format!("{{v}}.ends_with({literal})"),
                "must end with other bytes".to_owned(),
            ),
            "in" | "not_in" => {
                let all: Vec<String> = list(value).iter().map(bytes).collect();
                let (not, words) = if rule == "in" {
                    ("", "must be one of the known values")
                } else {
                    ("!", "must not be this value")
                };
                add(
                    format!("{not}[{}].contains(&{{v}}.as_slice())", all.join(", ")),
                    words.to_owned(),
                );
            }
            "example" => (),
            _ => return false,
        }
        true
    }

    fn enumeration(&mut self, read: &mut Rules, rule: &str, value: &Value, kind: &Kind) -> bool {
        let Kind::Enum(e) = kind else { return false };
        let name = |number: i32| {
            e.get_value(number)
                .map_or(number.to_string(), |value| value.name().to_owned())
        };
        let numbers: Vec<i32> = list(value).iter().filter_map(Value::as_i32).collect();
        let named: Vec<String> = numbers.iter().map(|number| name(*number)).collect();
        match rule {
            "const" => {
                let number = value.as_i32().unwrap_or_default();
                read.add(
                    format!("*{{v}} == {number}"),
                    "enum.const",
                    format!("must be {}", name(number)),
                );
            }
            "defined_only" if value.as_bool() == Some(true) => {
                let ty = self.names.ty(e.full_name()).unwrap_or_default();
                read.add(
                    format!("<{ty} as ::api_runtime::json::EnumValue>::name(*{{v}}).is_some()"),
                    "enum.defined_only",
                    "must be a value that the enum has",
                );
            }
            "defined_only" | "example" => (),
            "in" => {
                read.add(
                    format!("{numbers:?}.contains({{v}})"),
                    "enum.in",
                    format!("must be one of {}", named.join(", ")),
                );
            }
            "not_in" => {
                read.add(
                    format!("!{numbers:?}.contains({{v}})"),
                    "enum.not_in",
                    format!("must not be {}", named.join(" or ")),
                );
            }
            _ => return false,
        }
        true
    }
}

fn boolean(read: &mut Rules, rule: &str, value: &Value) -> bool {
    match rule {
        "const" => {
            let truth = value.as_bool().unwrap_or_default();
            read.add(
                format!("*{{v}} == {truth}"),
                "bool.const",
                format!("must be {truth}"),
            );
            true
        }
        "example" => true,
        _ => false,
    }
}

fn number(
    read: &mut Rules,
    group: &str,
    rule: &str,
    value: &Value,
    rules: &DynamicMessage,
) -> bool {
    let limit = literal(value);
    let id = format!("{group}.{rule}");
    match rule {
        "const" => {
            read.add(format!("*{{v}} == {limit}"), id, format!("must be {limit}"));
        }
        "gt" | "gte" | "lt" | "lte" => {
            let (_, words) = comparison(rule);
            let operator = match rule {
                "gt" => ">",
                "gte" => ">=",
                "lt" => "<",
                _ => "<=",
            };
            if let Some((other, beyond)) = outside(rule, value, rules) {
                // `gt: 10 lt: 5` means everything but what lies between; said once, with the lower bound.
                if matches!(rule, "gt" | "gte") {
                    let (_, other_words) = comparison(other);
                    let other_operator = if other == "lt" { "<" } else { "<=" };
                    read.add(
                        format!("*{{v}} {operator} {limit} || *{{v}} {other_operator} {beyond}"),
                        id,
                        format!("must be {words} {limit} or {other_words} {beyond}"),
                    );
                }
                return true;
            }
            read.add(
                format!("*{{v}} {operator} {limit}"),
                id,
                format!("must be {words} {limit}"),
            );
        }
        "in" | "not_in" => {
            let all: Vec<String> = list(value).iter().map(literal).collect();
            let (not, word) = if rule == "in" {
                ("", "")
            } else {
                ("!", "not ")
            };
            read.add(
                format!("{not}[{}].contains({{v}})", all.join(", ")),
                id,
                format!("must {word}be one of {}", all.join(", ")),
            );
        }
        // Always so.
        "finite" => (),
        "example" => (),
        _ => return false,
    }
    true
}

/// The other bound (rule and literal) when the lower one lies above the upper one.
fn outside(rule: &str, value: &Value, rules: &DynamicMessage) -> Option<(&'static str, String)> {
    let others: [&'static str; 2] = if rule.starts_with('g') {
        ["lt", "lte"]
    } else {
        ["gt", "gte"]
    };
    let other = others
        .into_iter()
        .find(|other| rules.has_field_by_name(other))?;
    let bound = rules.get_field_by_name(other)?;
    let (lower, upper) = if rule.starts_with('g') {
        (number_of(value), number_of(&bound))
    } else {
        (number_of(&bound), number_of(value))
    };
    (lower > upper).then(|| (other, literal(&bound)))
}

fn number_of(value: &Value) -> f64 {
    match value {
        Value::I32(number) => f64::from(*number),
        Value::U32(number) => f64::from(*number),
        Value::I64(number) => *number as f64,
        Value::U64(number) => *number as f64,
        Value::F32(number) => f64::from(*number),
        Value::F64(number) => *number,
        _ => 0.0,
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::I32(number) => number.to_string(),
        Value::U32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F32(number) => format!("{number:?}"),
        Value::F64(number) => format!("{number:?}"),
        _ => String::new(),
    }
}

fn any(read: &mut Rules, rule: &str, value: &Value) -> bool {
    let urls: Vec<&str> = list(value).iter().filter_map(Value::as_str).collect();
    let (not, word) = match rule {
        "in" => ("", ""),
        "not_in" => ("!", "not "),
        _ => return false,
    };
    read.add(
        format!("{not}{urls:?}.contains(&{{v}}.type_url.as_str())"),
        format!("any.{rule}"),
        format!("must {word}be of a type of {}", urls.join(", ")),
    );
    true
}

fn time(read: &mut Rules, group: &str, rule: &str, value: &Value) -> bool {
    let parts = |value: &Value| {
        let message = value.as_message();
        let part =
            |name| message.and_then(|message| Some(message.get_field_by_name(name)?.into_owned()));
        let seconds = part("seconds")
            .and_then(|value| value.as_i64())
            .unwrap_or_default();
        let nanos = part("nanos")
            .and_then(|value| value.as_i32())
            .unwrap_or_default();
        (seconds, nanos)
    };
    let value_of = "({v}.seconds, {v}.nanos)";
    let (seconds, nanos) = parts(value);
    let unit = if group == "duration" {
        "seconds"
    } else {
        "seconds since 1970"
    };
    let words = if nanos == 0 {
        format!("{seconds} {unit}")
    } else {
        format!("{seconds}.{nanos:09} {unit}")
    };
    let id = format!("{group}.{rule}");
    match rule {
        "const" => read.add(
            format!("{value_of} == ({seconds}, {nanos})"),
            id,
            format!("must be {words}"),
        ),
        "gt" | "gte" | "lt" | "lte" => {
            let (order, comparison) = comparison(rule);
            read.add(
                format!("{value_of}.cmp(&({seconds}, {nanos})).is_{order}()"),
                id,
                format!("must be {comparison} {words}"),
            );
        }
        "lt_now" | "gt_now" if value.as_bool() == Some(true) => {
            let (order, word) = if rule == "lt_now" {
                ("lt", "past")
            } else {
                ("gt", "future")
            };
            read.add(
                format!("{value_of}.cmp(&{RUNTIME}::now()).is_{order}()"),
                id,
                format!("must be in the {word}"),
            );
        }
        "lt_now" | "gt_now" | "example" => (),
        "within" => read.add(
            format!("{RUNTIME}::within({{v}}, {seconds}, {nanos})"),
            id,
            format!("must be within {words} of now"),
        ),
        "in" | "not_in" => {
            let all: Vec<String> = list(value)
                .iter()
                .map(|value| format!("{:?}", parts(value)))
                .collect();
            let (not, word) = if rule == "in" {
                ("", "")
            } else {
                ("!", "not ")
            };
            read.add(
                format!("{not}[{}].contains(&{value_of})", all.join(", ")),
                id,
                format!("must {word}be one of the listed values"),
            );
        }
        _ => return false,
    }
    true
}

/// `1 character`, `2 characters`
fn of(count: u64, plural: &str) -> String {
    match (count, plural) {
        (1, "entries") => "1 entry".to_owned(),
        (1, plural) => format!("1 {}", plural.trim_end_matches('s')),
        (count, plural) => format!("{count} {plural}"),
    }
}

fn pattern(value: &str, text: &str) -> String {
    format!(
        "{{ static PATTERN: {RUNTIME}::Pattern = {RUNTIME}::Pattern::new({text:?}); PATTERN.matches({value}) }}"
    )
}

fn list(value: &Value) -> &[Value] {
    value.as_list().unwrap_or_default()
}

/// What a text of a format is.
fn string_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "email" => "an e-mail address",
        "hostname" => "a host name",
        "ip" => "an IP address",
        "ipv4" => "an IPv4 address",
        "ipv6" => "an IPv6 address",
        "uri" => "an absolute URI",
        "uri_ref" => "a URI, absolute or relative",
        "address" => "a host name or IP address",
        "uuid" => "a UUID",
        "tuuid" => "a UUID without dashes",
        "ulid" => "a ULID",
        "host_and_port" => "a host and a port",
        _ => return None,
    })
}

fn is_wrapper(message: &MessageDescriptor) -> bool {
    wrapped(message).is_some()
}

/// The group of rules for a wrapper type.
fn wrapped(message: &MessageDescriptor) -> Option<&'static str> {
    Some(match message.full_name() {
        "google.protobuf.BoolValue" => "bool",
        "google.protobuf.BytesValue" => "bytes",
        "google.protobuf.DoubleValue" => "double",
        "google.protobuf.FloatValue" => "float",
        "google.protobuf.Int32Value" => "int32",
        "google.protobuf.Int64Value" => "int64",
        "google.protobuf.StringValue" => "string",
        "google.protobuf.UInt32Value" => "uint32",
        "google.protobuf.UInt64Value" => "uint64",
        _ => return None,
    })
}

/// Whether a group of rules is the one for a type.
fn fits(group: &str, kind: &Kind) -> bool {
    group
        == match kind {
            Kind::Double => "double",
            Kind::Float => "float",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Uint32 => "uint32",
            Kind::Uint64 => "uint64",
            Kind::Sint32 => "sint32",
            Kind::Sint64 => "sint64",
            Kind::Fixed32 => "fixed32",
            Kind::Fixed64 => "fixed64",
            Kind::Sfixed32 => "sfixed32",
            Kind::Sfixed64 => "sfixed64",
            Kind::Bool => "bool",
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Enum(_) => "enum",
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Any" => "any",
                "google.protobuf.Duration" => "duration",
                "google.protobuf.Timestamp" => "timestamp",
                _ => wrapped(message).unwrap_or_default(),
            },
        }
}
