//! The tower layers around a decoded call, the same for every operation and every protocol.
//!
//! Today: deadline → admit → execute. Trace and authorize join them in the order `ARCHITECTURE.md` gives. This crate
//! does not know how a call came (that is `cairn-grpc`), nor what an operation does (that is `cairn-ops`).

mod admit;
mod deadline;
mod execute;

pub use admit::{Admission, Admit, AdmitLayer};
pub use deadline::{Deadline, DeadlineLayer};
pub use execute::Execute;

use cairn_ops::{Operation, Result, Service};
use cairn_storage::Engine;
use std::time::Instant;
use tower::{ServiceBuilder, ServiceExt};

/// A call as a protocol decoded it.
#[derive(Clone, Debug)]
pub struct Call<O> {
    /// What to do.
    pub operation: O,
    /// When the caller stops waiting, if it said so.
    pub deadline: Option<Instant>,
}

/// The layers, around one service.
pub struct Stack<E: Engine> {
    service: Service<E>,
}

impl<E: Engine> Clone for Stack<E> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone() }
    }
}

impl<E: Engine> Stack<E> {
    /// The layers around `service`.
    pub fn new(service: Service<E>) -> Self {
        Self { service }
    }

    /// Takes a call through every layer, outermost first.
    ///
    /// # Errors
    /// What the operation answers, or the layer that refused the call.
    pub async fn call<O: Operation>(&self, call: Call<O>) -> Result<O::Output> {
        ServiceBuilder::new()
            // First of all: a call whose caller has gone must not do anything.
            .layer(DeadlineLayer)
            // Last before the work: what a table has is no business of those who may not use it.
            .layer(AdmitLayer::new(self.service.clone()))
            .service(Execute::new(self.service.clone()))
            .oneshot(call)
            .await
    }
}
