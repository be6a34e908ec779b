//! A gRPC status as the DynamoDB error that it stands for.

use super::value::item_json;
use crate::protocol::{ApiError, CallError};
use cairn_api::v1;
use prost::Message;
use serde_json::{Map, Value, json};
use tonic::Status;
use tonic_types::{StatusExt, pb};

/// The error, or a fault if the status does not say which one it is.
pub(crate) fn call_error(status: &Status) -> CallError {
    match api_error(status) {
        Ok(error) => CallError::Api(error),
        Err(reason) => CallError::Fault(format!("{reason}: {status:?}")),
    }
}

fn api_error(status: &Status) -> Result<ApiError, String> {
    let info = status.get_details_error_info().ok_or("the status has no ErrorInfo")?;
    let exception =
        info.metadata.get("dynamodbException").ok_or("the status names no exception of DynamoDB's")?;
    let mut error = ApiError {
        exception: exception.clone(),
        message: status.message().to_owned(),
        ..ApiError::default()
    };
    let rich = pb::Status::decode(status.details()).map_err(|error| error.to_string())?;
    for detail in rich.details {
        match detail.type_url.rsplit('/').next() {
            Some("cairn.v1.ConditionalCheckFailure") => {
                let failure = v1::ConditionalCheckFailure::decode(detail.value.as_slice())
                    .map_err(|error| error.to_string())?;
                error.item = failure.item.as_ref().map(item_json).transpose()?;
            }
            Some("cairn.v1.TransactionCancellation") => {
                let cancellation = v1::TransactionCancellation::decode(detail.value.as_slice())
                    .map_err(|error| error.to_string())?;
                let reasons = cancellation.reasons.iter().map(reason).collect::<Result<_, _>>()?;
                error.reasons = Some(Value::Array(reasons));
            }
            Some("google.rpc.QuotaFailure") if info.metadata.contains_key("throttlingReason") => {
                let failure =
                    pb::QuotaFailure::decode(detail.value.as_slice()).map_err(|error| error.to_string())?;
                error.throttling = Some(failure.violations.iter().map(throttling_reason).collect());
            }
            _ => {}
        }
    }
    Ok(error)
}

fn throttling_reason(violation: &pb::quota_failure::Violation) -> Value {
    let reason = violation.description.split(':').next().unwrap_or_default();
    json!({"reason": reason, "resource": violation.subject})
}

fn reason(reason: &v1::CancellationReason) -> Result<Value, String> {
    use v1::CancellationCode as Code;
    let code = match reason.code() {
        Code::Unspecified => return Err("a cancellation reason has no code".into()),
        Code::None => "None",
        Code::ConditionalCheckFailed => "ConditionalCheckFailed",
        Code::ItemCollectionSizeLimitExceeded => "ItemCollectionSizeLimitExceeded",
        Code::TransactionConflict => "TransactionConflict",
        Code::ProvisionedThroughputExceeded => "ProvisionedThroughputExceeded",
        Code::ThrottlingError => "ThrottlingError",
        Code::ValidationError => "ValidationError",
        Code::DuplicateItem => "DuplicateItem",
    };
    let mut out = Map::new();
    out.insert("Code".into(), code.into());
    if !reason.message.is_empty() {
        out.insert("Message".into(), reason.message.clone().into());
    }
    if let Some(item) = &reason.item {
        out.insert("Item".into(), item_json(item)?);
    }
    Ok(out.into())
}
