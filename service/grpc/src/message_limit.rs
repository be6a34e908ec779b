//! The limits on a request's messages: their size, answered as a caller's error before the message is read; the memory
//! for all calls; and the time that a request may take to arrive.

use crate::known_callers::OPERATIONS_PATH;
use crate::status::overloaded;
use bytes::{Buf, Bytes};
use cairn_stack::{CallBytes, Overload, REQUEST_TIME_MAX, SMALL_BYTES_MAX};
use http_body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::Sleep;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower::{Layer, Service};

/// The largest request message, in bytes: DynamoDB's 16 MB for a batch, and as much again for what protobuf adds to
/// many small values.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where health is, which anyone may ask about.
const HEALTH_PATH: &str = "/grpc.health.v1.Health/";

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
        let kind = request.headers().get(http::header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let is_text = kind.starts_with(b"application/grpc-web-text");
        let is_grpc = kind.starts_with(b"application/grpc");
        // A stream of requests has no end to wait for.
        let path = request.uri().path();
        let is_one_message =
            is_grpc && [OPERATIONS_PATH, HEALTH_PATH].iter().any(|prefix| path.starts_with(prefix));
        let calls = CallBytes::of(request.extensions());
        // A body in base64 has its prefixes elsewhere; what it decodes to is limited when its messages are decoded.
        let watch = (is_grpc && !is_text).then(|| PrefixWatch::new(MESSAGE_BYTES_MAX));
        let room = if is_text && is_one_message {
            let announced = request.headers().get(http::header::CONTENT_LENGTH);
            let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
            let bytes = announced.unwrap_or(MESSAGE_BYTES_MAX).min(MESSAGE_BYTES_MAX);
            Room::reserve(&calls, bytes)
        } else {
            Room::Ready
        };
        let deadline = if is_one_message { Deadline::Unset } else { Deadline::None };
        let request = request.map(|body| LimitedBody { body, watch, calls, room, waiting: None, deadline });
        self.inner.call(request)
    }
}

/// Whether there is room for the message that comes.
enum Room {
    Ready,
    /// It is waited for.
    Awaited(Pin<Box<dyn Future<Output = Result<(), Overload>> + Send>>),
}

impl Room {
    fn reserve(calls: &CallBytes, bytes: usize) -> Self {
        if bytes <= SMALL_BYTES_MAX {
            return Self::Ready;
        }
        let calls = calls.clone();
        Self::Awaited(Box::pin(async move { calls.reserve(bytes).await }))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Overload>> {
        let room = match self {
            Self::Ready => return Poll::Ready(Ok(())),
            Self::Awaited(room) => ready!(room.as_mut().poll(cx)),
        };
        *self = Self::Ready;
        Poll::Ready(room)
    }
}

/// A body whose message lengths are watched as they pass, if it is gRPC's: a message is let in once there is room for it,
/// and has to be there within a bounded time.
pub struct LimitedBody<B> {
    body: B,
    watch: Option<PrefixWatch>,
    calls: CallBytes,
    room: Room,
    /// What has come of a message that there is no room for yet.
    waiting: Option<Frame<Bytes>>,
    deadline: Deadline,
}

/// Until when a request has to be there.
enum Deadline {
    None,
    /// Set once the request is waited for, which most are not.
    Unset,
    Set(Pin<Box<Sleep>>),
}

impl Deadline {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Unset = self {
            *self = Self::Set(Box::pin(tokio::time::sleep(REQUEST_TIME_MAX)));
        }
        match self {
            Self::Set(deadline) => deadline.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }
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
        let this = &mut *self;
        if let Err(reason) = ready!(this.room.poll(cx)) {
            this.waiting = None;
            return Poll::Ready(Some(Err(overloaded(reason))));
        }
        if let Some(frame) = this.waiting.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                return Poll::Ready(Some(Err(Status::from_error(error.into()))));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return this.deadline.poll(cx).map(|()| Some(Err(too_slow()))),
        };
        let watched = frame.data_ref().zip(this.watch.as_mut());
        match watched.map(|(data, watch)| watch.pass(data)) {
            Some(Err(length)) => return Poll::Ready(Some(Err(too_large(length)))),
            Some(Ok(announced)) => this.room = Room::reserve(&this.calls, announced),
            None => {}
        }
        if let Room::Awaited(_) = this.room {
            this.waiting = Some(frame);
            return self.poll_frame(cx);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.waiting.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + waiting);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + waiting);
        }
        hint
    }
}

/// The request did not come in time: its sender has stopped, or is slower than any line that is of use.
fn too_slow() -> Status {
    Status::deadline_exceeded("The request's body did not arrive in time")
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

    /// Takes a chunk, and gives how many bytes the messages have that begin in it.
    ///
    /// # Errors
    /// The announced length of a message that is over the limit.
    fn pass(&mut self, mut chunk: &[u8]) -> Result<usize, usize> {
        let mut announced = 0_usize;
        loop {
            let skipped = self.remaining.min(chunk.len());
            chunk.advance(skipped);
            self.remaining -= skipped;
            if chunk.is_empty() {
                return Ok(announced);
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
                announced = announced.saturating_add(length);
                self.prefix.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_stack::{BUDGET_BYTES_MIN, ByteBudget};
    use std::time::Duration;

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
            let announced: usize = body.chunks(size).map(|chunk| watch.pass(chunk).unwrap()).sum();
            assert_eq!(announced, 23, "chunks of {size}");
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

    /// A call of PutItem, whose body comes from `body`.
    fn limited(body: axum::body::Body, calls: &CallBytes) -> LimitedBody<axum::body::Body> {
        let mut request = http::Request::post("/cairn.v1.ItemService/PutItem")
            .header("content-type", "application/grpc")
            .body(body)
            .unwrap();
        request.extensions_mut().insert(calls.clone());
        let (seen, take) = std::sync::mpsc::channel();
        let mut service = MessageLimitLayer.layer(tower::service_fn(move |request: http::Request<_>| {
            seen.send(request.into_body()).unwrap();
            std::future::ready(Ok::<_, std::convert::Infallible>(()))
        }));
        let _answer = service.call(request);
        take.recv().unwrap()
    }

    async fn frame(body: &mut LimitedBody<axum::body::Body>) -> Option<Result<Frame<Bytes>, Status>> {
        std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_let_in_once_there_is_room_for_it_and_refused_if_there_is_none_for_long() {
        let budget = ByteBudget::new(0, Duration::from_secs(5));
        let other = budget.call(None);
        other.reserve(BUDGET_BYTES_MIN as usize).await.unwrap();
        let call = budget.call(None);
        let small = message(1_000);
        let mut body = limited(small.clone().into(), &call);
        assert_eq!(frame(&mut body).await.unwrap().unwrap().into_data().unwrap(), small);

        let large = message(1_000_000);
        let mut body = limited(large.clone().into(), &call);
        let status = frame(&mut body).await.unwrap().unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, &*Overload::Bytes.to_string()));

        let mut body = limited(large.clone().into(), &call);
        let (first, ()) = tokio::join!(frame(&mut body), async { drop(other) });
        assert_eq!(first.unwrap().unwrap().into_data().unwrap(), large);
        assert_eq!(budget.available_bytes(), BUDGET_BYTES_MIN - 977 * 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_end_is_not_waited_for() {
        let begin = Bytes::from(message(1_000)).slice(..500);
        let body = futures::stream::iter([Ok::<_, std::convert::Infallible>(begin)]);
        let body = axum::body::Body::from_stream(futures::StreamExt::chain(body, futures::stream::pending()));
        let mut body = limited(body, &ByteBudget::unlimited().call(None));
        frame(&mut body).await.unwrap().unwrap();
        let begun = tokio::time::Instant::now();
        let status = frame(&mut body).await.unwrap().unwrap_err();
        assert_eq!((status.code(), begun.elapsed()), (Code::DeadlineExceeded, REQUEST_TIME_MAX));
    }
}
