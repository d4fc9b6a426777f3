use serde::{Serializer, de::MapAccess};

use super::Any;
use crate::json::{self, Bytes, Fields, Object, Str};

/// `google.api.HttpBody`: a body of any content type, which REST passes on as it is.
///
/// It has a form in JSON for where it is part of another message.
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
