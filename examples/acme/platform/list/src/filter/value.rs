//! The values in filters and page tokens.

use std::fmt;

use aip_160::Value as Literal;
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::list;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Value {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Double(f64),
    Decimal(Decimal),
    Date(NaiveDate),
    Timestamp(DateTime<Utc>),
    Id(Uuid),
    /// Texts, and enums by their stored name.
    Text(String),
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from! {
    bool => Bool,
    i32 => Int32,
    i64 => Int64,
    f64 => Double,
    Decimal => Decimal,
    NaiveDate => Date,
    DateTime<Utc> => Timestamp,
    Uuid => Id,
    String => Text,
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The text that [`Kind::stored`] reads back without loss.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int32(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::Decimal(value) => value.fmt(f),
            Self::Date(value) => value.fmt(f),
            Self::Timestamp(value) => {
                f.write_str(&value.to_rfc3339_opts(SecondsFormat::Micros, true))
            }
            Self::Id(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// The type of a field, and how a filter writes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `"in quotes"`, or a single word without; ordered by the database's collation.
    Text,
    /// As `Text`, but of the same meaning in small and in capital letters: the column has it in small letters.
    Email,
    /// `true` or `false`
    Bool,
    /// `-7`
    Int32,
    /// `9007199254740993`
    Int64,
    /// `0.5` or `1e-3`
    Double,
    /// `12.5`: up to 12 digits before and 6 after the point
    Decimal,
    /// `"2026-01-31"`
    Date,
    /// `"2026-01-31T12:00:00Z"`, to the microsecond
    Timestamp,
    /// A UUID.
    Id,
    /// The names of the contract's enum, each with its stored name.
    Enum(&'static [(&'static str, &'static str)]),
}

impl Kind {
    /// Whether the values have an order.
    pub(super) fn is_ordered(self) -> bool {
        !matches!(self, Self::Bool | Self::Id | Self::Enum(_))
    }

    /// Parses a value of a filter; the error says what is wrong with it.
    pub(super) fn literal(self, literal: &Literal) -> Result<Value, String> {
        let text = literal.as_str();
        let is_bare = matches!(
            self,
            Self::Bool | Self::Int32 | Self::Int64 | Self::Double | Self::Decimal
        );
        if is_bare && literal.is_quoted() {
            return Err(format!("{literal} is a text: write it without quotes"));
        }
        if matches!(self, Self::Text | Self::Email)
            && (text.starts_with('*') || text.ends_with('*'))
        {
            return Err(format!(
                "{literal} begins or ends with `*`, and there are no wildcards here"
            ));
        }
        if let Self::Enum(names) = self {
            let stored = names.iter().find(|(name, _)| *name == text);
            return stored.map(|(_, stored)| (*stored).into()).ok_or_else(|| {
                format!("{literal} is not {}", list(names.iter().map(|name| name.0)))
            });
        }
        self.stored(text)
    }

    /// Parses a value from the text of its `Display`.
    pub(crate) fn stored(self, text: &str) -> Result<Value, String> {
        let parsed = match self {
            Self::Text | Self::Enum(_) => Some(text.into()),
            Self::Email => Some(text.to_lowercase().into()),
            Self::Bool => text.parse().ok().map(Value::Bool),
            Self::Int32 => text.parse().ok().map(Value::Int32),
            Self::Int64 => text.parse().ok().map(Value::Int64),
            Self::Double => text
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Value::Double),
            Self::Decimal => decimal(text).map(Value::Decimal),
            Self::Date => date(text).map(Value::Date),
            Self::Timestamp => timestamp(text).map(Value::Timestamp),
            Self::Id => Uuid::try_parse(text).ok().map(Value::Id),
        };
        parsed.ok_or_else(|| format!("`{text}` is not {}", self.wanted()))
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Text | Self::Email | Self::Enum(_) => "a text",
            Self::Bool => "true or false",
            Self::Int32 => "a whole number of 32 bits",
            Self::Int64 => "a whole number of 64 bits",
            Self::Double => "a number",
            Self::Decimal => "a decimal of at most 12 digits before and 6 after the point",
            Self::Date => "a date such as \"2026-01-31\"",
            Self::Timestamp => {
                "a time such as \"2026-01-31T12:00:00Z\", to the microsecond at most"
            }
            Self::Id => "an id",
        }
    }
}

/// The same decimals that a contract accepts as `google.type.Decimal`.
fn decimal(text: &str) -> Option<Decimal> {
    let message = api_runtime::wkt::Decimal {
        value: text.to_owned(),
    };
    message.try_into().ok()
}

fn date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    has_four_digits(date.year()).then_some(date)
}

fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let is_kept = has_four_digits(instant.year()) && instant.nanosecond() % 1000 == 0;
    is_kept.then_some(instant)
}

/// The years that the contract and both databases accept.
fn has_four_digits(year: i32) -> bool {
    (1..=9999).contains(&year)
}
