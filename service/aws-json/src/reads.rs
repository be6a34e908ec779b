//! Query and Scan.

use crate::items::{ATTRIBUTE_NAMES, CAPACITY, NAMES, TABLE};
use crate::legacy::{CONDITIONAL_OPERATOR, Condition, Mixing, attributes_to_get, filter, key_conditions};
use crate::request::{
    CapacityJson, Encoded, Encoder, ItemJson, Request, arguments, encode, items_bytes,
    return_consumed_capacity,
};
use crate::shape::{ANY, Bindings, Form, Rule, shape};
use cairn_model::{Item, TypedAttributes};
use cairn_ops::{BuiltExpressions, Error, PageOutput, Query, QuerySelection, Scan, ScanSelection, Select};
use serde::Serialize;
use std::collections::BTreeMap;

const SELECT: Rule =
    ANY.one_of(&["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"]);
const INDEX: Rule = ANY.length(3, 255).form(Form::Name);
const LIMIT: Rule = ANY.range_from(1);

shape! {
    QueryInput {
        "TableName" table: String = TABLE;
        "IndexName" index: String = INDEX;
        "Select" select: String = SELECT;
        "AttributesToGet" attributes_to_get: Vec<String> = ATTRIBUTE_NAMES;
        "Limit" limit: i32 = LIMIT;
        "ConsistentRead" consistent: bool;
        "KeyConditions" key_conditions: BTreeMap<String, Condition>;
        "QueryFilter" query_filter: BTreeMap<String, Condition>;
        "ConditionalOperator" conditional_operator: String = CONDITIONAL_OPERATOR;
        "ScanIndexForward" forward: bool;
        "ExclusiveStartKey" start: Item;
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ProjectionExpression" projection: String;
        "FilterExpression" filter: String;
        "KeyConditionExpression" key_condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
    }
}

shape! {
    ScanInput {
        "TableName" table: String = TABLE;
        "IndexName" index: String = INDEX;
        "AttributesToGet" attributes_to_get: Vec<String> = ATTRIBUTE_NAMES;
        "Limit" limit: i32 = LIMIT;
        "Select" select: String = SELECT;
        "ScanFilter" scan_filter: BTreeMap<String, Condition>;
        "ConditionalOperator" conditional_operator: String = CONDITIONAL_OPERATOR;
        "ExclusiveStartKey" start: Item;
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "TotalSegments" total_segments: i32 = ANY.range(1, 1_000_000);
        "Segment" segment: i32 = ANY.range(0, 999_999);
        "ProjectionExpression" projection: String;
        "FilterExpression" filter: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ConsistentRead" consistent: bool;
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PageAnswer<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemJson>>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<TypedAttributes<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<CapacityJson>,
}

fn page(page: PageOutput, with_items: bool) -> Encoded {
    encode(&PageAnswer {
        items: with_items.then(|| page.items.into_iter().map(ItemJson).collect()),
        count: page.count,
        scanned_count: page.scanned_count,
        last_evaluated_key: page.last_evaluated_key.as_ref().map(TypedAttributes),
        consumed_capacity: page.consumed_capacity.map(CapacityJson::from),
    })
}

/// How a page is written: a count has no items, not even an empty list of them.
fn page_encoder(select: Option<&str>) -> fn(PageOutput) -> Encoded {
    match select {
        Some("COUNT") => |output| page(output, false),
        _ => |output| page(output, true),
    }
}

fn select(name: Option<&str>) -> Option<Select> {
    Some(match name? {
        "ALL_ATTRIBUTES" => Select::AllAttributes,
        "ALL_PROJECTED_ATTRIBUTES" => Select::AllProjectedAttributes,
        "SPECIFIC_ATTRIBUTES" => Select::SpecificAttributes,
        "COUNT" => Select::Count,
        _ => return None,
    })
}

impl Request for QueryInput {
    type Operation = Query;

    fn answer_bytes(output: &PageOutput) -> usize {
        items_bytes(&output.items)
    }

    fn encoder(&self) -> Encoder<Query> {
        page_encoder(self.select.as_deref())
    }

    fn into_operation(self) -> Result<Query, Error> {
        // Key conditions alone go with expressions for the rest.
        let key_conditions_alone = self.key_condition.is_none();
        Mixing::default()
            .legacy("AttributesToGet", self.attributes_to_get.is_some())
            .legacy("QueryFilter", self.query_filter.is_some())
            .legacy("ConditionalOperator", self.conditional_operator.is_some())
            .legacy("KeyConditions", self.key_conditions.is_some() && !key_conditions_alone)
            .expression("ProjectionExpression", self.projection.is_some())
            .expression("FilterExpression", self.filter.is_some())
            .expression("KeyConditionExpression", self.key_condition.is_some())
            .check()?;
        let built = BuiltExpressions {
            filter: filter(self.query_filter, self.conditional_operator.as_deref())?,
            key_condition: key_conditions(self.key_conditions)?,
            projection: attributes_to_get(self.attributes_to_get.as_deref())?,
            ..Default::default()
        };
        Ok(Query {
            selection: QuerySelection {
                table: self.table.unwrap_or_default(),
                index: self.index,
                key_condition_expression: self.key_condition,
                filter_expression: self.filter,
                projection_expression: self.projection,
                arguments: arguments(self.names, self.values, built),
                select: select(self.select.as_deref()),
                consistent: self.consistent.unwrap_or_default(),
                descending: self.forward == Some(false),
            },
            limit: self.limit,
            exclusive_start_key: self.start,
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
        })
    }
}

impl Request for ScanInput {
    type Operation = Scan;

    fn answer_bytes(output: &PageOutput) -> usize {
        items_bytes(&output.items)
    }

    fn encoder(&self) -> Encoder<Scan> {
        page_encoder(self.select.as_deref())
    }

    fn into_operation(self) -> Result<Scan, Error> {
        Mixing::default()
            .legacy("AttributesToGet", self.attributes_to_get.is_some())
            .legacy("ScanFilter", self.scan_filter.is_some())
            .legacy("ConditionalOperator", self.conditional_operator.is_some())
            .expression("ProjectionExpression", self.projection.is_some())
            .expression("FilterExpression", self.filter.is_some())
            .check()?;
        let built = BuiltExpressions {
            filter: filter(self.scan_filter, self.conditional_operator.as_deref())?,
            projection: attributes_to_get(self.attributes_to_get.as_deref())?,
            ..Default::default()
        };
        Ok(Scan {
            selection: ScanSelection {
                table: self.table.unwrap_or_default(),
                index: self.index,
                filter_expression: self.filter,
                projection_expression: self.projection,
                arguments: arguments(self.names, self.values, built),
                select: select(self.select.as_deref()),
                consistent: self.consistent.unwrap_or_default(),
                segment: self.segment,
                total_segments: self.total_segments,
            },
            limit: self.limit,
            exclusive_start_key: self.start,
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
        })
    }
}
