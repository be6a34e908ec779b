//! How far a run is: a bar on a terminal, a line for each tenth elsewhere.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The template of the bar.
const TEMPLATE: &str = "{msg:8} {bar:40} {human_pos} of {human_len}, {per_sec}, {eta} left";

/// The progress of a run, shared among those who make it. Shown on standard error.
#[derive(Clone)]
pub(crate) struct Progress(Shown);

#[derive(Clone)]
enum Shown {
    Bar(ProgressBar),
    Lines {
        of_what: &'static str,
        all: u64,
        done: Arc<AtomicU64>,
    },
    #[cfg(test)]
    Nothing,
}

impl Progress {
    /// Progress through `all` steps of something.
    pub(crate) fn new(of_what: &'static str, all: usize) -> Self {
        let all = all as u64;
        if !io::stderr().is_terminal() {
            return Self(Shown::Lines { of_what, all, done: Arc::new(AtomicU64::new(0)) });
        }
        let bar = ProgressBar::new(all).with_message(of_what);
        // A bar in another style is better than none.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(Shown::Bar(bar))
    }

    /// Progress that is not shown.
    #[cfg(test)]
    pub(crate) fn hidden() -> Self {
        Self(Shown::Nothing)
    }

    /// One more step is done.
    pub(crate) fn one_more(&self) {
        match &self.0 {
            Shown::Bar(bar) => bar.inc(1),
            Shown::Lines { of_what, all, done } => {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if let Some(tenths) = tenths_reached(done, *all) {
                    // With nobody to read it, it is not needed.
                    let _ = writeln!(io::stderr(), "{of_what} {tenths}0%: {}", HumanCount(done));
                }
            }
            #[cfg(test)]
            Shown::Nothing => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Shown::Bar(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// How many tenths of all are done, if this step made it one more.
fn tenths_reached(done: u64, all: u64) -> Option<u64> {
    let tenths = |steps: u64| steps * 10 / all.max(1);
    let now = tenths(done);
    (now > tenths(done - 1)).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_is_told_once() {
        let told = |all: u64| (1..=all).filter_map(|done| tenths_reached(done, all)).collect::<Vec<_>>();
        assert_eq!(told(336_776), (1..=10).collect::<Vec<_>>());
        assert_eq!(told(10), (1..=10).collect::<Vec<_>>());
        assert_eq!(told(3), [3, 6, 10]);
    }
}
