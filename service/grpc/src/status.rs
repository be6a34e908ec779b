//! From an operation's error to a gRPC status with `google.rpc` details: the one place that maps them.

use crate::transaction_codec::cancellation;
use cairn_api::ERROR_DOMAIN;
use cairn_api::v1::{ConditionalCheckFailure, ErrorReason};
use cairn_model::Item;
use cairn_ops::{CancellationCode, CancellationReason, Error, FieldPath, OperationKind, Validation};
use prost::{Message, Name};
use prost_types::Any;
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::pb;

/// The largest item an error carries. Trailers are bounded, commonly at 8 KB; a caller that wants the item whatever
/// its size asks for the failure in the response.
const ITEM_IN_ERROR_BYTES_MAX: usize = 4 * 1024;

/// The bounds of the delay that a caller is told to wait.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(25);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// How long a caller is told to wait when another call was in its way.
const CONFLICT_RETRY: Duration = Duration::from_millis(50);

/// What an error looks like on the wire.
struct Shape {
    code: Code,
    reason: ErrorReason,
    exception: &'static str,
    retry_after: Option<Duration>,
    metadata: HashMap<String, String>,
    details: Vec<Any>,
}

impl Shape {
    fn new(code: Code, reason: ErrorReason, exception: &'static str) -> Self {
        Self { code, reason, exception, retry_after: None, metadata: HashMap::new(), details: Vec::new() }
    }

    fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay.clamp(RETRY_DELAY_MIN, RETRY_DELAY_MAX));
        self
    }

    fn metadata(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    fn detail<M: Message + Name>(mut self, detail: &M) -> Self {
        self.details.push(Any { type_url: M::type_url(), value: detail.encode_to_vec() });
        self
    }

    /// A detail of `google.rpc`, whose Rust types do not carry their names.
    fn google(mut self, name: &str, detail: &impl Message) -> Self {
        let type_url = format!("type.googleapis.com/google.rpc.{name}");
        self.details.push(Any { type_url, value: detail.encode_to_vec() });
        self
    }

    fn bad_request(self, field: String, description: &str) -> Self {
        let violation = pb::bad_request::FieldViolation {
            field,
            description: description.to_owned(),
            reason: reason_name(self.reason),
            ..Default::default()
        };
        self.google("BadRequest", &pb::BadRequest { field_violations: vec![violation] })
    }

    fn precondition(self, subject: &str, description: &str) -> Self {
        let violation = pb::precondition_failure::Violation {
            r#type: "STATE".into(),
            subject: subject.to_owned(),
            description: description.to_owned(),
        };
        self.google("PreconditionFailure", &pb::PreconditionFailure { violations: vec![violation] })
    }

    fn table(self, table: &str) -> Self {
        let key = if table.starts_with("arn:") { "resourceArn" } else { "table" };
        self.metadata(key, table).google(
            "ResourceInfo",
            &pb::ResourceInfo {
                resource_type: "cairn.v1.Table".into(),
                resource_name: table.to_owned(),
                ..Default::default()
            },
        )
    }

    fn into_status(mut self, message: String) -> Status {
        self.metadata.insert("dynamodbException".into(), self.exception.into());
        self.metadata.insert("retryable".into(), self.retry_after.is_some().to_string());
        let info = pb::ErrorInfo {
            reason: reason_name(self.reason),
            domain: ERROR_DOMAIN.into(),
            metadata: std::mem::take(&mut self.metadata),
        };
        // ErrorInfo stands first, where people look.
        let mut details = vec![Any {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(),
            value: info.encode_to_vec(),
        }];
        details.append(&mut self.details);
        if let Some(delay) = self.retry_after {
            let delay =
                prost_types::Duration { seconds: delay.as_secs() as i64, nanos: delay.subsec_nanos() as i32 };
            details.push(Any {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
                value: pb::RetryInfo { retry_delay: Some(delay) }.encode_to_vec(),
            });
        }
        let rich = pb::Status { code: self.code as i32, message: message.clone(), details };
        Status::with_details(self.code, message, rich.encode_to_vec().into())
    }
}

/// A reason without the prefix that protobuf style gives enum values.
fn reason_name(reason: ErrorReason) -> String {
    reason.as_str_name().trim_start_matches("ERROR_REASON_").to_owned()
}

/// The status that tells a caller what went wrong. What is ours to mend goes into the log as well.
pub(crate) fn status(operation: OperationKind, error: &Error) -> Status {
    if let Error::Internal { source } = error {
        tracing::error!(
            operation = operation.name(),
            error = &**source as &dyn std::error::Error,
            "internal error"
        );
    }
    let message = error.to_string();
    if matches!(error, Error::DeadlineExceeded) {
        return Status::deadline_exceeded(message);
    }
    shape(error, &message).into_status(message)
}

fn shape(error: &Error, message: &str) -> Shape {
    use ErrorReason as Reason;
    match error {
        Error::Validation(validation) => validation_shape(validation),
        Error::ResourceNotFound { resource, .. } => {
            Shape::new(Code::NotFound, Reason::ResourceNotFound, "ResourceNotFoundException").table(resource)
        }
        Error::TableAlreadyExists { table } => {
            Shape::new(Code::AlreadyExists, Reason::ResourceInUse, "ResourceInUseException").table(table)
        }
        Error::TableInUse { table, .. } => {
            Shape::new(Code::FailedPrecondition, Reason::ResourceInUse, "ResourceInUseException")
                .table(table)
                .precondition(table, message)
                .retry_after(Duration::from_secs(1))
        }
        Error::IndexInUse { table, index, .. } => {
            Shape::new(Code::FailedPrecondition, Reason::ResourceInUse, "ResourceInUseException")
                .table(table)
                .precondition(index, message)
                .retry_after(Duration::from_secs(1))
        }
        Error::LimitExceeded { .. } => {
            let violation =
                pb::quota_failure::Violation { description: message.to_owned(), ..Default::default() };
            Shape::new(Code::ResourceExhausted, Reason::LimitExceeded, "LimitExceededException")
                .google("QuotaFailure", &pb::QuotaFailure { violations: vec![violation] })
        }
        Error::ItemCollectionSizeLimitExceeded { table } => Shape::new(
            Code::FailedPrecondition,
            Reason::ItemCollectionSizeLimitExceeded,
            "ItemCollectionSizeLimitExceededException",
        )
        .table(table)
        .precondition(table, message),
        Error::ConditionalCheckFailed { item } => Shape::new(
            Code::FailedPrecondition,
            Reason::ConditionalCheckFailed,
            "ConditionalCheckFailedException",
        )
        .detail(&condition_failure_in_error(item.as_ref())),
        Error::TransactionCanceled { reasons } => cancellation_shape(reasons),
        Error::TransactionConflict => {
            Shape::new(Code::Aborted, Reason::TransactionConflict, "TransactionConflictException")
                .retry_after(CONFLICT_RETRY)
        }
        Error::TransactionInProgress => {
            Shape::new(Code::Aborted, Reason::TransactionInProgress, "TransactionInProgressException")
                .retry_after(Duration::from_secs(1))
        }
        Error::IdempotentParameterMismatch => Shape::new(
            Code::InvalidArgument,
            Reason::IdempotentParameterMismatch,
            "IdempotentParameterMismatchException",
        )
        .bad_request("request_id".into(), message),
        Error::NotImplemented { .. } => {
            Shape::new(Code::Unimplemented, Reason::UnknownOperation, "UnknownOperationException")
        }
        Error::Unavailable { retry_after, .. } => {
            Shape::new(Code::Unavailable, Reason::ServiceUnavailable, "ServiceUnavailable")
                .retry_after(*retry_after)
        }
        // Answered before; a status without details.
        Error::DeadlineExceeded => Shape::new(Code::DeadlineExceeded, Reason::Unspecified, ""),
        Error::Internal { .. } => {
            Shape::new(Code::Internal, Reason::InternalServerError, "InternalServerError")
        }
    }
}

/// A cancelled transaction: the code follows its reasons, the gravest first.
fn cancellation_shape(reasons: &[CancellationReason]) -> Shape {
    let any = |code| reasons.iter().find(|reason| reason.code == code);
    let shape = |code| Shape::new(code, ErrorReason::TransactionCanceled, "TransactionCanceledException");
    let shape = if any(CancellationCode::ConditionalCheckFailed).is_some()
        || any(CancellationCode::ItemCollectionSizeLimitExceeded).is_some()
    {
        shape(Code::FailedPrecondition)
    } else if let Some(invalid) = any(CancellationCode::ValidationError) {
        let field = invalid.field.as_ref().map(FieldPath::to_proto).unwrap_or_default();
        shape(Code::InvalidArgument).bad_request(field, &invalid.message)
    } else {
        shape(Code::Aborted).retry_after(CONFLICT_RETRY)
    };
    shape.detail(&cancellation(reasons, ITEM_IN_ERROR_BYTES_MAX))
}

fn validation_shape(validation: &Validation) -> Shape {
    let field = validation.field.to_proto();
    let code = if validation.depends_on_state { Code::FailedPrecondition } else { Code::InvalidArgument };
    let mut shape = Shape::new(code, ErrorReason::Validation, "ValidationException");
    if let Some(fault) = &validation.expression {
        shape = shape.metadata("expression", field.clone());
        if let Some(offset) = fault.offset {
            shape = shape.metadata("offset", offset.to_string());
        }
        if let Some(token) = &fault.token {
            shape = shape.metadata("token", token);
        }
    }
    if validation.depends_on_state {
        shape.precondition(&field, &validation.message)
    } else {
        shape.bad_request(field, &validation.message)
    }
}

fn condition_failure_in_error(item: Option<&Item>) -> ConditionalCheckFailure {
    let fits = item.is_some_and(|item| item.encoded_len() <= ITEM_IN_ERROR_BYTES_MAX);
    ConditionalCheckFailure { item: item.filter(|_| fits).cloned(), item_omitted: item.is_some() && !fits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{AttributeMap, AttributeValue};
    use tonic_types::StatusExt;

    fn of(error: &Error) -> Status {
        status(OperationKind::PutItem, error)
    }

    fn info(status: &Status) -> pb_info::Info {
        let info = status.get_details_error_info().unwrap();
        pb_info::Info { reason: info.reason, domain: info.domain, metadata: info.metadata }
    }

    mod pb_info {
        pub(super) struct Info {
            pub(super) reason: String,
            pub(super) domain: String,
            pub(super) metadata: std::collections::HashMap<String, String>,
        }
    }

    #[test]
    fn a_validation_error_names_the_field() {
        let status = of(&Validation::new(
            cairn_ops::FieldPath::from("item").key("pk"),
            "One or more parameter values were invalid: Missing the key pk in the item",
        )
        .into());
        assert_eq!(status.code(), Code::InvalidArgument);
        let violation = status.get_details_bad_request().unwrap().field_violations.remove(0);
        assert_eq!(violation.field, "item[\"pk\"]");
        let info = info(&status);
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("VALIDATION", "cairn"));
        assert_eq!(info.metadata["dynamodbException"], "ValidationException");
        assert_eq!(info.metadata["retryable"], "false");
    }

    #[test]
    fn an_unavailable_service_says_when_to_come_back() {
        let status = of(&Error::Unavailable {
            reason: "the store has too much work waiting",
            retry_after: Duration::from_millis(1),
            source: None,
        });
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(25)));
        assert_eq!(info(&status).metadata["retryable"], "true");
    }

    #[test]
    fn an_internal_error_keeps_its_cause_to_itself() {
        let status = of(&Error::internal("the cause"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("the cause"));
        assert!(!String::from_utf8_lossy(status.details()).contains("the cause"));
    }

    fn reason(code: CancellationCode, item_bytes: Option<usize>) -> CancellationReason {
        let item = |bytes| AttributeMap::from([("a".to_owned(), AttributeValue::S("x".repeat(bytes)))]);
        CancellationReason { code, item: item_bytes.map(|bytes| item(bytes).into()), ..Default::default() }
    }

    #[test]
    fn the_code_of_a_cancelled_transaction_follows_its_gravest_reason() {
        use CancellationCode::{ConditionalCheckFailed, None, TransactionConflict, ValidationError};
        for (codes, expected, retryable) in [
            (vec![None, ConditionalCheckFailed, TransactionConflict], Code::FailedPrecondition, "false"),
            (vec![ValidationError, None], Code::InvalidArgument, "false"),
            (vec![None, TransactionConflict], Code::Aborted, "true"),
        ] {
            let reasons = codes.into_iter().map(|code| reason(code, Option::None)).collect();
            let status = of(&Error::TransactionCanceled { reasons });
            assert_eq!(status.code(), expected);
            assert_eq!(info(&status).metadata["retryable"], retryable);
            assert_eq!(info(&status).reason, "TRANSACTION_CANCELED");
        }
    }

    #[test]
    fn a_call_that_another_was_in_the_way_of_is_aborted_and_told_when_to_come_back() {
        use CancellationCode::{None, TransactionConflict};
        let reasons = || [None, TransactionConflict].map(|code| reason(code, Option::None)).to_vec();
        for (error, name, exception, delay) in [
            (Error::TransactionConflict, "TRANSACTION_CONFLICT", "TransactionConflictException", 50),
            (
                Error::TransactionInProgress,
                "TRANSACTION_IN_PROGRESS",
                "TransactionInProgressException",
                1_000,
            ),
            (
                Error::TransactionCanceled { reasons: reasons() },
                "TRANSACTION_CANCELED",
                "TransactionCanceledException",
                50,
            ),
        ] {
            let status = of(&error);
            assert_eq!(status.code(), Code::Aborted, "{name}");
            let delay = Some(Duration::from_millis(delay));
            assert_eq!(status.get_details_retry_info().unwrap().retry_delay, delay, "{name}");
            let info = info(&status);
            assert_eq!((info.reason.as_str(), info.metadata["retryable"].as_str()), (name, "true"));
            assert_eq!(info.metadata["dynamodbException"], exception);
        }
        let status = of(&Error::TransactionCanceled { reasons: reasons() });
        assert!(status.message().ends_with("[None, TransactionConflict]"), "{}", status.message());
        let rich = pb::Status::decode(status.details()).unwrap();
        let detail = rich.details.iter().find(|detail| detail.type_url.ends_with("TransactionCancellation"));
        let sent = cairn_api::v1::TransactionCancellation::decode(&detail.unwrap().value[..]).unwrap();
        let codes: Vec<_> = sent.reasons.iter().map(cairn_api::v1::CancellationReason::code).collect();
        use cairn_api::v1::CancellationCode as Wire;
        assert_eq!(codes, [Wire::None, Wire::TransactionConflict]);
    }

    #[test]
    fn the_items_of_a_cancellation_are_bounded_together_earlier_ones_first() {
        let failed = CancellationCode::ConditionalCheckFailed;
        let reasons = vec![
            reason(failed, Some(3_000)),
            reason(CancellationCode::None, None),
            reason(failed, Some(3_000)),
            reason(failed, Some(500)),
        ];
        let status = of(&Error::TransactionCanceled { reasons });
        let rich = pb::Status::decode(status.details()).unwrap();
        let detail = rich.details.iter().find(|detail| detail.type_url.ends_with("TransactionCancellation"));
        let sent = cairn_api::v1::TransactionCancellation::decode(&detail.unwrap().value[..]).unwrap();
        let shown: Vec<_> =
            sent.reasons.iter().map(|reason| (reason.item.is_some(), reason.item_omitted)).collect();
        assert_eq!(shown, [(true, false), (false, false), (false, true), (false, true)]);
        assert_eq!(sent.reasons[1].code(), cairn_api::v1::CancellationCode::None);
        assert!(
            status
                .message()
                .ends_with("[ConditionalCheckFailed, None, ConditionalCheckFailed, ConditionalCheckFailed]")
        );
    }

    #[test]
    fn a_failed_condition_carries_a_small_item_and_omits_a_large_one() {
        let failure = |bytes: usize| {
            let item =
                Item::from(AttributeMap::from([("a".to_owned(), AttributeValue::S("x".repeat(bytes)))]));
            let status = of(&Error::ConditionalCheckFailed { item: Some(item) });
            assert_eq!(status.code(), Code::FailedPrecondition);
            let rich = pb::Status::decode(status.details()).unwrap();
            assert_eq!(rich.details[1].type_url, "type.googleapis.com/cairn.v1.ConditionalCheckFailure");
            ConditionalCheckFailure::decode(&rich.details[1].value[..]).unwrap()
        };
        assert!(failure(1_000).item.is_some() && !failure(1_000).item_omitted);
        assert!(failure(5_000).item.is_none() && failure(5_000).item_omitted);
    }
}
