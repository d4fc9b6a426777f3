use serde::{Deserializer, Serializer};

use super::form::{Invalid, serde_by_kind};
use crate::json::{Kind, Text};

/// `google.protobuf.FieldMask`; in JSON one string of camelCase paths, `name,address.zipCode`.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct FieldMask {
    /// In snake_case.
    #[prost(string, repeated, tag = "1")]
    pub paths: Vec<String>,
}

impl FieldMask {
    fn to_text(&self) -> Result<String, Invalid> {
        let paths = self.paths.iter().map(|path| {
            let text = camel(path);
            match snake(&text) == *path {
                true => Ok(text),
                false => Err(Invalid(format!(
                    "the path {path:?} of a field mask has no form in JSON"
                ))),
            }
        });
        Ok(paths.collect::<Result<Vec<_>, _>>()?.join(","))
    }

    /// Takes paths in snake_case, too.
    fn of_paths(text: &str) -> Self {
        let paths = text
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(snake);
        Self {
            paths: paths.collect(),
        }
    }
}

impl Kind for FieldMask {
    type Value = Self;

    fn write<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        match value.to_text() {
            Ok(text) => serializer.serialize_str(&text),
            Err(invalid) => Err(serde::ser::Error::custom(invalid)),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(|text| match text.contains('_') {
            true => Err("expected paths in camelCase, such as `name,address.zipCode`".to_owned()),
            false => Ok(Self::of_paths(text)),
        }))
    }

    /// People write paths in snake_case in queries.
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::of_paths(text))
    }
}

serde_by_kind!(FieldMask);

fn camel(path: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.push(letter.to_ascii_uppercase());
        } else {
            camel.push(letter);
        }
    }
    camel
}

fn snake(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for letter in path.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
