//! The types of single values, and how they are written.

use std::{fmt::Display, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use secrecy::SecretString;
use serde_json::Value;

/// The value of a key.
pub trait Setting: Sized {
    /// The name of the type on the reference page, such as `duration`.
    const KIND: &'static str;

    /// Reads the value from a file (any JSON value) or from the environment (always text).
    ///
    /// # Errors
    /// The mistake and the right form, as the end of a sentence that begins with the key. The text must not repeat a
    /// value that may be a secret.
    fn read(value: &Value) -> Result<Self, String>;

    /// The number that the bounds of a key are compared with, if the type has one.
    fn size(&self) -> Option<f64> {
        None
    }
}

/// The text of a value.
///
/// # Errors
/// When the value is not a text.
pub fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("`{other}` is not a text: put it in quotes")),
    }
}

/// Reads a text with `FromStr`.
///
/// # Errors
/// When the value is not a text, or `FromStr` refuses it.
pub fn parsed<T: FromStr<Err: Display>>(value: &Value) -> Result<T, String> {
    let text = text(value)?;
    text.parse()
        .map_err(|error| format!("`{text}` cannot be used: {error}"))
}

/// One of several words.
///
/// # Errors
/// For any other word; the message lists the allowed ones.
pub fn choice<T: Copy>(value: &Value, choices: &[(&str, T)]) -> Result<T, String> {
    let text = text(value)?;
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        format!("`{text}` is not possible: write {}", words.join(" or "))
    })
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn read(value: &Value) -> Result<Self, String> {
        text(value).map(str::to_owned)
    }
}

impl Setting for PathBuf {
    const KIND: &'static str = "path";

    fn read(value: &Value) -> Result<Self, String> {
        match text(value)? {
            "" => Err("must not be empty".to_owned()),
            path => Ok(path.into()),
        }
    }
}

impl Setting for SecretString {
    const KIND: &'static str = "text";

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(text.as_str().into()),
            _ => Err("is not a text: put it in quotes".to_owned()),
        }
    }
}

impl Setting for IpAddr {
    const KIND: &'static str = "IP address";

    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        text.parse()
            .map_err(|_| format!("`{text}` is not an IP address like 127.0.0.1 or ::1"))
    }
}

impl Setting for bool {
    const KIND: &'static str = "true or false";

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(value) => Ok(*value),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            other => Err(format!("`{}` is not true or false", plain(other))),
        }
    }
}

/// Numbers; the environment gives them as text.
macro_rules! numbers {
    ($($type:ty, $kind:literal, $wrong:literal;)*) => {
        $(impl Setting for $type {
            const KIND: &'static str = $kind;

            fn read(value: &Value) -> Result<Self, String> {
                let number = match value {
                    Value::Number(number) => number.to_string().parse().ok(),
                    Value::String(text) => text.parse().ok(),
                    _ => None,
                };
                number.ok_or_else(|| format!(concat!("`{}` is not ", $wrong), plain(value)))
            }

            fn size(&self) -> Option<f64> {
                Some(*self as f64)
            }
        })*
    };
}

numbers! {
    u16, "whole number", "a whole number from 0 to 65535";
    u32, "whole number", "a whole number from 0 to 4294967295";
    u64, "whole number", "a whole number of at least 0";
    usize, "whole number", "a whole number of at least 0";
    f64, "number", "a number";
}

/// Written as `500ms`, `5s` or `1m 30s`.
impl Setting for Duration {
    const KIND: &'static str = "duration";

    fn read(value: &Value) -> Result<Self, String> {
        let wrong = |text: &str| format!("`{text}` is not a duration like 500ms, 5s or 1m 30s");
        let Value::String(text) = value else {
            return Err(wrong(&plain(value)));
        };
        humantime::parse_duration(text).map_err(|_| wrong(text))
    }

    fn size(&self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
}

/// `None` is null or an empty text, so that the environment can remove a value.
impl<T: Setting> Setting for Option<T> {
    const KIND: &'static str = T::KIND;

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            value => T::read(value).map(Some),
        }
    }

    fn size(&self) -> Option<f64> {
        self.as_ref().and_then(T::size)
    }
}

/// Written as a list. In the environment: as a text with commas between the values.
impl<T: FromStr<Err: Display>> Setting for Vec<T> {
    const KIND: &'static str = "list";

    fn read(value: &Value) -> Result<Self, String> {
        let texts: Vec<&str> = match value {
            Value::String(text) => text.split(',').collect(),
            Value::Array(items) => items.iter().map(text).collect::<Result<_, _>>()?,
            other => return Err(format!("`{other}` is not a list of texts")),
        };
        let texts = texts.into_iter().map(str::trim);
        let texts = texts.filter(|text| !text.is_empty());
        let parse = |text: &str| text.parse().map_err(|error| format!("`{text}`: {error}"));
        texts.map(parse).collect()
    }
}

/// The address of an HTTP server: `http://` or `https://`, and a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(pub http::Uri);

impl Setting for HttpUrl {
    const KIND: &'static str = "URL";

    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        match text.parse::<http::Uri>() {
            Ok(url)
                if matches!(url.scheme_str(), Some("http" | "https"))
                    && url.authority().is_some() =>
            {
                Ok(Self(url))
            }
            _ => Err(format!(
                "`{text}` is not an address like https://host.example.com"
            )),
        }
    }
}

/// The value without JSON's quotes, for messages.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
