//! Queries and scans.

use super::Step;
use super::expressions::Placeholders;
use super::items::{capacity, consistency};
use super::random::Random;
use super::tables::{Index, Table};
use serde_json::{Map, Value, json};

pub(crate) fn query(random: &mut Random) -> Step {
    // A query of a partition of one item tells little.
    let table = random.weighted(&[(2, "$H"), (4, "$R"), (6, "$L"), (5, "$G"), (1, "$New")]);
    let (table, index, mut request) = target(Table::named(table), random);
    let (partition, sort) = match index {
        Some(index) => (index.partition, index.sort),
        None => table.key.split_at(1),
    };
    let mut placeholders = Placeholders::default();
    let condition = placeholders.key_condition(partition, sort, random);
    request.insert("KeyConditionExpression".into(), condition.into());
    if random.percent(50) {
        request.insert("ScanIndexForward".into(), random.percent(40).into());
    }
    rest(table, index, placeholders, &mut request, random);
    Step { follow: random.percent(60), ..Step::new("Query", request.into()) }
}

pub(crate) fn scan(random: &mut Random) -> Step {
    let (table, index, mut request) = target(Table::any(random), random);
    if random.percent(25) {
        let total = random.within(1, 5);
        request.insert("TotalSegments".into(), total.into());
        let beyond = usize::from(random.percent(5));
        request.insert("Segment".into(), random.below(total + beyond).into());
    }
    rest(table, index, Placeholders::default(), &mut request, random);
    Step { follow: random.percent(60), ..Step::new("Scan", request.into()) }
}

/// A table, or one of its indexes.
fn target(
    table: &'static Table,
    random: &mut Random,
) -> (&'static Table, Option<&'static Index>, Map<String, Value>) {
    let mut request = Map::from_iter([("TableName".to_owned(), table.name.into())]);
    // The index of the tables with but one is mostly not there.
    let percent = if table.indexes.len() > 1 { 65 } else { 15 };
    let index =
        (!table.indexes.is_empty() && random.percent(percent)).then(|| random.pick_ref(table.indexes));
    if let Some(index) = index {
        request.insert("IndexName".into(), index.name.into());
    }
    (table, index, request)
}

/// What queries and scans have in common.
fn rest(
    table: &Table,
    index: Option<&Index>,
    mut placeholders: Placeholders,
    request: &mut Map<String, Value>,
    random: &mut Random,
) {
    // Most paths are not in a global index that does not have everything.
    let is_narrow = index.is_some_and(|index| index.is_global && index.projected.is_some());
    let percent = if is_narrow { 15 } else { 35 };
    if random.percent(percent) {
        request.insert("FilterExpression".into(), placeholders.condition(table, 1, random).into());
    }
    let mut selects = vec!["COUNT"];
    if random.percent(percent) {
        request.insert("ProjectionExpression".into(), placeholders.projection(table, random).into());
        selects = vec!["SPECIFIC_ATTRIBUTES"];
    } else if index.is_some() {
        selects.push("ALL_PROJECTED_ATTRIBUTES");
    }
    if !is_narrow && !request.contains_key("ProjectionExpression") {
        selects.push("ALL_ATTRIBUTES");
    }
    if random.percent(40) {
        let select = if random.percent(90) {
            random.pick(&selects)
        } else {
            random.pick(&["COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"])
        };
        request.insert("Select".into(), select.into());
    }
    if random.percent(50) {
        request.insert("Limit".into(), random.within(1, 5).into());
    }
    if random.percent(8) {
        request.insert("ExclusiveStartKey".into(), table.start_key(index, random));
    }
    if !index.is_some_and(|index| index.is_global) || random.percent(5) {
        consistency(request, random);
    }
    capacity(request, random);
    placeholders.put_into(request);
    if random.percent(1) {
        request.insert("Limit".into(), json!(random.pick(&[0, -1, i32::MAX])));
    }
}
