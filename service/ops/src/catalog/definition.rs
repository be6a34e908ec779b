//! What the catalog keeps of a table.

use super::{TimeToLive, TimeToLiveStage};
use crate::capacity::UnitPair;
use cairn_model::{
    BillingMode, IndexSchema, KeyAttribute, KeySchema, ProvisionedThroughput, TableClass, TableName,
    TableStatus, Tag,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A table's definition as it is stored. Members are only ever added, with a default for records without them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    /// Names the table's spaces. Never used twice.
    pub(crate) number: u64,
    /// Raised by every change of the record: which of two definitions of one table is the newer one. Records from before
    /// there were revisions have 0.
    #[serde(default)]
    pub(crate) revision: u64,
    /// The table's UUID, for callers.
    pub(crate) id: String,
    pub(crate) name: TableName,
    pub(crate) status: TableStatus,
    pub(crate) created_at: Timestamp,
    pub(crate) key_schema: KeySchema,
    pub(crate) billing_mode: BillingMode,
    /// When the table was last switched to on-demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_demand_since: Option<Timestamp>,
    /// When it was, in the last day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) on_demand_switches: Vec<Timestamp>,
    pub(crate) throughput: Throughput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table_class: Option<(TableClass, Timestamp)>,
    #[serde(default)]
    pub(crate) deletion_protection: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<Tag>,
    /// What the table's own policy is, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource_policy: Option<ResourcePolicy>,
    /// Secondary indexes, in the order they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) indexes: Vec<Index>,
    /// The id of the next index: ids are never used twice, as entries and counters go by them.
    #[serde(default = "first_index_id")]
    pub(crate) next_index_id: u16,
    /// When its items expire, if that was ever asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_to_live: Option<TimeToLive>,
    /// Whether it was asked to be encrypted.
    #[serde(default)]
    pub(crate) encryption: bool,
    /// The last change that was given up and undone, until there is another change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<ChangeFailure>,
}

/// A change of a table that was begun, could not be carried out, and was undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeFailure {
    /// What was to be changed, as in `creation of the index by-date`.
    pub change: String,
    /// Why it could not be.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// A table's policy as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResourcePolicy {
    /// The IAM document, as it was written.
    pub(crate) text: String,
    /// Names it: a change can be made to depend on it.
    pub(crate) revision_id: String,
}

impl ResourcePolicy {
    /// A policy that nobody has seen yet.
    pub(crate) fn new(text: String) -> Self {
        Self { text, revision_id: uuid::Uuid::new_v4().to_string() }
    }
}

fn first_index_id() -> u16 {
    FIRST_INDEX_ID
}

/// Ids begin here; what is below is for records of the index space that are no entries.
pub(crate) const FIRST_INDEX_ID: u16 = 1;

/// What the catalog keeps of a secondary index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) schema: IndexSchema,
    pub(crate) status: IndexStatus,
    #[serde(default)]
    pub(crate) throughput: Throughput,
}

impl Index {
    /// Whether item writes enter the index. Before that it has no space to be in; once it is being removed nobody
    /// misses what it lacks.
    pub(crate) fn takes_entries(&self) -> bool {
        match self.status {
            IndexStatus::Backfilling | IndexStatus::Active | IndexStatus::Updating => true,
            IndexStatus::Creating | IndexStatus::Deleting => false,
        }
    }

    /// Whether item writes must have keys that fit the index. They must from the moment it is asked for.
    pub(crate) fn checks_keys(&self) -> bool {
        self.status != IndexStatus::Deleting
    }

    /// Whether it is being made.
    pub(crate) fn is_created(&self) -> bool {
        matches!(self.status, IndexStatus::Creating | IndexStatus::Backfilling)
    }

    /// Whether it is being made or removed.
    pub(crate) fn is_changing(&self) -> bool {
        matches!(self.status, IndexStatus::Creating | IndexStatus::Backfilling | IndexStatus::Deleting)
    }
}

impl Definition {
    /// The index of that id.
    pub(crate) fn index_mut(&mut self, id: u16) -> Option<&mut Index> {
        self.indexes.iter_mut().find(|index| index.schema.id == id)
    }

    /// Whether an index is being added whose space is not there yet, as only earlier versions did. The table is UPDATING
    /// until it is.
    pub(crate) fn awaits_index_space(&self) -> bool {
        self.indexes.iter().any(|index| index.status == IndexStatus::Creating)
    }

    /// The attribute that says when an item expires, if writes have to keep records of it.
    pub(crate) fn expiry_attribute(&self) -> Option<&str> {
        let time_to_live = self.time_to_live.as_ref().filter(|it| it.stage.takes_records())?;
        Some(&time_to_live.attribute)
    }

    /// Whether the table has to have an index space: it has one, from before it first needed it.
    pub(crate) fn needs_index_space(&self) -> bool {
        let is_on = |it: &TimeToLive| it.stage != TimeToLiveStage::Disabled;
        !self.indexes.is_empty() || self.time_to_live.as_ref().is_some_and(is_on)
    }

    /// Whether it is the table of that number, and is not being deleted.
    pub(crate) fn is_still(&self, number: u64) -> bool {
        self.number == number && self.status != TableStatus::Deleting
    }

    /// Activates a table that was CREATING, and its indexes, which are as empty as it is.
    pub(crate) fn activate(&mut self) {
        self.status = TableStatus::Active;
        for index in &mut self.indexes {
            index.status = IndexStatus::Active;
        }
    }

    /// Activates a table that was UPDATING, with its index space there: what was changed is in force, and an index that
    /// was added is to be filled.
    pub(crate) fn settle(&mut self) {
        self.status = TableStatus::Active;
        for index in &mut self.indexes {
            index.status = match index.status {
                IndexStatus::Updating => IndexStatus::Active,
                IndexStatus::Creating => IndexStatus::Backfilling,
                status => status,
            };
        }
    }

    /// The same with the units of another: those from before a change, while it is under way.
    #[must_use]
    pub(crate) fn with_throughput_of(mut self, before: &Self) -> Self {
        self.throughput.take_units(&before.throughput);
        for index in &mut self.indexes {
            if let Some(before) = before.indexes.iter().find(|before| before.schema.id == index.schema.id) {
                index.throughput.take_units(&before.throughput);
            }
        }
        self
    }

    /// Notes a change that was given up.
    pub(super) fn note_failure(&mut self, change: String, reason: &str, at: Timestamp) {
        self.failure = Some(ChangeFailure { change, reason: reason.to_owned(), at });
    }

    /// The types of all attributes that are part of a key, of the table or of an index, each once.
    pub(crate) fn key_attributes(&self) -> Vec<KeyAttribute> {
        let mut union: Vec<KeyAttribute> = self.key_schema.attributes().cloned().collect();
        for attribute in self.indexes.iter().flat_map(|index| index.schema.key_schema.attributes()) {
            if !union.contains(attribute) {
                union.push(attribute.clone());
            }
        }
        union
    }
}

/// Where an index is in its life (semantics 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IndexStatus {
    /// Being made: its space is not there yet, so nobody writes or reads it.
    Creating,
    /// Being made: writes enter it, and so do, one after another, the items from before it. Nobody reads it.
    Backfilling,
    /// In use.
    Active,
    /// In use while a setting changes.
    Updating,
    /// Being removed.
    Deleting,
}

/// Provisioned throughput and its changes. On-demand tables have none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Throughput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provisioned: Option<ProvisionedThroughput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) increased_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decreased_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) decreases_that_day: u64,
    /// The most that may be used on demand.
    #[serde(default)]
    pub(crate) on_demand: OnDemandMaximum,
    /// What it was asked to be ready for, or was provisioned with before it was switched to on-demand.
    #[serde(default)]
    pub(crate) warm: UnitPair,
}

/// Request units a second that an on-demand table or index may use; none for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDemandMaximum {
    /// Read units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Write units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<u64>,
}

/// Provisioned throughput as it is described.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThroughputDescription {
    /// Read units a second; 0 on demand.
    pub read_capacity_units: u64,
    /// Write units a second; 0 on demand.
    pub write_capacity_units: u64,
    /// When units were last increased.
    pub last_increase: Option<Timestamp>,
    /// When units were last decreased.
    pub last_decrease: Option<Timestamp>,
    /// How often they were decreased this UTC day.
    pub decreases_today: u64,
}

impl Throughput {
    /// What it becomes with other units at `now`.
    pub(crate) fn with(mut self, to: ProvisionedThroughput, now: Timestamp) -> Self {
        let decreased = self.decreases_to(to);
        if let Some(from) = self.provisioned {
            let increased = to.read_capacity_units > from.read_capacity_units
                || to.write_capacity_units > from.write_capacity_units;
            if decreased {
                self.decreases_that_day = self.decreases_on(now) + 1;
                self.decreased_at = Some(now);
            }
            if increased {
                self.increased_at = Some(now);
            }
        }
        self.provisioned = Some(to);
        self
    }

    fn take_units(&mut self, of: &Self) {
        self.provisioned = of.provisioned;
        self.increased_at = of.increased_at;
        self.decreased_at = of.decreased_at;
        self.decreases_that_day = of.decreases_that_day;
    }

    /// Whether other units would be fewer of either kind.
    pub(crate) fn decreases_to(&self, to: ProvisionedThroughput) -> bool {
        self.provisioned.is_some_and(|from| {
            to.read_capacity_units < from.read_capacity_units
                || to.write_capacity_units < from.write_capacity_units
        })
    }

    /// What it becomes when it goes on demand: ready for what it was provisioned with.
    pub(crate) fn on_demand(mut self) -> Self {
        if let Some(units) = self.provisioned.take() {
            self.warm.read = self.warm.read.max(units.read_capacity_units);
            self.warm.write = self.warm.write.max(units.write_capacity_units);
        }
        self
    }

    /// Units a second that it is ready for at once.
    pub(crate) fn ready(&self, billing_mode: BillingMode, on_demand_initial: UnitPair) -> UnitPair {
        let least = match (billing_mode, self.provisioned) {
            (BillingMode::Provisioned, Some(units)) => {
                UnitPair { read: units.read_capacity_units, write: units.write_capacity_units }
            }
            _ => on_demand_initial,
        };
        UnitPair { read: self.warm.read.max(least.read), write: self.warm.write.max(least.write) }
    }

    /// How often it was decreased on the UTC day of `now`.
    pub(crate) fn decreases_on(&self, now: Timestamp) -> u64 {
        let day = |at: Timestamp| at.as_second().div_euclid(86_400);
        match self.decreased_at {
            Some(at) if day(at) == day(now) => self.decreases_that_day,
            _ => 0,
        }
    }

    pub(crate) fn describe(&self, now: Timestamp) -> ThroughputDescription {
        ThroughputDescription {
            read_capacity_units: self.provisioned.map_or(0, |units| units.read_capacity_units),
            write_capacity_units: self.provisioned.map_or(0, |units| units.write_capacity_units),
            last_increase: self.increased_at,
            last_decrease: self.decreased_at,
            decreases_today: self.decreases_on(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(read: u64, write: u64) -> ProvisionedThroughput {
        ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write }
    }

    #[test]
    fn decreases_are_counted_by_the_utc_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (evening, night, morning) =
            (at("2026-11-20T22:00:00Z"), at("2026-11-20T23:59:59Z"), at("2026-11-21T00:00:00Z"));
        let throughput = Throughput::default().with(units(10, 10), evening);
        assert_eq!(throughput.describe(evening).decreases_today, 0);
        let throughput = throughput.with(units(5, 10), evening).with(units(5, 20), evening);
        assert_eq!(throughput.describe(night).decreases_today, 1);
        assert_eq!(throughput.describe(night).last_increase, Some(evening));
        assert_eq!(throughput.describe(morning).decreases_today, 0);
        assert_eq!(throughput.with(units(1, 1), morning).describe(morning).decreases_today, 1);
    }

    #[test]
    fn a_definition_from_before_there_were_indexes_is_read() {
        let record = r#"{"number":3,"id":"x","name":"Music","status":"ACTIVE",
            "created_at":"2026-11-20T22:00:00Z","key_schema":{"partition":{"name":"pk","type":"S"}},
            "billing_mode":"PAY_PER_REQUEST","throughput":{},"deletion_protection":false}"#;
        let definition: Definition = serde_json::from_str(record).unwrap();
        assert!(definition.indexes.is_empty());
        assert_eq!(definition.next_index_id, FIRST_INDEX_ID);
        assert_eq!(definition.resource_policy, None);
        assert_eq!(definition.time_to_live, None);
        assert_eq!(definition.revision, 0);
        let again = serde_json::to_string(&definition).unwrap();
        assert_eq!(serde_json::from_str::<Definition>(&again).unwrap(), definition);
    }
}
