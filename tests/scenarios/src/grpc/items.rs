//! Calls about items.

use super::request::Members;
use super::value::{self, item_json, values_json};
use cairn_api::v1;
use cairn_model::Item;
use serde_json::{Map, Value, json};

type Read<T> = Result<T, String>;

pub(super) fn get(request: &mut Members) -> Read<v1::GetItemRequest> {
    Ok(v1::GetItemRequest {
        table: request.text("TableName")?,
        key: request.values("Key")?,
        read_consistency: request.consistency()?,
        projection_expression: request.plain("ProjectionExpression")?,
        bindings: request.bindings()?,
        return_consumed_capacity: request.return_consumed_capacity()?,
    })
}

pub(super) fn get_answer(answer: v1::GetItemResponse) -> Read<Value> {
    let mut out = Map::new();
    put_item_into(&mut out, "Item", answer.item.as_ref())?;
    put_capacity(&mut out, answer.consumed_capacity);
    Ok(out.into())
}

pub(super) fn put(request: &mut Members) -> Read<v1::PutItemRequest> {
    Ok(v1::PutItemRequest {
        table: request.text("TableName")?,
        item: request.item("Item")?,
        condition_expression: request.plain("ConditionExpression")?,
        bindings: request.bindings()?,
        return_values: request.return_values()?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        return_item_collection_metrics: request.return_item_collection_metrics()?,
        return_values_on_condition_check_failure: request.on_failure()?,
        condition_failure_report: 0,
    })
}

pub(super) fn update(request: &mut Members) -> Read<v1::UpdateItemRequest> {
    Ok(v1::UpdateItemRequest {
        table: request.text("TableName")?,
        key: request.values("Key")?,
        update_expression: request.plain("UpdateExpression")?,
        condition_expression: request.plain("ConditionExpression")?,
        bindings: request.bindings()?,
        return_values: request.return_values()?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        return_item_collection_metrics: request.return_item_collection_metrics()?,
        return_values_on_condition_check_failure: request.on_failure()?,
        condition_failure_report: 0,
    })
}

pub(super) fn delete(request: &mut Members) -> Read<v1::DeleteItemRequest> {
    Ok(v1::DeleteItemRequest {
        table: request.text("TableName")?,
        key: request.values("Key")?,
        condition_expression: request.plain("ConditionExpression")?,
        bindings: request.bindings()?,
        return_values: request.return_values()?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        return_item_collection_metrics: request.return_item_collection_metrics()?,
        return_values_on_condition_check_failure: request.on_failure()?,
        condition_failure_report: 0,
    })
}

/// The answer of a write of one item.
pub(super) fn write_answer(
    attributes: Option<&Item>,
    capacity: Option<v1::ConsumedCapacity>,
    metrics: Option<&v1::ItemCollectionMetrics>,
) -> Read<Value> {
    let mut out = Map::new();
    put_item_into(&mut out, "Attributes", attributes)?;
    put_capacity(&mut out, capacity);
    if let Some(metrics) = metrics {
        out.insert("ItemCollectionMetrics".into(), metrics_json(metrics)?);
    }
    Ok(out.into())
}

pub(super) fn query(request: &mut Members) -> Read<v1::QueryRequest> {
    let forward: Option<bool> = request.plain("ScanIndexForward")?;
    let sort_order = match forward {
        None => v1::SortOrder::Unspecified,
        Some(true) => v1::SortOrder::Ascending,
        Some(false) => v1::SortOrder::Descending,
    };
    Ok(v1::QueryRequest {
        table: request.text("TableName")?,
        index: request.plain("IndexName")?,
        key_condition_expression: request.text("KeyConditionExpression")?,
        filter_expression: request.plain("FilterExpression")?,
        projection_expression: request.plain("ProjectionExpression")?,
        bindings: request.bindings()?,
        select: request.select()?,
        read_consistency: request.consistency()?,
        sort_order: sort_order.into(),
        limit: request.plain("Limit")?,
        exclusive_start_key: request.values("ExclusiveStartKey")?,
        return_consumed_capacity: request.return_consumed_capacity()?,
    })
}

pub(super) fn scan(request: &mut Members) -> Read<v1::ScanRequest> {
    Ok(v1::ScanRequest {
        table: request.text("TableName")?,
        index: request.plain("IndexName")?,
        filter_expression: request.plain("FilterExpression")?,
        projection_expression: request.plain("ProjectionExpression")?,
        bindings: request.bindings()?,
        select: request.select()?,
        read_consistency: request.consistency()?,
        limit: request.plain("Limit")?,
        exclusive_start_key: request.values("ExclusiveStartKey")?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        segment: request.plain("Segment")?,
        total_segments: request.plain("TotalSegments")?,
    })
}

/// The answer of a query or a scan. `count_only`: it was asked for no items, which a message cannot tell from none.
pub(super) fn page_answer(answer: v1::QueryResponse, count_only: bool) -> Read<Value> {
    let mut out = Map::new();
    if !count_only || !answer.items.is_empty() {
        out.insert("Items".into(), items_json(&answer.items)?);
    }
    out.insert("Count".into(), answer.count.into());
    out.insert("ScannedCount".into(), answer.scanned_count.into());
    if !answer.last_evaluated_key.is_empty() {
        out.insert("LastEvaluatedKey".into(), values_json(&answer.last_evaluated_key)?);
    }
    put_capacity(&mut out, answer.consumed_capacity);
    Ok(out.into())
}

/// A scan's page is a query's.
pub(super) fn scan_page(answer: v1::ScanResponse) -> v1::QueryResponse {
    v1::QueryResponse {
        items: answer.items,
        count: answer.count,
        scanned_count: answer.scanned_count,
        last_evaluated_key: answer.last_evaluated_key,
        consumed_capacity: answer.consumed_capacity,
    }
}

pub(super) fn batch_get(request: &mut Members) -> Read<v1::BatchGetItemRequest> {
    let tables: Map<String, Value> = request.plain("RequestItems")?.unwrap_or_default();
    let request_items = tables.into_iter().map(|(table, keys)| {
        let keys = Members::read(keys, |keys| {
            let list: Vec<Value> = keys.plain("Keys")?.unwrap_or_default();
            let list = list.into_iter().map(|key| Ok(v1::Key { attributes: value::values(key)? }));
            Ok(v1::KeysAndAttributes {
                keys: list.collect::<Read<_>>()?,
                read_consistency: keys.consistency()?,
                projection_expression: keys.plain("ProjectionExpression")?,
                bindings: keys.bindings()?,
            })
        })?;
        Ok((table, keys))
    });
    Ok(v1::BatchGetItemRequest {
        request_items: request_items.collect::<Read<_>>()?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        ..Default::default()
    })
}

pub(super) fn batch_get_answer(answer: v1::BatchGetItemResponse) -> Read<Value> {
    let responses =
        answer.responses.iter().map(|(table, list)| Ok((table.clone(), items_json(&list.items)?)));
    let unprocessed = answer.unprocessed_keys.iter().map(|(table, keys)| {
        let keys = keys.keys.iter().map(|key| values_json(&key.attributes)).collect::<Read<Vec<_>>>()?;
        Ok((table.clone(), json!({"Keys": keys})))
    });
    let mut out = Map::new();
    out.insert("Responses".into(), responses.collect::<Read<Map<_, _>>>()?.into());
    out.insert("UnprocessedKeys".into(), unprocessed.collect::<Read<Map<_, _>>>()?.into());
    put_capacities(&mut out, answer.consumed_capacity);
    Ok(out.into())
}

pub(super) fn batch_write(request: &mut Members) -> Read<v1::BatchWriteItemRequest> {
    let mut tables: Map<String, Value> = request.plain("RequestItems")?.unwrap_or_else(Map::new);
    let names: Vec<String> = tables.keys().cloned().collect();
    let request_items = names.into_iter().map(|table| {
        let list = tables.remove(&table).unwrap_or_default();
        let requests = Members::read(json!({"list": list}), |list| {
            list.each("list", |element| {
                let put = element.object("PutRequest", |put| {
                    Ok(v1::write_request::Request::Put(put.item("Item")?.unwrap_or_default()))
                })?;
                let delete = element.object("DeleteRequest", |delete| {
                    let attributes = delete.values("Key")?;
                    Ok(v1::write_request::Request::Delete(v1::Key { attributes }))
                })?;
                Ok(v1::WriteRequest { request: put.or(delete) })
            })
        })?;
        Ok((table, v1::WriteRequestList { requests }))
    });
    Ok(v1::BatchWriteItemRequest {
        request_items: request_items.collect::<Read<_>>()?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        return_item_collection_metrics: request.return_item_collection_metrics()?,
    })
}

pub(super) fn batch_write_answer(answer: v1::BatchWriteItemResponse) -> Read<Value> {
    let unprocessed = answer.unprocessed_items.iter().map(|(table, list)| {
        let requests = list.requests.iter().map(|request| match &request.request {
            Some(v1::write_request::Request::Put(item)) => {
                Ok(json!({"PutRequest": {"Item": item_json(item)?}}))
            }
            Some(v1::write_request::Request::Delete(key)) => {
                Ok(json!({"DeleteRequest": {"Key": values_json(&key.attributes)?}}))
            }
            None => Err("an unprocessed write is neither a put nor a delete".to_owned()),
        });
        Ok((table.clone(), requests.collect::<Read<Value>>()?))
    });
    let mut out = Map::new();
    out.insert("UnprocessedItems".into(), unprocessed.collect::<Read<Map<_, _>>>()?.into());
    put_metrics(&mut out, &answer.item_collection_metrics)?;
    put_capacities(&mut out, answer.consumed_capacity);
    Ok(out.into())
}

pub(super) fn transact_get(request: &mut Members) -> Read<v1::TransactGetItemsRequest> {
    let transact_items = request.each("TransactItems", |element| {
        let get = element.object("Get", |get| {
            Ok(v1::TransactGet {
                table: get.text("TableName")?,
                key: get.values("Key")?,
                projection_expression: get.plain("ProjectionExpression")?,
                bindings: get.bindings()?,
            })
        })?;
        Ok(get.unwrap_or_default())
    })?;
    Ok(v1::TransactGetItemsRequest {
        transact_items,
        return_consumed_capacity: request.return_consumed_capacity()?,
    })
}

pub(super) fn transact_get_answer(answer: v1::TransactGetItemsResponse) -> Read<Value> {
    let responses = answer.responses.iter().map(|response| {
        let mut out = Map::new();
        put_item_into(&mut out, "Item", response.item.as_ref())?;
        Ok(Value::Object(out))
    });
    let mut out = Map::new();
    out.insert("Responses".into(), responses.collect::<Read<Value>>()?);
    put_capacities(&mut out, answer.consumed_capacity);
    Ok(out.into())
}

pub(super) fn transact_write(request: &mut Members) -> Read<v1::TransactWriteItemsRequest> {
    Ok(v1::TransactWriteItemsRequest {
        transact_items: request.each("TransactItems", transact_action)?,
        request_id: request.text("ClientRequestToken")?,
        return_consumed_capacity: request.return_consumed_capacity()?,
        return_item_collection_metrics: request.return_item_collection_metrics()?,
        condition_failure_report: 0,
    })
}

fn transact_action(element: &mut Members) -> Read<v1::TransactWriteItem> {
    use v1::transact_write_item::Action;
    let check = element.object("ConditionCheck", |action| {
        Ok(Action::ConditionCheck(v1::TransactConditionCheck {
            table: action.text("TableName")?,
            key: action.values("Key")?,
            condition_expression: action.text("ConditionExpression")?,
            bindings: action.bindings()?,
            return_values_on_condition_check_failure: action.on_failure()?,
        }))
    })?;
    let put = element.object("Put", |action| {
        Ok(Action::Put(v1::TransactPut {
            table: action.text("TableName")?,
            item: action.item("Item")?,
            condition_expression: action.plain("ConditionExpression")?,
            bindings: action.bindings()?,
            return_values_on_condition_check_failure: action.on_failure()?,
        }))
    })?;
    let update = element.object("Update", |action| {
        Ok(Action::Update(v1::TransactUpdate {
            table: action.text("TableName")?,
            key: action.values("Key")?,
            update_expression: action.text("UpdateExpression")?,
            condition_expression: action.plain("ConditionExpression")?,
            bindings: action.bindings()?,
            return_values_on_condition_check_failure: action.on_failure()?,
        }))
    })?;
    let delete = element.object("Delete", |action| {
        Ok(Action::Delete(v1::TransactDelete {
            table: action.text("TableName")?,
            key: action.values("Key")?,
            condition_expression: action.plain("ConditionExpression")?,
            bindings: action.bindings()?,
            return_values_on_condition_check_failure: action.on_failure()?,
        }))
    })?;
    Ok(v1::TransactWriteItem { action: check.or(put).or(update).or(delete) })
}

pub(super) fn transact_write_answer(answer: v1::TransactWriteItemsResponse) -> Read<Value> {
    let mut out = Map::new();
    put_metrics(&mut out, &answer.item_collection_metrics)?;
    put_capacities(&mut out, answer.consumed_capacity);
    Ok(out.into())
}

fn items_json(items: &[Item]) -> Read<Value> {
    items.iter().map(item_json).collect()
}

fn put_item_into(out: &mut Map<String, Value>, name: &str, item: Option<&Item>) -> Read<()> {
    if let Some(item) = item {
        out.insert(name.into(), item_json(item)?);
    }
    Ok(())
}

fn metrics_json(metrics: &v1::ItemCollectionMetrics) -> Read<Value> {
    Ok(json!({
        "ItemCollectionKey": values_json(&metrics.item_collection_key)?,
        "SizeEstimateRangeGB": [metrics.size_estimate_min_gb, metrics.size_estimate_max_gb],
    }))
}

fn put_metrics<'a>(
    out: &mut Map<String, Value>,
    by_table: impl IntoIterator<Item = (&'a String, &'a v1::ItemCollectionMetricsList)>,
) -> Read<()> {
    let tables = by_table
        .into_iter()
        .map(|(table, list)| Ok((table.clone(), list.metrics.iter().map(metrics_json).collect::<Read<_>>()?)))
        .collect::<Read<Map<String, Value>>>()?;
    if !tables.is_empty() {
        out.insert("ItemCollectionMetrics".into(), tables.into());
    }
    Ok(())
}

pub(super) fn put_capacity(out: &mut Map<String, Value>, consumed: Option<v1::ConsumedCapacity>) {
    out.extend(consumed.map(|consumed| ("ConsumedCapacity".to_owned(), capacity_json(consumed))));
}

fn put_capacities(out: &mut Map<String, Value>, consumed: Vec<v1::ConsumedCapacity>) {
    if !consumed.is_empty() {
        out.insert("ConsumedCapacity".into(), consumed.into_iter().map(capacity_json).collect());
    }
}

fn capacity_json(consumed: v1::ConsumedCapacity) -> Value {
    let mut out =
        units_json(consumed.capacity_units, consumed.read_capacity_units, consumed.write_capacity_units);
    out.insert("TableName".into(), consumed.table.into());
    let part = |part: v1::Capacity| {
        Value::Object(units_json(part.capacity_units, part.read_capacity_units, part.write_capacity_units))
    };
    out.extend(consumed.table_capacity.map(|table| ("Table".to_owned(), part(table))));
    let maps = [
        ("LocalSecondaryIndexes", consumed.local_secondary_indexes),
        ("GlobalSecondaryIndexes", consumed.global_secondary_indexes),
    ];
    for (name, indexes) in maps {
        if !indexes.is_empty() {
            let indexes: Map<_, _> = indexes.into_iter().map(|(index, used)| (index, part(used))).collect();
            out.insert(name.into(), indexes.into());
        }
    }
    out.into()
}

fn units_json(units: f64, read: Option<f64>, write: Option<f64>) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("CapacityUnits".into(), units.into());
    out.extend(read.map(|units| ("ReadCapacityUnits".to_owned(), units.into())));
    out.extend(write.map(|units| ("WriteCapacityUnits".to_owned(), units.into())));
    out
}
