//! The admit layer: no work for a call that its table has no capacity for.

use crate::Call;
use cairn_ops::{Demand, Error, Operation};
use cairn_storage::Engine;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// What knows how much there is.
pub trait Admission: Clone {
    /// Refuses a call that there is nothing for.
    ///
    /// # Errors
    /// [`Error::Throttled`], saying when to come back.
    fn admit(&self, demand: &Demand<'_>) -> Result<(), Error>;
}

impl<E: Engine> Admission for cairn_ops::Service<E> {
    fn admit(&self, demand: &Demand<'_>) -> Result<(), Error> {
        cairn_ops::Service::admit(self, demand)
    }
}

/// Adds [`Admit`].
#[derive(Clone, Debug)]
pub struct AdmitLayer<A> {
    admission: A,
}

impl<A> AdmitLayer<A> {
    /// Asking `admission`.
    pub fn new(admission: A) -> Self {
        Self { admission }
    }
}

impl<A: Admission, S> Layer<S> for AdmitLayer<A> {
    type Service = Admit<A, S>;

    fn layer(&self, inner: S) -> Admit<A, S> {
        Admit { admission: self.admission.clone(), inner }
    }
}

/// Refuses a call before anything is done if what it draws on is empty. A call that does not say what it draws on passes:
/// batches and transactions are admitted element by element, by the operation.
#[derive(Clone, Debug)]
pub struct Admit<A, S> {
    admission: A,
    inner: S,
}

impl<A, O, S> Service<Call<O>> for Admit<A, S>
where
    A: Admission,
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
        let admitted = call.operation.demand().map_or(Ok(()), |demand| self.admission.admit(&demand));
        match admitted {
            Ok(()) => Box::pin(self.inner.call(call)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_ops::{BatchGetItem, PutItem, Throttled};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tower::{ServiceExt, service_fn};

    /// Has nothing for tables named `Empty`, and remembers what it was asked.
    #[derive(Clone, Default)]
    struct Asked(Arc<Mutex<Vec<String>>>);

    impl Admission for Asked {
        fn admit(&self, demand: &Demand<'_>) -> Result<(), Error> {
            self.0.lock().unwrap().push(format!("{:?} of {}", demand.kind, demand.table));
            match demand.table {
                "Empty" => {
                    let retry_after = Duration::from_secs(1);
                    Err(Throttled { on_demand: false, reasons: Vec::new(), retry_after }.into())
                }
                _ => Ok(()),
            }
        }
    }

    /// How the call went, how often the inner service was called, and what was asked.
    async fn call<O: Operation>(operation: O) -> (Result<(), Error>, usize, Vec<String>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let inner = service_fn(move |_: Call<O>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
        let asked = Asked::default();
        let answer =
            AdmitLayer::new(asked.clone()).layer(inner).oneshot(Call { operation, deadline: None }).await;
        let asked = asked.0.lock().unwrap().clone();
        (answer, calls.load(Ordering::SeqCst), asked)
    }

    #[tokio::test]
    async fn a_call_that_there_is_nothing_for_is_not_begun() {
        let (answer, calls, asked) = call(PutItem { table: "Empty".into(), ..PutItem::default() }).await;
        assert!(matches!(answer, Err(Error::Throttled(_))));
        assert_eq!((calls, asked), (0, vec!["Write of Empty".to_owned()]));
    }

    #[tokio::test]
    async fn a_call_that_there_is_something_for_goes_on() {
        let (answer, calls, asked) = call(PutItem { table: "Music".into(), ..PutItem::default() }).await;
        assert!(answer.is_ok());
        assert_eq!((calls, asked.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_call_that_is_admitted_piece_by_piece_passes() {
        let (answer, calls, asked) = call(BatchGetItem::default()).await;
        assert!(answer.is_ok());
        assert_eq!((calls, asked.len()), (1, 0));
    }
}
