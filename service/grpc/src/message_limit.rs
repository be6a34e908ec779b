//! The limit on a message's size, answered as a caller's error before the message is read.

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower::{Layer, Service};

/// The largest request message, in bytes: DynamoDB's 16 MB for a batch, and as much again for what protobuf adds to
/// many small values.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes before each message: a flag, and the message's length as a big-endian u32.
const PREFIX_BYTES: usize = 5;

/// Ends a request body with a clear error when a message in it announces more than [`MESSAGE_BYTES_MAX`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageLimitLayer;

impl<S> Layer<S> for MessageLimitLayer {
    type Service = MessageLimit<S>;

    fn layer(&self, inner: S) -> MessageLimit<S> {
        MessageLimit { inner }
    }
}

/// A service behind the limit.
#[derive(Clone, Debug)]
pub struct MessageLimit<S> {
    inner: S,
}

impl<S, B> Service<http::Request<B>> for MessageLimit<S>
where
    S: Service<http::Request<LimitedBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> S::Future {
        // A body in base64 has its prefixes elsewhere; what it decodes to is limited when its messages are decoded.
        let is_grpc = request.headers().get(http::header::CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes().starts_with(b"application/grpc")
                && !kind.as_bytes().starts_with(b"application/grpc-web-text")
        });
        let watch = is_grpc.then(|| PrefixWatch::new(MESSAGE_BYTES_MAX));
        let request = request.map(|body| LimitedBody { body, watch });
        self.inner.call(request)
    }
}

/// A body whose message lengths are watched as they pass, if it is gRPC's.
#[derive(Debug)]
pub struct LimitedBody<B> {
    body: B,
    watch: Option<PrefixWatch>,
}

impl<B> Body for LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(Status::from_error(error.into())))),
            None => return Poll::Ready(None),
        };
        let watched = frame.data_ref().zip(self.watch.as_mut());
        if let Some(Err(length)) = watched.map(|(data, watch)| watch.pass(data)) {
            return Poll::Ready(Some(Err(too_large(length))));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_large(length: usize) -> Status {
    let message =
        format!("The message has {length} bytes, more than the {MESSAGE_BYTES_MAX} that are allowed");
    let metadata = [("dynamodbException", "ValidationException"), ("retryable", "false")];
    let mut details = ErrorDetails::new();
    details
        .set_error_info(
            "VALIDATION",
            cairn_api::ERROR_DOMAIN,
            metadata.map(|(key, value)| (key.to_owned(), value.to_owned())),
        )
        .add_bad_request_violation("", message.clone());
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// Follows the prefixes through the chunks of a body.
#[derive(Debug)]
struct PrefixWatch {
    limit: usize,
    /// What has come of the next prefix.
    prefix: Vec<u8>,
    /// What is still to come of the current message.
    remaining: usize,
}

impl PrefixWatch {
    fn new(limit: usize) -> Self {
        Self { limit, prefix: Vec::with_capacity(PREFIX_BYTES), remaining: 0 }
    }

    /// Takes a chunk; the announced length if it is over the limit.
    fn pass(&mut self, mut chunk: &[u8]) -> Result<(), usize> {
        loop {
            let skipped = self.remaining.min(chunk.len());
            chunk.advance(skipped);
            self.remaining -= skipped;
            if chunk.is_empty() {
                return Ok(());
            }
            let wanted = (PREFIX_BYTES - self.prefix.len()).min(chunk.len());
            let (taken, rest) = chunk.split_at(wanted);
            self.prefix.extend_from_slice(taken);
            chunk = rest;
            if let [_, length @ ..] = &self.prefix[..]
                && let Some(length) = length.first_chunk::<4>()
            {
                let length = u32::from_be_bytes(*length) as usize;
                if length > self.limit {
                    return Err(length);
                }
                self.remaining = length;
                self.prefix.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Vec<u8> {
        let mut message = vec![0];
        message.extend_from_slice(&(length as u32).to_be_bytes());
        message.resize(PREFIX_BYTES + length, 7);
        message
    }

    #[test]
    fn messages_up_to_the_limit_pass_however_they_are_cut() {
        let body = [message(10), message(0), message(3), message(10)].concat();
        for size in 1..=body.len() {
            let mut watch = PrefixWatch::new(10);
            assert!(body.chunks(size).all(|chunk| watch.pass(chunk).is_ok()), "chunks of {size}");
        }
    }

    #[test]
    fn a_message_over_the_limit_is_noticed_from_its_prefix() {
        let body = [message(10), message(11)].concat();
        for size in 1..=body.len() {
            let mut watch = PrefixWatch::new(10);
            let refused = body.chunks(size).find_map(|chunk| watch.pass(chunk).err());
            assert_eq!(refused, Some(11), "chunks of {size}");
        }
    }
}
