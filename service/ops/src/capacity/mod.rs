//! Capacity: what calls cost, what tables have, and what becomes of calls that there is nothing for (semantics 12, 13).
//!
//! A call is *admitted* if what it draws on is not empty, before its work is done, and *settled* at what it came to
//! afterwards, whatever that is: a bucket may be overdrawn, and the next calls wait until the debt is paid. A write
//! needs its table and every global index that it changes, which is known once it is decided what the write does; so a
//! decision looks (and takes nothing, because it may be made again), and after the commit all is taken at once.
//!
//! Buckets are this process's own and are not stored: after a start, a provisioned table or index has a minute's worth of
//! its throughput, as a new one has, and an on-demand table is ready for its warm throughput. What is stored, in a table's
//! definition, are the limits themselves. Which of them are enforced is the operator's choice ([`CapacityLimits`]).

mod bucket;
mod consumed;
mod cost;
mod measured;
mod options;
mod partitions;
mod peak;
mod rules;
mod table;
mod throttled;

pub use consumed::{CapacityParts, ConsumedCapacity, ReturnConsumedCapacity, UnitKind};
pub(crate) use consumed::{read_units, write_units};
pub use cost::Demand;
pub(crate) use cost::{Cost, Draw, TABLE, entry_slot, item_slot};
#[doc(hidden)]
pub use measured::MeasuredCapacity;
pub use options::{CapacityLimits, CapacityOptions, MonotonicClock, UnitPair, UnknownCapacityLimits};
pub(crate) use rules::{check_decrease, check_limits, check_on_demand_switch, provisioned_units, sum};
pub(crate) use table::TableCapacity;
pub use throttled::{Throttled, ThrottlingReason, ThroughputLimit};

use crate::catalog::{Definition, Throughput};
use crate::table_reference::Naming;
use bucket::nanos;
use cairn_model::{BillingMode, IndexKind};
use parking_lot::Mutex;
use partitions::Partitions;
use std::collections::HashMap;
use std::sync::Arc;
use table::{Enforced, Limits, Rates, Resource};

/// The capacity of all tables.
pub(crate) struct Accounting {
    pub(crate) options: CapacityOptions,
    naming: Naming,
    /// None if partitions are not limited.
    partitions: Option<Arc<Partitions>>,
    tables: Mutex<HashMap<u64, Known>>,
}

/// The limits of one table and its global indexes, by id, and which definition they are those of.
#[derive(Default)]
struct Known {
    revision: u64,
    limits: HashMap<u16, Arc<Limits>>,
}

impl Accounting {
    pub(crate) fn new(options: CapacityOptions, naming: Naming) -> Self {
        let UnitPair { read, write } = options.partition_max;
        let partitions =
            (options.limits == CapacityLimits::Aws).then(|| Arc::new(Partitions::new(read, write)));
        Self { options, naming, partitions, tables: Mutex::default() }
    }

    /// The capacity of a table, which goes over to the definition's limits at once if it is the newest one known: a read
    /// of an old snapshot brings no old limits back.
    pub(crate) fn of(&self, definition: &Definition) -> TableCapacity {
        TableCapacity {
            number: definition.number,
            name: definition.name.to_string(),
            arn: self.naming.arn(&definition.name),
            enforced: (self.options.limits != CapacityLimits::Off).then(|| Enforced {
                partitions: self.partitions.clone(),
                clock: self.options.clock.clone(),
                resources: self.resources(definition),
            }),
        }
    }

    fn resources(&self, definition: &Definition) -> Vec<Resource> {
        let now = nanos((self.options.clock)());
        let mut tables = self.tables.lock();
        let known = tables.entry(definition.number).or_default();
        let is_newest = definition.revision >= known.revision;
        if is_newest {
            known.revision = definition.revision;
        }
        let globals = definition.indexes.iter().filter(|index| index.schema.kind == IndexKind::Global);
        let globals = globals.map(|index| (index.schema.id, Some(&index.schema.name), &index.throughput));
        let resources: Vec<_> = std::iter::once((TABLE, None, &definition.throughput))
            .chain(globals)
            .map(|(id, name, throughput)| {
                let limits = known.limits.entry(id).or_insert_with(|| {
                    let UnitPair { read, write } = self.options.table_max;
                    let CapacityOptions { burst, burst_initial, .. } = self.options;
                    let limits = Limits::new(now, burst, burst_initial, read, write);
                    self.configure(&limits, now, definition.billing_mode, throughput);
                    Arc::new(limits)
                });
                if is_newest {
                    self.configure(limits, now, definition.billing_mode, throughput);
                }
                Resource { id, name: name.cloned(), limits: limits.clone() }
            })
            .collect();
        if is_newest {
            known.limits.retain(|id, _| resources.iter().any(|resource| resource.id == *id));
        }
        resources
    }

    fn configure(&self, limits: &Limits, now: i64, billing_mode: BillingMode, throughput: &Throughput) {
        let ready = (self.options.limits == CapacityLimits::Aws)
            .then(|| throughput.ready(billing_mode, self.options.on_demand_initial));
        let (read, write) = match (billing_mode, throughput.provisioned) {
            (BillingMode::Provisioned, Some(units)) => (
                Rates::Provisioned(units.read_capacity_units),
                Rates::Provisioned(units.write_capacity_units),
            ),
            _ => (
                Rates::OnDemand { ready: ready.map(|ready| ready.read), maximum: throughput.on_demand.read },
                Rates::OnDemand {
                    ready: ready.map(|ready| ready.write),
                    maximum: throughput.on_demand.write,
                },
            ),
        };
        limits.configure(now, read, write);
    }

    #[cfg(test)]
    pub(crate) fn knows(&self, number: u64) -> bool {
        self.tables.lock().contains_key(&number)
    }

    /// Forgets a table that is gone.
    pub(crate) fn forget(&self, number: u64) {
        self.tables.lock().remove(&number);
    }
}
