//! Transactions, to operations and back.

use crate::item_codec::{
    arguments, capacity, collections, on_failure, return_consumed_capacity, wants_collections,
};
use cairn_api::v1::{self, transact_write_item::Action};
use cairn_model::Item;
use cairn_ops::{
    CancellationCode, CancellationReason, Error, FieldPath, TransactAction, TransactGet, TransactGetItems,
    TransactGetItemsOutput, TransactWriteItem, TransactWriteItems, TransactWriteItemsOutput, Validation,
};
use prost::Message;

/// The largest items together that an answer carries.
const ITEMS_IN_RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) fn to_transact_get(request: v1::TransactGetItemsRequest) -> Result<TransactGetItems, Error> {
    let get = |get: v1::TransactGet| TransactGet {
        table: get.table,
        key: Item::from_values(&get.key),
        projection_expression: get.projection_expression,
        arguments: arguments(get.bindings),
    };
    Ok(TransactGetItems {
        transact_items: request.transact_items.into_iter().map(get).collect(),
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
    })
}

pub(crate) fn transact_got(output: TransactGetItemsOutput) -> v1::TransactGetItemsResponse {
    v1::TransactGetItemsResponse {
        responses: output.responses.into_iter().map(|item| v1::ItemResponse { item }).collect(),
        consumed_capacity: output.consumed_capacity.into_iter().map(capacity).collect(),
    }
}

pub(crate) fn to_transact_write(request: v1::TransactWriteItemsRequest) -> Result<TransactWriteItems, Error> {
    let transact_items = request.transact_items.into_iter().enumerate();
    Ok(TransactWriteItems {
        transact_items: transact_items
            .map(|(number, item)| transact_write_item(number, item.action))
            .collect::<Result<_, _>>()?,
        request_token: Some(request.request_id).filter(|id| !id.is_empty()),
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
        return_item_collection_metrics: wants_collections(request.return_item_collection_metrics)?,
    })
}

fn transact_write_item(number: usize, action: Option<Action>) -> Result<TransactWriteItem, Error> {
    let field = || FieldPath::from("transact_items").index(number);
    match action {
        Some(Action::ConditionCheck(check)) => Ok(TransactWriteItem {
            table: check.table,
            action: TransactAction::ConditionCheck { key: Item::from_values(&check.key) },
            condition_expression: Some(check.condition_expression).filter(|text| !text.is_empty()),
            arguments: arguments(check.bindings),
            return_values_on_condition_check_failure: on_failure(
                check.return_values_on_condition_check_failure,
            )?,
        }),
        Some(Action::Put(put)) => Ok(TransactWriteItem {
            table: put.table,
            action: TransactAction::Put {
                item: put.item.ok_or_else(|| {
                    Validation::constraint(
                        field().field("put").field("item"),
                        None,
                        "Member must not be null",
                    )
                })?,
            },
            condition_expression: put.condition_expression,
            arguments: arguments(put.bindings),
            return_values_on_condition_check_failure: on_failure(
                put.return_values_on_condition_check_failure,
            )?,
        }),
        Some(Action::Update(update)) => Ok(TransactWriteItem {
            table: update.table,
            action: TransactAction::Update {
                key: Item::from_values(&update.key),
                update_expression: update.update_expression,
            },
            condition_expression: update.condition_expression,
            arguments: arguments(update.bindings),
            return_values_on_condition_check_failure: on_failure(
                update.return_values_on_condition_check_failure,
            )?,
        }),
        Some(Action::Delete(delete)) => Ok(TransactWriteItem {
            table: delete.table,
            action: TransactAction::Delete { key: Item::from_values(&delete.key) },
            condition_expression: delete.condition_expression,
            arguments: arguments(delete.bindings),
            return_values_on_condition_check_failure: on_failure(
                delete.return_values_on_condition_check_failure,
            )?,
        }),
        None => Err(Validation::new(
            field(),
            "TransactItems can only contain one of Check, Put, Update or Delete",
        )
        .into()),
    }
}

pub(crate) fn transact_written(output: TransactWriteItemsOutput) -> v1::TransactWriteItemsResponse {
    v1::TransactWriteItemsResponse {
        consumed_capacity: output.consumed_capacity.into_iter().map(capacity).collect(),
        item_collection_metrics: collections(output.item_collections),
        cancellation: None,
    }
}

/// A cancellation as an answer, if the caller wants failed conditions so and there is one; any other error stays one.
pub(crate) fn transact_failed(
    error: Error,
    in_response: bool,
) -> Result<v1::TransactWriteItemsResponse, Error> {
    match error {
        Error::TransactionCanceled { reasons }
            if in_response
                && reasons.iter().any(|reason| reason.code == CancellationCode::ConditionalCheckFailed) =>
        {
            Ok(v1::TransactWriteItemsResponse {
                cancellation: Some(cancellation(&reasons, ITEMS_IN_RESPONSE_BYTES_MAX)),
                ..Default::default()
            })
        }
        error => Err(error),
    }
}

/// Why a transaction was cancelled, with items of up to `items_bytes_max` bytes together as they are encoded: once one
/// does not fit, neither it nor a later one is sent.
pub(crate) fn cancellation(
    reasons: &[CancellationReason],
    items_bytes_max: usize,
) -> v1::TransactionCancellation {
    let mut room = Some(items_bytes_max);
    let reasons = reasons
        .iter()
        .map(|reason| {
            let mut message = v1::CancellationReason {
                code: cancellation_code(reason.code).into(),
                message: reason.message.clone(),
                ..Default::default()
            };
            if let Some(item) = &reason.item {
                room = room.and_then(|room| room.checked_sub(item.encoded_len()));
                message.item = room.map(|_| item.clone());
                message.item_omitted = room.is_none();
            }
            message
        })
        .collect();
    v1::TransactionCancellation { reasons }
}

fn cancellation_code(code: CancellationCode) -> v1::CancellationCode {
    match code {
        CancellationCode::None => v1::CancellationCode::None,
        CancellationCode::ConditionalCheckFailed => v1::CancellationCode::ConditionalCheckFailed,
        CancellationCode::ItemCollectionSizeLimitExceeded => {
            v1::CancellationCode::ItemCollectionSizeLimitExceeded
        }
        CancellationCode::TransactionConflict => v1::CancellationCode::TransactionConflict,
        CancellationCode::ProvisionedThroughputExceeded => {
            v1::CancellationCode::ProvisionedThroughputExceeded
        }
        CancellationCode::ThrottlingError => v1::CancellationCode::ThrottlingError,
        CancellationCode::ValidationError => v1::CancellationCode::ValidationError,
    }
}
