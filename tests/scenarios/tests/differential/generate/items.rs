//! Calls about one item.

use super::Step;
use super::expressions::Placeholders;
use super::random::Random;
use super::tables::Table;
use serde_json::{Map, Value, json};

pub(crate) fn put(random: &mut Random) -> Step {
    let table = Table::any(random);
    let mut request = Map::from_iter([
        ("TableName".to_owned(), table.name.into()),
        ("Item".to_owned(), table.item(random)),
    ]);
    let mut placeholders = Placeholders::default();
    condition(&mut request, &mut placeholders, table, 30, random);
    placeholders.put_into(&mut request);
    write_options(&mut request, &["NONE", "ALL_OLD"], random);
    Step::new("PutItem", request.into())
}

pub(crate) fn update(random: &mut Random) -> Step {
    let table = Table::any(random);
    let mut request = Map::from_iter([
        ("TableName".to_owned(), table.name.into()),
        ("Key".to_owned(), table.key_to_send(random)),
    ]);
    let mut placeholders = Placeholders::default();
    if random.percent(96) {
        request.insert("UpdateExpression".into(), placeholders.update(random).into());
    }
    condition(&mut request, &mut placeholders, table, 20, random);
    placeholders.put_into(&mut request);
    write_options(&mut request, &["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"], random);
    Step::new("UpdateItem", request.into())
}

pub(crate) fn delete(random: &mut Random) -> Step {
    let table = Table::any(random);
    let mut request = Map::from_iter([
        ("TableName".to_owned(), table.name.into()),
        ("Key".to_owned(), table.key_to_send(random)),
    ]);
    let mut placeholders = Placeholders::default();
    condition(&mut request, &mut placeholders, table, 35, random);
    placeholders.put_into(&mut request);
    write_options(&mut request, &["NONE", "ALL_OLD"], random);
    Step::new("DeleteItem", request.into())
}

pub(crate) fn get(random: &mut Random) -> Step {
    let table = Table::any(random);
    let mut request = Map::from_iter([
        ("TableName".to_owned(), table.name.into()),
        ("Key".to_owned(), table.key_to_send(random)),
    ]);
    let mut placeholders = Placeholders::default();
    if random.percent(40) {
        request.insert("ProjectionExpression".into(), placeholders.projection(table, random).into());
    }
    placeholders.put_into(&mut request);
    consistency(&mut request, random);
    capacity(&mut request, random);
    Step::new("GetItem", request.into())
}

/// A condition, in so many of a hundred requests.
pub(crate) fn condition(
    request: &mut Map<String, Value>,
    placeholders: &mut Placeholders,
    table: &Table,
    percent: u32,
    random: &mut Random,
) {
    if random.percent(percent) {
        let condition = placeholders.write_condition(table, random);
        request.insert("ConditionExpression".into(), condition.into());
        on_failure(request, random);
    }
}

pub(crate) fn on_failure(request: &mut Map<String, Value>, random: &mut Random) {
    if random.percent(50) {
        let wanted = random.pick(&["NONE", "ALL_OLD"]);
        request.insert("ReturnValuesOnConditionCheckFailure".into(), json!(wanted));
    }
}

pub(crate) fn consistency(request: &mut Map<String, Value>, random: &mut Random) {
    if random.percent(30) {
        request.insert("ConsistentRead".into(), random.percent(50).into());
    }
}

pub(crate) fn capacity(request: &mut Map<String, Value>, random: &mut Random) {
    if random.percent(50) {
        let wanted = random.pick(&["NONE", "TOTAL", "INDEXES", "INDEXES"]);
        request.insert("ReturnConsumedCapacity".into(), json!(wanted));
    }
}

pub(crate) fn metrics(request: &mut Map<String, Value>, random: &mut Random) {
    if random.percent(20) {
        let wanted = random.pick(&["NONE", "SIZE", "SIZE"]);
        request.insert("ReturnItemCollectionMetrics".into(), json!(wanted));
    }
}

fn write_options(request: &mut Map<String, Value>, returned: &[&str], random: &mut Random) {
    if random.percent(60) {
        let wanted = if random.percent(2) { "UPDATED_NEW" } else { random.pick(returned) };
        request.insert("ReturnValues".into(), wanted.into());
    }
    capacity(request, random);
    metrics(request, random);
}
