//! Batches of reads and writes, to operations and back.

use crate::item_codec::{
    arguments, capacity, collections, is_strong, return_consumed_capacity, wants_collections,
};
use cairn_api::v1::{self, write_request::Request};
use cairn_model::{EncodedValue, Item};
use cairn_ops::{
    BatchGetItem, BatchGetItemOutput, BatchWriteItem, BatchWriteItemOutput, Error, ExpressionArguments,
    FieldPath, KeysAndAttributes, Validation, WriteRequest,
};
use prost::Message;
use std::collections::BTreeMap;

pub(crate) fn to_batch_get(request: v1::BatchGetItemRequest) -> Result<BatchGetItem, Error> {
    let keys_and_attributes = |of_table: v1::KeysAndAttributes| {
        Ok::<_, Error>(KeysAndAttributes {
            keys: of_table.keys.iter().map(|key| Item::from_values(&key.attributes)).collect(),
            consistent: is_strong(of_table.read_consistency)?,
            projection_expression: of_table.projection_expression,
            arguments: arguments(of_table.bindings),
        })
    };
    Ok(BatchGetItem {
        request_items: request
            .request_items
            .into_iter()
            .map(|(table, of_table)| Ok((table, keys_and_attributes(of_table)?)))
            .collect::<Result<_, Error>>()?,
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
        response_bytes_max: request.response_bytes_max,
    })
}

pub(crate) fn batch_got(output: BatchGetItemOutput) -> v1::BatchGetItemResponse {
    v1::BatchGetItemResponse {
        responses: output
            .responses
            .into_iter()
            .map(|(table, items)| (table, v1::ItemList { items }))
            .collect(),
        unprocessed_keys: output
            .unprocessed_keys
            .into_iter()
            .map(|(table, of_table)| (table, unprocessed_keys(of_table)))
            .collect(),
        consumed_capacity: output.consumed_capacity.into_iter().map(capacity).collect(),
    }
}

/// What is left to read of a table, with every option as it was.
fn unprocessed_keys(of_table: KeysAndAttributes) -> v1::KeysAndAttributes {
    let consistency =
        if of_table.consistent { v1::ReadConsistency::Strong } else { v1::ReadConsistency::Eventual };
    v1::KeysAndAttributes {
        keys: of_table.keys.iter().map(key).collect(),
        read_consistency: consistency.into(),
        projection_expression: of_table.projection_expression,
        bindings: bindings(of_table.arguments),
    }
}

fn bindings(arguments: ExpressionArguments) -> Option<v1::ExpressionBindings> {
    if arguments.names.is_none() && arguments.values.is_none() {
        return None;
    }
    Some(v1::ExpressionBindings {
        names: arguments.names.unwrap_or_default(),
        values: arguments.values.as_ref().map(values).unwrap_or_default(),
    })
}

pub(crate) fn to_batch_write(request: v1::BatchWriteItemRequest) -> Result<BatchWriteItem, Error> {
    let mut request_items = BTreeMap::new();
    for (table, list) in request.request_items {
        let mut writes = Vec::with_capacity(list.requests.len());
        for (number, write) in list.requests.into_iter().enumerate() {
            writes.push(match write.request {
                Some(Request::Put(item)) => WriteRequest::Put(item),
                Some(Request::Delete(key)) => WriteRequest::Delete(Item::from_values(&key.attributes)),
                None => {
                    return Err(Validation::new(
                        FieldPath::from("request_items").key(&table).index(number),
                        "Supplied WriteRequest is empty, must contain exactly one of PutRequest and DeleteRequest",
                    )
                    .into());
                }
            });
        }
        request_items.insert(table, writes);
    }
    Ok(BatchWriteItem {
        request_items,
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
        return_item_collection_metrics: wants_collections(request.return_item_collection_metrics)?,
    })
}

pub(crate) fn batch_written(output: BatchWriteItemOutput) -> v1::BatchWriteItemResponse {
    let write = |request| v1::WriteRequest {
        request: Some(match request {
            WriteRequest::Put(item) => Request::Put(item),
            WriteRequest::Delete(item) => Request::Delete(key(&item)),
        }),
    };
    v1::BatchWriteItemResponse {
        unprocessed_items: output
            .unprocessed_items
            .into_iter()
            .map(|(table, requests)| {
                (table, v1::WriteRequestList { requests: requests.into_iter().map(write).collect() })
            })
            .collect(),
        consumed_capacity: output.consumed_capacity.into_iter().map(capacity).collect(),
        item_collection_metrics: collections(output.item_collections),
    }
}

/// A key as a message.
fn key(item: &Item) -> v1::Key {
    v1::Key { attributes: values(item) }
}

/// The values of an item that came as a map of values: the opposite of [`Item::from_values`]. An item is encoded as a
/// key is, so its encoding is read as one. It does decode: the operation has decoded it before.
fn values(item: &Item) -> BTreeMap<String, EncodedValue> {
    v1::Key::decode(item.encoded()).unwrap_or_default().attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::AttributeValue;

    #[test]
    fn what_is_left_of_a_batch_is_what_was_asked_for() {
        let value = |text: &str| EncodedValue::from(&AttributeValue::S(text.into()));
        let key = |text: &str| v1::Key { attributes: BTreeMap::from([("pk".to_owned(), value(text))]) };
        let of_table = v1::KeysAndAttributes {
            keys: vec![key("a"), key("b")],
            read_consistency: v1::ReadConsistency::Strong.into(),
            projection_expression: Some("#n".into()),
            bindings: Some(v1::ExpressionBindings {
                names: BTreeMap::from([("#n".to_owned(), "name".to_owned())]),
                values: BTreeMap::from([(":v".to_owned(), value("x"))]),
            }),
        };
        let request = v1::BatchGetItemRequest {
            request_items: BTreeMap::from([("Music".to_owned(), of_table.clone())]),
            ..Default::default()
        };
        let operation = to_batch_get(request).unwrap();
        assert_eq!(unprocessed_keys(operation.request_items["Music"].clone()), of_table);

        let write = |request| v1::WriteRequest { request: Some(request) };
        let list = v1::WriteRequestList {
            requests: vec![
                write(Request::Put(Item::from_values(&key("a").attributes))),
                write(Request::Delete(key("b"))),
            ],
        };
        let request_items = BTreeMap::from([("Music".to_owned(), list)]);
        let request =
            v1::BatchWriteItemRequest { request_items: request_items.clone(), ..Default::default() };
        let operation = to_batch_write(request).unwrap();
        let output = BatchWriteItemOutput {
            unprocessed_items: operation.request_items,
            consumed_capacity: vec![],
            item_collections: cairn_ops::ItemCollections::default(),
        };
        assert_eq!(batch_written(output).unprocessed_items, request_items);
    }
}
