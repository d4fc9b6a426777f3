//! Sets fields of a message from path variables and query parameters.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::json::Kind;

/// Why a parameter cannot set a field.
#[derive(Debug, PartialEq, Eq)]
pub enum ParamError {
    /// There is no such field.
    Unknown,
    /// The text is not a value of the field; the message states the expected form.
    Invalid(String),
}

/// Whether a parameter may be given more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// At most once, under whichever of its names.
    One(Place),
    Many,
}

/// Which field of a message a parameter set: two names of one field have one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    fn of<T>(field: &T) -> Self {
        Self(std::ptr::from_ref(field).addr())
    }
}

fn parse<K: Kind>(rest: Option<&str>, text: &str) -> Result<K::Value, ParamError> {
    match rest {
        Some(_) => Err(ParamError::Unknown),
        None => K::parse(text).map_err(ParamError::Invalid),
    }
}

pub fn value<K: Kind>(
    field: &mut K::Value,
    rest: Option<&str>,
    text: &str,
) -> Result<Arity, ParamError> {
    *field = parse::<K>(rest, text)?;
    Ok(Arity::One(Place::of(field)))
}

pub fn optional<K: Kind>(
    field: &mut Option<impl From<K::Value>>,
    rest: Option<&str>,
    text: &str,
) -> Result<Arity, ParamError> {
    *field = Some(parse::<K>(rest, text)?.into());
    Ok(Arity::One(Place::of(field)))
}

pub fn push<K: Kind>(
    field: &mut Vec<K::Value>,
    rest: Option<&str>,
    text: &str,
) -> Result<Arity, ParamError> {
    field.push(parse::<K>(rest, text)?);
    Ok(Arity::Many)
}

pub fn member<K: Kind, O>(
    oneof: &mut Option<O>,
    rest: Option<&str>,
    text: &str,
    wrap: fn(K::Value) -> O,
) -> Result<Arity, ParamError> {
    let value = parse::<K>(rest, text)?;
    if oneof.is_some() {
        return Err(taken());
    }
    *oneof = Some(wrap(value));
    Ok(Arity::One(Place::of(oneof)))
}

/// Another member of the parameter's oneof is already set.
pub fn taken() -> ParamError {
    ParamError::Invalid("another member of the same oneof is there too".to_owned())
}

/// The decoded pairs of a query; `None` if a part is not UTF-8.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Option<String>, Option<String>)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

fn decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " ")).map(Cow::into_owned)
}

/// `None` if the decoded text is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    // Most texts have nothing to decode, and to find that out is faster than to decode them.
    if !text.contains('%') {
        return Some(text.into());
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_as_forms_write_it() {
        let decoded: Vec<_> = pairs("a=1+2&&b=%26%2B&c&d=%ff").collect();

        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            decoded,
            [
                (text("a"), text("1 2")),
                (text("b"), text("&+")),
                (text("c"), text("")),
                (text("d"), None),
            ]
        );
    }
}
