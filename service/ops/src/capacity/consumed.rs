//! What operations cost, in capacity units (semantics 12).

use cairn_model::IndexKind;
use std::collections::BTreeMap;

/// Whether, and how finely, an answer tells what the call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnConsumedCapacity {
    /// Not at all.
    #[default]
    None,
    /// The sum.
    Total,
    /// The sum, the table's part, and each index's.
    Indexes,
}

/// What a call cost on one table.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumedCapacity {
    /// The table as the caller named it.
    pub table: String,
    /// Units of the table and all its indexes together.
    pub capacity_units: f64,
    /// The parts, if they were asked for.
    pub parts: Option<CapacityParts>,
    /// What all of the units are, which only the answers of transactions tell.
    pub transactional: Option<UnitKind>,
}

/// What capacity units are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// Reads.
    Read,
    /// Writes.
    Write,
}

/// The parts that a cost is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapacityParts {
    /// The table's own.
    pub table: f64,
    /// By local secondary index, only those that cost anything.
    pub local_secondary_indexes: BTreeMap<String, f64>,
    /// By global secondary index, only those that cost anything.
    pub global_secondary_indexes: BTreeMap<String, f64>,
}

impl CapacityParts {
    /// All of them together.
    pub fn total(&self) -> f64 {
        let indexes = self.local_secondary_indexes.values().chain(self.global_secondary_indexes.values());
        self.table + indexes.sum::<f64>()
    }

    /// Adds another cost, part by part.
    pub(crate) fn add(&mut self, other: Self) {
        self.table += other.table;
        for (name, units) in other.local_secondary_indexes {
            self.add_index(IndexKind::Local, &name, units);
        }
        for (name, units) in other.global_secondary_indexes {
            self.add_index(IndexKind::Global, &name, units);
        }
    }

    /// Adds what an index cost. Nothing leaves no trace of it.
    pub(super) fn add_index(&mut self, kind: IndexKind, name: &str, units: f64) {
        if units > 0.0 {
            let indexes = match kind {
                IndexKind::Local => &mut self.local_secondary_indexes,
                IndexKind::Global => &mut self.global_secondary_indexes,
            };
            *indexes.entry(name.to_owned()).or_default() += units;
        }
    }
}

/// A cost of the table itself and of no index.
impl From<f64> for CapacityParts {
    fn from(table: f64) -> Self {
        Self { table, ..Self::default() }
    }
}

impl ReturnConsumedCapacity {
    /// DynamoDB's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Total => "TOTAL",
            Self::Indexes => "INDEXES",
        }
    }

    /// A cost as an answer tells it, if it tells it: read or write units of the table, or with those of its indexes.
    pub(crate) fn report(self, table: &str, units: impl Into<CapacityParts>) -> Option<ConsumedCapacity> {
        let units = units.into();
        let capacity_units = units.total();
        let parts = match self {
            Self::None => return None,
            Self::Total => None,
            Self::Indexes => Some(units),
        };
        Some(ConsumedCapacity { table: table.to_owned(), capacity_units, parts, transactional: None })
    }

    /// The cost of a transaction on a table as an answer tells it, if it tells it.
    pub(crate) fn report_transaction(
        self,
        table: &str,
        units: CapacityParts,
        kind: UnitKind,
    ) -> Option<ConsumedCapacity> {
        let consumed = self.report(table, units)?;
        Some(ConsumedCapacity { transactional: Some(kind), ..consumed })
    }
}

/// Units for reading `bytes` of one item: one for each started 4 KB if strongly consistent, half if not. A missing
/// item costs as much as the smallest.
pub(crate) fn read_units(bytes: usize, strong: bool) -> f64 {
    let steps = bytes.div_ceil(4_096).max(1) as f64;
    if strong { steps } else { steps / 2.0 }
}

/// Units for a write that leaves or removes an item of `bytes`, the larger of before and after: one for each started
/// 1 KB.
pub(crate) fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1_024).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_told_as_finely_as_it_is_asked_for() {
        let mut units = CapacityParts::from(2.0);
        units.add_index(IndexKind::Local, "by-date", 1.0);
        units.add_index(IndexKind::Global, "by-team", 3.0);
        units.add_index(IndexKind::Global, "by-team", 1.0);
        units.add_index(IndexKind::Global, "untouched", 0.0);
        let told = |level: ReturnConsumedCapacity| level.report("Music", units.clone());
        assert_eq!(told(ReturnConsumedCapacity::None), None);
        let total = told(ReturnConsumedCapacity::Total).unwrap();
        assert_eq!((total.capacity_units, total.parts), (7.0, None));
        let parts = told(ReturnConsumedCapacity::Indexes).unwrap().parts.unwrap();
        assert_eq!(parts.table, 2.0);
        assert_eq!(parts.local_secondary_indexes, BTreeMap::from([("by-date".into(), 1.0)]));
        assert_eq!(parts.global_secondary_indexes, BTreeMap::from([("by-team".into(), 4.0)]));
    }

    #[test]
    fn a_step_is_charged_once_it_is_started() {
        for (bytes, strong, units) in
            [(0, true, 1.0), (0, false, 0.5), (4_096, true, 1.0), (4_097, true, 2.0), (4_097, false, 1.0)]
        {
            assert_eq!(read_units(bytes, strong), units);
        }
        for (bytes, units) in [(0, 1.0), (1_024, 1.0), (1_025, 2.0), (409_600, 400.0)] {
            assert_eq!(write_units(bytes), units);
        }
    }
}
