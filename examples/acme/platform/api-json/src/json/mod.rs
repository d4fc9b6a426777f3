//! Messages as proto3 JSON: small generated impls write and read them through serde.
//!
//! Every field is written, so that a client finds every name that it knows: an unset field with presence is `null`.
//! Only an unset member of a `oneof` is left out. Reading accepts the JSON name and the proto name of a field and takes
//! `null` as unset. It refuses unknown fields.

mod collection;
mod depth;
mod kind;
mod read;
mod write;

pub use collection::{ListOf, MapOf};
pub(crate) use depth::Level;
pub(crate) use kind::Text;
pub use kind::{
    Bool, Bytes, Enum, EnumValue, F32, F64, I32, I64, Key, Kind, MapKey, Msg, Str, U32, U64,
};
pub use read::{Fields, Nullable, list, map, member, optional, read, value};
pub(crate) use read::{List as ReadList, Map as ReadMap};
pub use write::{As, Object};
pub(crate) use write::{List, Map};

/// Implements serde for a generated message, with its [`Fields`].
#[doc(hidden)]
#[macro_export]
macro_rules! json_message {
    ($message:ty) => {
        impl $crate::serde::Serialize for $message {
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                let mut object = $crate::json::Object::new(serializer)?;
                $crate::json::Fields::write(self, &mut object)?;
                object.end()
            }
        }
        impl<'de> $crate::serde::Deserialize<'de> for $message {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::json::read(deserializer)
            }
        }
    };
}

/// Implements the JSON names of a generated enum. prost knows one name for each number; the aliases are accepted, too.
#[doc(hidden)]
#[macro_export]
macro_rules! json_enum {
    ($name:ty $(, $alias:literal => $number:literal)*) => {
        impl $crate::json::EnumValue for $name {
            fn name(number: i32) -> ::core::option::Option<&'static str> {
                Self::try_from(number).ok().map(|value| value.as_str_name())
            }
            fn number(name: &str) -> ::core::option::Option<i32> {
                match name {
                    $($alias => ::core::option::Option::Some($number),)*
                    _ => Self::from_str_name(name).map(|value| value as i32),
                }
            }
        }
    };
}
