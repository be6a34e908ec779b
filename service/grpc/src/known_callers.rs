//! Callers that are not known are refused before anything of their message is read: it would take memory, and the call
//! a place among those under way for as long as the caller liked.

use crate::status::refused;
use cairn_ops::OPERATIONS;
use cairn_stack::Authenticated;
use futures::future::Either;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Where reflection is. What it tells is no secret, but a stranger's stream would be held open like any other.
const REFLECTION_PATH: &str = "/grpc.reflection.";
/// Where the operations are.
const OPERATIONS_PATH: &str = "/cairn.v1.";

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
            (Some(operation), Some(Err(reason))) => {
                let error = cairn_ops::Error::Unauthenticated(reason);
                Either::Left(ready(Ok(refused(operation, &error).into_http())))
            }
            // A service that authentication was not put around finds that out for itself.
            _ => Either::Right(self.inner.call(request)),
        }
    }
}

/// What a path asks for, if not anyone may ask.
fn operation(path: &str) -> Option<&'static str> {
    if path.starts_with(REFLECTION_PATH) {
        return Some("ServerReflectionInfo");
    }
    let (_, method) = path.strip_prefix(OPERATIONS_PATH)?.split_once('/')?;
    let names = OPERATIONS.iter().find(|names| names.method == method);
    Some(names.map_or("unknown", |names| names.method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_for_anyone_and_nothing_else_is() {
        for path in ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/healthz"] {
            assert_eq!(operation(path), None, "{path}");
        }
        for (path, expected) in [
            ("/cairn.v1.ItemService/GetItem", "GetItem"),
            ("/cairn.v1.IamService/AssumeRole", "AssumeRole"),
            ("/cairn.v1.ItemService/a-secret-pasted-wrongly", "unknown"),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "ServerReflectionInfo"),
        ] {
            assert_eq!(operation(path), Some(expected), "{path}");
        }
    }
}
