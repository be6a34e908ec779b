//! The admit layer: no work for a call that its table has no capacity for.

use cairn_ops::{Error, Operation, Permitted, Service};
use cairn_storage::Engine;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::Layer;

/// Adds [`Admit`].
pub struct AdmitLayer<E: Engine> {
    service: Service<E>,
}

impl<E: Engine> AdmitLayer<E> {
    /// By what `service` knows of its tables' capacity.
    pub fn new(service: Service<E>) -> Self {
        Self { service }
    }
}

impl<S, E: Engine> Layer<S> for AdmitLayer<E> {
    type Service = Admit<S, E>;

    fn layer(&self, inner: S) -> Admit<S, E> {
        Admit { inner, service: self.service.clone() }
    }
}

/// Refuses a call before anything is done if what it draws on is empty. A call that does not say what it draws on passes:
/// batches and transactions are admitted element by element, by the operation.
pub struct Admit<S, E: Engine> {
    inner: S,
    service: Service<E>,
}

impl<S: Clone, E: Engine> Clone for Admit<S, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), service: self.service.clone() }
    }
}

impl<O, S, E> tower::Service<Permitted<O>> for Admit<S, E>
where
    O: Operation,
    E: Engine,
    S: tower::Service<Permitted<O>, Error = Error>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Permitted<O>) -> Self::Future {
        match self.service.admit(&call) {
            Ok(()) => Box::pin(self.inner.call(call)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
