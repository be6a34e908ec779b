use super::*;
use crate::UnitKind;
use crate::authorization::judging;
use crate::capacity::{CapacityOptions, Draw, TABLE};
use crate::table_reference::Naming;
use cairn_model::{BillingMode, KeyAttribute, KeyType, ProvisionedThroughput, Tag};
use cairn_storage::memory::MemoryEngine;
use std::time::Duration;

type View = <MemoryEngine as Engine>::Snapshot;

struct World {
    engine: MemoryEngine,
    catalog: Catalog<MemoryEngine>,
}

async fn catalog(engine: MemoryEngine) -> Catalog<MemoryEngine> {
    let naming = Naming { region: "local".into(), signing_region: None, account: "000000000000".into() };
    let capacity = CapacityOptions { clock: Arc::new(|| Duration::ZERO), ..CapacityOptions::default() };
    let accounting = Arc::new(Accounting::new(capacity, naming));
    Catalog::open(engine, 10, Arc::new(jiff::Timestamp::now), accounting).await.unwrap()
}

fn music() -> TableName {
    "Music".parse().unwrap()
}

fn definition() -> Definition {
    let partition = KeyAttribute { name: "pk".into(), key_type: KeyType::S };
    Definition {
        number: 0,
        revision: 0,
        id: String::new(),
        name: music(),
        status: TableStatus::Creating,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        key_schema: KeySchema { partition, sort: None },
        billing_mode: BillingMode::PayPerRequest,
        on_demand_since: None,
        on_demand_switches: Vec::new(),
        throughput: Throughput::default(),
        table_class: None,
        deletion_protection: false,
        tags: Vec::new(),
        resource_policy: None,
        indexes: Vec::new(),
        next_index_id: FIRST_INDEX_ID,
        time_to_live: None,
        encryption: false,
        failure: None,
    }
}

impl World {
    async fn new() -> Self {
        let engine = MemoryEngine::new();
        Self { catalog: catalog(engine.clone()).await, engine }
    }

    async fn create(&self) {
        self.catalog.create(definition()).await.unwrap();
        self.catalog.settled().await;
    }

    async fn delete(&self) {
        self.catalog.delete(&music(), |_| Ok(())).await.unwrap();
        self.catalog.settled().await;
    }

    async fn snapshot(&self) -> View {
        self.engine.snapshot(Consistency::Strong).await.unwrap()
    }

    async fn find(&self, snapshot: &View) -> Option<Arc<Table>> {
        self.catalog.find(snapshot, &music()).await.unwrap()
    }

    async fn tag(&self, value: &str) {
        let tag = Tag { key: "key".into(), value: value.into() };
        let tagging = move |mut definition: Definition| {
            definition.tags = vec![tag.clone()];
            Ok((definition, ()))
        };
        self.catalog.change(&music(), tagging).await.unwrap();
    }

    /// What permission is given by.
    async fn resolved(&self) -> Option<Arc<Table>> {
        self.catalog.resolve(&music(), judging()).await.unwrap()
    }

    async fn resolved_tag(&self) -> String {
        self.resolved().await.unwrap().definition.tags[0].value.clone()
    }
}

#[tokio::test]
async fn an_older_snapshot_brings_no_older_definition_back() {
    let world = World::new().await;
    world.create().await;
    world.tag("old").await;
    let old = world.snapshot().await;
    world.tag("new").await;
    assert_eq!(world.find(&old).await.unwrap().definition.tags[0].value, "old");
    assert_eq!(world.resolved_tag().await, "new");
}

#[tokio::test]
async fn a_newer_definition_is_taken_from_whatever_snapshot() {
    let world = World::new().await;
    let other = World { catalog: catalog(world.engine.clone()).await, engine: world.engine.clone() };
    world.create().await;
    for value in ["1", "2", "3"] {
        world.tag(value).await;
        assert!(other.find(&other.snapshot().await).await.is_some());
        assert_eq!(other.resolved_tag().await, value);
    }
    other.delete().await;
    assert!(world.find(&world.snapshot().await).await.is_none() && world.resolved().await.is_none());
}

#[tokio::test]
async fn a_write_goes_on_beside_changes_of_tags_and_of_nothing_else() {
    let world = World::new().await;
    world.create().await;
    let table = world.resolved().await.unwrap();
    let record = async || world.snapshot().await.get(table.record_key()).await.unwrap();
    world.tag("new").await;
    assert!(table.governs(record().await.as_ref()) && !table.is(record().await.as_ref()));
    let policy = |mut definition: Definition| {
        definition.resource_policy = Some(ResourcePolicy::new(r#"{"Statement": []}"#.into()));
        Ok((definition, ()))
    };
    world.catalog.change(&music(), policy).await.ok();
    assert!(!table.governs(record().await.as_ref()));
    assert!(!table.governs(None));
}

#[tokio::test]
async fn every_change_raises_the_revision() {
    let world = World::new().await;
    world.create().await;
    let mut before = world.resolved().await.unwrap().definition.revision;
    for _ in 0..3 {
        world.tag("the same").await;
        let revision = world.resolved().await.unwrap().definition.revision;
        assert!(revision > before);
        before = revision;
    }
}

#[tokio::test]
async fn a_deleted_table_stays_deleted_whatever_an_older_snapshot_shows() {
    let world = World::new().await;
    world.create().await;
    let old = world.snapshot().await;
    let number = world.resolved().await.unwrap().definition.number;
    world.delete().await;
    assert!(world.find(&old).await.is_none());
    assert!(world.resolved().await.is_none());
    assert!(world.catalog.known.get(&music()).is_none());
    assert!(!world.catalog.accounting.knows(number));

    // Nor does it take the place of the next one of its name.
    world.create().await;
    assert!(world.find(&old).await.is_none());
    assert!(world.resolved().await.unwrap().definition.number > number);
}

#[tokio::test]
async fn a_table_is_not_forgotten_because_of_a_snapshot_from_before_it_was_created() {
    let world = World::new().await;
    let old = world.snapshot().await;
    world.create().await;
    assert!(world.find(&old).await.is_none());
    let known = world.catalog.known.get(&music()).map(|table| table.definition.number);
    assert_eq!(known, Some(1));
    // Nor the one that took its place, because of a snapshot from between the two.
    world.delete().await;
    let between = world.snapshot().await;
    world.create().await;
    assert!(world.find(&between).await.is_none());
    let known = world.catalog.known.get(&music()).map(|table| table.definition.number);
    assert_eq!(known, Some(2));
}

#[tokio::test]
async fn a_reader_that_comes_back_late_from_the_commit_does_not_undo_a_later_one() {
    let world = World::new().await;
    world.create().await;
    let mut records = Vec::new();
    for value in ["1", "2"] {
        world.tag(value).await;
        let snapshot = world.snapshot().await;
        records.push(snapshot.get(&table_key(&music())).await.unwrap().unwrap());
    }
    // Two changes of one commit, whose callers wake up in the other order.
    let late = catalog(world.engine.clone()).await;
    for record in records.into_iter().rev() {
        late.parse(&music(), record).unwrap();
    }
    assert_eq!(late.known.get(&music()).unwrap().definition.tags[0].value, "2");
}

#[tokio::test]
async fn an_older_snapshot_brings_no_old_limits_back() {
    let world = World::new().await;
    world.create().await;
    let units = |units| {
        move |mut definition: Definition| {
            definition.billing_mode = BillingMode::Provisioned;
            definition.throughput.provisioned =
                Some(ProvisionedThroughput { read_capacity_units: units, write_capacity_units: units });
            Ok((definition, ()))
        }
    };
    world.catalog.change(&music(), units(1)).await.unwrap();
    let old = world.snapshot().await;
    world.catalog.change(&music(), units(1_000)).await.unwrap();
    world.find(&old).await.unwrap();
    let capacity = &world.resolved().await.unwrap().capacity;
    let draw = |units| [Draw { index: TABLE, slot: None, units }];
    capacity.settle(UnitKind::Read, &draw(1_000_000.0));
    let throttled = capacity.check(UnitKind::Read, &draw(0.0)).unwrap_err();
    assert!(throttled.retry_after <= Duration::from_secs(1_000), "{throttled:?}");
}
