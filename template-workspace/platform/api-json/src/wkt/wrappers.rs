//! `google.protobuf.StringValue` and the other wrappers: in JSON only the value.

use serde::{Deserializer, Serializer};

use super::form::serde_by_kind;
use crate::json::{self, Kind};

// prost derives for a message what it derives for each of its fields, so a wrapper derives what prost would.
macro_rules! wrappers {
    ($($wrapper:ident $kind:ident $value:ty, $($derived:ident)*;)*) => {$(
        #[doc = concat!("`google.protobuf.", stringify!($wrapper), "`")]
        #[derive(Clone, $($derived,)* PartialEq, prost::Message)]
        pub struct $wrapper {
            #[prost($kind, tag = "1")]
            pub value: $value,
        }
    )*};
}

/// Gives a wrapper the JSON of its value.
macro_rules! as_its_value {
    ($($wrapper:ident $kind:ident $value:ty;)*) => {$(
        impl Kind for $wrapper {
            type Value = Self;

            fn write<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
                json::$kind::write(&value.value, serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                json::$kind::read(deserializer).map(Self::from)
            }

            fn parse(text: &str) -> Result<Self, String> {
                json::$kind::parse(text).map(Self::from)
            }
        }

        serde_by_kind!($wrapper);

        impl From<$value> for $wrapper {
            fn from(value: $value) -> Self {
                Self { value }
            }
        }

        impl From<$wrapper> for $value {
            fn from(wrapper: $wrapper) -> Self {
                wrapper.value
            }
        }
    )*};
}

wrappers! {
    BoolValue bool bool, Copy Eq Hash;
    Int32Value int32 i32, Copy Eq Hash;
    Int64Value int64 i64, Copy Eq Hash;
    UInt32Value uint32 u32, Copy Eq Hash;
    UInt64Value uint64 u64, Copy Eq Hash;
    FloatValue float f32, Copy;
    DoubleValue double f64, Copy;
    StringValue string String, Eq Hash;
}

/// `google.protobuf.BytesValue`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct BytesValue {
    #[prost(bytes = "vec", tag = "1")]
    pub value: Vec<u8>,
}

as_its_value! {
    BoolValue Bool bool;
    Int32Value I32 i32;
    Int64Value I64 i64;
    UInt32Value U32 u32;
    UInt64Value U64 u64;
    FloatValue F32 f32;
    DoubleValue F64 f64;
    StringValue Str String;
    BytesValue Bytes Vec<u8>;
}
