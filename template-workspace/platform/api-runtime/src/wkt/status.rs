use serde::{Serializer, de::MapAccess};

use super::Any;
use crate::json::{self, Fields, I32, Object, Str};

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
