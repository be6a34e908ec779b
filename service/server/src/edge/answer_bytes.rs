//! Memory for large requests and answers: each request gets its share of one budget, and gives it back when the last
//! byte of its answer has left the process.
//!
//! A large answer leaves in small pieces. The connection takes the next piece when it has room for it, so an answer that
//! is read slowly is there once, and not in the connection's buffers as well. Each piece holds the call's share of the
//! budget, as long as the connection has it in its buffers.

use super::connection::CloseConnection;
use bytes::Bytes;
use cairn_stack::{ByteBudget, CallBytes, SMALL_BYTES_MAX};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower::{Layer, Service};

/// The largest piece that a connection is given at a time, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Gives each request its share of the budget.
#[derive(Clone, Debug)]
pub(crate) struct AnswerBytesLayer {
    budget: ByteBudget,
}

impl AnswerBytesLayer {
    pub(crate) fn new(budget: ByteBudget) -> Self {
        Self { budget }
    }
}

impl<S> Layer<S> for AnswerBytesLayer {
    type Service = AnswerBytes<S>;

    fn layer(&self, inner: S) -> AnswerBytes<S> {
        AnswerBytes { inner, budget: self.budget.clone() }
    }
}

/// A service whose requests have their share of the budget.
#[derive(Clone, Debug)]
pub(crate) struct AnswerBytes<S> {
    inner: S,
    budget: ByteBudget,
}

impl<S, R, B> Service<http::Request<R>> for AnswerBytes<S>
where
    S: Service<http::Request<R>, Response = http::Response<B>>,
{
    type Response = http::Response<ChargedBody<B>>;
    type Error = S::Error;
    type Future = ChargedResponse<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<R>) -> Self::Future {
        let close = request.extensions().get::<CloseConnection>().map(|close| close.0.clone());
        let bytes = self.budget.call(close);
        request.extensions_mut().insert(bytes.clone());
        ChargedResponse { response: self.inner.call(request), bytes: Some(bytes) }
    }
}

pin_project! {
    /// A response to come.
    pub(crate) struct ChargedResponse<F> {
        #[pin]
        response: F,
        bytes: Option<CallBytes>,
    }
}

impl<F, B, E> Future for ChargedResponse<F>
where
    F: Future<Output = Result<http::Response<B>, E>>,
{
    type Output = Result<http::Response<ChargedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.response.poll(cx));
        let bytes = this.bytes.take();
        Poll::Ready(
            response.map(|response| response.map(|body| ChargedBody { body, bytes, rest: Bytes::new() })),
        )
    }
}

/// A response's body, in pieces.
pub(crate) struct ChargedBody<B> {
    body: B,
    bytes: Option<CallBytes>,
    /// What is left of the part that was taken from the body last.
    rest: Bytes,
}

/// Bytes of an answer, and the call whose they are.
struct Charged {
    bytes: Bytes,
    _call: CallBytes,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<B> ChargedBody<B> {
    fn next_piece(&mut self) -> Bytes {
        if let Some(call) = &self.bytes {
            call.taken();
        }
        self.rest.split_to(self.rest.len().min(PIECE_BYTES))
    }
}

impl<B> Body for ChargedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(self.next_piece()))));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            end => return Poll::Ready(end),
        };
        let data = match (frame.into_data(), &self.bytes) {
            (Ok(data), Some(call)) => {
                call.settle(data.len());
                if data.len() > SMALL_BYTES_MAX {
                    Bytes::from_owner(Charged { bytes: data, _call: call.clone() })
                } else {
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
            (Ok(data), None) => data,
            (Err(trailers), _) => return Poll::Ready(Some(Ok(trailers))),
        };
        self.rest = data;
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body as AnswerBody;
    use cairn_stack::BUDGET_BYTES_MIN;
    use http_body_util::BodyExt;
    use std::time::Duration;
    use tower::{ServiceExt, service_fn};

    #[tokio::test]
    async fn a_large_answer_leaves_in_pieces_and_holds_its_bytes_until_the_last_is_gone() {
        const ANSWER_BYTES: usize = 300_000;
        let budget = ByteBudget::new(0, Duration::ZERO);
        let used = || BUDGET_BYTES_MIN - budget.available_bytes();
        let service =
            AnswerBytesLayer::new(budget.clone()).layer(service_fn(async |request: http::Request<()>| {
                CallBytes::of(request.extensions()).reserve(4 << 20).await.unwrap();
                let answer: Vec<u8> = (0..ANSWER_BYTES).map(|place| (place % 251) as u8).collect();
                Ok::<_, std::convert::Infallible>(http::Response::new(AnswerBody::from(answer)))
            }));
        let mut answer = service.oneshot(http::Request::new(())).await.unwrap().into_body();
        assert_eq!((used(), answer.size_hint().exact()), (4 << 20, Some(ANSWER_BYTES as u64)));
        let mut pieces = Vec::new();
        while let Some(frame) = answer.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            pieces.push(piece);
            assert_eq!(used(), 293 * 1024);
            let read: usize = pieces.iter().map(Bytes::len).sum();
            assert_eq!(answer.size_hint().exact(), Some((ANSWER_BYTES - read) as u64));
            assert_eq!(answer.is_end_stream(), read == ANSWER_BYTES);
        }
        assert_eq!(pieces.len(), 5);
        let all = pieces.concat();
        assert!(all.iter().enumerate().all(|(place, byte)| usize::from(*byte) == place % 251));
        drop(answer);
        // As long as a connection has a piece of it, all of it is there.
        pieces.truncate(1);
        assert_eq!(used(), 293 * 1024);
        pieces.clear();
        assert_eq!(used(), 0);
    }
}
