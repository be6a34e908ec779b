//! How messages are read and written: protobuf, with an answer for bytes that are none.

use crate::ERROR_DOMAIN;
use prost::Message;
use std::marker::PhantomData;
use tonic::codec::{DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The codec of all services. It differs from tonic's own in one answer: a message that does not decode is the
/// caller's fault (INVALID_ARGUMENT, reason SERIALIZATION) and not the server's (INTERNAL). And it writes a message
/// into a buffer that it fits into, where tonic's lets the buffer grow.
#[derive(Clone, Copy, Debug)]
pub struct Codec<T, U> {
    types: PhantomData<fn(T) -> U>,
}

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self { types: PhantomData }
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = MessageEncoder<T>;
    type Decoder = MessageDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        MessageEncoder { message: PhantomData }
    }

    fn decoder(&mut self) -> Self::Decoder {
        MessageDecoder { message: PhantomData }
    }
}

/// Writes messages.
#[derive(Clone, Copy, Debug)]
pub struct MessageEncoder<T> {
    message: PhantomData<fn(T)>,
}

impl<T: Message> Encoder for MessageEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // A page is 1 MB: a buffer that doubled until it held one would copy that much once more, into new memory
        // each time.
        buf.reserve(message.encoded_len());
        message.encode_raw(buf);
        Ok(())
    }
}

/// Reads messages.
#[derive(Clone, Copy, Debug)]
pub struct MessageDecoder<U> {
    message: PhantomData<fn() -> U>,
}

impl<U: Message + Default> Decoder for MessageDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(bytes).map(Some).map_err(|error| {
            let message = format!("The message cannot be decoded: {error}");
            let metadata = [("dynamodbException", "SerializationException"), ("retryable", "false")];
            let mut details = ErrorDetails::new();
            details
                .set_error_info(
                    "SERIALIZATION",
                    ERROR_DOMAIN,
                    metadata.map(|(key, value)| (key.to_owned(), value.to_owned())),
                )
                .add_bad_request_violation("", message.clone());
            Status::with_error_details(Code::InvalidArgument, message, details)
        })
    }
}
