//! How items and consumed capacity are printed for people, and consumed capacity for machines.

use super::json::JsonForm;
use super::output::{new_table, number_cell, printable, text_cell};
use cairn_api::v1;
use cairn_model::{AttributeMap, AttributeValue};
use comfy_table::{Cell, Table};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An item as a table of one row: a column for each attribute, those of `first` first.
pub(crate) fn item_table(item: &AttributeMap, first: &AttributeMap, form: JsonForm) -> Table {
    let (head, tail): (Vec<_>, Vec<_>) = item.iter().partition(|(name, _)| first.contains_key(*name));
    let columns = || head.iter().chain(&tail);
    let mut table = new_table();
    table.set_header(columns().map(|(name, _)| text_cell(name)));
    table.add_row(columns().map(|(_, value)| value_cell(value, form)));
    table
}

fn value_cell(value: &AttributeValue, form: JsonForm) -> Cell {
    match value {
        AttributeValue::N(number) => number_cell(number),
        value => match form.write_value(value) {
            Value::String(text) => text_cell(&text),
            json => text_cell(&json.to_string()),
        },
    }
}

/// Consumed capacity in words.
pub(crate) fn capacity_text(consumed: &v1::ConsumedCapacity) -> String {
    let unit = if consumed.capacity_units == 1.0 { "unit" } else { "units" };
    let mut text =
        format!("consumed {} capacity {unit} of {}", consumed.capacity_units, printable(&consumed.table));
    if let Some(table) = &consumed.table_capacity {
        let indexes = consumed.local_secondary_indexes.iter().chain(&consumed.global_secondary_indexes);
        let indexes = indexes.map(|(name, share)| format!(", index {name} {}", share.capacity_units));
        text.push_str(&format!(" (table {}{})", table.capacity_units, indexes.collect::<String>()));
    }
    text
}

/// Consumed capacity as DynamoDB's JSON has it.
pub(crate) fn capacity_json(consumed: &v1::ConsumedCapacity) -> Value {
    let share = |share: &v1::Capacity| json!({ "CapacityUnits": share.capacity_units });
    let shares = |by_index: &BTreeMap<String, v1::Capacity>| -> Value {
        by_index.iter().map(|(name, units)| (name.clone(), share(units))).collect()
    };
    let mut members = Map::from_iter([
        ("TableName".to_owned(), consumed.table.as_str().into()),
        ("CapacityUnits".to_owned(), consumed.capacity_units.into()),
    ]);
    members.extend(consumed.table_capacity.as_ref().map(|units| ("Table".to_owned(), share(units))));
    for (name, by_index) in [
        ("LocalSecondaryIndexes", &consumed.local_secondary_indexes),
        ("GlobalSecondaryIndexes", &consumed.global_secondary_indexes),
    ] {
        if !by_index.is_empty() {
            members.insert(name.to_owned(), shares(by_index));
        }
    }
    json!({ "ConsumedCapacity": members })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn consumed() -> v1::ConsumedCapacity {
        let units = |capacity_units| v1::Capacity { capacity_units, ..Default::default() };
        v1::ConsumedCapacity {
            table: "Orders".into(),
            capacity_units: 3.5,
            table_capacity: Some(units(1.0)),
            global_secondary_indexes: [("by-day".to_owned(), units(2.5))].into(),
            ..Default::default()
        }
    }

    #[test]
    fn consumed_capacity_is_told_by_table_and_index() {
        expect!["consumed 3.5 capacity units of Orders (table 1, index by-day 2.5)"]
            .assert_eq(&capacity_text(&consumed()));
        let json = json!({"ConsumedCapacity": {
            "TableName": "Orders",
            "CapacityUnits": 3.5,
            "Table": {"CapacityUnits": 1.0},
            "GlobalSecondaryIndexes": {"by-day": {"CapacityUnits": 2.5}},
        }});
        assert_eq!(capacity_json(&consumed()), json);
    }
}
