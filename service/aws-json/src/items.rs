//! GetItem, PutItem, UpdateItem and DeleteItem.

use crate::legacy::{
    AttributeValueUpdate, CONDITIONAL_OPERATOR, ExpectedAttributeValue, Mixing, attribute_updates,
    attributes_to_get, expected,
};
use crate::request::{
    CapacityJson, CollectionJson, Encoded, Encoder, ItemJson, RETURN_CONSUMED_CAPACITY,
    RETURN_ITEM_COLLECTION_METRICS, RETURN_VALUES, RETURN_VALUES_ON_FAILURE, Request, arguments, encode,
    items_bytes, on_failure, return_consumed_capacity, return_values,
};
use crate::shape::{ANY, Bindings, Form, REQUIRED, Rule, shape};
use cairn_model::Item;
use cairn_ops::{
    BuiltExpressions, ConsumedCapacity, DeleteItem, DeleteItemOutput, Error, GetItem, GetItemOutput,
    ItemCollectionMetrics, PutItem, PutItemOutput, UpdateItem, UpdateItemOutput,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A table's name or ARN.
pub(crate) const TABLE: Rule = REQUIRED.length(1, 1024).form(Form::TableReference);
pub(crate) const CAPACITY: Rule = ANY.one_of(RETURN_CONSUMED_CAPACITY);
pub(crate) const COLLECTIONS: Rule = ANY.one_of(RETURN_ITEM_COLLECTION_METRICS);
pub(crate) const ON_FAILURE: Rule = ANY.one_of(RETURN_VALUES_ON_FAILURE);
pub(crate) const ATTRIBUTE_NAME: Rule = ANY.length_to(65_535);
pub(crate) const ATTRIBUTE_NAMES: Rule = ANY.length_from(1).each(&ATTRIBUTE_NAME);
pub(crate) const NAMES: Rule = ANY.each(&ATTRIBUTE_NAME);

shape! {
    GetItemInput {
        "TableName" table: String = TABLE;
        "Key" key: Item = REQUIRED;
        "AttributesToGet" attributes_to_get: Vec<String> = ATTRIBUTE_NAMES;
        "ConsistentRead" consistent: bool;
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ProjectionExpression" projection: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
    }
}

shape! {
    PutItemInput {
        "TableName" table: String = TABLE;
        "Item" item: Item = REQUIRED;
        "Expected" expected: BTreeMap<String, ExpectedAttributeValue>;
        "ReturnValues" return_values: String = ANY.one_of(RETURN_VALUES);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ReturnItemCollectionMetrics" collections: String = COLLECTIONS;
        "ConditionalOperator" conditional_operator: String = CONDITIONAL_OPERATOR;
        "ConditionExpression" condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

shape! {
    UpdateItemInput {
        "TableName" table: String = TABLE;
        "Key" key: Item = REQUIRED;
        "AttributeUpdates" updates: BTreeMap<String, AttributeValueUpdate>;
        "Expected" expected: BTreeMap<String, ExpectedAttributeValue>;
        "ConditionalOperator" conditional_operator: String = CONDITIONAL_OPERATOR;
        "ReturnValues" return_values: String = ANY.one_of(RETURN_VALUES);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ReturnItemCollectionMetrics" collections: String = COLLECTIONS;
        "UpdateExpression" update: String;
        "ConditionExpression" condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

shape! {
    DeleteItemInput {
        "TableName" table: String = TABLE;
        "Key" key: Item = REQUIRED;
        "Expected" expected: BTreeMap<String, ExpectedAttributeValue>;
        "ConditionalOperator" conditional_operator: String = CONDITIONAL_OPERATOR;
        "ReturnValues" return_values: String = ANY.one_of(RETURN_VALUES);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ReturnItemCollectionMetrics" collections: String = COLLECTIONS;
        "ConditionExpression" condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetItemAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<CapacityJson>,
}

/// What PutItem, UpdateItem and DeleteItem answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WriteAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<ItemJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<CapacityJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_collection_metrics: Option<CollectionJson>,
}

fn written(
    attributes: Option<Item>,
    capacity: Option<ConsumedCapacity>,
    collection: Option<ItemCollectionMetrics>,
) -> Encoded {
    encode(&WriteAnswer {
        attributes: attributes.map(ItemJson),
        consumed_capacity: capacity.map(CapacityJson::from),
        item_collection_metrics: collection.map(CollectionJson::from),
    })
}

fn wants_size(collections: Option<&str>) -> bool {
    collections == Some("SIZE")
}

impl Request for GetItemInput {
    type Operation = GetItem;

    fn answer_bytes(output: &GetItemOutput) -> usize {
        items_bytes(&output.item)
    }

    fn encoder(&self) -> Encoder<GetItem> {
        |GetItemOutput { item, consumed_capacity }| {
            encode(&GetItemAnswer {
                item: item.map(ItemJson),
                consumed_capacity: consumed_capacity.map(CapacityJson::from),
            })
        }
    }

    fn into_operation(self) -> Result<GetItem, Error> {
        Mixing::default()
            .legacy("AttributesToGet", self.attributes_to_get.is_some())
            .expression("ProjectionExpression", self.projection.is_some())
            .check()?;
        let built = BuiltExpressions {
            projection: attributes_to_get(self.attributes_to_get.as_deref())?,
            ..Default::default()
        };
        Ok(GetItem {
            table: self.table.unwrap_or_default(),
            key: self.key.unwrap_or_default(),
            consistent: self.consistent.unwrap_or_default(),
            projection_expression: self.projection,
            arguments: arguments(self.names, None, built),
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
        })
    }
}

impl Request for PutItemInput {
    type Operation = PutItem;

    fn encoder(&self) -> Encoder<PutItem> {
        |PutItemOutput { attributes, consumed_capacity, item_collection_metrics }| {
            written(attributes, consumed_capacity, item_collection_metrics)
        }
    }

    fn into_operation(self) -> Result<PutItem, Error> {
        Mixing::default()
            .legacy("Expected", self.expected.is_some())
            .legacy("ConditionalOperator", self.conditional_operator.is_some())
            .expression("ConditionExpression", self.condition.is_some())
            .check()?;
        let built = BuiltExpressions {
            condition: expected(self.expected, self.conditional_operator.as_deref())?,
            ..Default::default()
        };
        Ok(PutItem {
            table: self.table.unwrap_or_default(),
            item: self.item.unwrap_or_default(),
            condition_expression: self.condition,
            arguments: arguments(self.names, self.values, built),
            return_values: return_values(self.return_values.as_deref()),
            return_values_on_condition_check_failure: on_failure(self.on_failure.as_deref()),
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
            return_item_collection_metrics: wants_size(self.collections.as_deref()),
        })
    }
}

impl Request for UpdateItemInput {
    type Operation = UpdateItem;

    fn encoder(&self) -> Encoder<UpdateItem> {
        |UpdateItemOutput { attributes, consumed_capacity, item_collection_metrics }| {
            written(attributes, consumed_capacity, item_collection_metrics)
        }
    }

    fn into_operation(self) -> Result<UpdateItem, Error> {
        Mixing::default()
            .legacy("AttributeUpdates", self.updates.is_some())
            .legacy("Expected", self.expected.is_some())
            .legacy("ConditionalOperator", self.conditional_operator.is_some())
            .expression("UpdateExpression", self.update.is_some())
            .expression("ConditionExpression", self.condition.is_some())
            .check()?;
        let built = BuiltExpressions {
            update: attribute_updates(self.updates)?,
            condition: expected(self.expected, self.conditional_operator.as_deref())?,
            ..Default::default()
        };
        Ok(UpdateItem {
            table: self.table.unwrap_or_default(),
            key: self.key.unwrap_or_default(),
            update_expression: self.update,
            condition_expression: self.condition,
            arguments: arguments(self.names, self.values, built),
            return_values: return_values(self.return_values.as_deref()),
            return_values_on_condition_check_failure: on_failure(self.on_failure.as_deref()),
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
            return_item_collection_metrics: wants_size(self.collections.as_deref()),
        })
    }
}

impl Request for DeleteItemInput {
    type Operation = DeleteItem;

    fn encoder(&self) -> Encoder<DeleteItem> {
        |DeleteItemOutput { attributes, consumed_capacity, item_collection_metrics }| {
            written(attributes, consumed_capacity, item_collection_metrics)
        }
    }

    fn into_operation(self) -> Result<DeleteItem, Error> {
        Mixing::default()
            .legacy("Expected", self.expected.is_some())
            .legacy("ConditionalOperator", self.conditional_operator.is_some())
            .expression("ConditionExpression", self.condition.is_some())
            .check()?;
        let built = BuiltExpressions {
            condition: expected(self.expected, self.conditional_operator.as_deref())?,
            ..Default::default()
        };
        Ok(DeleteItem {
            table: self.table.unwrap_or_default(),
            key: self.key.unwrap_or_default(),
            condition_expression: self.condition,
            arguments: arguments(self.names, self.values, built),
            return_values: return_values(self.return_values.as_deref()),
            return_values_on_condition_check_failure: on_failure(self.on_failure.as_deref()),
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
            return_item_collection_metrics: wants_size(self.collections.as_deref()),
        })
    }
}
