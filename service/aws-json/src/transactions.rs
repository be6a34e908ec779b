//! TransactGetItems and TransactWriteItems.

use crate::items::{CAPACITY, COLLECTIONS, NAMES, ON_FAILURE, TABLE};
use crate::request::{
    CapacityJson, CollectionJson, Encoder, ItemJson, Request, arguments, capacities, collections, encode,
    items_bytes, on_failure, return_consumed_capacity,
};
use crate::shape::{ANY, Bindings, REQUIRED, shape};
use cairn_model::Item;
use cairn_ops::{
    BuiltExpressions, Error, FieldPath, TransactAction, TransactGet, TransactGetItems,
    TransactGetItemsOutput, TransactWriteItem, TransactWriteItems, TransactWriteItemsOutput, Validation,
};
use serde::Serialize;
use std::collections::BTreeMap;

shape! {
    TransactGetItemsInput {
        "TransactItems" items: Vec<TransactGetItemInput> = REQUIRED.length(1, 100);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
    }
}

shape! {
    TransactGetItemInput {
        "Get" get: GetInput = REQUIRED;
    }
}

shape! {
    GetInput {
        "Key" key: Item = REQUIRED;
        "TableName" table: String = TABLE;
        "ProjectionExpression" projection: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
    }
}

shape! {
    TransactWriteItemsInput {
        "TransactItems" items: Vec<TransactWriteItemInput> = REQUIRED.length(1, 100);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ReturnItemCollectionMetrics" collections: String = COLLECTIONS;
        "ClientRequestToken" token: String = ANY.length(1, 36);
    }
}

shape! {
    TransactWriteItemInput {
        "ConditionCheck" check: ConditionCheckInput;
        "Put" put: PutInput;
        "Delete" delete: DeleteInput;
        "Update" update: UpdateInput;
    }
}

shape! {
    ConditionCheckInput {
        "Key" key: Item = REQUIRED;
        "TableName" table: String = TABLE;
        "ConditionExpression" condition: String = REQUIRED;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

shape! {
    PutInput {
        "Item" item: Item = REQUIRED;
        "TableName" table: String = TABLE;
        "ConditionExpression" condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

shape! {
    DeleteInput {
        "Key" key: Item = REQUIRED;
        "TableName" table: String = TABLE;
        "ConditionExpression" condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

shape! {
    UpdateInput {
        "Key" key: Item = REQUIRED;
        "UpdateExpression" update: String = REQUIRED;
        "TableName" table: String = TABLE;
        "ConditionExpression" condition: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
        "ExpressionAttributeValues" values: Bindings;
        "ReturnValuesOnConditionCheckFailure" on_failure: String = ON_FAILURE;
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransactGetItemsAnswer {
    responses: Vec<ItemResponse>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<CapacityJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ItemResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransactWriteItemsAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<CapacityJson>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    item_collection_metrics: BTreeMap<String, Vec<CollectionJson>>,
}

impl Request for TransactGetItemsInput {
    type Operation = TransactGetItems;

    fn answer_bytes(output: &TransactGetItemsOutput) -> usize {
        items_bytes(output.responses.iter().flatten())
    }

    fn encoder(&self) -> Encoder<TransactGetItems> {
        |output: TransactGetItemsOutput| {
            let response = |item: Option<Item>| ItemResponse { item: item.map(ItemJson) };
            encode(&TransactGetItemsAnswer {
                responses: output.responses.into_iter().map(response).collect(),
                consumed_capacity: capacities(output.consumed_capacity),
            })
        }
    }

    fn into_operation(self) -> Result<TransactGetItems, Error> {
        let read = |element: TransactGetItemInput| {
            let get = element.get.unwrap_or_default();
            TransactGet {
                table: get.table.unwrap_or_default(),
                key: get.key.unwrap_or_default(),
                projection_expression: get.projection,
                arguments: arguments(get.names, None, BuiltExpressions::default()),
            }
        };
        Ok(TransactGetItems {
            transact_items: self.items.unwrap_or_default().into_iter().map(read).collect(),
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
        })
    }
}

impl Request for TransactWriteItemsInput {
    type Operation = TransactWriteItems;

    fn encoder(&self) -> Encoder<TransactWriteItems> {
        |output: TransactWriteItemsOutput| {
            encode(&TransactWriteItemsAnswer {
                consumed_capacity: capacities(output.consumed_capacity),
                item_collection_metrics: collections(output.item_collections),
            })
        }
    }

    fn into_operation(self) -> Result<TransactWriteItems, Error> {
        let items = self.items.unwrap_or_default().into_iter().enumerate();
        Ok(TransactWriteItems {
            transact_items: items
                .map(|(number, item)| item.read(number))
                .collect::<Result<_, Validation>>()?,
            request_token: self.token,
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
            return_item_collection_metrics: self.collections.as_deref() == Some("SIZE"),
        })
    }
}

/// The members that the four actions have in common.
struct Common {
    table: Option<String>,
    condition: Option<String>,
    names: Option<BTreeMap<String, String>>,
    values: Option<Bindings>,
    on_failure: Option<String>,
}

impl Common {
    fn with(self, action: TransactAction) -> TransactWriteItem {
        TransactWriteItem {
            table: self.table.unwrap_or_default(),
            action,
            condition_expression: self.condition,
            arguments: arguments(self.names, self.values, BuiltExpressions::default()),
            return_values_on_condition_check_failure: on_failure(self.on_failure.as_deref()),
        }
    }
}

/// Takes the common members out of an action.
macro_rules! common {
    ($action:ident) => {
        Common {
            table: $action.table,
            condition: $action.condition,
            names: $action.names,
            values: $action.values,
            on_failure: $action.on_failure,
        }
    };
}

impl TransactWriteItemInput {
    fn read(self, number: usize) -> Result<TransactWriteItem, Validation> {
        Ok(match (self.check, self.put, self.delete, self.update) {
            (Some(check), None, None, None) => {
                let key = check.key.unwrap_or_default();
                common!(check).with(TransactAction::ConditionCheck { key })
            }
            (None, Some(put), None, None) => {
                let item = put.item.unwrap_or_default();
                common!(put).with(TransactAction::Put { item })
            }
            (None, None, Some(delete), None) => {
                let key = delete.key.unwrap_or_default();
                common!(delete).with(TransactAction::Delete { key })
            }
            (None, None, None, Some(update)) => {
                let key = update.key.unwrap_or_default();
                let update_expression = update.update.unwrap_or_default();
                common!(update).with(TransactAction::Update { key, update_expression })
            }
            _ => {
                return Err(Validation::new(
                    FieldPath::from("transact_items").index(number),
                    "TransactItems can only contain one of Check, Put, Update or Delete",
                ));
            }
        })
    }
}
