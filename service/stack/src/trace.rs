//! The trace layer: a span for every call, and a word about how it ended.
//!
//! A span holds names: the operation's, the caller's ARN, how the call ended. It never holds anything of an item, nor
//! of what the caller proved itself with.

use crate::Call;
use cairn_ops::{Error, Operation};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service};
use tracing::{Instrument, field};

/// Adds [`Trace`].
#[derive(Clone, Copy, Debug)]
pub struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}

/// Puts each call into a span of its own (level DEBUG, named `call`), which ends with the call's answer; of a stream,
/// with its beginning. What a failure's causes are is logged where it becomes an answer.
///
/// DEBUG, because a subscriber that takes a span pays for it with every call, a log with a sixth of what the call costs:
/// a server that nobody looks into does not.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<O, S> Service<Call<O>> for Trace<S>
where
    O: Operation,
    S: Service<Call<O>, Error = Error>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call<O>) -> Self::Future {
        let span = tracing::debug_span!(
            "call",
            operation = O::KIND.name(),
            principal = call.caller.principal.arn(),
            outcome = field::Empty,
        );
        let answer = span.in_scope(|| self.inner.call(call));
        Box::pin(
            async move {
                let answer = answer.await;
                let outcome = answer.as_ref().map_or_else(Error::exception, |_| "OK");
                tracing::Span::current().record("outcome", outcome);
                tracing::debug!(outcome, "a call ended");
                answer
            }
            .instrument(span),
        )
    }
}
