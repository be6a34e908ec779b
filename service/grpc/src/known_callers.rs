//! Callers that are not known are refused before anything of their message is read: it would take memory, and the call
//! a place among those under way for as long as the caller liked.

use crate::status::{refused, unknown_method};
use cairn_ops::OPERATIONS;
use cairn_stack::Authenticated;
use futures::future::Either;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Where reflection is. What it tells is no secret, but a stranger's stream would be held open like any other.
const REFLECTION_PATH: &str = "/grpc.reflection.";
/// Where the operations are.
pub(crate) const OPERATIONS_PATH: &str = "/cairn.v1.";

/// Refuses calls of callers that are not known. Behind the layer that finds out who is calling
/// (`cairn_stack::AuthenticateLayer`); what is open to anyone, such as health, passes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownCallersLayer;

impl<S> Layer<S> for KnownCallersLayer {
    type Service = KnownCallers<S>;

    fn layer(&self, inner: S) -> KnownCallers<S> {
        KnownCallers { inner }
    }
}

/// A service for known callers.
#[derive(Clone, Debug)]
pub(crate) struct KnownCallers<S> {
    inner: S,
}

impl<S, B, A> Service<http::Request<B>> for KnownCallers<S>
where
    S: Service<http::Request<B>, Response = http::Response<A>>,
    A: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let known = request.extensions().get::<Authenticated>().map(Authenticated::caller);
        match (operation(request.uri().path()), known) {
            // What is asked for is looked at before who asks (semantics 1.3).
            (Asked::Unknown(method), _) => Either::Left(ready(Ok(unknown_method(method).into_http()))),
            (Asked::Operation(operation), Some(Err(reason))) => {
                let error = cairn_ops::Error::Unauthenticated(reason);
                Either::Left(ready(Ok(refused(operation, &error).into_http())))
            }
            // A service that authentication was not put around finds that out for itself.
            _ => Either::Right(self.inner.call(request)),
        }
    }
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked<'p> {
    /// Something that anyone may ask for.
    Open,
    /// An operation, or reflection, for known callers.
    Operation(&'static str),
    /// A method of ours that there is not.
    Unknown(&'p str),
}

fn operation(path: &str) -> Asked<'_> {
    if path.starts_with(REFLECTION_PATH) {
        return Asked::Operation("ServerReflectionInfo");
    }
    let Some(rest) = path.strip_prefix(OPERATIONS_PATH) else { return Asked::Open };
    let (_, method) = rest.split_once('/').unwrap_or((rest, rest));
    let names = OPERATIONS.iter().find(|names| names.method == method);
    names.map_or(Asked::Unknown(method), |names| Asked::Operation(names.method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_for_anyone_and_nothing_else_is() {
        for path in ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/healthz"] {
            assert_eq!(operation(path), Asked::Open, "{path}");
        }
        for (path, expected) in [
            ("/cairn.v1.ItemService/GetItem", Asked::Operation("GetItem")),
            ("/cairn.v1.IamService/AssumeRole", Asked::Operation("AssumeRole")),
            ("/cairn.v1.ItemService/SearchVectors", Asked::Unknown("SearchVectors")),
            ("/cairn.v1.ItemService", Asked::Unknown("ItemService")),
            (
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                Asked::Operation("ServerReflectionInfo"),
            ),
            (
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                Asked::Operation("ServerReflectionInfo"),
            ),
        ] {
            assert_eq!(operation(path), expected, "{path}");
        }
    }
}
