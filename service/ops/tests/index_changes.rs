//! Adding, changing and deleting global indexes of a table that is in use.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/mortal.rs"]
mod mortal;
mod root;

use cairn_model::{AttributeMap, AttributeValue, BillingMode, KeyType, TableStatus};
use cairn_ops::{
    CreateTable, DeleteGlobalSecondaryIndex, DeleteTable, Error, GlobalSecondaryIndexUpdate, IndexStatus,
    SecondaryIndexInput, Service, ServiceOptions, ThroughputInput, UpdateGlobalSecondaryIndex, UpdateTable,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Engine, SpaceId};
use common::*;
use mortal::Mortal;
use root::{AsRoot, start};

fn adding(index: SecondaryIndexInput, types: &[(&str, KeyType)]) -> UpdateTable {
    UpdateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(types),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            create: Some(index),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    }
}

fn by_team() -> UpdateTable {
    adding(index("by-team", &["team"], &["score"]), &[("team", KeyType::S), ("score", KeyType::N)])
}

fn deleting(name: &str) -> UpdateTable {
    UpdateTable {
        table: TABLE.into(),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            delete: Some(DeleteGlobalSecondaryIndex { name: name.into() }),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    }
}

fn changing(name: &str, units: i64) -> UpdateTable {
    let units = ThroughputInput { read_capacity_units: units, write_capacity_units: units };
    let update = UpdateGlobalSecondaryIndex {
        name: name.into(),
        provisioned_throughput: Some(units),
        ..UpdateGlobalSecondaryIndex::default()
    };
    UpdateTable {
        table: TABLE.into(),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            update: Some(update),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    }
}

fn player(number: usize) -> AttributeMap {
    let mut item = key(&format!("p{}", number % 7), &format!("{number:05}"));
    item.extend(attributes(&[
        ("team", s(["red", "blue", "green"][number % 3])),
        ("score", n(number as u64 % 10)),
        ("note", s(&"x".repeat(number % 50))),
    ]));
    item
}

async fn fill<E: Engine>(service: &Service<E>, count: usize) {
    for number in 0..count {
        put(&player(number)).by_root(service).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_added_to_a_table_holds_the_items_from_before() {
    let service = service().await;
    create(&service, table()).await.unwrap();
    fill(&service, 300).await;
    let answer = by_team().by_root(&service).await.unwrap();
    assert_eq!(answer.status, TableStatus::Updating);
    let index = &answer.indexes[0];
    assert_eq!((index.status, index.backfilling), (IndexStatus::Creating, Some(false)));
    assert!(index.arn.ends_with("table/Music/index/by-team"));
    service.settled().await;
    assert_active(&service).await;
    let index = describe_index(&service, "by-team").await;
    assert_eq!((index.backfilling, index.item_count), (None, 300));
    assert_eq!(assert_indexes_match(&service, &[1]).await, 300);
    // And goes on following them.
    fill(&service, 310).await;
    delete(key("p0", "00000")).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, &[1]).await, 309);
}

#[tokio::test]
async fn items_that_do_not_fit_a_new_index_stay_outside_and_can_still_be_changed() {
    let service = service().await;
    create(&service, table()).await.unwrap();
    let misfits = [
        ("team", s("")),
        ("team", n(1)),
        ("team", AttributeValue::Null),
        ("score", s("1")),
        ("team", s(&"x".repeat(2_049))),
    ];
    for (number, (name, value)) in misfits.into_iter().enumerate() {
        let mut item = player(number);
        item.insert(name.into(), value);
        put(&item).by_root(&service).await.unwrap();
    }
    let mut without = player(10);
    without.remove("score");
    put(&without).by_root(&service).await.unwrap();
    put(&player(11)).by_root(&service).await.unwrap();
    by_team().by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(assert_indexes_match(&service, &[1]).await, 1);
    // An update of something else leaves a misfit where it is; one of the misfit has to make it right.
    let misfit = || key("p0", "00000");
    update(misfit(), "SET #note = :n", &[(":n", s("new"))]).by_root(&service).await.unwrap();
    assert_eq!(
        refusal(&service, update(misfit(), "SET #team = :t", &[(":t", n(2))])).await,
        "The update expression attempted to update the secondary index key to unsupported type"
    );
    assert_eq!(assert_indexes_match(&service, &[1]).await, 1);
    update(misfit(), "SET #team = :t", &[(":t", s("red"))]).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, &[1]).await, 2);
    delete(key("p1", "00001")).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, &[1]).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_index_added_amid_writes_holds_what_the_items_say() {
    for round in 0..4 {
        let service = service().await;
        create(&service, table()).await.unwrap();
        fill(&service, 400).await;
        let writer = |seed: usize| {
            let service = service.clone();
            tokio::spawn(async move {
                for step in 0..600 {
                    let number = (step * 31 + seed * 17) % 500;
                    match (step + seed) % 4 {
                        0 => {
                            delete(key(&format!("p{}", number % 7), &format!("{number:05}")))
                                .by_root(&service)
                                .await
                                .unwrap();
                        }
                        1 => {
                            let key = key(&format!("p{}", number % 7), &format!("{number:05}"));
                            let values = [(":t", s("white")), (":s", n(step as u64))];
                            update(key, "SET #team = :t, #score = :s", &values)
                                .by_root(&service)
                                .await
                                .unwrap();
                        }
                        2 => {
                            let key = key(&format!("p{}", number % 7), &format!("{number:05}"));
                            update(key, "REMOVE #score", &[]).by_root(&service).await.unwrap();
                        }
                        _ => {
                            put(&player(number)).by_root(&service).await.unwrap();
                        }
                    }
                    tokio::task::yield_now().await;
                }
            })
        };
        let writers: Vec<_> = (0..4).map(|seed| writer(seed + round)).collect();
        by_team().by_root(&service).await.unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        service.settled().await;
        assert_active(&service).await;
        assert!(assert_indexes_match(&service, &[1]).await > 0);
    }
}

/// Makes a change of a table's indexes with an engine that dies after each possible number of changes, and has another
/// service go on. Says how many changes there were.
async fn die_at_every_step(change: impl Fn() -> UpdateTable, prepare: Option<UpdateTable>) -> usize {
    for changes in 0.. {
        let store = MemoryEngine::default();
        let before = start(store.clone(), ServiceOptions::default()).await.unwrap();
        create(&before, table()).await.unwrap();
        fill(&before, 150).await;
        if let Some(prepare) = &prepare {
            prepare.clone().by_root(&before).await.unwrap();
            before.settled().await;
        }
        let mortal = Mortal::new(store.clone(), changes);
        let service = start(mortal.clone(), ServiceOptions::default()).await.unwrap();
        let answer = change().by_root(&service).await;
        service.settled().await;
        // The table may have to be given the space for its indexes before.
        assert_eq!(answer.is_err(), changes < if prepare.is_some() { 1 } else { 2 });
        let died = mortal.is_dead();
        let after = start(store, ServiceOptions::default()).await.unwrap();
        // Writes go on while the work is taken up, and what is in the way of it too.
        put(&player(1_000)).by_root(&after).await.unwrap();
        delete(key("p3", "00003")).by_root(&after).await.unwrap();
        after.settled().await;
        assert_active(&after).await;
        let ids: &[u16] = if describe(&after).await.indexes.is_empty() { &[] } else { &[1] };
        let space = SpaceId::Indexes(1);
        if after.engine().spaces().await.unwrap().contains(&space) {
            let entries = assert_indexes_match(&after, ids).await;
            assert_eq!(entries, 150 * ids.len());
        }
        if answer.is_ok() {
            assert_eq!(ids.is_empty(), prepare.is_some(), "after {changes} changes");
        }
        if !died {
            return changes;
        }
    }
    unreachable!("the range has no end")
}

#[tokio::test]
async fn a_restart_anywhere_in_the_making_of_an_index_takes_it_up() {
    assert!(die_at_every_step(by_team, None).await > 6);
}

#[tokio::test]
async fn a_restart_anywhere_in_the_removal_of_an_index_takes_it_up() {
    assert!(die_at_every_step(|| deleting("by-team"), Some(by_team())).await > 3);
}

#[tokio::test]
async fn a_deleted_index_is_gone_with_its_entries_its_types_and_its_id() {
    let service = service().await;
    create(&service, table()).await.unwrap();
    by_team().by_root(&service).await.unwrap();
    service.settled().await;
    fill(&service, 30).await;
    let types = |table: &cairn_ops::TableDescription| {
        table.key_attributes.iter().map(|attribute| attribute.name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(types(&describe(&service).await), "pk sk team score");
    let answer = deleting("by-team").by_root(&service).await.unwrap();
    assert_eq!(answer.indexes[0].status, IndexStatus::Deleting);
    service.settled().await;
    assert_eq!(assert_indexes_match(&service, &[]).await, 0);
    assert_eq!(types(&describe(&service).await), "pk sk");
    // What it was keyed by may be of any type again.
    let mut item = player(1);
    item.insert("team".into(), n(1));
    put(&item).by_root(&service).await.unwrap();
    by_team().by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(assert_indexes_match(&service, &[2]).await, 29);
}

#[tokio::test]
async fn a_table_is_deleted_with_an_index_that_is_being_made() {
    let service = service().await;
    create(&service, table()).await.unwrap();
    fill(&service, 200).await;
    by_team().by_root(&service).await.unwrap();
    let deleted = DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    assert!(deleted.indexes.is_empty());
    service.settled().await;
    assert_eq!(service.engine().spaces().await.unwrap(), [SpaceId::System]);
}

#[tokio::test]
async fn one_index_is_made_or_deleted_at_a_time() {
    let service = service().await;
    create(&service, table()).await.unwrap();
    by_team().by_root(&service).await.unwrap();
    service.settled().await;
    let limit =
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    let types = [("team", KeyType::S)];
    let mut two = adding(index("more", &["team"], &[]), &types);
    two.global_secondary_index_updates.extend(deleting("by-team").global_secondary_index_updates);
    assert_eq!(refusal(&service, two).await, limit);
    fill(&service, 100).await;
    // Another process enters the index, makes its space, begins to fill it, and dies.
    let other = Mortal::new(service.engine().clone(), 3);
    let other = start(other, ServiceOptions::default()).await.unwrap();
    adding(index("more", &["team"], &[]), &types).by_root(&other).await.unwrap();
    other.settled().await;
    assert_eq!(describe_index(&service, "more").await.backfilling, Some(true));
    assert_eq!(refusal(&service, deleting("by-team")).await, limit);
    // One that is being filled can be deleted.
    deleting("more").by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(assert_indexes_match(&service, &[1]).await, 100);
}

#[tokio::test]
async fn changes_of_indexes_that_make_no_sense_are_refused() {
    let service = service().await;
    let local = CreateTable {
        attribute_definitions: definitions(&[("pk", KeyType::S), ("sk", KeyType::S), ("date", KeyType::N)]),
        local_secondary_indexes: Some(vec![index("by-date", &["pk"], &["date"])]),
        ..table()
    };
    create(&service, local).await.unwrap();
    let invalid = "One or more parameter values were invalid:";
    let refused = async |update: UpdateTable| refusal(&service, update).await;
    let team = [("team", KeyType::S)];
    assert_eq!(
        refused(adding(index("by-date", &["team"], &[]), &team)).await,
        "Attempting to create an index which already exists"
    );
    assert_eq!(
        refused(adding(index("more", &["date"], &[]), &[("date", KeyType::S)])).await,
        format!(
            "{invalid} Attributes cannot be redefined. Please check that your attribute has the same type as \
             previously defined."
        )
    );
    // Types that the table knows have to be said again.
    assert_eq!(
        refused(adding(index("more", &["date"], &[]), &team)).await,
        format!(
            "{invalid} Some index key attributes are not defined in AttributeDefinitions. Keys: [date], \
             AttributeDefinitions: [team]"
        )
    );
    assert!(refused(deleting("by-date")).await.contains("local secondary index"));
    assert!(matches!(
        deleting("unknown").by_root(&service).await,
        Err(Error::ResourceNotFound { message, .. }) if message == "Requested resource not found"
    ));
    let mut empty = deleting("x");
    empty.global_secondary_index_updates = vec![GlobalSecondaryIndexUpdate::default()];
    assert!(refused(empty).await.contains("must not be null"));
    let mut twice = changing("x", 1);
    twice.global_secondary_index_updates.extend(changing("x", 2).global_secondary_index_updates);
    assert!(refused(twice).await.ends_with("allowed simultaneously. Index: x"));
    assert_active(&service).await;
    // What no index needs is ignored.
    adding(index("more", &["team"], &[]), &[("team", KeyType::S), ("unused", KeyType::B)])
        .by_root(&service)
        .await
        .unwrap();
    service.settled().await;
    assert!(refused(changing("more", 1)).await.contains("should not be specified for index: more"));
    assert_eq!(describe(&service).await.key_attributes.len(), 4);
}

#[tokio::test]
async fn the_throughput_of_an_index_is_its_own() {
    let service = service().await;
    let units = |units| Some(ThroughputInput { read_capacity_units: units, write_capacity_units: units });
    let provisioned = CreateTable {
        attribute_definitions: definitions(&[("pk", KeyType::S), ("sk", KeyType::S)]),
        billing_mode: None,
        provisioned_throughput: units(5),
        global_secondary_indexes: Some(vec![SecondaryIndexInput {
            provisioned_throughput: units(7),
            ..index("by-sk", &["sk"], &[])
        }]),
        ..table()
    };
    create(&service, provisioned).await.unwrap();
    let described = describe_index(&service, "by-sk").await;
    assert_eq!(described.throughput.read_capacity_units, 7);
    let answer = changing("by-sk", 3).by_root(&service).await.unwrap();
    assert_eq!((answer.indexes[0].status, answer.status), (IndexStatus::Updating, TableStatus::Updating));
    service.settled().await;
    assert_active(&service).await;
    let described = describe_index(&service, "by-sk").await;
    assert_eq!((described.throughput.write_capacity_units, described.throughput.decreases_today), (3, 1));
    assert_eq!(describe(&service).await.throughput.read_capacity_units, 5);
    assert!(
        refusal(&service, changing("by-sk", 3))
            .await
            .starts_with("The provisioned throughput for the index by-sk will not change.")
    );
    // On demand an index has none, and back again it needs some.
    let to = |billing_mode, provisioned_throughput| UpdateTable {
        table: TABLE.into(),
        billing_mode: Some(billing_mode),
        provisioned_throughput,
        ..UpdateTable::default()
    };
    to(BillingMode::PayPerRequest, None).by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(describe_index(&service, "by-sk").await.throughput.read_capacity_units, 0);
    assert!(
        refusal(&service, to(BillingMode::Provisioned, units(1)))
            .await
            .ends_with("ProvisionedThroughput must be specified for index: by-sk")
    );
    let mut both = to(BillingMode::Provisioned, units(1));
    both.global_secondary_index_updates = changing("by-sk", 9).global_secondary_index_updates;
    both.by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(describe_index(&service, "by-sk").await.throughput.read_capacity_units, 9);
}
