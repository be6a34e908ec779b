//! Messages about items, to operations and back.

use crate::table_codec::known;
use cairn_api::v1;
use cairn_model::{EncodedValue, Item};
use cairn_ops::{
    ConsumedCapacity, DeleteItem, Error, ExpressionArguments, GetItem, ItemCollectionMetrics,
    ItemCollections, PutItem, ReturnConsumedCapacity, ReturnValues, ReturnValuesOnConditionCheckFailure,
    UnitKind, UpdateItem, Validation,
};
use std::collections::BTreeMap;

/// Placeholders' meanings. A message cannot tell an empty map from none, so empty is none.
pub(crate) fn arguments(bindings: Option<v1::ExpressionBindings>) -> ExpressionArguments {
    let bindings = bindings.unwrap_or_default();
    ExpressionArguments {
        names: Some(bindings.names).filter(|names| !names.is_empty()),
        values: Some(bindings.values)
            .filter(|values| !values.is_empty())
            .map(|values| Item::from_values(&values)),
        built: None,
    }
}

pub(crate) fn return_consumed_capacity(value: i32) -> Result<ReturnConsumedCapacity, Error> {
    let known = known("return_consumed_capacity", value, |value| {
        Some(match value {
            v1::ReturnConsumedCapacity::Unspecified | v1::ReturnConsumedCapacity::None => {
                ReturnConsumedCapacity::None
            }
            v1::ReturnConsumedCapacity::Total => ReturnConsumedCapacity::Total,
            v1::ReturnConsumedCapacity::Indexes => ReturnConsumedCapacity::Indexes,
        })
    })?;
    Ok(known.unwrap_or_default())
}

fn return_values(value: i32) -> Result<ReturnValues, Error> {
    let known = known("return_values", value, |value| {
        Some(match value {
            v1::ReturnValues::Unspecified | v1::ReturnValues::None => ReturnValues::None,
            v1::ReturnValues::AllOld => ReturnValues::AllOld,
            v1::ReturnValues::UpdatedOld => ReturnValues::UpdatedOld,
            v1::ReturnValues::AllNew => ReturnValues::AllNew,
            v1::ReturnValues::UpdatedNew => ReturnValues::UpdatedNew,
        })
    })?;
    Ok(known.unwrap_or_default())
}

pub(crate) fn on_failure(value: i32) -> Result<ReturnValuesOnConditionCheckFailure, Error> {
    use v1::ReturnValuesOnConditionCheckFailure as Wire;
    let known = known("return_values_on_condition_check_failure", value, |value| {
        Some(match value {
            Wire::Unspecified | Wire::None => ReturnValuesOnConditionCheckFailure::None,
            Wire::AllOld => ReturnValuesOnConditionCheckFailure::AllOld,
        })
    })?;
    Ok(known.unwrap_or_default())
}

/// Whether a read is to see what was acknowledged last.
pub(crate) fn is_strong(consistency: i32) -> Result<bool, Error> {
    let strong = known("read_consistency", consistency, |consistency: v1::ReadConsistency| {
        Some(consistency == v1::ReadConsistency::Strong)
    })?;
    Ok(strong.unwrap_or_default())
}

pub(crate) fn to_get(request: v1::GetItemRequest) -> Result<GetItem, Error> {
    Ok(GetItem {
        table: request.table,
        key: Item::from_values(&request.key),
        consistent: is_strong(request.read_consistency)?,
        projection_expression: request.projection_expression,
        arguments: arguments(request.bindings),
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
    })
}

pub(crate) fn to_put(request: v1::PutItemRequest) -> Result<PutItem, Error> {
    let item = request.item.ok_or_else(|| Validation::constraint("item", None, "Member must not be null"))?;
    Ok(PutItem {
        table: request.table,
        item,
        condition_expression: request.condition_expression,
        arguments: arguments(request.bindings),
        return_values: return_values(request.return_values)?,
        return_values_on_condition_check_failure: on_failure(
            request.return_values_on_condition_check_failure,
        )?,
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
        return_item_collection_metrics: wants_collections(request.return_item_collection_metrics)?,
    })
}

pub(crate) fn to_update(request: v1::UpdateItemRequest) -> Result<UpdateItem, Error> {
    Ok(UpdateItem {
        table: request.table,
        key: Item::from_values(&request.key),
        update_expression: request.update_expression,
        condition_expression: request.condition_expression,
        arguments: arguments(request.bindings),
        return_values: return_values(request.return_values)?,
        return_values_on_condition_check_failure: on_failure(
            request.return_values_on_condition_check_failure,
        )?,
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
        return_item_collection_metrics: wants_collections(request.return_item_collection_metrics)?,
    })
}

pub(crate) fn to_delete(request: v1::DeleteItemRequest) -> Result<DeleteItem, Error> {
    Ok(DeleteItem {
        table: request.table,
        key: Item::from_values(&request.key),
        condition_expression: request.condition_expression,
        arguments: arguments(request.bindings),
        return_values: return_values(request.return_values)?,
        return_values_on_condition_check_failure: on_failure(
            request.return_values_on_condition_check_failure,
        )?,
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
        return_item_collection_metrics: wants_collections(request.return_item_collection_metrics)?,
    })
}

/// Whether a failed condition is to be an answer and not an error.
pub(crate) fn wants_failure_in_response(report: i32) -> bool {
    report == i32::from(v1::ConditionFailureReport::Response)
}

/// A failed condition as part of an answer, if the caller wants it so; any other error stays one.
pub(crate) fn failed_condition(
    error: Error,
    in_response: bool,
) -> Result<v1::ConditionalCheckFailure, Error> {
    match error {
        Error::ConditionalCheckFailed { item } if in_response => {
            Ok(v1::ConditionalCheckFailure { item, item_omitted: false })
        }
        error => Err(error),
    }
}

/// Whether the sizes of item collections are asked for.
pub(crate) fn wants_collections(value: i32) -> Result<bool, Error> {
    let wanted = known("return_item_collection_metrics", value, |value: v1::ReturnItemCollectionMetrics| {
        Some(value == v1::ReturnItemCollectionMetrics::Size)
    })?;
    Ok(wanted.unwrap_or_default())
}

pub(crate) fn collection(metrics: ItemCollectionMetrics) -> v1::ItemCollectionMetrics {
    let (size_estimate_min_gb, size_estimate_max_gb) = metrics.size_estimate_range_gb();
    let key = metrics.key.iter().map(|(name, value)| (name.clone(), EncodedValue::from(value)));
    v1::ItemCollectionMetrics {
        item_collection_key: key.collect(),
        size_estimate_min_gb,
        size_estimate_max_gb,
    }
}

/// The collections of a call on several tables.
pub(crate) fn collections(collections: ItemCollections) -> BTreeMap<String, v1::ItemCollectionMetricsList> {
    let list = |metrics: Vec<ItemCollectionMetrics>| v1::ItemCollectionMetricsList {
        metrics: metrics.into_iter().map(collection).collect(),
    };
    collections.0.into_iter().map(|(table, metrics)| (table, list(metrics))).collect()
}

pub(crate) fn capacity(consumed: ConsumedCapacity) -> v1::ConsumedCapacity {
    let kind = consumed.transactional;
    let of = |wanted, units| (kind == Some(wanted)).then_some(units);
    let units = |capacity_units| v1::Capacity {
        capacity_units,
        read_capacity_units: of(UnitKind::Read, capacity_units),
        write_capacity_units: of(UnitKind::Write, capacity_units),
    };
    let by_index = |indexes: BTreeMap<String, f64>| {
        indexes.into_iter().map(|(index, used)| (index, units(used))).collect()
    };
    let mut message = v1::ConsumedCapacity {
        table: consumed.table,
        capacity_units: consumed.capacity_units,
        read_capacity_units: of(UnitKind::Read, consumed.capacity_units),
        write_capacity_units: of(UnitKind::Write, consumed.capacity_units),
        ..Default::default()
    };
    if let Some(parts) = consumed.parts {
        message.table_capacity = Some(units(parts.table));
        message.local_secondary_indexes = by_index(parts.local_secondary_indexes);
        message.global_secondary_indexes = by_index(parts.global_secondary_indexes);
    }
    message
}
