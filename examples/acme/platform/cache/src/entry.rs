//! The format of entries on a Redis: MessagePack, first a head `[shape, expires]`, then the row (nil for "not found").

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rmp_serde::{decode, encode};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, Visitor, value::Error as NoValue},
    forward_to_deserialize_any,
};

/// Part of every key. Change it whenever the format of entries changes.
pub(super) const FORMAT: u8 = 1;

/// A hash of the row's field names. During a deployment, releases with different columns run side by side. They share
/// keys, so that each invalidates for both. They never read each other's entries, which may lack a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shape(u64);

impl Shape {
    pub fn of<T: DeserializeOwned>() -> Self {
        // The hash may change with a Rust release. That costs no more than a release with other columns.
        let mut hasher = DefaultHasher::new();
        let mut names: &[&str] = &[];
        // Always fails: it only collects the names.
        let _ = T::deserialize(Names(&mut names));
        names.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// An entry that expires at this time. `None`, with a log line, when the row cannot be serialized.
    pub fn encode<T: Serialize>(&self, expires: SystemTime, row: &Option<T>) -> Option<Vec<u8>> {
        let head = (self, since_1970(expires).as_millis() as u64);
        let mut bytes = Vec::new();
        let written =
            encode::write(&mut bytes, &head).and_then(|()| encode::write(&mut bytes, row));
        match written {
            Ok(()) => Some(bytes),
            Err(error) => {
                tracing::error!(cause = %error, "a row cannot be cached");
                None
            }
        }
    }

    /// The row of an entry; `None` when the entry has expired or has another shape.
    ///
    /// # Errors
    ///
    /// When the bytes are not an entry.
    pub fn decode<T: DeserializeOwned>(
        &self,
        mut bytes: &[u8],
        now: SystemTime,
    ) -> Result<Option<Option<T>>, decode::Error> {
        let (shape, expires): (Self, u64) = decode::from_read(&mut bytes)?;
        if shape != *self || Duration::from_millis(expires) <= since_1970(now) {
            return Ok(None);
        }
        decode::from_read(bytes).map(Some)
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Collects the names of the fields that a struct deserializes.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = NoValue;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoValue> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, NoValue> {
        Err(NoValue::custom("there are only names"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
