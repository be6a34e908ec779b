//! What a call costs, both as its answer tells it and as it is drawn from buckets.

use super::{CapacityParts, UnitKind};
use cairn_model::{IndexKind, IndexSchema};
use smallvec::SmallVec;

/// Units that are drawn from one table or index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Draw {
    /// The global index's id, or [`TABLE`]. Local indexes draw on their table.
    pub(crate) index: u16,
    /// The slot of the partition, if it is of one.
    pub(crate) slot: Option<u16>,
    pub(crate) units: f64,
}

/// The id that stands for the table itself: index ids begin above it.
pub(crate) const TABLE: u16 = 0;

/// The draws of one call on one table: most writes enter few indexes.
pub(crate) type Draws = SmallVec<[Draw; 4]>;

/// What a call costs on one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// As it is told.
    pub(crate) parts: CapacityParts,
    /// As it is drawn.
    pub(crate) draws: Draws,
}

impl Cost {
    /// Adds what is done to an item of the table itself.
    pub(crate) fn add_item(&mut self, slot: Option<u16>, units: f64) {
        self.parts.table += units;
        self.draw(TABLE, slot, units);
    }

    /// Adds what is done to an entry or a part of an index. The slot of a local index is that of its items.
    pub(crate) fn add_index(&mut self, index: &IndexSchema, slot: Option<u16>, units: f64) {
        self.parts.add_index(index.kind, &index.name, units);
        let drawn_on = match index.kind {
            IndexKind::Local => TABLE,
            IndexKind::Global => index.id,
        };
        self.draw(drawn_on, slot, units);
    }

    fn draw(&mut self, index: u16, slot: Option<u16>, units: f64) {
        if units <= 0.0 {
            return;
        }
        match self.draws.iter_mut().find(|draw| draw.index == index && draw.slot == slot) {
            Some(draw) => draw.units += units,
            None => self.draws.push(Draw { index, slot, units }),
        }
    }

    /// Adds another cost on the same table.
    pub(crate) fn add(&mut self, other: Self) {
        self.parts.add(other.parts);
        for Draw { index, slot, units } in other.draws {
            self.draw(index, slot, units);
        }
    }

    /// What is done to one item, at the cost of a transaction: twice as much of the table, and of its indexes as much as
    /// always (semantics 12.5).
    pub(crate) fn in_transaction(mut self, slot: Option<u16>) -> Self {
        self.add_item(slot, self.parts.table);
        self
    }
}

/// The slot of the partition that an item's storage key is in.
pub(crate) fn item_slot(storage_key: &[u8]) -> Option<u16> {
    storage_key.first_chunk().map(|slot| u16::from_be_bytes(*slot))
}

/// The slot of the partition that an index entry's storage key is in: it follows the index's id.
pub(crate) fn entry_slot(storage_key: &[u8]) -> Option<u16> {
    item_slot(storage_key.get(2..)?)
}

/// What a call is going to draw on, as far as its request says: for refusing it before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand<'a> {
    /// The index that is read, if one is.
    pub index: Option<&'a str>,
    /// What is drawn.
    pub kind: UnitKind,
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{IndexKeySchema, Projection};

    fn index(id: u16, kind: IndexKind) -> IndexSchema {
        let key_schema = IndexKeySchema { partition: Vec::new(), sort: Vec::new() };
        IndexSchema { id, name: format!("i{id}"), kind, key_schema, projection: Projection::All }
    }

    #[test]
    fn a_local_index_draws_on_its_table_and_a_global_one_on_itself() {
        let mut cost = Cost::default();
        cost.add_item(Some(7), 1.0);
        cost.add_index(&index(1, IndexKind::Local), Some(7), 2.0);
        cost.add_index(&index(2, IndexKind::Global), Some(9), 3.0);
        cost.add_index(&index(2, IndexKind::Global), Some(8), 1.0);
        let draw = |index, slot, units| Draw { index, slot: Some(slot), units };
        let draws = [draw(TABLE, 7, 3.0), draw(2, 9, 3.0), draw(2, 8, 1.0)];
        assert_eq!(cost.draws[..], draws);
        assert_eq!(cost.parts.total(), 7.0);
        // Of what a transaction costs only the table's own part counts twice.
        let doubled = cost.in_transaction(Some(7));
        assert_eq!((doubled.parts.table, doubled.parts.total()), (2.0, 8.0));
        assert_eq!(doubled.draws[..], [draw(TABLE, 7, 4.0), draw(2, 9, 3.0), draw(2, 8, 1.0)]);
    }
}
