//! Conditions of rules that need more than an operator.

pub mod formats;

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use regex::Regex;

use crate::wkt::{Decimal, Timestamp};

/// A regular expression of the contract, compiled on first use.
pub struct Pattern {
    text: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            regex: OnceLock::new(),
        }
    }

    /// Whether the pattern matches somewhere in the text. The build has checked that it compiles.
    pub fn matches(&self, text: &str) -> bool {
        let regex = self.regex.get_or_init(|| Regex::new(self.text).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// Whether a text of bytes has another one within.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a path of a field mask is one of these, or below one.
pub fn names(path: &str, paths: &[&str]) -> bool {
    paths.iter().any(|above| {
        let rest = path.strip_prefix(above);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

pub fn unique<T: Ord>(elements: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    elements.into_iter().all(|element| seen.insert(element))
}

/// Seconds and nanoseconds since 1970.
pub fn now() -> (i64, i32) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        now.subsec_nanos() as i32,
    )
}

/// Whether a time is within this duration of now.
pub fn within(time: &Timestamp, seconds: i64, nanos: i32) -> bool {
    let total = |seconds: i64, nanos: i32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let (now_seconds, now_nanos) = now();
    let apart = total(time.seconds, time.nanos) - total(now_seconds, now_nanos);
    apart.abs() <= total(seconds, nanos)
}

/// Compares a decimal with a limit; `None` if it is not a number, which another rule reports.
pub fn decimal(value: &Decimal, limit: &str) -> Option<Ordering> {
    let limit = Decimal {
        value: limit.to_owned(),
    }
    .number()
    .ok()?;
    Some(value.number().ok()?.cmp(&limit))
}
