//! Messages as proto3 JSON, written and read through serde by small generated impls.
//!
//! Every field is written: a field with presence that is unset is `null`, so that a client finds every name it knows;
//! only an unset member of a `oneof` is left out. Reading takes the JSON name and the proto name of a field, `null` as
//! unset, and refuses what it does not know.

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

/// Gives a generated message its serde impls, over its [`Fields`].
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

/// Gives a generated enum its names in JSON; prost knows one for each number, and these aliases are taken too.
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
