//! Batches and transactions.

use super::Step;
use super::expressions::Placeholders;
use super::items::{capacity, condition, consistency, metrics, on_failure};
use super::random::Random;
use super::tables::Table;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};

/// Keys that mostly are of different items, each with its table.
fn keys(count_max: usize, random: &mut Random) -> Vec<(&'static Table, Map<String, Value>)> {
    let mut seen = HashSet::new();
    let mut keys = Vec::new();
    for _ in 0..random.within(1, count_max) {
        let mut table = Table::any(random);
        if table.name == "$New" && random.percent(95) {
            table = Table::any(random);
        }
        let (key, identity) = table.key(random);
        if seen.insert(identity) || random.percent(3) {
            keys.push((table, key));
        }
    }
    keys
}

fn item(table: &Table, key: Map<String, Value>, random: &mut Random) -> Value {
    let mut item = table.item(random);
    item.as_object_mut().unwrap().extend(key);
    item
}

fn spoiled_key(table: &Table, key: Map<String, Value>, random: &mut Random) -> Value {
    if random.percent(1) { table.key_to_send(random) } else { key.into() }
}

pub(crate) fn batch_get(random: &mut Random) -> Step {
    let mut tables: BTreeMap<&str, (&Table, Vec<Value>)> = BTreeMap::new();
    for (table, key) in keys(6, random) {
        let key = spoiled_key(table, key, random);
        tables.entry(table.name).or_insert((table, Vec::new())).1.push(key);
    }
    let tables = tables.into_iter().map(|(name, (table, keys))| {
        let mut asked = Map::from_iter([("Keys".to_owned(), keys.into())]);
        let mut placeholders = Placeholders::default();
        if random.percent(30) {
            asked.insert("ProjectionExpression".into(), placeholders.projection(table, random).into());
        }
        placeholders.put_into(&mut asked);
        consistency(&mut asked, random);
        (name.to_owned(), asked.into())
    });
    let mut request = Map::from_iter([("RequestItems".to_owned(), Value::Object(tables.collect()))]);
    capacity(&mut request, random);
    Step::new("BatchGetItem", request.into())
}

pub(crate) fn batch_write(random: &mut Random) -> Step {
    let mut tables: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (table, key) in keys(12, random) {
        let element = if random.percent(70) {
            json!({"PutRequest": {"Item": item(table, key, random)}})
        } else {
            json!({"DeleteRequest": {"Key": spoiled_key(table, key, random)}})
        };
        tables.entry(table.name).or_default().push(element);
    }
    let mut request = Map::from_iter([("RequestItems".to_owned(), json!(tables))]);
    capacity(&mut request, random);
    metrics(&mut request, random);
    Step::new("BatchWriteItem", request.into())
}

pub(crate) fn transact_get(random: &mut Random) -> Step {
    let gets = keys(4, random).into_iter().map(|(table, key)| {
        let mut get = Map::from_iter([
            ("TableName".to_owned(), table.name.into()),
            ("Key".to_owned(), spoiled_key(table, key, random)),
        ]);
        let mut placeholders = Placeholders::default();
        if random.percent(30) {
            get.insert("ProjectionExpression".into(), placeholders.projection(table, random).into());
        }
        if random.percent(4) {
            placeholders.name_unused();
        }
        placeholders.put_into(&mut get);
        json!({ "Get": get })
    });
    let mut request = Map::from_iter([("TransactItems".to_owned(), gets.collect::<Vec<_>>().into())]);
    capacity(&mut request, random);
    Step::new("TransactGetItems", request.into())
}

pub(crate) fn transact_write(random: &mut Random) -> Step {
    let actions: Vec<Value> =
        keys(4, random).into_iter().map(|(table, key)| action(table, key, random)).collect();
    let mut request = Map::from_iter([("TransactItems".to_owned(), actions.into())]);
    if random.percent(40) {
        let token = format!("{}-${{case}}", random.pick(&["t1", "t2", "t3", "t4"]));
        request.insert("ClientRequestToken".into(), token.into());
    }
    capacity(&mut request, random);
    metrics(&mut request, random);
    Step::new("TransactWriteItems", request.into())
}

fn action(table: &Table, key: Map<String, Value>, random: &mut Random) -> Value {
    let mut action = Map::from_iter([("TableName".to_owned(), table.name.into())]);
    let mut placeholders = Placeholders::default();
    let kind = random.weighted(&[(4, "Put"), (5, "Update"), (2, "Delete"), (1, "ConditionCheck")]);
    match kind {
        "Put" => action.insert("Item".into(), item(table, key, random)),
        _ => action.insert("Key".into(), spoiled_key(table, key, random)),
    };
    match kind {
        "Update" => {
            action.insert("UpdateExpression".into(), placeholders.update(random).into());
        }
        "ConditionCheck" => {
            let condition = placeholders.write_condition(table, random);
            action.insert("ConditionExpression".into(), condition.into());
            on_failure(&mut action, random);
        }
        _ => {}
    }
    if kind != "ConditionCheck" {
        condition(&mut action, &mut placeholders, table, 15, random);
    }
    // Without an expression nothing has to use them.
    if random.percent(4) {
        placeholders.name_unused();
    }
    placeholders.put_into(&mut action);
    json!({ kind: action })
}
