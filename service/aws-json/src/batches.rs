//! BatchGetItem and BatchWriteItem.

use crate::items::{ATTRIBUTE_NAMES, CAPACITY, COLLECTIONS, NAMES};
use crate::legacy::{Mixing, attributes_to_get};
use crate::request::{
    CapacityJson, CollectionJson, Encoder, ItemJson, Request, arguments, capacities, collections, encode,
    items_bytes, return_consumed_capacity,
};
use crate::shape::{ANY, Listed, REQUIRED, Rule, shape};
use cairn_model::Item;
use cairn_ops::{
    BatchGetItem, BatchGetItemOutput, BatchWriteItem, BatchWriteItemOutput, BuiltExpressions, Error,
    FieldPath, KeysAndAttributes, Validation, WriteRequest,
};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

const WRITES: Rule = ANY.length(1, 25);

shape! {
    BatchGetItemInput {
        "RequestItems" items: BTreeMap<String, KeysAndAttributesInput> = REQUIRED.length(1, 100);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
    }
}

shape! {
    KeysAndAttributesInput {
        "Keys" keys: Vec<Item> = REQUIRED.length(1, 100);
        "AttributesToGet" attributes_to_get: Vec<String> = ATTRIBUTE_NAMES;
        "ConsistentRead" consistent: bool;
        "ProjectionExpression" projection: String;
        "ExpressionAttributeNames" names: BTreeMap<String, String> = NAMES;
    }
}

shape! {
    BatchWriteItemInput {
        "RequestItems" items: BTreeMap<String, Listed<WriteRequestInput>> = REQUIRED.length(1, 25).each(&WRITES);
        "ReturnConsumedCapacity" capacity: String = CAPACITY;
        "ReturnItemCollectionMetrics" collections: String = COLLECTIONS;
    }
}

shape! {
    WriteRequestInput {
        "PutRequest" put: PutRequestInput;
        "DeleteRequest" delete: DeleteRequestInput;
    }
}

shape! {
    PutRequestInput {
        "Item" item: Item = REQUIRED;
    }
}

shape! {
    DeleteRequestInput {
        "Key" key: Item = REQUIRED;
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BatchGetItemAnswer {
    responses: BTreeMap<String, Vec<ItemJson>>,
    unprocessed_keys: BTreeMap<String, UnprocessedKeys>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<CapacityJson>,
}

/// What is left to read of a table, with every option as it was.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UnprocessedKeys {
    keys: Vec<ItemJson>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    consistent_read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression_attribute_names: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_to_get: Option<Vec<String>>,
}

impl From<KeysAndAttributes> for UnprocessedKeys {
    fn from(rest: KeysAndAttributes) -> Self {
        let attributes_to_get = rest.arguments.built.as_ref().and_then(|built| {
            let paths = built.projection.as_ref()?.paths();
            Some(paths.iter().map(|path| path.attribute.to_string()).collect())
        });
        Self {
            keys: rest.keys.into_iter().map(ItemJson).collect(),
            consistent_read: rest.consistent,
            projection_expression: rest.projection_expression,
            expression_attribute_names: rest.arguments.names,
            attributes_to_get,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BatchWriteItemAnswer {
    unprocessed_items: BTreeMap<String, Vec<UnprocessedWrite>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    item_collection_metrics: BTreeMap<String, Vec<CollectionJson>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<CapacityJson>,
}

struct UnprocessedWrite(WriteRequest);

impl Serialize for UnprocessedWrite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (request, member, item) = match &self.0 {
            WriteRequest::Put(item) => ("PutRequest", "Item", item),
            WriteRequest::Delete(key) => ("DeleteRequest", "Key", key),
        };
        let inner = BTreeMap::from([(member, ItemJson(item.clone()))]);
        serializer.collect_map([(request, inner)])
    }
}

impl Request for BatchGetItemInput {
    type Operation = BatchGetItem;

    fn answer_bytes(output: &BatchGetItemOutput) -> usize {
        items_bytes(output.responses.values().flatten())
    }

    fn encoder(&self) -> Encoder<BatchGetItem> {
        |output: BatchGetItemOutput| {
            let items = |items: Vec<Item>| items.into_iter().map(ItemJson).collect();
            let responses = output.responses.into_iter().map(|(table, found)| (table, items(found)));
            let unprocessed = output.unprocessed_keys.into_iter();
            encode(&BatchGetItemAnswer {
                responses: responses.collect(),
                unprocessed_keys: unprocessed.map(|(table, rest)| (table, rest.into())).collect(),
                consumed_capacity: capacities(output.consumed_capacity),
            })
        }
    }

    fn into_operation(self) -> Result<BatchGetItem, Error> {
        let items = self.items.unwrap_or_default();
        // Of all tables together: neither kind may be used beside the other, be it for another table.
        Mixing::default()
            .legacy("AttributesToGet", items.values().any(|keys| keys.attributes_to_get.is_some()))
            .expression("ProjectionExpression", items.values().any(|keys| keys.projection.is_some()))
            .check()?;
        let read = |(table, keys): (String, KeysAndAttributesInput)| Ok((table, keys.read()?));
        Ok(BatchGetItem {
            request_items: items.into_iter().map(read).collect::<Result<_, Error>>()?,
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
            response_bytes_max: None,
        })
    }
}

impl KeysAndAttributesInput {
    fn read(self) -> Result<KeysAndAttributes, Error> {
        let built = BuiltExpressions {
            projection: attributes_to_get(self.attributes_to_get.as_deref())?,
            ..Default::default()
        };
        Ok(KeysAndAttributes {
            keys: self.keys.unwrap_or_default(),
            consistent: self.consistent.unwrap_or_default(),
            projection_expression: self.projection,
            arguments: arguments(self.names, None, built),
        })
    }
}

impl Request for BatchWriteItemInput {
    type Operation = BatchWriteItem;

    fn encoder(&self) -> Encoder<BatchWriteItem> {
        |output: BatchWriteItemOutput| {
            let writes = |writes: Vec<WriteRequest>| writes.into_iter().map(UnprocessedWrite).collect();
            let unprocessed = output.unprocessed_items.into_iter();
            encode(&BatchWriteItemAnswer {
                unprocessed_items: unprocessed.map(|(table, rest)| (table, writes(rest))).collect(),
                item_collection_metrics: collections(output.item_collections),
                consumed_capacity: capacities(output.consumed_capacity),
            })
        }
    }

    fn into_operation(self) -> Result<BatchWriteItem, Error> {
        let mut request_items = BTreeMap::new();
        for (table, Listed(writes)) in self.items.unwrap_or_default() {
            let mut read = Vec::with_capacity(writes.len());
            for (number, write) in writes.into_iter().enumerate() {
                let field = || FieldPath::from("request_items").key(&table).index(number);
                read.push(match (write.put, write.delete) {
                    (Some(put), None) => WriteRequest::Put(put.item.unwrap_or_default()),
                    (None, Some(delete)) => WriteRequest::Delete(delete.key.unwrap_or_default()),
                    (None, None) => {
                        return Err(Validation::new(
                            field(),
                            "Supplied WriteRequest is empty, must contain exactly one of PutRequest and DeleteRequest",
                        )
                        .into());
                    }
                    (Some(_), Some(_)) => {
                        return Err(Validation::new(
                            field(),
                            "Supplied WriteRequest has more than one of PutRequest and DeleteRequest, must contain \
                             exactly one",
                        )
                        .into());
                    }
                });
            }
            request_items.insert(table, read);
        }
        Ok(BatchWriteItem {
            request_items,
            return_consumed_capacity: return_consumed_capacity(self.capacity.as_deref()),
            return_item_collection_metrics: self.collections.as_deref() == Some("SIZE"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::shape::Shape;
    use serde_json::{Value, json};

    fn read<T: Shape>(body: &Value) -> T {
        let text = body.to_string();
        T::read(&mut Json::new(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn what_is_left_of_a_batch_is_what_was_asked_for() {
        for of_table in [
            json!({"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}], "ConsistentRead": true}),
            json!({"Keys": [{"pk": {"B": "/w=="}}], "AttributesToGet": ["x", "a.b"]}),
            json!({
                "Keys": [{"pk": {"N": "1"}}],
                "ProjectionExpression": "#n",
                "ExpressionAttributeNames": {"#n": "name"},
            }),
        ] {
            let operation = read::<KeysAndAttributesInput>(&of_table).read().unwrap();
            let again = UnprocessedKeys::from(operation);
            assert_eq!(serde_json::to_value(&again).unwrap(), of_table);
        }
        let requests = json!([
            {"PutRequest": {"Item": {"pk": {"S": "a"}, "l": {"L": [{"NULL": true}]}}}},
            {"DeleteRequest": {"Key": {"pk": {"S": "b"}}}},
        ]);
        let input = read::<BatchWriteItemInput>(&json!({"RequestItems": {"Music": requests}}));
        let output = BatchWriteItemOutput {
            unprocessed_items: input.into_operation().unwrap().request_items,
            consumed_capacity: vec![],
            item_collections: cairn_ops::ItemCollections::default(),
        };
        let write = BatchWriteItemInput::default().encoder();
        let answer: Value = serde_json::from_slice(&write(output).unwrap()).unwrap();
        assert_eq!(answer, json!({"UnprocessedItems": {"Music": requests}}));
    }
}
