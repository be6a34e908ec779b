//! Calls with the parameters from before there were expressions.

use super::Step;
use super::random::Random;
use super::tables::Table;
use super::values;
use serde_json::{Map, Value, json};

pub(crate) fn any(random: &mut Random) -> Step {
    let step = match random.below(8) {
        0..4 => update(random),
        4 => put(random),
        5 => scan(random),
        6 => query(random),
        _ => batch_get(random),
    };
    Step { is_legacy: true, ..step }
}

/// The name of an attribute: mostly one that an attribute can have. What is longer than the key of a map in YAML may be
/// is left to the test of what is read back.
fn name(random: &mut Random) -> String {
    match random.below(24) {
        0 => String::new(),
        1 => "n".repeat(300),
        2 => "a.b".into(),
        3 => "pk".into(),
        _ => random.pick(values::ATTRIBUTES).into(),
    }
}

fn update(random: &mut Random) -> Step {
    let table = Table::any(random);
    let updates = (0..random.within(1, 2)).map(|_| {
        let name = name(random);
        let value = values::of_attribute(&name, random);
        let update = match random.below(6) {
            0 => json!({"Action": "DELETE"}),
            1 => json!({"Action": "DELETE", "Value": values::set(random)}),
            2 => json!({"Action": "ADD", "Value": {"N": random.pick(&["1", "-0.5", "1E125"])}}),
            3 => json!({"Action": "ADD", "Value": values::list(1, random)}),
            4 => json!({ "Value": value }),
            _ => json!({"Action": "PUT", "Value": value}),
        };
        (name, update)
    });
    let updates: Map<String, Value> = updates.collect();
    let mut request = json!({
        "TableName": table.name,
        "Key": table.key_to_send(random),
        "AttributeUpdates": updates,
        "ReturnValues": random.pick(&["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"]),
    });
    expect(&mut request, 20, random);
    Step::new("UpdateItem", request)
}

fn put(random: &mut Random) -> Step {
    let table = Table::any(random);
    let mut request = json!({"TableName": table.name, "Item": table.item(random)});
    expect(&mut request, 100, random);
    Step::new("PutItem", request)
}

/// A condition, in so many of a hundred requests.
fn expect(request: &mut Value, percent: u32, random: &mut Random) {
    if random.percent(percent) {
        let name = name(random);
        let expected = match random.below(3) {
            0 => json!({ "Exists": false }),
            1 => json!({"Value": values::of_attribute(&name, random)}),
            _ => condition(&name, random),
        };
        request["Expected"] = json!({ name: expected });
    }
}

fn condition(name: &str, random: &mut Random) -> Value {
    let value = values::of_attribute(name, random);
    match random.below(4) {
        0 => json!({"ComparisonOperator": random.pick(&["NULL", "NOT_NULL"])}),
        1 => {
            json!({"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "0"}, {"N": random.pick(&["-1", "5"])}]})
        }
        _ => json!({
            "ComparisonOperator": random.pick(&["EQ", "NE", "LE", "GT", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH"]),
            "AttributeValueList": [value],
        }),
    }
}

fn filter(random: &mut Random) -> Value {
    let name = name(random);
    let condition = condition(&name, random);
    json!({ name: condition })
}

fn scan(random: &mut Random) -> Step {
    let table = Table::any(random);
    let mut request = json!({"TableName": table.name, "ScanFilter": filter(random)});
    if !table.indexes.is_empty() && random.percent(40) {
        request["IndexName"] = random.pick_ref(table.indexes).name.into();
    }
    Step::new("Scan", request)
}

fn query(random: &mut Random) -> Step {
    let table = Table::named(random.pick(&["$R", "$L", "$G"]));
    let index = (!table.indexes.is_empty() && random.percent(60)).then(|| random.pick_ref(table.indexes));
    let (partition, sort) = match index {
        Some(index) => (index.partition, index.sort),
        None => table.key.split_at(1),
    };
    let conditions = partition.iter().chain(&sort[..random.within(0, sort.len())]).map(|(name, kind)| {
        let value = match *name {
            "pk" | "sk" => values::key_value(kind, 2, random).0,
            name => values::of_attribute(name, random),
        };
        ((*name).to_owned(), json!({"ComparisonOperator": "EQ", "AttributeValueList": [value]}))
    });
    let conditions: Map<String, Value> = conditions.collect();
    let mut request = json!({"TableName": table.name, "KeyConditions": conditions});
    if let Some(index) = index {
        request["IndexName"] = index.name.into();
    }
    if random.percent(30) {
        request["QueryFilter"] = filter(random);
    }
    Step::new("Query", request)
}

/// Of two tables, which may name attributes in different ways.
fn batch_get(random: &mut Random) -> Step {
    let tables = ["$R", "$L"].map(|name| {
        let mut asked = json!({"Keys": [Table::named(name).key_to_send(random)]});
        match random.below(3) {
            0 => asked["ProjectionExpression"] = "v, n".into(),
            _ => asked["AttributesToGet"] = json!([name_or_key(random), "n"]),
        }
        (name.to_owned(), asked)
    });
    Step::new("BatchGetItem", json!({"RequestItems": Map::from_iter(tables)}))
}

fn name_or_key(random: &mut Random) -> String {
    if random.percent(50) { "pk".into() } else { name(random) }
}
