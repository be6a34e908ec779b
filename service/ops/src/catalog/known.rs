//! The tables that a process knows without asking the store.
//!
//! What is known only ever becomes newer, whichever snapshot a record was read from and in whatever order readers come
//! back with what they read. Records are ordered by the table's number, which is never used twice and grows, and then by
//! the definition's revision, which every change raises. A number that was seen to be gone stays gone.

use super::{Definition, Table};
use crate::Result;
use arc_swap::ArcSwap;
use cairn_model::TableName;
use parking_lot::Mutex;
use rpds::HashTrieMapSync;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The newest definition known of each table. Looking one up takes no lock.
#[derive(Default)]
pub(super) struct KnownTables {
    tables: ArcSwap<HashTrieMapSync<TableName, Arc<Table>>>,
    /// The numbers of deleted tables. Locked by whoever changes `tables`.
    gone: Mutex<Numbers>,
}

/// What came of a record that was read.
pub(super) enum Entered {
    /// It is the newest of its table that is known. `replaced` is the number of an earlier table of that name.
    Newest { table: Arc<Table>, replaced: Option<u64> },
    /// A newer one is known, which stays.
    Older(Arc<Table>),
    /// Its table has been deleted since.
    Gone,
}

impl KnownTables {
    /// What is known of a table. The store may have a newer definition, and more tables.
    pub(super) fn get(&self, name: &TableName) -> Option<Arc<Table>> {
        self.tables.load().get(name).cloned()
    }

    /// Enters a definition, unless a newer one is known. `read` makes the table of it, given the definition known before.
    ///
    /// # Errors
    /// Those of `read`; then nothing is entered.
    pub(super) fn enter(
        &self,
        definition: Definition,
        read: impl FnOnce(Definition, Option<&Arc<Table>>) -> Result<Table>,
    ) -> Result<Entered> {
        let mut gone = self.gone.lock();
        let tables = self.tables.load();
        let name = definition.name.clone();
        let number = definition.number;
        if gone.contains(number) {
            return Ok(Entered::Gone);
        }
        let known = tables.get(&name);
        let mut replaced = None;
        if let Some(known) = known.map(|known| &known.definition) {
            if number < known.number {
                gone.insert(number);
                return Ok(Entered::Gone);
            }
            if number == known.number && definition.revision <= known.revision {
                return Ok(Entered::Older(Arc::new(read(definition, tables.get(&name))?)));
            }
            replaced = (number != known.number).then_some(known.number);
        }
        let table = Arc::new(read(definition, known)?);
        self.tables.store(Arc::new(tables.insert(name, table.clone())));
        if let Some(replaced) = replaced {
            gone.insert(replaced);
        }
        Ok(Entered::Newest { table, replaced })
    }

    /// Forgets a table that is deleted, for good.
    pub(super) fn remove(&self, name: &TableName, number: u64) {
        let mut gone = self.gone.lock();
        gone.insert(number);
        let tables = self.tables.load();
        if tables.get(name).is_some_and(|known| known.definition.number == number) {
            self.tables.store(Arc::new(tables.remove(name)));
        }
    }
}

/// A set of numbers as ranges, by the first of each. Numbers of deleted tables lie beside each other but for the tables
/// that exist, so there are hardly more ranges than tables.
#[derive(Default)]
struct Numbers(BTreeMap<u64, u64>);

impl Numbers {
    fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let before = self.0.range(..number).next_back();
        let first = before.filter(|(_, last)| **last + 1 == number).map_or(number, |(first, _)| *first);
        let last = number.checked_add(1).and_then(|next| self.0.remove(&next)).unwrap_or(number);
        self.0.insert(first, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beside_each_other_are_one_range() {
        let mut numbers = Numbers::default();
        for number in [5, 1, 2, 9, 3, u64::MAX, 4, 2] {
            numbers.insert(number);
        }
        let ranges: Vec<_> = numbers.0.iter().map(|(first, last)| (*first, *last)).collect();
        assert_eq!(ranges, [(1, 5), (9, 9), (u64::MAX, u64::MAX)]);
        let within: Vec<_> = (0..=10).filter(|number| numbers.contains(*number)).collect();
        assert_eq!(within, [1, 2, 3, 4, 5, 9]);
        assert!(numbers.contains(u64::MAX) && !numbers.contains(u64::MAX - 1));
    }
}
