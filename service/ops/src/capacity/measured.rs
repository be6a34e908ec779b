//! A table's capacity outside of a service, so that a benchmark can measure what admission alone costs.

use super::bucket::nanos;
use super::cost::{Draw, TABLE};
use super::partitions::Partitions;
use super::table::{Enforced, Limits, Rates, Resource, TableCapacity};
use super::{CapacityOptions, UnitKind};
use std::sync::Arc;

/// See the module; not part of the interface.
#[doc(hidden)]
pub struct MeasuredCapacity(TableCapacity);

impl Default for MeasuredCapacity {
    fn default() -> Self {
        Self::new()
    }
}

impl MeasuredCapacity {
    /// On demand and without end, so that nothing is refused and everything counted.
    pub fn new() -> Self {
        let options = CapacityOptions::default();
        let now = nanos((options.clock)());
        let limits = Limits::new(now, options.burst, options.burst_initial, 1 << 40, 1 << 40);
        let rates = Rates::OnDemand { ready: Some(1 << 40), maximum: Some(1 << 40) };
        limits.configure(now, rates, rates);
        Self(TableCapacity {
            number: 1,
            name: "Music".into(),
            arn: "arn".into(),
            enforced: Some(Enforced {
                partitions: Some(Arc::new(Partitions::new(1 << 40, 1 << 40))),
                clock: options.clock,
                resources: vec![Resource { id: TABLE, name: None, limits: Arc::new(limits) }],
            }),
        })
    }

    /// Admits and settles a read of one partition. Whether it was admitted.
    pub fn read(&self, slot: u16) -> bool {
        let admitted = self.0.admit(UnitKind::Read, TABLE, Some(slot)).is_ok();
        self.0.settle(UnitKind::Read, &[Draw { index: TABLE, slot: Some(slot), units: 0.5 }]);
        admitted
    }
}
