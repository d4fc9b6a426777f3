//! The codec of generated servers.

use std::marker::PhantomData;

use prost::Message;
use tonic::{
    Status,
    codec::{self, BufferSettings, DecodeBuf},
};
use tonic_prost::{ProstDecoder, ProstEncoder};

use crate::message;

/// As tonic's, but bytes that are no message are the caller's mistake, not ours: INVALID_ARGUMENT, not INTERNAL. What
/// only the server sets is cleared in every request, in those of a stream as well.
pub struct ServerCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ServerCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> codec::Codec for ServerCodec<T, U>
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
        Decoder(ProstDecoder::default())
    }
}

/// Decodes requests.
pub struct Decoder<U>(ProstDecoder<U>);

impl<U: Message + message::Message> codec::Decoder for Decoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let mut decoded = self
            .0
            .decode(buffer)
            .map_err(|status| Status::invalid_argument(status.message()))?;
        if let Some(message) = &mut decoded {
            message.clear_output_only();
        }
        Ok(decoded)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}
