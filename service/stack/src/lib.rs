//! The tower layers around a decoded call, the same for every operation and every protocol.
//!
//! trace → deadline → authorize → admit → execute, in this order ([`Stack::call`]); before a call is decoded,
//! authentication ([`AuthenticateLayer`]). This crate does not know how a call came (that is `cairn-grpc`), nor what an
//! operation does (that is `cairn-ops`). A layer left out does not compile: only authorize turns a [`Call`] into what
//! admit and execute take.

mod admit;
mod authenticate;
mod authorize;
mod byte_budget;
mod deadline;
mod execute;
mod offload;
mod origins;
mod trace;

pub use admit::{Admit, AdmitLayer};
pub use authenticate::{Authenticate, AuthenticateLayer, Authenticated, CheckedHead, Peer, Strangers};
pub use authorize::{Authorize, AuthorizeLayer};
pub use byte_budget::{BUDGET_BYTES_MIN, ByteBudget, CallBytes, Overload, REQUEST_TIME_MAX, SMALL_BYTES_MAX};
pub use deadline::{Deadline, DeadlineLayer};
pub use execute::Execute;
pub use offload::{INLINE_BYTES_MAX, offload};
pub use origins::Origins;
pub use trace::{Trace, TraceLayer};

use cairn_ops::{Caller, Operation, Result, Service};
use cairn_storage::Engine;
use std::time::Instant;
use tower::{ServiceBuilder, ServiceExt};

/// A call as a protocol decoded it.
#[derive(Clone, Debug)]
pub struct Call<O> {
    /// Who calls.
    pub caller: Caller,
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
            // Whatever becomes of a call, there is a trace of it.
            .layer(TraceLayer)
            // A call whose caller has gone must not do anything.
            .layer(DeadlineLayer)
            // Before anything is looked up: who may not know of a table is not told whether it is busy.
            .layer(AuthorizeLayer::new(self.service.clone()))
            // Last before the work: what a table has is no business of those who may not use it.
            .layer(AdmitLayer::new(self.service.clone()))
            .service(Execute::new(self.service.clone()))
            .oneshot(call)
            .await
    }
}
