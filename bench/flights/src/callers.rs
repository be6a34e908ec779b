//! Many callers at once: each takes the next flight, makes its call, and takes another.

use crate::progress::Progress;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};
use tonic::Status;
use tonic_types::StatusExt;

/// How often one call is made again because the server asks to come back later.
const RETRIES_MAX: usize = 100;

/// How a run of calls went.
pub(crate) struct Measured {
    /// From the first call to the last answer.
    pub(crate) took: Duration,
    /// How often a call was made again.
    pub(crate) retries: usize,
    /// How long each flight took, retries included; the shortest first.
    latencies: Vec<Duration>,
}

impl Measured {
    /// Flights a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The time within which that share of the flights, 0 to 1, was done.
    pub(crate) fn latency(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// A call failed.
    #[error("a call failed with {:?}: {}", .0.code(), .0.message())]
    Call(#[source] Box<Status>),
    /// A caller failed otherwise.
    #[error("a caller ended early")]
    Caller(#[from] JoinError),
}

/// Has `callers` callers make `call` for each of `flights` flights: the first argument is the caller's number, the
/// second the flight's. A call that the server asks to make later is made again then.
///
/// # Errors
/// If a call fails for good. Calls under way are dropped then.
pub(crate) async fn run<C, F>(
    callers: usize,
    flights: usize,
    progress: Progress,
    call: C,
) -> Result<Measured, CallersError>
where
    C: Fn(usize, usize) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send,
{
    let from = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut running = JoinSet::new();
    for caller in 0..callers {
        let (call, next, progress) = (call.clone(), next.clone(), progress.clone());
        running.spawn(async move {
            let (mut latencies, mut retries) = (Vec::new(), 0);
            loop {
                let flight = next.fetch_add(1, Ordering::Relaxed);
                if flight >= flights {
                    return Ok((latencies, retries));
                }
                let from = Instant::now();
                retries += until_done(|| call(caller, flight)).await?;
                latencies.push(from.elapsed());
                progress.one_more();
            }
        });
    }
    let mut measured = Measured { took: Duration::ZERO, retries: 0, latencies: Vec::with_capacity(flights) };
    while let Some(ended) = running.join_next().await {
        let (latencies, retries) = ended?.map_err(|status: Status| CallersError::Call(Box::new(status)))?;
        measured.latencies.extend(latencies);
        measured.retries += retries;
    }
    measured.took = from.elapsed();
    measured.latencies.sort_unstable();
    Ok(measured)
}

/// Makes a call, again as long as the server says when to come back: how often again.
async fn until_done<F>(call: impl Fn() -> F) -> Result<usize, Status>
where
    F: Future<Output = Result<(), Status>>,
{
    for retries in 0..RETRIES_MAX {
        let Err(status) = call().await else { return Ok(retries) };
        match status.get_details_retry_info().and_then(|info| info.retry_delay) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return Err(status),
        }
    }
    call().await.map(|()| RETRIES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use tonic::Code;
    use tonic_types::ErrorDetails;

    #[tokio::test]
    async fn every_flight_is_called_for_once_and_all_callers_take_part() {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let made = calls.clone();
        let measured = run(4, 100, Progress::hidden(), move |caller, flight| {
            made.lock().unwrap().push((caller, flight));
            async {
                tokio::task::yield_now().await;
                Ok(())
            }
        });
        assert_eq!(measured.await.unwrap().latencies.len(), 100);
        let calls = calls.lock().unwrap();
        assert_eq!(calls.len(), 100);
        assert_eq!(calls.iter().map(|(_, flight)| *flight).collect::<BTreeSet<_>>().len(), 100);
        assert_eq!(calls.iter().map(|(caller, _)| *caller).collect::<BTreeSet<_>>().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_made_again_when_the_server_says() {
        let busy = Status::with_error_details(
            Code::Unavailable,
            "busy",
            ErrorDetails::with_retry_info(Some(Duration::from_millis(250))),
        );
        let calls = Arc::new(AtomicUsize::new(0));
        let made = calls.clone();
        let measured = run(1, 1, Progress::hidden(), move |_, _| {
            let refused = made.fetch_add(1, Ordering::Relaxed) < 2;
            std::future::ready(if refused { Err(busy.clone()) } else { Ok(()) })
        });
        assert_eq!(measured.await.unwrap().retries, 2);
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_call_that_fails_for_good_ends_the_run() {
        let failed = run(2, 10, Progress::hidden(), |_, flight| {
            std::future::ready(if flight == 3 { Err(Status::not_found("gone")) } else { Ok(()) })
        });
        assert!(matches!(failed.await, Err(CallersError::Call(status)) if status.code() == Code::NotFound));
    }

    #[test]
    fn latencies_are_told_by_share() {
        let latencies = (1..=101).map(Duration::from_millis).collect();
        let measured = Measured { took: Duration::from_secs(2), retries: 0, latencies };
        assert_eq!(measured.latency(0.0), Duration::from_millis(1));
        assert_eq!(measured.latency(0.5), Duration::from_millis(51));
        assert_eq!(measured.latency(0.99), Duration::from_millis(100));
        assert_eq!(measured.rate(), 50.5);
    }
}
