//! How many calls are under way, so that a stop waits for calls and not for connections that only linger.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::watch;
use tower::{Layer, Service};

/// Counts the calls that pass the services it wraps, each until the last byte of its answer.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    count: Arc<watch::Sender<usize>>,
}

impl InFlight {
    pub(crate) fn new() -> Self {
        Self { count: Arc::new(watch::Sender::new(0)) }
    }

    /// Waits until no call is under way.
    pub(crate) async fn none(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn enter(&self) -> Entered {
        self.count.send_modify(|count| *count += 1);
        Entered { count: self.count.clone() }
    }
}

/// One call under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    count: Arc<watch::Sender<usize>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
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
    S::Future: Send + 'static,
{
    type Response = http::Response<CountedBody<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<R>) -> Self::Future {
        let entered = self.in_flight.enter();
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| CountedBody { body, entered })) })
    }
}

/// An answer's body, which ends its call.
#[derive(Debug)]
pub(crate) struct CountedBody<B> {
    body: B,
    #[expect(dead_code, reason = "held until the body is done with")]
    entered: Entered,
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
        let in_flight = InFlight::new();
        let service = in_flight.layer(service_fn(async |_: http::Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(AxumBody::from("answer")))
        }));
        let answer = service.oneshot(http::Request::new(())).await.unwrap();
        assert_eq!(*in_flight.count.borrow(), 1);
        drop(answer);
        in_flight.none().await;
    }
}
