//! What the partitions of all tables have left of this second: a bucket each, as deep as a second, made when it is used.

use super::UnitKind;
use super::bucket::{Nanos, drawn, positive_in};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::Duration;

/// A partition of a table or index, by the slot of its keys, and what is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The table's number.
    pub(crate) table: u64,
    /// The global index's id, or 0 for the table.
    pub(crate) index: u16,
    pub(crate) slot: u16,
    pub(crate) kind: UnitKind,
}

const SECOND: Nanos = 1_000_000_000;
const SHARDS: usize = 16;
/// Partitions remembered in one shard. A million over all shards would be of no more use: that many partitions at their
/// limit are more than a process serves.
const SHARD_PARTITIONS_MAX: usize = 4_096;
/// How often a full shard is searched for partitions to forget, at most.
const SWEEP_PAUSE: Nanos = SECOND / 10;

/// Buckets by partition. A partition that nothing is known of has a full one, so a full one need not be remembered; while
/// there are more in use than are remembered, the rest are not limited.
pub(crate) struct Partitions {
    shards: [Mutex<Shard>; SHARDS],
    read_nanos_per_unit: f64,
    write_nanos_per_unit: f64,
}

#[derive(Default)]
struct Shard {
    /// When the partition's bucket is empty.
    empty_at: HashMap<Partition, Nanos, BuildHasherDefault<Mixer>>,
    swept_at: Nanos,
}

/// A hasher for what is hashed or numbered already: it is in the way of every call, and nobody can choose what it meets.
#[derive(Default)]
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.mix(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn finish(&self) -> u64 {
        // The map takes its buckets from the low bits, which a product mixes least.
        self.0 ^ (self.0 >> 32)
    }
}

impl Hash for Partition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let rest =
            u64::from(self.index) << 17 | u64::from(self.slot) << 1 | u64::from(self.kind == UnitKind::Read);
        state.write_u64(self.table);
        state.write_u64(rest);
    }
}

impl Partitions {
    /// Buckets for so many read and write units a second.
    pub(crate) fn new(read_units: u64, write_units: u64) -> Self {
        let nanos_per_unit = |units: u64| SECOND as f64 / units.max(1) as f64;
        Self {
            shards: Default::default(),
            read_nanos_per_unit: nanos_per_unit(read_units),
            write_nanos_per_unit: nanos_per_unit(write_units),
        }
    }

    fn cost(&self, partition: Partition, units: f64) -> f64 {
        units
            * match partition.kind {
                UnitKind::Read => self.read_nanos_per_unit,
                UnitKind::Write => self.write_nanos_per_unit,
            }
    }

    fn shard(&self, partition: Partition) -> Option<&Mutex<Shard>> {
        // Slots are hashes already.
        self.shards.get((usize::from(partition.slot) ^ partition.table as usize) % SHARDS)
    }

    /// How long it takes until the partition has units to take; none if it has some now.
    pub(crate) fn wait(&self, partition: Partition, now: Nanos) -> Option<Duration> {
        let shard = self.shard(partition)?.lock();
        positive_in(*shard.empty_at.get(&partition)?, now)
    }

    /// Takes units of a partition, whether they are there or not.
    pub(crate) fn take(&self, partition: Partition, now: Nanos, units: f64) {
        let Some(shard) = self.shard(partition) else { return };
        let cost = self.cost(partition, units);
        let mut shard = shard.lock();
        if let Some(empty_at) = shard.empty_at.get_mut(&partition) {
            *empty_at = drawn(*empty_at, now, SECOND, cost);
        } else if shard.has_room(now) {
            shard.empty_at.insert(partition, drawn(now - SECOND, now, SECOND, cost));
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().empty_at.len()).sum()
    }
}

impl Shard {
    /// Whether another partition can be remembered, perhaps instead of full ones.
    fn has_room(&mut self, now: Nanos) -> bool {
        if self.empty_at.len() >= SHARD_PARTITIONS_MAX && now >= self.swept_at + SWEEP_PAUSE {
            self.swept_at = now;
            self.empty_at.retain(|_, empty_at| *empty_at > now - SECOND);
        }
        self.empty_at.len() < SHARD_PARTITIONS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(slot: u16, kind: UnitKind) -> Partition {
        Partition { table: 7, index: 0, slot, kind }
    }

    #[test]
    fn a_partition_gives_its_units_once_a_second_whatever_others_do() {
        let partitions = Partitions::new(3_000, 1_000);
        let (hot, other) = (partition(1, UnitKind::Write), partition(2, UnitKind::Write));
        partitions.take(hot, 10 * SECOND, 1_500.0);
        assert_eq!(partitions.wait(hot, 10 * SECOND), Some(Duration::from_nanos(500_000_001)));
        assert_eq!(partitions.wait(other, 10 * SECOND), None);
        assert_eq!(partitions.wait(partition(1, UnitKind::Read), 10 * SECOND), None);
        assert_eq!(partitions.wait(hot, 10 * SECOND + SECOND / 2 + 1), None);
        partitions.take(hot, 100 * SECOND, 1_000.0);
        assert!(partitions.wait(hot, 100 * SECOND).is_some(), "unused seconds are lost");
    }

    #[test]
    fn full_partitions_are_forgotten_when_there_are_too_many() {
        let partitions = Partitions::new(1, 1);
        let most = SHARDS * SHARD_PARTITIONS_MAX;
        let of_table = |table| Partition { table, ..partition(0, UnitKind::Write) };
        for table in 0..2 * most as u64 {
            partitions.take(of_table(table), SECOND, 10.0);
        }
        assert_eq!(partitions.remembered(), most);
        let late = of_table(3 * most as u64);
        partitions.take(late, 2 * SECOND, 10.0);
        assert_eq!(partitions.wait(late, 2 * SECOND), None, "what is not remembered is not limited");
        partitions.take(late, 60 * SECOND, 10.0);
        assert!(partitions.wait(late, 60 * SECOND).is_some());
        assert!(partitions.remembered() < most);
    }
}
