//! How many calls are under way, so that a stop waits for calls and not for connections that only linger.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::{Layer, Service};

/// Counts the calls that pass the services it wraps, each until the last byte of its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight {
    calls: TaskTracker,
}

impl InFlight {
    /// Waits until no call is under way.
    pub(crate) async fn none(&self) {
        self.calls.close();
        self.calls.wait().await;
    }
}

impl<S> Layer<S> for InFlight {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, in_flight: self.clone() }
    }
}

/// A service whose calls are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted<S> {
    inner: S,
    in_flight: InFlight,
}

impl<S, R, B> Service<http::Request<R>> for Counted<S>
where
    S: Service<http::Request<R>, Response = http::Response<B>>,
{
    type Response = http::Response<CountedBody<B>>;
    type Error = S::Error;
    type Future = CountedAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<R>) -> Self::Future {
        let call = self.in_flight.calls.token();
        CountedAnswer { answer: self.inner.call(request), call: Some(call) }
    }
}

pin_project! {
    /// The answer to come of a call under way.
    #[derive(Debug)]
    pub(crate) struct CountedAnswer<F> {
        #[pin]
        answer: F,
        call: Option<TaskTrackerToken>,
    }
}

impl<F, B, E> Future for CountedAnswer<F>
where
    F: Future<Output = Result<http::Response<B>, E>>,
{
    type Output = Result<http::Response<CountedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(cx));
        let call = this.call.take();
        Poll::Ready(answer.map(|answer| answer.map(|body| CountedBody { body, call })))
    }
}

/// An answer's body, which ends its call.
#[derive(Debug)]
pub(crate) struct CountedBody<B> {
    body: B,
    #[expect(dead_code, reason = "held until the body is done with")]
    call: Option<TaskTrackerToken>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body as AxumBody;
    use tower::{ServiceExt, service_fn};

    #[tokio::test]
    async fn a_call_counts_until_its_answer_is_done_with() {
        let in_flight = InFlight::default();
        let service = in_flight.layer(service_fn(async |_: http::Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(AxumBody::from("answer")))
        }));
        let answer = service.oneshot(http::Request::new(())).await.unwrap();
        assert_eq!(in_flight.calls.len(), 1);
        drop(answer);
        in_flight.none().await;
    }
}
