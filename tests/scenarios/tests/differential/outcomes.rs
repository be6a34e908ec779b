//! How often each operation succeeded and failed: a comparison of nothing but refusals would say little.

use crate::pair::Run;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The outcomes of operations, by operation and by `ok` or the exception.
#[derive(Default)]
pub(crate) struct Outcomes {
    counts: BTreeMap<String, BTreeMap<String, usize>>,
    /// The words of refusals, without what they quote.
    refusals: BTreeSet<String>,
}

impl Outcomes {
    pub(crate) fn count(&mut self, run: &Run) {
        for exchange in &run.exchanges {
            let error = exchange.answers[0].get("error");
            let outcome = error.and_then(|error| error["type"].as_str()).unwrap_or("ok");
            let by_outcome = self.counts.entry(exchange.call.clone()).or_default();
            *by_outcome.entry(outcome.to_owned()).or_default() += 1;
            if let Some(message) = error.and_then(|error| error["message"].as_str()) {
                let words = message.split([':', ';', '\'', '[']).next().unwrap_or_default();
                self.refusals.insert(words.to_owned());
            }
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.counts.values().flat_map(BTreeMap::values).sum()
    }

    pub(crate) fn of(&self, call: &str, outcome: &str) -> usize {
        self.counts.get(call).and_then(|by_outcome| by_outcome.get(outcome)).copied().unwrap_or_default()
    }

    /// How many calls, of any operation, ended like that.
    pub(crate) fn with(&self, outcome: &str) -> usize {
        self.counts.keys().map(|call| self.of(call, outcome)).sum()
    }

    /// How many calls there were of an operation.
    pub(crate) fn of_all(&self, call: &str) -> usize {
        self.counts.get(call).into_iter().flat_map(BTreeMap::values).sum()
    }

    /// How many of a hundred calls of an operation succeeded.
    pub(crate) fn success_percent(&self, call: &str) -> usize {
        100 * self.of(call, "ok") / self.of_all(call).max(1)
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(String::as_str)
    }

    /// How many kinds of refusals there were.
    pub(crate) fn refusals(&self) -> usize {
        self.refusals.len()
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (call, by_outcome) in &self.counts {
            write!(f, "{call:<20} ok {:>5}", self.of(call, "ok"))?;
            for (outcome, count) in by_outcome.iter().filter(|(outcome, _)| *outcome != "ok") {
                write!(f, "   {} {count}", outcome.trim_end_matches("Exception"))?;
            }
            writeln!(f)?;
        }
        write!(f, "{} kinds of refusals", self.refusals())
    }
}
