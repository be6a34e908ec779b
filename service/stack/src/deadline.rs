//! The deadline layer: no work for a caller that has stopped waiting.

use crate::Call;
use cairn_ops::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tower::{Layer, Service};

/// Adds [`Deadline`].
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner }
    }
}

/// Refuses a call whose deadline has passed before anything is done, and gives up waiting for one whose deadline
/// passes meanwhile. A write that is under way then happens or does not, but never in part.
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
}

impl<O, S> Service<Call<O>> for Deadline<S>
where
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
        let Some(deadline) = call.deadline else {
            return Box::pin(self.inner.call(call));
        };
        if deadline <= Instant::now() {
            return Box::pin(std::future::ready(Err(Error::DeadlineExceeded)));
        }
        let answer = self.inner.call(call);
        Box::pin(async move {
            tokio::time::timeout_at(deadline.into(), answer).await.unwrap_or(Err(Error::DeadlineExceeded))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_auth::{EncryptionKey, EncryptionKeys, Identities, IdentityOptions};
    use cairn_ops::{Caller, Connection};
    use cairn_storage::memory::MemoryEngine;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tower::{ServiceExt, service_fn};

    /// Anyone.
    async fn caller() -> Caller {
        let options = IdentityOptions {
            account: "000000000000".into(),
            keys: EncryptionKeys::new(vec![EncryptionKey::generate().unwrap()]).unwrap(),
            root: None,
            clock: Arc::new(jiff::Timestamp::now),
        };
        let (identities, _) = Identities::open(MemoryEngine::new(), options).await.unwrap();
        let principal = identities.principal_for("arn:aws:iam::000000000000:root").unwrap();
        Caller { principal, connection: Connection::default() }
    }

    async fn call(deadline: Option<Instant>, answers: bool) -> (Result<&'static str, Error>, usize) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let inner = service_fn(move |_: Call<()>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { if answers { Ok("done") } else { std::future::pending().await } }
        });
        let call = Call { caller: caller().await, operation: (), deadline };
        let answer = DeadlineLayer.layer(inner).oneshot(call).await;
        (answer, calls.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_call_whose_deadline_has_passed_is_not_begun() {
        let (answer, calls) = call(Some(Instant::now()), true).await;
        assert!(matches!(answer, Err(Error::DeadlineExceeded)));
        assert_eq!(calls, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_given_up_when_its_deadline_passes() {
        let (answer, calls) = call(Some(Instant::now() + Duration::from_secs(3_600)), false).await;
        assert!(matches!(answer, Err(Error::DeadlineExceeded)));
        assert_eq!(calls, 1);
    }

    #[tokio::test]
    async fn a_call_without_or_before_its_deadline_is_answered() {
        assert_eq!(call(None, true).await.0.ok(), Some("done"));
        assert_eq!(call(Some(Instant::now() + Duration::from_secs(3_600)), true).await.0.ok(), Some("done"));
    }
}
