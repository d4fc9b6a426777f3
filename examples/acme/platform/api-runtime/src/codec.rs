//! The codecs of generated servers.
//!
//! They differ from tonic's in two points. A malformed message is the caller's mistake, not ours: INVALID_ARGUMENT, not
//! INTERNAL. And fields that only the server may set are cleared in a request.

use std::marker::PhantomData;

use prost::Message;
use tonic::{
    Status,
    codec::{self, BufferSettings, Codec, DecodeBuf},
};
use tonic_prost::{ProstDecoder, ProstEncoder};

use crate::{check::check, message};

/// The codec of a method with one request, which the adapter checks.
pub struct ServerCodec<T, U>(PhantomData<(T, U)>);

/// The codec of a method with a stream of requests. Each is checked when it is decoded: in place of a bad one, the
/// service gets an error from the stream.
pub struct StreamCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ServerCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Default for StreamCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ServerCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + message::Message + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Decoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Decoder {
            inner: ProstDecoder::default(),
            check: |_| Ok(()),
        }
    }
}

impl<T, U> Codec for StreamCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + message::Message + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Decoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Decoder {
            inner: ProstDecoder::default(),
            check,
        }
    }
}

/// Decodes requests.
pub struct Decoder<U> {
    inner: ProstDecoder<U>,
    check: fn(&U) -> Result<(), Status>,
}

impl<U: Message + message::Message> codec::Decoder for Decoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let mut decoded = self
            .inner
            .decode(buffer)
            .map_err(|status| Status::invalid_argument(status.message()))?;
        if let Some(message) = &mut decoded {
            message.clear_output_only();
            (self.check)(message)?;
        }
        Ok(decoded)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.inner.buffer_settings()
    }
}
