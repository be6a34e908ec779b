//! The totals of counters, kept by the committer so that adding to one reads nothing.

use crate::layout;
use crate::view::decode_total;
use cairn_storage::{CounterKey, Error, Result, SpaceId};
use fjall::{Keyspace, Readable, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Every counter's total, the pending commit's additions included.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    totals: BTreeMap<CounterKey, i64>,
    /// Those the pending commit has added to.
    touched: BTreeSet<CounterKey>,
}

impl Counters {
    /// Reads every total from the engine's keyspace.
    pub(crate) fn load(keyspace: &Keyspace, snapshot: &Snapshot) -> Result<Self> {
        let mut totals = BTreeMap::new();
        for record in snapshot.prefix(keyspace, [layout::COUNTER_PREFIX]) {
            let (key, total) =
                record.into_inner().map_err(|cause| Error::backend("reading the counters", cause))?;
            let counter = layout::counter_of(&key).ok_or_else(|| Error::Damaged {
                reason: "the engine's keyspace holds a counter of an unknown kind".to_owned(),
            })?;
            totals.insert(counter, decode_total(&total)?);
        }
        Ok(Self { totals, touched: BTreeSet::new() })
    }

    /// Adds to a total, modulo 2⁶⁴: see [`Write::Add`](cairn_storage::Write::Add).
    pub(crate) fn add(&mut self, key: CounterKey, amount: i64) {
        let total = self.totals.entry(key).or_default();
        *total = total.wrapping_add(amount);
        self.touched.insert(key);
    }

    /// The totals the pending commit changes; it is then no longer pending.
    pub(crate) fn take_touched(&mut self) -> Vec<(CounterKey, i64)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().filter_map(|key| Some((key, *self.totals.get(&key)?))).collect()
    }

    /// Whether the pending commit changes a total.
    pub(crate) fn are_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Forgets the counters of the spaces that `is_gone`, and says which they were.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(SpaceId) -> bool) -> Vec<CounterKey> {
        let gone: Vec<_> = self.totals.keys().copied().filter(|key| is_gone(key.space)).collect();
        for key in &gone {
            self.totals.remove(key);
            self.touched.remove(key);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(table: u64, counter: u16) -> CounterKey {
        CounterKey { space: SpaceId::Items(table), counter }
    }

    #[test]
    fn additions_to_one_counter_are_written_once() {
        let mut counters = Counters::default();
        counters.add(key(1, 0), 5);
        counters.add(key(1, 0), -2);
        counters.add(key(1, 1), 1);
        assert_eq!(counters.take_touched(), [(key(1, 0), 3), (key(1, 1), 1)]);
        assert!(!counters.are_touched());
        counters.add(key(1, 0), 1);
        assert_eq!(counters.take_touched(), [(key(1, 0), 4)]);
    }

    #[test]
    fn the_counters_of_a_space_go_with_it() {
        let mut counters = Counters::default();
        counters.add(key(1, 0), 1);
        counters.add(key(2, 0), 1);
        assert_eq!(counters.forget(|space| space == SpaceId::Items(1)), [key(1, 0)]);
        assert_eq!(counters.take_touched(), [(key(2, 0), 1)]);
    }
}
