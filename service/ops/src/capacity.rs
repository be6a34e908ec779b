//! What operations cost, in capacity units (semantics 12).

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

/// What a call cost on one table, by part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consumption {
    parts: CapacityParts,
}

impl Consumption {
    /// Units of the table itself.
    pub(crate) fn of_table(units: f64) -> Self {
        Self { parts: CapacityParts { table: units, ..CapacityParts::default() } }
    }

    /// Units of one index.
    pub(crate) fn of_index(name: &str, local: bool, units: f64) -> Self {
        let mut parts = CapacityParts::default();
        let indexes =
            if local { &mut parts.local_secondary_indexes } else { &mut parts.global_secondary_indexes };
        indexes.insert(name.to_owned(), units);
        Self { parts }
    }

    fn total(&self) -> f64 {
        let indexes =
            self.parts.local_secondary_indexes.values().chain(self.parts.global_secondary_indexes.values());
        self.parts.table + indexes.sum::<f64>()
    }
}

impl ReturnConsumedCapacity {
    /// A cost by part as an answer tells it, if it tells it.
    pub(crate) fn report_all(self, table: &str, consumption: Consumption) -> Option<ConsumedCapacity> {
        let capacity_units = consumption.total();
        let parts = match self {
            Self::None => return None,
            Self::Total => None,
            Self::Indexes => Some(consumption.parts),
        };
        Some(ConsumedCapacity { table: table.to_owned(), capacity_units, parts })
    }

    /// A cost of the table alone as an answer tells it, if it tells it.
    pub(crate) fn report(self, table: &str, units: f64) -> Option<ConsumedCapacity> {
        self.report_all(table, Consumption::of_table(units))
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
