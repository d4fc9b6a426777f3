use super::form::{Invalid, json_text};

/// `google.protobuf.FieldMask`; in JSON one string of camelCase paths, `name,address.zipCode`.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct FieldMask {
    /// In snake_case.
    #[prost(string, repeated, tag = "1")]
    pub paths: Vec<String>,
}

impl FieldMask {
    fn to_text(&self) -> Result<String, Invalid> {
        Ok(self
            .paths
            .iter()
            .map(|path| camel(path))
            .collect::<Vec<_>>()
            .join(","))
    }

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let paths = text
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(snake);
        Ok(Self {
            paths: paths.collect(),
        })
    }
}

json_text!(FieldMask);

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

/// Keeps paths in snake_case, because people write them in queries.
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
