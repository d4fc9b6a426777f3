//! Writes a message as a JSON object.

use std::{borrow::Borrow, collections::BTreeMap};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use super::kind::{Key, Kind};

/// The object that is being written. Generated code adds one field after the other.
pub struct Object<S: Serializer>(S::SerializeMap);

/// The result of each step, with the serializer's error.
type Step<S> = Result<(), <S as Serializer>::Error>;

impl<S: Serializer> Object<S> {
    pub fn new(serializer: S) -> Result<Self, S::Error> {
        serializer.serialize_map(None).map(Self)
    }

    pub fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }

    pub fn value<K: Kind>(&mut self, name: &'static str, value: &K::Value) -> Step<S> {
        self.0.serialize_entry(name, &As::<K>(value))
    }

    pub fn optional<K: Kind>(
        &mut self,
        name: &'static str,
        value: &Option<impl Borrow<K::Value>>,
    ) -> Step<S> {
        match value {
            Some(value) => self.value::<K>(name, value.borrow()),
            // For such a type, `null` would be a value.
            None if K::NULL => Ok(()),
            None => self.0.serialize_entry(name, &()),
        }
    }

    pub fn list<K: Kind>(&mut self, name: &'static str, values: &[K::Value]) -> Step<S> {
        self.0.serialize_entry(name, &List::<K>(values))
    }

    pub fn map<K: Key, V: Kind>(
        &mut self,
        name: &'static str,
        values: &BTreeMap<K::Value, V::Value>,
    ) -> Step<S> {
        self.0.serialize_entry(name, &Map::<K, V>(values))
    }
}

/// A value to be written as a `K`.
pub struct As<'a, K: Kind>(pub &'a K::Value);

impl<K: Kind> Serialize for As<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        K::write(self.0, serializer)
    }
}

pub(crate) struct List<'a, K: Kind>(pub(crate) &'a [K::Value]);

impl<K: Kind> Serialize for List<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for value in self.0 {
            list.serialize_element(&As::<K>(value))?;
        }
        list.end()
    }
}

pub(crate) struct Map<'a, K: Key, V: Kind>(pub(crate) &'a BTreeMap<K::Value, V::Value>);

impl<K: Key, V: Kind> Serialize for Map<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(&K::write_key(key), &As::<V>(value))?;
        }
        map.end()
    }
}
