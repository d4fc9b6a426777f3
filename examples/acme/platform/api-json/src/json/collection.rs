//! A list or a map as the whole body of a request or an answer.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    kind::{Key, Kind},
    read, write,
};

/// A repeated field.
pub struct ListOf<K>(PhantomData<K>);

impl<K: Kind> Kind for ListOf<K> {
    type Value = Vec<K::Value>;

    fn write<S: Serializer>(value: &Self::Value, serializer: S) -> Result<S::Ok, S::Error> {
        write::List::<K>(value).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error> {
        read::List::<K>::deserialize(deserializer).map(|list| list.0)
    }

    fn parse(_: &str) -> Result<Self::Value, String> {
        Err("is a list".to_owned())
    }
}

/// A map.
pub struct MapOf<K, V>(PhantomData<(K, V)>);

impl<K: Key, V: Kind> Kind for MapOf<K, V> {
    type Value = BTreeMap<K::Value, V::Value>;

    fn write<S: Serializer>(value: &Self::Value, serializer: S) -> Result<S::Ok, S::Error> {
        write::Map::<K, V>(value).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error> {
        read::Map::<K, V>::deserialize(deserializer).map(|map| map.0)
    }

    fn parse(_: &str) -> Result<Self::Value, String> {
        Err("is an object".to_owned())
    }
}
