//! `google.protobuf.Struct` and `Value`: any JSON.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
    ser::Error as _,
};

use super::form::{Invalid, serde_by_kind};
use crate::json::{EnumValue, Kind, List, Map, ReadList, ReadMap, Str};

/// `google.protobuf.Struct`: any JSON object.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    pub fields: BTreeMap<String, Value>,
}

/// `google.protobuf.Value`: any JSON value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// Unset also means null.
    #[prost(oneof = "value::Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<value::Kind>,
}

pub mod value {
    /// The kinds of JSON values.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Kind {
        #[prost(enumeration = "super::NullValue", tag = "1")]
        NullValue(i32),
        #[prost(double, tag = "2")]
        NumberValue(f64),
        #[prost(string, tag = "3")]
        StringValue(String),
        #[prost(bool, tag = "4")]
        BoolValue(bool),
        #[prost(message, tag = "5")]
        StructValue(super::Struct),
        #[prost(message, tag = "6")]
        ListValue(super::ListValue),
    }
}

/// `google.protobuf.ListValue`: any JSON list.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListValue {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// `google.protobuf.NullValue`: the JSON `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum NullValue {
    NullValue = 0,
}

impl Kind for Struct {
    type Value = Self;

    fn write<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        Map::<Str, Value>(&value.fields).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ReadMap::<Str, Value>::deserialize(deserializer).map(|map| Self { fields: map.0 })
    }

    fn parse(_: &str) -> Result<Self, String> {
        Err("is an object, which only a body can hold".to_owned())
    }
}

serde_by_kind!(Struct);

impl Kind for ListValue {
    type Value = Self;

    fn write<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        List::<Value>(&value.values).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ReadList::<Value>::deserialize(deserializer).map(|list| Self { values: list.0 })
    }

    fn parse(_: &str) -> Result<Self, String> {
        Err("is a list of any values, which only a body can hold".to_owned())
    }
}

serde_by_kind!(ListValue);

impl Kind for Value {
    type Value = Self;

    const NULL: bool = true;

    fn write<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        use value::Kind;
        match &value.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            Some(Kind::NumberValue(number)) if !number.is_finite() => Err(S::Error::custom(
                "a Value cannot be NaN or infinite in JSON",
            )),
            Some(Kind::NumberValue(number)) => number_json(*number).serialize(serializer),
            Some(Kind::StringValue(text)) => serializer.serialize_str(text),
            Some(Kind::BoolValue(truth)) => serializer.serialize_bool(*truth),
            Some(Kind::StructValue(object)) => object.serialize(serializer),
            Some(Kind::ListValue(list)) => list.serialize(serializer),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }

    fn parse(_: &str) -> Result<Self, String> {
        Err("is any JSON value, which only a body can hold".to_owned())
    }
}

serde_by_kind!(Value);

/// Visits any JSON value. Unlike `serde_json::Value`, it refuses an object with a duplicate name.
struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(value::Kind::NullValue(0).into())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(value::Kind::BoolValue(truth).into())
    }

    // A Value holds only doubles, so an integer beyond 2^53 loses digits here.
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(value::Kind::NumberValue(number as f64).into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(value::Kind::NumberValue(number as f64).into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(value::Kind::NumberValue(number).into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(value::Kind::StringValue(text.to_owned()).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Value, A::Error> {
        let list = ListValue::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(value::Kind::ListValue(list).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let object = Struct::deserialize(MapAccessDeserializer::new(map))?;
        Ok(value::Kind::StructValue(object).into())
    }
}

impl From<value::Kind> for Value {
    fn from(kind: value::Kind) -> Self {
        Self { kind: Some(kind) }
    }
}

impl Kind for NullValue {
    type Value = i32;

    const NULL: bool = true;

    fn write<S: Serializer>(_: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        match name {
            Some(name) => Self::parse(&name).map_err(serde::de::Error::custom),
            None => Ok(0),
        }
    }

    fn parse(text: &str) -> Result<i32, String> {
        match text {
            "NULL_VALUE" | "0" => Ok(0),
            _ => Err("expected null".to_owned()),
        }
    }
}

impl EnumValue for NullValue {
    fn name(number: i32) -> Option<&'static str> {
        (number == 0).then_some("NULL_VALUE")
    }

    fn number(name: &str) -> Option<i32> {
        (name == "NULL_VALUE").then_some(0)
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Struct {
    fn from(object: serde_json::Map<String, serde_json::Value>) -> Self {
        Self {
            fields: object
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
        }
    }
}

impl TryFrom<serde_json::Value> for Struct {
    type Error = Invalid;

    fn try_from(json: serde_json::Value) -> Result<Self, Invalid> {
        match json {
            serde_json::Value::Object(object) => Ok(object.into()),
            _ => Err(Invalid("must be an object".to_owned())),
        }
    }
}

impl From<Struct> for serde_json::Map<String, serde_json::Value> {
    fn from(object: Struct) -> Self {
        object
            .fields
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect()
    }
}

impl From<Struct> for serde_json::Value {
    fn from(object: Struct) -> Self {
        Self::Object(object.into())
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use value::Kind;
        let kind = match json {
            serde_json::Value::Null => Kind::NullValue(0),
            serde_json::Value::Bool(truth) => Kind::BoolValue(truth),
            // A Value holds only doubles, so an integer beyond 2^53 loses digits here.
            serde_json::Value::Number(number) => {
                Kind::NumberValue(number.as_f64().unwrap_or_default())
            }
            serde_json::Value::String(text) => Kind::StringValue(text),
            serde_json::Value::Array(list) => Kind::ListValue(ListValue {
                values: list.into_iter().map(Into::into).collect(),
            }),
            serde_json::Value::Object(object) => Kind::StructValue(object.into()),
        };
        Self { kind: Some(kind) }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> Self {
        use value::Kind;
        match value.kind {
            None | Some(Kind::NullValue(_)) => Self::Null,
            Some(Kind::NumberValue(number)) => number_json(number),
            Some(Kind::StringValue(text)) => Self::String(text),
            Some(Kind::BoolValue(truth)) => Self::Bool(truth),
            Some(Kind::StructValue(object)) => object.into(),
            Some(Kind::ListValue(list)) => {
                Self::Array(list.values.into_iter().map(Into::into).collect())
            }
        }
    }
}

/// Writes a whole number as an integer, so that a client's `3` does not come back as `3.0`.
fn number_json(number: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        (number as i64).into()
    } else {
        number.into()
    }
}
