//! Reads the rules of a field: `buf.validate`, `google.api.field_behavior` and our own for decimals.
//!
//! Every rule that a contract uses is enforced; an unknown rule ends the build.
//!
//! We considered `prost-protovalidate-build` 0.6 (it needs no protoc) and do not use it. It decodes the descriptors
//! again and writes `impl Validate` for each message, with the rules inside, where OpenAPI documents cannot read them.
//! Its violations have only proto names, but REST clients need JSON names and update masks compare proto names. It
//! supports no `google.api.field_behavior`, no decimals and no NUL check, so we would still need a second pass over the
//! same messages. By default it skips unknown rules with a warning. It would replace `rust/conditions.rs` of api-build,
//! some 300 lines.

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, Value};

use crate::{
    options, pattern,
    problem::Error,
    rule::{Comparison, Limit, Literal, Rule, Test, Unit},
};

/// The rules of a field.
#[derive(Default)]
pub struct Rules {
    /// It must have a value.
    pub required: bool,
    /// When the rules do not apply.
    pub ignore: Ignore,
    /// Rules of the value, or of the list or map as a whole.
    pub own: Vec<Rule>,
    /// Rules of the elements of a list, or of the values of a map.
    pub items: Elements,
    /// Rules of the keys of a map.
    pub keys: Elements,
}

/// The rules of each element of a list or map.
#[derive(Default)]
pub struct Elements {
    /// When the rules do not apply.
    pub ignore: Ignore,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// `buf.validate.Ignore`: when rules do not apply.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Ignore {
    /// They always apply to a value that is there.
    #[default]
    Never,
    /// They do not apply to the default value.
    IfZero,
    /// They never apply, nor do those of a message in the field.
    Always,
}

impl Ignore {
    /// What the rules of a field say; `None` if they say nothing.
    fn of(rules: &DynamicMessage) -> Option<Self> {
        if !rules.has_field_by_name("ignore") {
            return None;
        }
        match rules.get_field_by_name("ignore")?.as_enum_number()? {
            1 => Some(Self::IfZero),
            3 => Some(Self::Always),
            _ => Some(Self::Never),
        }
    }
}

impl Rules {
    /// Reads the rules of a field; a rule that cannot be enforced is a problem. A field that a message's `oneof` names
    /// is `grouped`: unless it says otherwise, its rules do not apply to the default value.
    pub fn of(field: &FieldDescriptor, grouped: bool, problems: &mut Error) -> Self {
        let mut read = Self {
            required: options::behavior(field).required,
            ignore: match grouped {
                true => Ignore::IfZero,
                false => Ignore::Never,
            },
            ..Self::default()
        };
        if let Some(rules) =
            options::message(field.parent_pool(), &field.options(), "buf.validate.field")
        {
            read.ignore = Ignore::of(&rules).unwrap_or(read.ignore);
            if read.ignore == Ignore::Always {
                return read;
            }
            read.required |= options::is_true(&rules, "required");
            Reader { field, problems }.field(&mut read, &rules);
        }
        Reader { field, problems }.decimal(&mut read.own);
        read
    }
}

struct Reader<'a> {
    field: &'a FieldDescriptor,
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

    /// Reads the `FieldRules` of the field.
    fn field(&mut self, read: &mut Rules, rules: &DynamicMessage) {
        let repeated = if self.field.is_map() {
            Some("map")
        } else if self.field.is_list() {
            Some("repeated")
        } else {
            None
        };
        for (group, rules) in self.groups(rules) {
            match (group.as_str(), repeated) {
                ("repeated", Some("repeated")) => self.repeated(read, &rules),
                ("map", Some("map")) => self.map(read, &rules),
                (group, None) => read
                    .own
                    .extend(self.values(group, &rules, &self.field.kind())),
                (group, Some(_)) => self.misfit(group),
            }
        }
    }

    /// The rules in `FieldRules` by type, such as `string`. `required` and `ignore` are read elsewhere.
    fn groups(&mut self, rules: &DynamicMessage) -> Vec<(String, DynamicMessage)> {
        let mut groups = Vec::new();
        for (group, value) in rules.fields() {
            match value.as_message() {
                Some(rules) => groups.push((group.name().to_owned(), rules.clone())),
                None if matches!(group.name(), "required" | "ignore") => (),
                None => self.unknown(group.name()),
            }
        }
        groups
    }

    fn misfit(&mut self, group: &str) {
        self.problem(format_args!(
            "buf.validate rules `{group}` do not fit the type of the field"
        ));
    }

    /// Predefined rules are extensions, whose CEL this build cannot enforce.
    fn predefined(&mut self, rules: &DynamicMessage) {
        for (extension, _) in rules.extensions() {
            self.unknown(&format!("({})", extension.full_name()));
        }
    }

    /// The rules of elements, keys or values, which are `FieldRules` again. `required` says nothing there, as an element
    /// is always there.
    fn inner(&mut self, value: &Value, kind: &Kind) -> Elements {
        let mut read = Elements::default();
        let Some(rules) = value.as_message() else {
            return read;
        };
        read.ignore = Ignore::of(rules).unwrap_or_default();
        if read.ignore != Ignore::Always {
            for (group, rules) in self.groups(rules) {
                read.rules.extend(self.values(&group, &rules, kind));
            }
        }
        read
    }

    fn repeated(&mut self, read: &mut Rules, rules: &DynamicMessage) {
        self.predefined(rules);
        for (rule, value) in rules.fields() {
            match rule.name() {
                "min_items" | "max_items" => {
                    read.own
                        .push(length("repeated", rule.name(), Unit::Elements, value));
                }
                "unique" if matches!(self.field.kind(), Kind::Message(_)) => {
                    self.unknown("repeated.unique of messages");
                }
                "unique" if value.as_bool() == Some(true) => read.own.push(Rule {
                    id: "repeated.unique".to_owned(),
                    message: "must not have an element twice".to_owned(),
                    test: Test::Unique,
                }),
                "unique" => (),
                "items" => read.items = self.inner(value, &self.field.kind()),
                rule => self.unknown(&format!("repeated.{rule}")),
            }
        }
    }

    fn map(&mut self, read: &mut Rules, rules: &DynamicMessage) {
        let Kind::Message(entry) = self.field.kind() else {
            return;
        };
        self.predefined(rules);
        for (rule, value) in rules.fields() {
            match rule.name() {
                "min_pairs" | "max_pairs" => {
                    read.own
                        .push(length("map", rule.name(), Unit::Entries, value));
                }
                "keys" => read.keys = self.inner(value, &entry.map_entry_key_field().kind()),
                "values" => read.items = self.inner(value, &entry.map_entry_value_field().kind()),
                rule => self.unknown(&format!("map.{rule}")),
            }
        }
    }

    /// The rules of one value, such as `StringRules`.
    fn values(&mut self, group: &str, rules: &DynamicMessage, kind: &Kind) -> Vec<Rule> {
        if group != group_of(kind) {
            self.misfit(group);
            return Vec::new();
        }
        self.predefined(rules);
        let mut read = Vec::new();
        for (rule, value) in rules.fields() {
            let name = rule.name();
            let found = match (group, kind) {
                (_, _) if name == "example" => Ok(None),
                ("string", _) => self.string(name, value, rules),
                ("bytes", _) => self.bytes(name, value),
                ("bool", _) => boolean(name, value),
                ("enum", Kind::Enum(values)) => enumeration(name, value, values),
                ("any", _) => any(name, value),
                ("field_mask", _) => field_mask(name, value),
                ("duration" | "timestamp", _) => time(group, name, value, rules),
                _ => self.number(name, value, rules),
            };
            match found {
                Ok(Some((test, message))) => read.push(Rule {
                    id: format!("{group}.{name}"),
                    message,
                    test,
                }),
                Ok(None) => (),
                Err(Unknown) => self.unknown(&format!("{group}.{name}")),
            }
        }
        read
    }

    fn string(&mut self, rule: &str, value: &Value, rules: &DynamicMessage) -> Found {
        let text = || value.as_str().unwrap_or_default().to_owned();
        let shown = || format!("{:?}", value.as_str().unwrap_or_default());
        let literal = || Literal::Text(text());
        found(match rule {
            "const" => (Test::In(vec![literal()]), format!("must be {}", shown())),
            "len" | "min_len" | "max_len" => measured(rule, Unit::Characters, value),
            "len_bytes" | "min_bytes" | "max_bytes" => measured(rule, Unit::Bytes, value),
            "pattern" => {
                let pattern = self.pattern(&text());
                (pattern, format!("must match {}", text()))
            }
            "prefix" => (
                Test::Prefix(literal()),
                format!("must begin with {}", shown()),
            ),
            "suffix" => (
                Test::Suffix(literal()),
                format!("must end with {}", shown()),
            ),
            "contains" => (
                Test::Contains(literal()),
                format!("must contain {}", shown()),
            ),
            "not_contains" => (
                Test::NotContains(text()),
                format!("must not contain {}", shown()),
            ),
            "in" | "not_in" => listed(rule, list(value)),
            // Says how strict `well_known_regex` is.
            "strict" => return Ok(None),
            "well_known_regex" => match well_known(value, rules) {
                Some((format, words)) => (Test::Format(format), format!("must be {words}")),
                None => return Ok(None),
            },
            format => {
                let (format, words) = string_format(format).ok_or(Unknown)?;
                if value.as_bool() != Some(true) {
                    return Ok(None);
                }
                (Test::Format(format), format!("must be {words}"))
            }
        })
    }

    fn bytes(&mut self, rule: &str, value: &Value) -> Found {
        let literal = || literal(value);
        found(match rule {
            "const" => (
                Test::In(vec![literal()]),
                "must be the one value there is".to_owned(),
            ),
            "len" | "min_len" | "max_len" => measured(rule, Unit::Bytes, value),
            "pattern" => {
                let text = value.as_str().unwrap_or_default();
                let message = format!("must be text that matches {text}");
                (self.pattern(text), message)
            }
            "prefix" => (
                Test::Prefix(literal()),
                "must begin with other bytes".to_owned(),
            ),
            "suffix" => (
                Test::Suffix(literal()),
                "must end with other bytes".to_owned(),
            ),
            "contains" => (
                Test::Contains(literal()),
                "must contain other bytes".to_owned(),
            ),
            "in" => (
                Test::In(list(value)),
                "must be one of the known values".to_owned(),
            ),
            "not_in" => (
                Test::NotIn(list(value)),
                "must not be this value".to_owned(),
            ),
            "ip" | "ipv4" | "ipv6" | "uuid" if value.as_bool() != Some(true) => return Ok(None),
            "ip" => (
                Test::Format("ip_bytes"),
                "must be an IP address of 4 or 16 bytes".to_owned(),
            ),
            "ipv4" => (
                Test::Length(Unit::Bytes, Limit::Exactly, 4),
                "must be an IPv4 address of 4 bytes".to_owned(),
            ),
            "ipv6" => (
                Test::Length(Unit::Bytes, Limit::Exactly, 16),
                "must be an IPv6 address of 16 bytes".to_owned(),
            ),
            "uuid" => (
                Test::Length(Unit::Bytes, Limit::Exactly, 16),
                "must be a UUID of 16 bytes".to_owned(),
            ),
            _ => return Err(Unknown),
        })
    }

    fn pattern(&mut self, text: &str) -> Test {
        let regex = pattern::translated(text).unwrap_or_else(|problem| {
            self.problem(format_args!("buf.validate pattern {text:?}: {problem}"));
            String::new()
        });
        Test::Pattern {
            text: text.to_owned(),
            regex,
        }
    }

    fn number(&mut self, rule: &str, value: &Value, rules: &DynamicMessage) -> Found {
        let limit = literal(value);
        if let Some(comparison) = Comparison::of(rule) {
            if limit.is_nan() {
                self.problem(format_args!(
                    "buf.validate rule `{rule}` compares with NaN, and no number is more or less than that"
                ));
            }
            return Ok(compared(comparison, limit, rules, Literal::to_string));
        }
        found(match rule {
            "const" => (Test::In(vec![limit.clone()]), format!("must be {limit}")),
            "in" | "not_in" => listed(rule, list(value)),
            // Every accepted number is finite.
            "finite" => return Ok(None),
            _ => return Err(Unknown),
        })
    }

    /// Our own rules for decimals.
    fn decimal(&mut self, read: &mut Vec<Rule>) {
        let pool = self.field.parent_pool();
        let Some(rules) = options::message(pool, &self.field.options(), "platform.v1.decimal")
        else {
            return;
        };
        let decimal =
            matches!(self.field.kind(), Kind::Message(m) if m.full_name() == "google.type.Decimal");
        if !decimal || self.field.is_list() || self.field.is_map() {
            self.problem("(platform.v1.decimal) is for a single google.type.Decimal");
            return;
        }
        for (rule, value) in rules.fields() {
            let limit = value.as_str().unwrap_or_default();
            if !is_decimal(limit) {
                self.problem(format_args!(
                    "{limit:?} is no decimal: write up to 12 digits, then perhaps a point and up to 6 more"
                ));
            }
            if let Some(comparison) = Comparison::of(rule.name()) {
                read.push(Rule {
                    id: format!("decimal.{}", rule.name()),
                    message: format!("must be {} {limit}", comparison.words()),
                    test: Test::Decimal(comparison, limit.to_owned()),
                });
            }
        }
    }
}

/// A test with its message; None if the rule demands nothing.
type Found = Result<Option<(Test, String)>, Unknown>;

/// The rule cannot be enforced.
struct Unknown;

fn found(rule: (Test, String)) -> Found {
    Ok(Some(rule))
}

fn boolean(rule: &str, value: &Value) -> Found {
    match rule {
        "const" => found((
            Test::In(vec![literal(value)]),
            format!("must be {}", literal(value)),
        )),
        _ => Err(Unknown),
    }
}

fn enumeration(rule: &str, value: &Value, values: &EnumDescriptor) -> Found {
    let numbers = match value {
        Value::List(_) => list(value),
        one => vec![literal(one)],
    };
    let name = |number: &Literal| {
        let value = match number {
            Literal::Int(number) => i32::try_from(*number)
                .ok()
                .and_then(|n| values.get_value(n)),
            _ => None,
        };
        value.map_or(number.to_string(), |value| value.name().to_owned())
    };
    let names: Vec<String> = numbers.iter().map(name).collect();
    found(match rule {
        "const" => (Test::In(numbers), format!("must be {}", names.join(", "))),
        "defined_only" if value.as_bool() == Some(true) => (
            Test::Defined,
            "must be a value that the enum has".to_owned(),
        ),
        "defined_only" => return Ok(None),
        "in" => (
            Test::In(numbers),
            format!("must be one of {}", names.join(", ")),
        ),
        "not_in" => (
            Test::NotIn(numbers),
            format!("must not be {}", names.join(" or ")),
        ),
        _ => return Err(Unknown),
    })
}

/// A bound, which `words` says in a message. `gt: 10 lt: 5` excludes the values between, and is one rule, that of the
/// lower bound.
fn compared(
    comparison: Comparison,
    limit: Literal,
    rules: &DynamicMessage,
    words: impl Fn(&Literal) -> String,
) -> Option<(Test, String)> {
    let message = format!("must be {} {}", comparison.words(), words(&limit));
    let others = match comparison.is_lower() {
        true => ["lt", "lte"],
        false => ["gt", "gte"],
    };
    let other = others
        .into_iter()
        .find(|other| rules.has_field_by_name(other));
    let bound = other.and_then(|other| {
        let bound = literal(rules.get_field_by_name(other)?.as_ref());
        Some((Comparison::of(other)?, bound))
    });
    match bound {
        Some((other, bound)) => {
            let (lower, upper) = match comparison.is_lower() {
                true => (&limit, &bound),
                false => (&bound, &limit),
            };
            let outside = lower.compare(upper).is_some_and(|order| order.is_gt());
            match (outside, comparison.is_lower()) {
                (false, _) => Some((Test::Compare(comparison, limit), message)),
                (true, true) => {
                    let message = format!("{message} or {} {}", other.words(), words(&bound));
                    Some((Test::Either((comparison, limit), (other, bound)), message))
                }
                (true, false) => None,
            }
        }
        None => Some((Test::Compare(comparison, limit), message)),
    }
}

fn any(rule: &str, value: &Value) -> Found {
    let urls = list(value);
    let shown = joined(&urls);
    found(match rule {
        "in" => (Test::In(urls), format!("must be of a type of {shown}")),
        "not_in" => (
            Test::NotIn(urls),
            format!("must not be of a type of {shown}"),
        ),
        _ => return Err(Unknown),
    })
}

fn field_mask(rule: &str, value: &Value) -> Found {
    let paths = match rule {
        "const" => value.as_message().map(|mask| options::texts(mask, "paths")),
        _ => value.as_list().map(|paths| {
            let paths = paths.iter().filter_map(Value::as_str);
            paths.map(str::to_owned).collect()
        }),
    };
    let paths = paths.unwrap_or_default();
    let shown = paths.join(", ");
    found(match rule {
        "const" => (Test::Paths(paths), format!("must be {shown}")),
        "in" => (
            Test::PathsIn(paths),
            format!("must name nothing but {shown}, or fields of these"),
        ),
        "not_in" => (
            Test::PathsNotIn(paths),
            format!("must not name {shown}, or fields of these"),
        ),
        _ => return Err(Unknown),
    })
}

fn time(group: &str, rule: &str, value: &Value, rules: &DynamicMessage) -> Found {
    let limit = literal(value);
    let words = |limit: &Literal| match group {
        "duration" => format!("{limit} seconds"),
        _ => format!("{limit} seconds since 1970"),
    };
    if let Some(comparison) = Comparison::of(rule) {
        return Ok(compared(comparison, limit, rules, words));
    }
    let words = words(&limit);
    found(match (rule, limit) {
        ("const", limit) => (Test::In(vec![limit]), format!("must be {words}")),
        ("lt_now" | "gt_now", _) if value.as_bool() != Some(true) => return Ok(None),
        ("lt_now", _) => (Test::Past, "must be in the past".to_owned()),
        ("gt_now", _) => (Test::Future, "must be in the future".to_owned()),
        ("within", Literal::Time(seconds, nanos)) => (
            Test::Within(seconds, nanos),
            format!("must be within {words} of now"),
        ),
        ("in", _) => (
            Test::In(list(value)),
            "must be one of the listed values".to_owned(),
        ),
        ("not_in", _) => (
            Test::NotIn(list(value)),
            "must not be one of the listed values".to_owned(),
        ),
        _ => return Err(Unknown),
    })
}

/// A rule about a length, by the prefix of its name.
fn measured(rule: &str, unit: Unit, value: &Value) -> (Test, String) {
    let count = value.as_u64().unwrap_or_default();
    let (limit, words) = match &rule[..3] {
        "min" => (Limit::AtLeast, "at least "),
        "max" => (Limit::AtMost, "at most "),
        _ => (Limit::Exactly, ""),
    };
    (
        Test::Length(unit, limit, count),
        format!("must have {words}{}", unit.count(count)),
    )
}

fn length(group: &str, rule: &str, unit: Unit, value: &Value) -> Rule {
    let (test, message) = measured(rule, unit, value);
    Rule {
        id: format!("{group}.{rule}"),
        message,
        test,
    }
}

fn listed(rule: &str, values: Vec<Literal>) -> (Test, String) {
    let shown = joined(&values);
    match rule {
        "in" => (Test::In(values), format!("must be one of {shown}")),
        _ => (Test::NotIn(values), format!("must not be one of {shown}")),
    }
}

fn joined(values: &[Literal]) -> String {
    let shown: Vec<String> = values.iter().map(Literal::to_string).collect();
    shown.join(", ")
}

fn list(value: &Value) -> Vec<Literal> {
    let values = value.as_list().unwrap_or_default();
    values.iter().map(literal).collect()
}

fn literal(value: &Value) -> Literal {
    match value {
        Value::Bool(value) => Literal::Bool(*value),
        Value::I32(value) | Value::EnumNumber(value) => Literal::Int((*value).into()),
        Value::U32(value) => Literal::Int((*value).into()),
        Value::I64(value) => Literal::Int((*value).into()),
        Value::U64(value) => Literal::Int((*value).into()),
        Value::F32(value) => Literal::Float(*value),
        Value::F64(value) => Literal::Double(*value),
        Value::Bytes(value) => Literal::Bytes(value.to_vec()),
        Value::Message(time) => {
            let part = |name| time.get_field_by_name(name);
            let seconds = part("seconds").and_then(|value| value.as_i64());
            let nanos = part("nanos").and_then(|value| value.as_i32());
            Literal::Time(seconds.unwrap_or_default(), nanos.unwrap_or_default())
        }
        value => Literal::Text(value.as_str().unwrap_or_default().to_owned()),
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

/// The function and the description of a text format.
fn string_format(format: &str) -> Option<(&'static str, &'static str)> {
    const FORMATS: [(&str, &str); 20] = [
        ("email", "an e-mail address"),
        ("hostname", "a host name"),
        ("ip", "an IP address"),
        ("ipv4", "an IPv4 address"),
        ("ipv6", "an IPv6 address"),
        ("uri", "an absolute URI"),
        ("uri_ref", "a URI, absolute or relative"),
        ("address", "a host name or IP address"),
        ("uuid", "a UUID"),
        ("tuuid", "a UUID without dashes"),
        ("ulid", "a ULID"),
        ("host_and_port", "a host and a port"),
        (
            "ip_with_prefixlen",
            "an IP address with the length of its prefix",
        ),
        (
            "ipv4_with_prefixlen",
            "an IPv4 address with the length of its prefix",
        ),
        (
            "ipv6_with_prefixlen",
            "an IPv6 address with the length of its prefix",
        ),
        ("ip_prefix", "an IP network with the length of its prefix"),
        (
            "ipv4_prefix",
            "an IPv4 network with the length of its prefix",
        ),
        (
            "ipv6_prefix",
            "an IPv6 network with the length of its prefix",
        ),
        ("protobuf_fqn", "a full name of protobuf"),
        ("protobuf_dot_fqn", "a full name of protobuf after a dot"),
    ];
    FORMATS.into_iter().find(|(name, _)| *name == format)
}

/// The function and the description of a `well_known_regex`; `None` if it demands nothing. It is strict unless `strict`
/// is false.
fn well_known(value: &Value, rules: &DynamicMessage) -> Option<(&'static str, &'static str)> {
    let strict = !rules.has_field_by_name("strict") || options::is_true(rules, "strict");
    match (value.as_enum_number()?, strict) {
        (1, true) => Some(("header_name", "the name of an HTTP header")),
        (1, false) => Some(("loose_header_name", "a text of one line")),
        (2, true) => Some(("header_value", "the value of an HTTP header")),
        (2, false) => Some(("loose_header_value", "a text of one line, or empty")),
        _ => None,
    }
}

/// The rule group of a type; a wrapper such as `StringValue` has the group of its value.
fn group_of(kind: &Kind) -> &'static str {
    match kind {
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
            "google.protobuf.FieldMask" => "field_mask",
            "google.protobuf.Timestamp" => "timestamp",
            "google.protobuf.BoolValue" => "bool",
            "google.protobuf.BytesValue" => "bytes",
            "google.protobuf.DoubleValue" => "double",
            "google.protobuf.FloatValue" => "float",
            "google.protobuf.Int32Value" => "int32",
            "google.protobuf.Int64Value" => "int64",
            "google.protobuf.StringValue" => "string",
            "google.protobuf.UInt32Value" => "uint32",
            "google.protobuf.UInt64Value" => "uint64",
            _ => "",
        },
    }
}
