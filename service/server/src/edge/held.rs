//! A response, and something that is held until the last of it is done with.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A response to come. What is held passes on to its body.
    pub(crate) struct HeldResponse<F, T> {
        #[pin]
        response: F,
        held: Option<T>,
    }
}

impl<F, T> HeldResponse<F, T> {
    pub(crate) fn new(response: F, held: Option<T>) -> Self {
        Self { response, held }
    }
}

impl<F, T, B, E> Future for HeldResponse<F, T>
where
    F: Future<Output = Result<http::Response<B>, E>>,
{
    type Output = Result<http::Response<HeldBody<B, T>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.response.poll(cx));
        let held = this.held.take();
        Poll::Ready(response.map(|response| response.map(|body| HeldBody { body, _held: held })))
    }
}

/// A response's body.
pub(crate) struct HeldBody<B, T> {
    body: B,
    _held: Option<T>,
}

impl<B, T> HeldBody<B, T> {
    /// A body that holds nothing.
    pub(crate) fn free(body: B) -> Self {
        Self { body, _held: None }
    }
}

impl<B, T> Body for HeldBody<B, T>
where
    B: Body<Data = Bytes> + Unpin,
    T: Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
