//! Reads a message from a JSON object.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serializer,
    de::{self, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::{
    depth::Level,
    kind::{Key, Kind, MapKey},
    write::Object,
};

/// The fields of a message in JSON, generated for every message.
pub trait Fields: Default {
    /// The JSON names, for the error about an unknown name.
    const NAMES: &'static [&'static str];

    /// Writes every field.
    fn write<S: Serializer>(&self, object: &mut Object<S>) -> Result<(), S::Error>;

    /// Reads the value of the field `name` from `map` and returns the field's place in the message, or `None` if there
    /// is no such field.
    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<Option<usize>, A::Error>;
}

/// Reads a whole message.
pub fn read<'de, M: Fields, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
    deserializer.deserialize_map(Message(PhantomData))
}

struct Message<M>(PhantomData<M>);

impl<'de, M: Fields> Visitor<'de> for Message<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let _level = Level::enter().map_err(A::Error::custom)?;
        let mut message = M::default();
        let mut seen = vec![false; M::NAMES.len()];
        while let Some(Name(name)) = map.next_key()? {
            match message.field(&name, &mut map)? {
                Some(place) if seen[place] => {
                    return Err(A::Error::custom(format_args!(
                        "the field `{name}` is there twice"
                    )));
                }
                Some(place) => seen[place] = true,
                None => return Err(A::Error::unknown_field(&name, M::NAMES)),
            }
        }
        Ok(message)
    }
}

/// The name of a field, borrowed from the text if it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// Reads a field without presence; `null` is its default.
pub fn value<'de, K: Kind, A: MapAccess<'de>>(
    map: &mut A,
    field: &mut K::Value,
) -> Result<(), A::Error> {
    *field = map
        .next_value_seed(Nullable::<K>(PhantomData))?
        .unwrap_or_default();
    Ok(())
}

/// Reads a field with presence; `null` leaves it unset.
pub fn optional<'de, K: Kind, A: MapAccess<'de>>(
    map: &mut A,
    field: &mut Option<impl From<K::Value>>,
) -> Result<(), A::Error> {
    *field = map
        .next_value_seed(Nullable::<K>(PhantomData))?
        .map(Into::into);
    Ok(())
}

/// Reads a member of a oneof. Only one member may be present.
pub fn member<'de, K: Kind, A: MapAccess<'de>, O>(
    map: &mut A,
    oneof: &mut Option<O>,
    wrap: fn(K::Value) -> O,
) -> Result<(), A::Error> {
    let Some(value) = map.next_value_seed(Nullable::<K>(PhantomData))? else {
        return Ok(());
    };
    if oneof.is_some() {
        return Err(A::Error::custom(
            "another member of the same oneof is there too",
        ));
    }
    *oneof = Some(wrap(value));
    Ok(())
}

pub fn list<'de, K: Kind, A: MapAccess<'de>>(
    map: &mut A,
    field: &mut Vec<K::Value>,
) -> Result<(), A::Error> {
    *field = map
        .next_value::<Option<List<K>>>()?
        .map(|list| list.0)
        .unwrap_or_default();
    Ok(())
}

pub fn map<'de, K: Key, V: Kind, A: MapAccess<'de>>(
    map: &mut A,
    field: &mut BTreeMap<K::Value, V::Value>,
) -> Result<(), A::Error> {
    *field = map
        .next_value::<Option<Map<K, V>>>()?
        .map(|map| map.0)
        .unwrap_or_default();
    Ok(())
}

/// Reads a `K`; `null` is `None`.
pub struct Nullable<K>(PhantomData<K>);

impl<K> Default for Nullable<K> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, K: Kind> DeserializeSeed<'de> for Nullable<K> {
    type Value = Option<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if K::NULL {
            return K::read(deserializer).map(Some);
        }
        deserializer.deserialize_option(self)
    }
}

impl<'de, K: Kind> Visitor<'de> for Nullable<K> {
    type Value = Option<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        K::read(deserializer).map(Some)
    }
}

/// Reads a `K` and refuses `null`.
struct Exactly<K>(PhantomData<K>);

impl<'de, K: Kind> DeserializeSeed<'de> for Exactly<K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        K::read(deserializer)
    }
}

pub(crate) struct List<K: Kind>(pub(crate) Vec<K::Value>);

impl<'de, K: Kind> Deserialize<'de> for List<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<K>(PhantomData<K>);

        impl<'de, K: Kind> Visitor<'de> for Elements<K> {
            type Value = List<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<K>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element_seed(Exactly::<K>(PhantomData))? {
                    list.push(element);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

pub(crate) struct Map<K: Key, V: Kind>(pub(crate) BTreeMap<K::Value, V::Value>);

impl<'de, K: Key, V: Kind> Deserialize<'de> for Map<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Key, V: Kind> Visitor<'de> for Entries<K, V> {
            type Value = Map<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Map<K, V>, A::Error> {
                let mut map = BTreeMap::new();
                while let Some(MapKey::<K>(key)) = entries.next_key()? {
                    let value = entries.next_value_seed(Exactly::<V>(PhantomData))?;
                    if map.insert(key, value).is_some() {
                        return Err(A::Error::custom("a key is there twice"));
                    }
                }
                Ok(Map(map))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
