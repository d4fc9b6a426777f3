use super::Any;

/// `google.api.HttpBody`: a body of any content type, which REST passes on as it is.
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
