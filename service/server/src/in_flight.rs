//! How many calls are under way: no more than the server has room for, and none when it stops.
//!
//! A call beyond the limit is answered at once, and cheaply: a server that takes on more than it can do does less of it.

use axum::body::Body as AnswerBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

/// Counts the calls that pass the services it wraps, each until the last byte of its answer, and refuses those that are
/// too many.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    calls: Arc<Semaphore>,
    calls_max: u32,
}

impl InFlight {
    /// At most so many at once.
    pub(crate) fn new(calls_max: u32) -> Self {
        Self { calls: Arc::new(Semaphore::new(calls_max as usize)), calls_max }
    }

    /// Waits until no call is under way.
    pub(crate) async fn none(&self) {
        // The semaphore is never closed: there is nothing that could go wrong.
        let _ = self.calls.acquire_many(self.calls_max).await;
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

impl<S, R> Service<http::Request<R>> for Counted<S>
where
    S: Service<http::Request<R>, Response = http::Response<AnswerBody>>,
{
    type Response = http::Response<CountedBody>;
    type Error = S::Error;
    type Future = CountedAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<R>) -> Self::Future {
        // Whoever asks whether the server is well is to hear that it is; and as anyone may ask, and go on watching for
        // as long as they like, that is no call that another has to wait for, nor a stop.
        if is_probe(&request) {
            return CountedAnswer::Called { answer: self.inner.call(request), call: None };
        }
        match self.in_flight.calls.clone().try_acquire_owned() {
            Ok(call) => CountedAnswer::Called { answer: self.inner.call(request), call: Some(call) },
            Err(_) if is_grpc(&request) => CountedAnswer::Refused { overloaded: grpc_overloaded },
            Err(_) => CountedAnswer::Refused { overloaded: cairn_aws_json::overloaded },
        }
    }
}

fn is_probe<R>(request: &http::Request<R>) -> bool {
    let path = request.uri().path();
    path == "/healthz" || path.starts_with("/grpc.health.v1.Health/")
}

/// Whether the caller understands a gRPC status. The path of AWS JSON is `/`; a gRPC method's is not.
fn is_grpc<R>(request: &http::Request<R>) -> bool {
    request.uri().path() != "/"
}

fn grpc_overloaded() -> http::Response<AnswerBody> {
    cairn_grpc::overloaded().map(AnswerBody::new)
}

pin_project! {
    /// The answer to come of a call under way, or of one too many.
    #[project = CountedAnswerProjection]
    #[derive(Debug)]
    pub(crate) enum CountedAnswer<F> {
        Called { #[pin] answer: F, call: Option<OwnedSemaphorePermit> },
        Refused { overloaded: fn() -> http::Response<AnswerBody> },
    }
}

impl<F, E> Future for CountedAnswer<F>
where
    F: Future<Output = Result<http::Response<AnswerBody>, E>>,
{
    type Output = Result<http::Response<CountedBody>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (answer, call) = match self.project() {
            CountedAnswerProjection::Called { answer, call } => (ready!(answer.poll(cx)), call.take()),
            CountedAnswerProjection::Refused { overloaded } => (Ok(overloaded()), None),
        };
        Poll::Ready(answer.map(|answer| answer.map(|body| CountedBody { body, call })))
    }
}

/// An answer's body, which ends its call.
#[derive(Debug)]
pub(crate) struct CountedBody {
    body: AnswerBody,
    #[expect(dead_code, reason = "held until the body is done with")]
    call: Option<OwnedSemaphorePermit>,
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
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
    use http_body_util::BodyExt;
    use tower::{ServiceExt, service_fn};

    async fn call(in_flight: &InFlight, path: &str) -> http::Response<CountedBody> {
        let service = in_flight.layer(service_fn(async |_: http::Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(AnswerBody::from("answer")))
        }));
        let request = http::Request::builder().uri(path).body(()).unwrap();
        service.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_call_counts_until_its_answer_is_done_with() {
        let in_flight = InFlight::new(8);
        let answer = call(&in_flight, "/cairn.v1.ItemService/GetItem").await;
        assert_eq!(in_flight.calls.available_permits(), 7);
        drop(answer);
        in_flight.none().await;
        assert_eq!(in_flight.calls.available_permits(), 8);
    }

    #[tokio::test]
    async fn a_call_too_many_is_refused_and_the_next_after_one_has_ended_is_not() {
        let in_flight = InFlight::new(1);
        let status = |answer: &http::Response<CountedBody>| answer.headers().get("grpc-status").cloned();
        let under_way = call(&in_flight, "/cairn.v1.ItemService/GetItem").await;
        assert_eq!(status(&under_way), None);
        let refused = call(&in_flight, "/cairn.v1.ItemService/GetItem").await;
        assert_eq!(status(&refused).unwrap(), "14");
        let refused = call(&in_flight, "/").await;
        assert_eq!((refused.status(), status(&refused)), (http::StatusCode::SERVICE_UNAVAILABLE, None));
        assert_eq!(refused.headers()["content-type"], "application/x-amz-json-1.0");
        let body = refused.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            &*body,
            br#"{"__type":"com.amazonaws.dynamodb.v20120810#ServiceUnavailable","message":"The service is unavailable: too many calls are under way"}"#
        );
        assert_eq!(status(&call(&in_flight, "/healthz").await), None);
        drop(under_way);
        assert_eq!(status(&call(&in_flight, "/cairn.v1.ItemService/GetItem").await), None);
    }
}
