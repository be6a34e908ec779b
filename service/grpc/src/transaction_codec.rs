//! Transactions, to operations and back.

use cairn_api::v1;
use cairn_ops::{CancellationCode, CancellationReason};
use prost::Message;

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
        CancellationCode::TransactionConflict => v1::CancellationCode::TransactionConflict,
        CancellationCode::ValidationError => v1::CancellationCode::ValidationError,
    }
}
