//! The load: so many callers, each with one call under way, for so long.

use crate::Error;
use crate::cpu::Process;
use hdrhistogram::Histogram;
use std::future::Future;
use std::time::{Duration, Instant};

/// Somebody who calls, one call after the other.
pub(crate) trait Caller: Send + 'static {
    /// Makes the next call, and looks whether it was answered rightly.
    fn call(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What a round came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    /// Microseconds of processor time for a call: the server's, and this process's.
    pub(crate) server_us: f64,
    pub(crate) client_us: f64,
}

/// One round of all callers against the server of a process. The callers come back.
pub(crate) async fn round<C: Caller>(
    callers: Vec<C>,
    server: Process,
    length: Duration,
) -> Result<(Vec<C>, Figures), Error> {
    let begun = Instant::now();
    let (server_before, client_before) = (server.seconds()?, Process::Own.seconds()?);
    let end = begun + length;
    let mut tasks = Vec::new();
    for mut caller in callers {
        tasks.push(tokio::spawn(async move {
            let mut latencies = Latencies::new();
            loop {
                let sent = Instant::now();
                if sent >= end {
                    return Ok::<_, Error>((caller, latencies));
                }
                caller.call().await?;
                latencies.record(sent.elapsed());
            }
        }));
    }
    let (mut callers, mut all) = (Vec::new(), Latencies::new());
    for task in tasks {
        let (caller, latencies) = task.await??;
        callers.push(caller);
        all.add(latencies);
    }
    let (calls, seconds) = (all.0.len() as f64, begun.elapsed().as_secs_f64());
    let figures = Figures {
        calls_per_second: calls / seconds,
        p50_us: all.0.value_at_quantile(0.5),
        p99_us: all.0.value_at_quantile(0.99),
        server_us: (server.seconds()? - server_before) * 1e6 / calls,
        client_us: (Process::Own.seconds()? - client_before) * 1e6 / calls,
    };
    Ok((callers, figures))
}

/// A walk over the ids of so many items that looks random and is the same each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    state: u64,
    items: u64,
}

impl Walk {
    pub(crate) fn new(caller: usize, items: u64) -> Self {
        Self { state: (caller as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15), items: items.max(1) }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 16) % self.items
    }
}

/// Latencies in microseconds.
struct Latencies(Histogram<u64>);

impl Latencies {
    fn new() -> Self {
        Self(Histogram::new(3).unwrap_or_else(|_| unreachable!("three significant digits are allowed")))
    }

    fn record(&mut self, latency: Duration) {
        // It grows as it must; a latency that fits no histogram is none.
        let _ = self.0.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: Self) {
        // Both grow as they must.
        let _ = self.0.add(other.0);
    }
}

/// The round in the middle by calls per second.
pub(crate) fn median(mut rounds: Vec<Figures>) -> Option<Figures> {
    rounds.sort_by(|a, b| a.calls_per_second.total_cmp(&b.calls_per_second));
    rounds.get(rounds.len() / 2).copied()
}
