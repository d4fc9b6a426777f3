//! The rules of a value, from `buf.validate` and our own, in one form for all generators.

use std::{cmp::Ordering, fmt};

use serde_json::{Value, json};

/// One rule of a value.
pub struct Rule {
    /// `string.min_len`
    pub id: String,
    /// The message for a caller who breaks it: `must have at least 3 characters`.
    pub message: String,
    /// The condition.
    pub test: Test,
}

/// The condition that a value must meet.
pub enum Test {
    /// Equal to one of these values; a single one is a constant.
    In(Vec<Literal>),
    /// Equal to none of these values.
    NotIn(Vec<Literal>),
    /// A length in this unit.
    Length(Unit, Limit, u64),
    /// Compared with a number, a time or a duration.
    Compare(Comparison, Literal),
    /// Outside a range: one of the two comparisons holds.
    Either((Comparison, Literal), (Comparison, Literal)),
    /// A `google.type.Decimal`, compared with the text of another.
    Decimal(Comparison, String),
    /// Matches a regular expression somewhere.
    Pattern {
        /// In the contract, in the syntax of RE2.
        text: String,
        /// The same in the syntax of the crate `regex`.
        regex: String,
    },
    /// Begins with this text or these bytes.
    Prefix(Literal),
    /// Ends with this text or these bytes.
    Suffix(Literal),
    /// Contains this text or these bytes.
    Contains(Literal),
    /// Does not contain this text.
    NotContains(String),
    /// Text in a format, checked by a function of `api_runtime::rules::formats`.
    Format(&'static str),
    /// A field mask of exactly these paths.
    Paths(Vec<String>),
    /// A field mask that names only these paths and fields below them.
    PathsIn(Vec<String>),
    /// A field mask that names none of these paths, nor a field below them.
    PathsNotIn(Vec<String>),
    /// A number that the enum defines.
    Defined,
    /// Without duplicate elements.
    Unique,
    /// A time before now.
    Past,
    /// A time after now.
    Future,
    /// A time within this many seconds and nanoseconds of now.
    Within(i64, i32),
}

/// The unit of a length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Characters,
    Bytes,
    Elements,
    Entries,
}

impl Unit {
    /// `1 character`, `2 characters`
    pub fn count(self, count: u64) -> String {
        let (one, many) = match self {
            Self::Characters => ("character", "characters"),
            Self::Bytes => ("byte", "bytes"),
            Self::Elements => ("element", "elements"),
            Self::Entries => ("entry", "entries"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// How a length compares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Exactly,
    AtLeast,
    AtMost,
}

/// How a value compares with a limit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Greater,
    AtLeast,
    Less,
    AtMost,
}

impl Comparison {
    /// `gt`, `gte`, `lt`, `lte`, the names of the rules.
    pub fn of(rule: &str) -> Option<Self> {
        Some(match rule {
            "gt" => Self::Greater,
            "gte" => Self::AtLeast,
            "lt" => Self::Less,
            "lte" => Self::AtMost,
            _ => return None,
        })
    }

    /// Whether it is a lower bound.
    pub fn is_lower(self) -> bool {
        matches!(self, Self::Greater | Self::AtLeast)
    }

    /// `greater than`
    pub fn words(self) -> &'static str {
        match self {
            Self::Greater => "greater than",
            Self::AtLeast => "at least",
            Self::Less => "less than",
            Self::AtMost => "at most",
        }
    }
}

/// A value in a rule.
#[derive(Clone, PartialEq)]
pub enum Literal {
    Bool(bool),
    /// Of any integer type, or of an enum.
    Int(i128),
    Float(f32),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Seconds and nanoseconds of a `Timestamp` or `Duration`.
    Time(i64, i32),
}

impl Literal {
    /// Whether it is NaN, which equals nothing and compares with nothing.
    pub fn is_nan(&self) -> bool {
        match self {
            Self::Float(value) => value.is_nan(),
            Self::Double(value) => value.is_nan(),
            _ => false,
        }
    }

    /// Compares two numbers or two times; None for other values.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(other)),
            (Self::Float(one), Self::Float(other)) => one.partial_cmp(other),
            (Self::Double(one), Self::Double(other)) => one.partial_cmp(other),
            (Self::Time(one, part), Self::Time(other, other_part)) => {
                Some((one, part).cmp(&(other, other_part)))
            }
            _ => None,
        }
    }

    /// The value as JSON; None for bytes and times, which have another form there.
    pub fn json(&self) -> Option<Value> {
        Some(match self {
            Self::Bool(value) => json!(value),
            Self::Int(value) => match u64::try_from(*value) {
                Ok(value) => json!(value),
                Err(_) => json!(i64::try_from(*value).ok()?),
            },
            Self::Float(value) => json!(value),
            Self::Double(value) => json!(value),
            Self::Text(value) => json!(value),
            Self::Bytes(_) | Self::Time(..) => return None,
        })
    }
}

/// For the message of a rule.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Text(value) => f.write_str(value),
            Self::Bytes(_) => f.write_str("these bytes"),
            Self::Time(seconds, 0) => seconds.fmt(f),
            Self::Time(seconds, nanos) => write!(f, "{seconds}.{nanos:09}"),
        }
    }
}
