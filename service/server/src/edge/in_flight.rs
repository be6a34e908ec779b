//! How many calls are under way: no more than the server has room for, and none when it stops.
//!
//! A call beyond the limit is answered at once, and cheaply: a server that takes on more than it can do does less of it.

use super::addresses::{AddressCall, AddressConnection};
use super::held::{HeldBody, HeldResponse};
use axum::body::Body as AnswerBody;
use cairn_stack::Overload;
use futures::future::{Either, Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
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

    /// For the calls of one connection.
    pub(crate) fn of(&self, address: Arc<AddressConnection>) -> InFlightLayer {
        InFlightLayer { in_flight: self.clone(), address }
    }

    /// Waits until no call is under way.
    pub(crate) async fn none(&self) {
        // The semaphore is never closed: there is nothing that could go wrong.
        let _ = self.calls.acquire_many(self.calls_max).await;
    }
}

/// Counts the calls of one connection.
#[derive(Clone, Debug)]
pub(crate) struct InFlightLayer {
    in_flight: InFlight,
    address: Arc<AddressConnection>,
}

impl<S> Layer<S> for InFlightLayer {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, calls: self.clone() }
    }
}

/// A call under way.
pub(crate) struct CallUnderWay {
    /// None for a probe.
    _call: Option<OwnedSemaphorePermit>,
    _of_address: AddressCall,
}

/// A service whose calls are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted<S> {
    inner: S,
    calls: InFlightLayer,
}

impl<S, R> Service<http::Request<R>> for Counted<S>
where
    S: Service<http::Request<R>, Response = http::Response<AnswerBody>>,
{
    type Response = http::Response<HeldBody<AnswerBody, CallUnderWay>>;
    type Error = S::Error;
    type Future = Either<HeldResponse<S::Future, CallUnderWay>, Ready<Result<Self::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<R>) -> Self::Future {
        match self.calls.take_on(is_probe(&request)) {
            Ok(call) => Either::Left(HeldResponse::new(self.inner.call(request), Some(call))),
            Err(reason) => {
                let refused = match is_grpc(&request) {
                    true => cairn_grpc::overloaded(reason).map(AnswerBody::new),
                    false => cairn_aws_json::overloaded(reason),
                };
                Either::Right(ready(Ok(refused.map(HeldBody::free))))
            }
        }
    }
}

impl InFlightLayer {
    fn take_on(&self, is_probe: bool) -> Result<CallUnderWay, Overload> {
        let of_address = self.address.call().ok_or(Overload::CallsOfAddress)?;
        // Whoever asks whether the server is well is to hear that it is; and as anyone may ask, and go on watching for
        // as long as they like, that is no call that another has to wait for, nor a stop.
        let call = match is_probe {
            true => None,
            false => Some(self.in_flight.calls.clone().try_acquire_owned().map_err(|_| Overload::Calls)?),
        };
        Ok(CallUnderWay { _call: call, _of_address: of_address })
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

#[cfg(test)]
mod tests {
    use super::super::addresses::{AddressLimit, Addresses};
    use super::*;
    use http_body_util::BodyExt;
    use tower::{ServiceExt, service_fn};

    type Answer = http::Response<HeldBody<AnswerBody, CallUnderWay>>;

    /// The connection of an address that may have so many calls.
    fn connection(calls_max: usize) -> Arc<AddressConnection> {
        let limit = AddressLimit { max: calls_max, on_loopback: true };
        Arc::new(Addresses::new(limit, limit).connect("192.0.2.1".parse().unwrap()).unwrap())
    }

    async fn call(in_flight: &InFlight, path: &str) -> Answer {
        call_of(in_flight, connection(8), path).await
    }

    async fn call_of(in_flight: &InFlight, address: Arc<AddressConnection>, path: &str) -> Answer {
        let service = in_flight.of(address).layer(service_fn(async |_: http::Request<()>| {
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
        let status = |answer: &Answer| answer.headers().get("grpc-status").cloned();
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

    #[tokio::test]
    async fn one_address_does_not_have_all_calls() {
        let in_flight = InFlight::new(8);
        let address = connection(2);
        let call = async || call_of(&in_flight, address.clone(), "/cairn.v1.ItemService/GetItem").await;
        let held = [call().await, call().await];
        let refused = call().await;
        assert_eq!(refused.headers()["grpc-status"], "14");
        let message = refused.headers()["grpc-message"].to_str().unwrap();
        assert!(message.contains("address"), "{message}");
        let refused = call_of(&in_flight, address.clone(), "/").await;
        assert_eq!(refused.status(), http::StatusCode::SERVICE_UNAVAILABLE);
        // Refusals hold nothing.
        assert_eq!(in_flight.calls.available_permits(), 6);
        let other = self::call(&in_flight, "/cairn.v1.ItemService/GetItem").await;
        assert_eq!(other.headers().get("grpc-status"), None);
        drop(held);
        assert_eq!(call().await.headers().get("grpc-status"), None);
    }
}
