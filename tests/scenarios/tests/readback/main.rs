//! Nothing is stored that cannot be read back: writes of hostile names, values, depths and sizes on every write path of
//! both protocols, each read back in every way.
//!
//! A write is either refused as the caller's fault, and nothing has changed, or its item comes back alike from every kind
//! of read, can be updated, indexed later and deleted. Each run of a seed is the same; `CAIRN_READBACK_WRITES` says how
//! many writes, `CAIRN_READBACK_SEED` which ones.

// Tests fail loudly, in helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

// Each of them is used in part.
#[allow(dead_code)]
#[path = "../differential/generate/random.rs"]
mod random;
#[allow(dead_code)]
#[path = "../differential/store.rs"]
mod store;

mod hostile;
mod reads;
mod writes;

use cairn_scenarios::{CallError, Protocol};
use random::Random;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::env;
use store::{Engine, Store, Wire};

const WRITES_VARIABLE: &str = "CAIRN_READBACK_WRITES";
const WRITES: u64 = 100;
const SEED_VARIABLE: &str = "CAIRN_READBACK_SEED";
/// So many writes are sure to be on most paths.
const WRITES_ENOUGH: u64 = 100;
/// So many are sure to have both outcomes on each path.
const WRITES_MANY: u64 = 1_000;
/// Items that are written to: few, so that writes meet what others left.
const ITEMS: usize = 4;

/// With indexes of both kinds, and one that gets its index when all is written.
const TABLES: [&str; 2] = ["Indexed", "Plain"];

fn number(variable: &str, default: u64) -> u64 {
    let text = env::var(variable).ok().filter(|text| !text.is_empty());
    text.map_or(default, |text| text.parse().expect("a number"))
}

fn key(item: usize) -> Value {
    json!({"pk": {"S": "p"}, "sk": {"N": item.to_string()}})
}

async fn create(store: &Store) {
    for table in TABLES {
        let mut request = json!({
            "TableName": table,
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
        });
        if table == "Indexed" {
            let definitions = request["AttributeDefinitions"].as_array_mut().unwrap();
            for (name, kind) in [("g", "S"), ("l", "B")] {
                definitions.push(json!({"AttributeName": name, "AttributeType": kind}));
            }
            let index = |name: &str, hash: &str, range: Option<&str>| {
                let mut keys = vec![json!({"AttributeName": hash, "KeyType": "HASH"})];
                keys.extend(range.map(|range| json!({"AttributeName": range, "KeyType": "RANGE"})));
                json!({"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}})
            };
            request["GlobalSecondaryIndexes"] = json!([index("global", "g", None)]);
            request["LocalSecondaryIndexes"] = json!([index("local", "pk", Some("l"))]);
        }
        store.call("CreateTable", &request).await.unwrap();
        store.settle("CreateTable", &table.into()).await;
        if table == "Indexed" {
            let asked = json!({"Enabled": true, "AttributeName": "expires"});
            let request = json!({"TableName": table, "TimeToLiveSpecification": asked});
            store.call("UpdateTimeToLive", &request).await.unwrap();
            store.settle("UpdateTimeToLive", &table.into()).await;
        }
    }
}

/// How often each path's writes were taken and refused.
#[derive(Debug, Default)]
struct Outcomes(BTreeMap<&'static str, [u64; 2]>);

/// Performs one write and reads everything back.
async fn check(store: &Store, seed: u64, outcomes: &mut Outcomes) {
    let mut random = Random::from_seed(seed);
    let table = random.pick(&TABLES);
    let item = random.below(ITEMS);
    let write = writes::any(table, item, store.wire() == Wire::AwsJson, &mut random);
    let told = || {
        let shown: String = write.request.to_string().chars().take(400).collect();
        format!("{} over {}, {SEED_VARIABLE}={seed} {WRITES_VARIABLE}=1\n{shown}", write.path, store.name)
    };
    let before = reads::get(store, table, item).await.unwrap_or_else(|error| panic!("{error}\n{}", told()));
    let outcome = store.call(write.call, &write.request).await;
    let after = reads::get(store, table, item).await.unwrap_or_else(|error| panic!("{error}\n{}", told()));
    match &outcome {
        Ok(_) => outcomes.0.entry(write.path).or_default()[0] += 1,
        Err(CallError::Api(error)) => {
            let is_callers =
                ["ValidationException", "TransactionCanceledException", "SerializationException"];
            assert!(is_callers.contains(&error.exception.as_str()), "{error}\n{}", told());
            assert!(before == after, "a refused write has changed the item\n{}", told());
            outcomes.0.entry(write.path).or_default()[1] += 1;
        }
        // What this protocol cannot say.
        Err(CallError::Fault(_)) => return,
    }
    if let Err(fault) = reads::everywhere(store, table, item, after, &write.names).await {
        panic!("{fault}\n{}", told());
    }
}

/// Has the table without an index get one: every item is read for it.
async fn index_late(store: &Store) {
    let request = json!({
        "TableName": "Plain",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": {
            "IndexName": "late",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}],
    });
    store.call("UpdateTable", &request).await.unwrap();
    store.settle("UpdateTable", &"Plain".into()).await;
    let items = reads::scan(store, "Plain", None).await.unwrap();
    assert!(reads::scan(store, "Plain", Some("late")).await.unwrap() == items);
}

async fn delete_all(store: &Store) {
    for table in TABLES {
        let beside = json!({"pk": {"S": "q"}, "sk": {"N": "1"}});
        for key in (0..ITEMS).map(key).chain([beside]) {
            let request = json!({"TableName": table, "Key": key, "ReturnValues": "ALL_OLD"});
            store.call("DeleteItem", &request).await.unwrap();
        }
        assert!(reads::scan(store, table, None).await.unwrap().is_empty());
        let described = store.call("DescribeTable", &json!({ "TableName": table })).await.unwrap();
        let table = &described["Table"];
        let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"];
        let indexes = indexes.iter().filter_map(|member| table[member].as_array()).flatten();
        for counted in indexes.chain([table]) {
            assert_eq!((&counted["ItemCount"], counted.get("Size")), (&json!(0), None), "{counted}");
        }
    }
}

fn run(wire: Wire, engine: Engine) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::start(wire, engine).await;
        create(&store).await;
        let (first, writes) = (number(SEED_VARIABLE, 1), number(WRITES_VARIABLE, WRITES));
        let mut outcomes = Outcomes::default();
        for seed in first..first + writes {
            check(&store, seed, &mut outcomes).await;
        }
        index_late(&store).await;
        delete_all(&store).await;
        store.stop().await;
        if writes >= WRITES_ENOUGH {
            let sum = |outcome: usize| outcomes.0.values().map(|counts| counts[outcome]).sum::<u64>();
            assert!(5 * sum(0) > writes && 5 * sum(1) > writes, "{outcomes:?}");
            let has_both = outcomes.0.values().all(|counts| !counts.contains(&0));
            assert!(has_both || writes < WRITES_MANY, "{outcomes:?}");
            assert!(outcomes.0.len() >= writes::PATHS_MIN, "{outcomes:?}");
        }
    });
}

#[test]
fn what_grpc_writes_is_read_back_in_every_way() {
    run(Wire::Grpc, Engine::Memory);
}

#[test]
fn what_aws_json_writes_is_read_back_in_every_way() {
    run(Wire::AwsJson, Engine::Fjall);
}
