//! Shared by the types here: their JSON as text, and the error for an invalid value.

use std::fmt;

/// A value that fits its message but is invalid: a date in month 13, a decimal of letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub(super) String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl From<Invalid> for tonic::Status {
    fn from(invalid: Invalid) -> Self {
        tonic::Status::invalid_argument(invalid.0)
    }
}

/// Implements JSON through text: serde and [`Kind`](crate::json::Kind) with `to_text` and `from_text`.
macro_rules! json_text {
    ($wkt:ty) => {
        impl $crate::json::Kind for $wkt {
            type Value = Self;

            fn write<S: serde::Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
                match value.to_text() {
                    Ok(text) => serializer.serialize_str(&text),
                    Err(invalid) => Err(serde::ser::Error::custom(invalid)),
                }
            }

            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::json::Text(Self::parse))
            }

            fn parse(text: &str) -> Result<Self, String> {
                Self::from_text(text).map_err(|invalid| invalid.0)
            }
        }

        $crate::wkt::form::serde_by_kind!($wkt);
    };
}

/// Implements serde for a type that is its own [`Kind`](crate::json::Kind).
macro_rules! serde_by_kind {
    ($wkt:ty) => {
        impl serde::Serialize for $wkt {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <Self as $crate::json::Kind>::write(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $wkt {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as $crate::json::Kind>::read(deserializer)
            }
        }
    };
}

pub(crate) use {json_text, serde_by_kind};
