//! Writes, reads and parses the values of each protobuf type.

use std::{fmt, marker::PhantomData};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A protobuf type and its form in JSON.
pub trait Kind {
    /// The type in prost's structs.
    type Value: Default;
    /// Whether `null` is a value of the type; otherwise it means "unset".
    const NULL: bool = false;

    fn write<S: Serializer>(value: &Self::Value, serializer: S) -> Result<S::Ok, S::Error>;
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error>;
    /// Parses a path variable or query parameter; the error states the expected form.
    fn parse(text: &str) -> Result<Self::Value, String>;
}

/// A type that may be the key of a map.
pub trait Key: Kind<Value: Ord> {
    fn write_key(value: &Self::Value) -> String;
}

pub struct Str;

impl Kind for Str {
    type Value = String;

    fn write<S: Serializer>(value: &String, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }

    fn parse(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }
}

impl Key for Str {
    fn write_key(value: &String) -> String {
        value.clone()
    }
}

pub struct Bool;

impl Kind for Bool {
    type Value = bool;

    fn write<S: Serializer>(value: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*value)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        bool::deserialize(deserializer)
    }

    fn parse(text: &str) -> Result<bool, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        }
    }
}

impl Key for Bool {
    fn write_key(value: &bool) -> String {
        value.to_string()
    }
}

pub struct Bytes;

/// Both alphabets, with and without padding, as proto3 JSON demands.
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
/// The bits after the last byte may be set, as protobuf's own parsers allow.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl Kind for Bytes {
    type Value = Vec<u8>;

    fn write<S: Serializer>(value: &Vec<u8>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(value))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_str(Text(Self::parse))
    }

    fn parse(text: &str) -> Result<Vec<u8>, String> {
        let engine = if text.contains(['-', '_']) {
            URL_SAFE
        } else {
            STANDARD
        };
        let expected = || "expected bytes in base64".to_owned();
        // The engine would accept incomplete padding.
        if text.contains('=') && !text.len().is_multiple_of(4) {
            return Err(expected());
        }
        engine.decode(text).map_err(|_| expected())
    }
}

/// Visits a string and converts it with `0`.
pub(crate) struct Text<T>(pub(crate) fn(&str) -> Result<T, String>);

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// Visits a number, or a string that contains one.
struct Number<T>(PhantomData<T>);

macro_rules! integers {
    ($($kind:ident $integer:ty, $expected:literal, $write:expr;)*) => {$(
        pub struct $kind;

        impl Kind for $kind {
            type Value = $integer;

            fn write<S: Serializer>(value: &$integer, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$integer, S) -> Result<S::Ok, S::Error> = $write;
                write(value, serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$integer, D::Error> {
                deserializer.deserialize_any(Number::<$integer>(PhantomData))
            }

            fn parse(text: &str) -> Result<$integer, String> {
                // proto3 JSON accepts `1.0` and `1e3` as integers, too.
                text.parse()
                    .ok()
                    .or_else(|| text.parse().ok().and_then(|float: f64| whole(float)))
                    .ok_or_else(|| concat!("expected ", $expected).to_owned())
            }
        }

        impl Key for $kind {
            fn write_key(value: &$integer) -> String {
                value.to_string()
            }
        }

        impl de::Visitor<'_> for Number<$integer> {
            type Value = $integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expected)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<$integer, E> {
                number.try_into().map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<$integer, E> {
                number.try_into().map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<$integer, E> {
                whole(number).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<$integer, E> {
                $kind::parse(text).map_err(E::custom)
            }
        }
    )*};
}

integers! {
    I32 i32, "a whole number of 32 bits", |value, s| s.serialize_i32(*value);
    U32 u32, "a whole number of 32 bits, not negative", |value, s| s.serialize_u32(*value);
    I64 i64, "a whole number of 64 bits", |value, s| s.collect_str(value);
    U64 u64, "a whole number of 64 bits, not negative", |value, s| s.collect_str(value);
}

/// A float as an integer, if it is one.
///
/// `i64::MIN` itself arrives as an integer. Its float also stands for smaller integers, so it is refused.
fn whole<T: TryFrom<i128>>(float: f64) -> Option<T> {
    (float.fract() == 0.0 && float > i64::MIN as f64)
        .then(|| T::try_from(float as i128).ok())
        .flatten()
}

macro_rules! floats {
    ($($kind:ident $float:ty, $write:ident;)*) => {$(
        pub struct $kind;

        impl Kind for $kind {
            type Value = $float;

            fn write<S: Serializer>(value: &$float, serializer: S) -> Result<S::Ok, S::Error> {
                if value.is_nan() {
                    serializer.serialize_str("NaN")
                } else if value.is_infinite() {
                    serializer.serialize_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
                } else {
                    serializer.$write(*value)
                }
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$float, D::Error> {
                deserializer.deserialize_any(Number::<$float>(PhantomData))
            }

            fn parse(text: &str) -> Result<$float, String> {
                let expected = || "expected a number".to_owned();
                match text {
                    "NaN" => Ok(<$float>::NAN),
                    "Infinity" => Ok(<$float>::INFINITY),
                    "-Infinity" => Ok(<$float>::NEG_INFINITY),
                    // Rust also parses words such as `inf`, and parses too large numbers as infinity.
                    _ => text
                        .parse()
                        .ok()
                        .filter(|float: &$float| float.is_finite())
                        .filter(|_| !text.starts_with('+'))
                        .ok_or_else(expected),
                }
            }
        }

        impl de::Visitor<'_> for Number<$float> {
            type Value = $float;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<$float, E> {
                Ok(number as $float)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<$float, E> {
                Ok(number as $float)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<$float, E> {
                let float = number as $float;
                if float.is_finite() {
                    Ok(float)
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(number), &self))
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<$float, E> {
                $kind::parse(text).map_err(E::custom)
            }
        }
    )*};
}

floats! {
    F32 f32, serialize_f32;
    F64 f64, serialize_f64;
}

/// A generated enum.
pub trait EnumValue {
    /// The name of a number, if the enum has one.
    fn name(number: i32) -> Option<&'static str>;
    fn number(name: &str) -> Option<i32>;
}

/// An enum, by name; an unknown number stays a number.
pub struct Enum<E>(PhantomData<E>);

impl<E: EnumValue> Kind for Enum<E> {
    type Value = i32;

    fn write<S: Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        match E::name(*value) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_i32(*value),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        struct Visitor<E>(PhantomData<E>);

        impl<E: EnumValue> de::Visitor<'_> for Visitor<E> {
            type Value = i32;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an enum value")
            }

            fn visit_u64<X: de::Error>(self, number: u64) -> Result<i32, X> {
                Number::<i32>(PhantomData).visit_u64(number)
            }

            fn visit_i64<X: de::Error>(self, number: i64) -> Result<i32, X> {
                Number::<i32>(PhantomData).visit_i64(number)
            }

            fn visit_f64<X: de::Error>(self, number: f64) -> Result<i32, X> {
                Number::<i32>(PhantomData).visit_f64(number)
            }

            fn visit_str<X: de::Error>(self, name: &str) -> Result<i32, X> {
                E::number(name).ok_or_else(|| X::custom(unknown_name(name)))
            }
        }

        deserializer.deserialize_any(Visitor::<E>(PhantomData))
    }

    fn parse(text: &str) -> Result<i32, String> {
        E::number(text)
            .or_else(|| text.parse().ok())
            .ok_or_else(|| unknown_name(text))
    }
}

fn unknown_name(name: &str) -> String {
    format!("the enum has no value {name:?}")
}

/// A message that is a JSON object.
pub struct Msg<M>(PhantomData<M>);

impl<M: Default + Serialize + de::DeserializeOwned> Kind for Msg<M> {
    type Value = M;

    fn write<S: Serializer>(value: &M, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
        M::deserialize(deserializer)
    }

    fn parse(_: &str) -> Result<M, String> {
        Err("is an object: name its fields, as in `filter.name=value`".to_owned())
    }
}

/// Reads the key of a map, which JSON always writes as a string.
pub struct MapKey<K: Key>(pub K::Value);

impl<'de, K: Key> Deserialize<'de> for MapKey<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(K::parse)).map(MapKey)
    }
}
