//! The authorize layer: nothing is done that the caller's policies do not allow.

use crate::Call;
use cairn_ops::{Error, Operation, Permitted, Service};
use cairn_storage::Engine;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, ServiceExt};

/// Adds [`Authorize`].
pub struct AuthorizeLayer<E: Engine> {
    service: Service<E>,
}

impl<E: Engine> AuthorizeLayer<E> {
    /// By the policies that `service` keeps.
    pub fn new(service: Service<E>) -> Self {
        Self { service }
    }
}

impl<S, E: Engine> Layer<S> for AuthorizeLayer<E> {
    type Service = Authorize<S, E>;

    fn layer(&self, inner: S) -> Authorize<S, E> {
        Authorize { inner, service: self.service.clone() }
    }
}

/// Makes a call a [`Permitted`] one, or refuses it. A stream is permitted before its first part; that it still is, is
/// asked again before each part (`cairn-ops`).
pub struct Authorize<S, E: Engine> {
    inner: S,
    service: Service<E>,
}

impl<O, S, E> tower::Service<Call<O>> for Authorize<S, E>
where
    O: Operation,
    E: Engine,
    S: tower::Service<Permitted<O>, Response = O::Output, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = O::Output;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<O::Output, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Whether the inner service is ready is asked once it is known that it will be called.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call<O>) -> Self::Future {
        let (inner, service) = (self.inner.clone(), self.service.clone());
        Box::pin(async move {
            let permitted = service.permit(call.caller, call.operation).await?;
            inner.oneshot(permitted).await
        })
    }
}
