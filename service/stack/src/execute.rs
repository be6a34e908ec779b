//! The innermost service: carries a permitted operation out.

use cairn_ops::{Error, Operation, Permitted, Service};
use cairn_storage::Engine;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Carries operations out against a [`Service`].
pub struct Execute<E: Engine> {
    service: Service<E>,
}

impl<E: Engine> Clone for Execute<E> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone() }
    }
}

impl<E: Engine> Execute<E> {
    /// Against `service`.
    pub fn new(service: Service<E>) -> Self {
        Self { service }
    }
}

impl<E: Engine, O: Operation> tower::Service<Permitted<O>> for Execute<E> {
    type Response = O::Output;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<O::Output, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Permitted<O>) -> Self::Future {
        let service = self.service.clone();
        Box::pin(async move { service.execute(call).await })
    }
}
