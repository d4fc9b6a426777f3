//! Filters of lists (AIP-160), on the fields that a list declares.
//!
//! ```text
//! status = ORDER_STATUS_OPEN AND (total >= 99.5 OR NOT paid = true)
//! created_at > "2026-01-31T00:00:00Z"
//! ```
//!
//! A filter compares fields with `=`, `!=`, `<`, `<=`, `>` and `>=`. It joins comparisons with `AND`, `OR`, `NOT` (or
//! `-`) and parentheses; `OR` binds tighter than `AND`. Enums, booleans and ids support only `=` and `!=`. As in SQL,
//! no comparison holds for a field without a value, and neither does its negation. The rest of AIP-160 is refused with
//! a sentence: the has operator `:`, wildcards, functions, nested fields, and terms with neither field nor operator.

mod value;

use aip_160::{Arg, Comparator, Expression, FilterError, Restriction};

pub use self::value::{Kind, Value};
use crate::Invalid;

/// The maximum length of a filter, in bytes.
pub const MAX_LENGTH: usize = 2000;

/// A field that a list can be filtered by and, if required, ordered by. It should have an index.
#[derive(Debug, Clone, Copy)]
pub struct Field<F> {
    pub(crate) id: F,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

impl<F> Field<F> {
    /// A field that always has a value.
    pub const fn required(id: F, name: &'static str, kind: Kind) -> Self {
        Self {
            id,
            name,
            kind,
            optional: false,
        }
    }

    /// A field that may have no value. No list can be ordered by it, because databases sort null differently.
    pub const fn optional(id: F, name: &'static str, kind: Kind) -> Self {
        Self {
            id,
            name,
            kind,
            optional: true,
        }
    }
}

/// The rows that a list shows; `F` names the fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter<F> {
    /// Every one of these holds. An empty `All` shows every row.
    All(Vec<Self>),
    /// At least one of these holds.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// A comparison of a field with a value.
    Is(F, Operator, Value),
}

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    fn is_about_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

impl<F: Copy> Filter<F> {
    /// Parses a filter; an empty one shows every row.
    pub(crate) fn parse(text: &str, fields: &[Field<F>]) -> Result<Self, Invalid> {
        if text.len() > MAX_LENGTH {
            return Err(invalid(format!(
                "is longer than {MAX_LENGTH} bytes: ask for less at once"
            )));
        }
        let filter = aip_160::parse_filter(text).map_err(|error| malformed(text, error))?;
        match filter.expression {
            Some(expression) => Self::read(&expression, fields),
            None => Ok(Self::All(Vec::new())),
        }
    }

    fn read(expression: &Expression, fields: &[Field<F>]) -> Result<Self, Invalid> {
        let each = |parts: &[Expression]| {
            parts
                .iter()
                .map(|part| Self::read(part, fields))
                .collect::<Result<Vec<_>, _>>()
        };
        match expression {
            Expression::And(parts) => each(parts).map(Self::All),
            Expression::Or(parts) => each(parts).map(Self::Any),
            Expression::Not(part) => Ok(Self::Not(Box::new(Self::read(part, fields)?))),
            Expression::Restriction(restriction) => comparison(restriction, fields),
            Expression::Sequence(_) => Err(invalid(format!(
                "has nothing between the terms of `{expression}`: write AND or OR there"
            ))),
            Expression::Global(term) => Err(invalid(format!(
                "has `{term}` alone: write a comparison such as `{} = …`",
                fields.first().map_or("field", |field| field.name)
            ))),
        }
    }

    /// Whether a row matches; `value` returns the row's values. `None` is SQL's "unknown".
    pub(crate) fn holds(&self, value: &impl Fn(F) -> Option<Value>) -> Option<bool> {
        match self {
            Self::All(parts) => decided(parts, false, value),
            Self::Any(parts) => decided(parts, true, value),
            Self::Not(part) => part.holds(value).map(|holds| !holds),
            Self::Is(field, operator, wanted) => {
                let order = value(*field)?.partial_cmp(wanted)?;
                Some(match operator {
                    Operator::Equal => order.is_eq(),
                    Operator::NotEqual => order.is_ne(),
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    Operator::GreaterOrEqual => order.is_ge(),
                })
            }
        }
    }
}

/// The first part that equals `decisive` decides. Otherwise one unknown part makes the result unknown.
fn decided<F: Copy>(
    parts: &[Filter<F>],
    decisive: bool,
    value: &impl Fn(F) -> Option<Value>,
) -> Option<bool> {
    let mut outcome = Some(!decisive);
    for part in parts {
        match part.holds(value) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => outcome = None,
        }
    }
    outcome
}

fn comparison<F: Copy>(
    restriction: &Restriction,
    fields: &[Field<F>],
) -> Result<Filter<F>, Invalid> {
    let name = restriction.comparable.to_string();
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        return Err(invalid(format!(
            "cannot be by `{name}`: use {}",
            list(fields.iter().map(|field| field.name))
        )));
    };
    let operator = match restriction.comparator {
        Comparator::Equal => Operator::Equal,
        Comparator::NotEqual => Operator::NotEqual,
        Comparator::LessThan => Operator::Less,
        Comparator::LessThanOrEqual => Operator::LessOrEqual,
        Comparator::GreaterThan => Operator::Greater,
        Comparator::GreaterThanOrEqual => Operator::GreaterOrEqual,
        Comparator::Has => {
            return Err(invalid(format!(
                "has `{name}:`, which means nothing here: use = != < <= > or >=, and quote a text that has a colon"
            )));
        }
    };
    if operator.is_about_order() && !field.kind.is_ordered() {
        return Err(invalid(format!(
            "asks for an order of `{name}`, which has none: use = or !="
        )));
    }
    let literal = match &restriction.arg {
        Arg::Comparable(_) => restriction.arg.as_value(),
        Arg::Composite(_) => None,
    };
    let value = literal
        .ok_or_else(|| format!("{} is no single value: quote it", restriction.arg))
        .and_then(|literal| field.kind.literal(literal));
    let value = value.map_err(|problem| invalid(format!("compares `{name}`: {problem}")))?;
    Ok(Filter::Is(field.id, operator, value))
}

/// `a, b or c`
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.collect();
    let last = names.pop().unwrap_or_default();
    if names.is_empty() {
        return last.to_owned();
    }
    format!("{} or {last}", names.join(", "))
}

fn malformed(text: &str, error: FilterError) -> Invalid {
    match error {
        FilterError::Syntax { offset, message } => {
            let before = text.get(..offset).unwrap_or(text);
            invalid(format!(
                "cannot be read at character {}: {message}",
                before.chars().count() + 1
            ))
        }
        error => invalid(format!("cannot be read: {error}")),
    }
}

fn invalid(problem: String) -> Invalid {
    Invalid::new("filter", problem)
}

#[cfg(test)]
mod tests;
