use std::fmt;

use serde::{
    Deserializer, Serializer,
    de::{self, Error, MapAccess},
    ser::SerializeMap,
};

use super::form::serde_by_kind;
use crate::json::Kind;

/// `google.protobuf.Empty`; in JSON `{}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Empty {}

impl Kind for Empty {
    type Value = Self;

    fn write<S: Serializer>(_: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Empty;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an empty object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Empty, A::Error> {
                match map.next_key::<String>()? {
                    Some(name) => Err(A::Error::unknown_field(&name, &[])),
                    None => Ok(Empty {}),
                }
            }
        }

        deserializer.deserialize_map(Visitor)
    }

    fn parse(_: &str) -> Result<Self, String> {
        Err("is an object without fields".to_owned())
    }
}

serde_by_kind!(Empty);
