//! `google.protobuf.Any`, a message whose type is known only at run time, and the two messages that contain one.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, MapAccess},
    ser::Error as _,
};
use serde_json::Value;

use super::{details, form::serde_by_kind};
use crate::json::{self, Bytes, Fields, I32, Kind, Level, Object, Str};

/// `google.protobuf.Any`; in JSON the message with its type as `@type`.
///
/// The types of a contract are known after its service was made; the well-known types and error details always are.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Any {
    /// `type.googleapis.com/consultants.v1.Consultant`
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// Converts the message in an [`Any`] to JSON and back.
#[derive(Clone, Copy)]
pub struct AnyType {
    to_json: fn(&[u8]) -> Result<Value, String>,
    from_json: fn(Value) -> Result<Vec<u8>, String>,
}

impl AnyType {
    pub const fn of<M: prost::Message + Default + Serialize + DeserializeOwned>() -> Self {
        Self {
            to_json: |bytes| {
                let message = M::decode(bytes).map_err(|error| error.to_string())?;
                serde_json::to_value(message).map_err(|error| error.to_string())
            },
            from_json: |json| {
                let message: M = serde_json::from_value(json).map_err(|error| error.to_string())?;
                Ok(message.encode_to_vec())
            },
        }
    }

    const fn only_to_json(to_json: fn(&[u8]) -> Result<Value, String>) -> Self {
        Self {
            to_json,
            from_json: |_| Err("this type cannot be sent".to_owned()),
        }
    }
}

static TYPES: RwLock<BTreeMap<&'static str, AnyType>> = RwLock::new(BTreeMap::new());

/// Registers message types for [`Any`], by their full names.
pub fn register(types: &[(&'static str, AnyType)]) {
    TYPES
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(types.iter().copied());
}

fn find(type_url: &str) -> Option<(AnyType, bool)> {
    let (_, name) = type_url.rsplit_once('/')?;
    if let Some(known) = well_known(name) {
        // Their JSON has no fields, so it is written under `value`.
        return Some((known, true));
    }
    if let Some(known) = plain(name) {
        return Some((known, false));
    }
    let types = TYPES.read().unwrap_or_else(PoisonError::into_inner);
    types
        .get(name)
        .copied()
        .or_else(|| details::to_json(name).map(AnyType::only_to_json))
        .map(|found| (found, false))
}

fn well_known(name: &str) -> Option<AnyType> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Any" => AnyType::of::<Any>(),
        "Duration" => AnyType::of::<super::Duration>(),
        "FieldMask" => AnyType::of::<super::FieldMask>(),
        "ListValue" => AnyType::of::<super::ListValue>(),
        "Struct" => AnyType::of::<super::Struct>(),
        "Timestamp" => AnyType::of::<super::Timestamp>(),
        "Value" => AnyType::of::<super::Value>(),
        "BoolValue" => AnyType::of::<super::BoolValue>(),
        "BytesValue" => AnyType::of::<super::BytesValue>(),
        "DoubleValue" => AnyType::of::<super::DoubleValue>(),
        "FloatValue" => AnyType::of::<super::FloatValue>(),
        "Int32Value" => AnyType::of::<super::Int32Value>(),
        "Int64Value" => AnyType::of::<super::Int64Value>(),
        "StringValue" => AnyType::of::<super::StringValue>(),
        "UInt32Value" => AnyType::of::<super::UInt32Value>(),
        "UInt64Value" => AnyType::of::<super::UInt64Value>(),
        _ => return None,
    })
}

/// The other messages of this crate.
fn plain(name: &str) -> Option<AnyType> {
    Some(match name {
        "google.protobuf.Empty" => AnyType::of::<super::Empty>(),
        "google.api.HttpBody" => AnyType::of::<super::HttpBody>(),
        "google.rpc.Status" => AnyType::of::<super::Status>(),
        "google.type.Date" => AnyType::of::<super::Date>(),
        "google.type.Decimal" => AnyType::of::<super::Decimal>(),
        _ => return None,
    })
}

impl Any {
    fn to_json(&self) -> Result<Value, String> {
        // The bytes of an inner Any are decoded only here, so its depth is not limited yet.
        let _level = Level::enter()?;
        if self.type_url.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let (known, wrapped) =
            find(&self.type_url).ok_or_else(|| format!("unknown type {:?}", self.type_url))?;
        let json = (known.to_json)(&self.value)?;
        let mut object = serde_json::Map::new();
        object.insert("@type".to_owned(), self.type_url.clone().into());
        match json {
            Value::Object(fields) if !wrapped => object.extend(fields),
            json => {
                object.insert("value".to_owned(), json);
            }
        }
        Ok(Value::Object(object))
    }

    fn from_json(mut object: serde_json::Map<String, Value>) -> Result<Self, String> {
        let type_url = match object.remove("@type") {
            Some(Value::String(type_url)) => type_url,
            Some(_) => return Err("@type must be a string".to_owned()),
            None if object.is_empty() => return Ok(Self::default()),
            None => {
                return Err("@type is missing: the full name of the type after a slash".to_owned());
            }
        };
        let (known, wrapped) =
            find(&type_url).ok_or_else(|| format!("@type: unknown type {type_url:?}"))?;
        let json = if wrapped {
            let value = object.remove("value").unwrap_or_default();
            if let Some(name) = object.keys().next() {
                return Err(format!("unknown field `{name}` beside `value`"));
            }
            value
        } else {
            Value::Object(object)
        };
        Ok(Self {
            value: (known.from_json)(json)?,
            type_url,
        })
    }
}

impl Kind for Any {
    type Value = Self;

    fn write<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        value
            .to_json()
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = serde_json::Map::deserialize(deserializer)?;
        Self::from_json(object).map_err(D::Error::custom)
    }

    fn parse(_: &str) -> Result<Self, String> {
        Err("is an object, which only a body can hold".to_owned())
    }
}

serde_by_kind!(Any);

/// `google.rpc.Status`: also the body of every REST error.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Status {
    /// A number of `google.rpc.Code`.
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

impl Fields for Status {
    const NAMES: &'static [&'static str] = &["code", "message", "details"];

    fn write<S: Serializer>(&self, object: &mut Object<S>) -> Result<(), S::Error> {
        object.value::<I32>("code", &self.code)?;
        object.value::<Str>("message", &self.message)?;
        object.list::<Any>("details", &self.details)
    }

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<Option<usize>, A::Error> {
        Ok(Some(match name {
            "code" => json::value::<I32, A>(map, &mut self.code).map(|()| 0)?,
            "message" => json::value::<Str, A>(map, &mut self.message).map(|()| 1)?,
            "details" => json::list::<Any, A>(map, &mut self.details).map(|()| 2)?,
            _ => return Ok(None),
        }))
    }
}

crate::json_message!(Status);

/// `google.api.HttpBody`: a body of any content type, which REST passes on unchanged.
///
/// Inside another message it has a JSON form.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct HttpBody {
    /// Such as `image/png`.
    #[prost(string, tag = "1")]
    pub content_type: String,
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub extensions: Vec<Any>,
}

impl Fields for HttpBody {
    const NAMES: &'static [&'static str] = &["contentType", "data", "extensions"];

    fn write<S: Serializer>(&self, object: &mut Object<S>) -> Result<(), S::Error> {
        object.value::<Str>("contentType", &self.content_type)?;
        object.value::<Bytes>("data", &self.data)?;
        object.list::<Any>("extensions", &self.extensions)
    }

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<Option<usize>, A::Error> {
        Ok(Some(match name {
            "contentType" | "content_type" => {
                json::value::<Str, A>(map, &mut self.content_type).map(|()| 0)?
            }
            "data" => json::value::<Bytes, A>(map, &mut self.data).map(|()| 1)?,
            "extensions" => json::list::<Any, A>(map, &mut self.extensions).map(|()| 2)?,
            _ => return Ok(None),
        }))
    }
}

crate::json_message!(HttpBody);
