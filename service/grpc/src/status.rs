//! From an operation's error to a gRPC status with `google.rpc` details: the one place that maps them.

use crate::transaction_codec::cancellation;
use cairn_api::ERROR_DOMAIN;
use cairn_api::v1::{ConditionalCheckFailure, ErrorReason};
use cairn_auth::{AuthenticationError, EntityKind};
use cairn_model::Item;
use cairn_ops::{
    CancellationCode, CancellationReason, Error, FieldPath, OperationKind, Throttled, Validation,
    unknown_operation,
};
use cairn_policy::PolicyError;
use cairn_stack::Overload;
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

/// How long a caller is told to wait when too many calls are under way.
const OVERLOAD_RETRY: Duration = Duration::from_millis(100);

/// What an error looks like on the wire.
struct Shape {
    code: Code,
    reason: ErrorReason,
    retry_after: Option<Duration>,
    metadata: HashMap<String, String>,
    details: Vec<Any>,
}

impl Shape {
    fn new(code: Code, reason: ErrorReason) -> Self {
        Self { code, reason, retry_after: None, metadata: HashMap::new(), details: Vec::new() }
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

    /// A violation for each thing that was short: the ARN of what it was, and DynamoDB's word for it.
    fn quota_failure(self, throttled: &Throttled, description: &str) -> Self {
        let violations = throttled.reasons.iter().map(|reason| pb::quota_failure::Violation {
            subject: reason.resource.clone(),
            description: format!("{}: {description}", reason.name()),
            ..Default::default()
        });
        self.google("QuotaFailure", &pb::QuotaFailure { violations: violations.collect() })
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

    fn entity(self, kind: EntityKind, name: &str) -> Self {
        let resource_type = match kind {
            EntityKind::User => "cairn.v1.User",
            EntityKind::Group => "cairn.v1.Group",
            EntityKind::Role => "cairn.v1.Role",
            EntityKind::Policy | EntityKind::InlinePolicy => "cairn.v1.Policy",
            EntityKind::AccessKey => "cairn.v1.AccessKey",
        };
        let info = pb::ResourceInfo {
            resource_type: resource_type.into(),
            resource_name: name.to_owned(),
            ..Default::default()
        };
        self.metadata("entityType", kind.to_string().replace(' ', "-"))
            .metadata("entity", name)
            .google("ResourceInfo", &info)
    }

    fn into_status(mut self, exception: &'static str, message: String) -> Status {
        self.metadata.insert("dynamodbException".into(), exception.into());
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
    refused(operation.name(), error)
}

/// The same for what may be no operation.
pub(crate) fn refused(operation: &'static str, error: &Error) -> Status {
    if let Error::Internal { source } = error {
        tracing::error!(operation, error = &**source as &dyn std::error::Error, "internal error");
    }
    if let Error::Unauthenticated(reason) = error {
        // Why a caller is not known is the operator's to read, and says nothing of what it came with.
        tracing::warn!(
            operation,
            error = &**reason as &dyn std::error::Error,
            "a call was refused: its caller is not known"
        );
    }
    let message = error.to_string();
    if matches!(error, Error::DeadlineExceeded) {
        return Status::deadline_exceeded(message);
    }
    shape(error, &message).into_status(error.exception(), message)
}

/// The status of a call that was not taken on because too much is under way.
pub(crate) fn overloaded(reason: Overload) -> Status {
    Shape::new(Code::Unavailable, ErrorReason::ServiceUnavailable)
        .retry_after(OVERLOAD_RETRY)
        .into_status("ServiceUnavailable", reason.to_string())
}

/// The status of a call of a method that there is not.
pub(crate) fn unknown_method(method: &str) -> Status {
    Shape::new(Code::Unimplemented, ErrorReason::UnknownOperation)
        .into_status("UnknownOperationException", unknown_operation(method))
}

fn shape(error: &Error, message: &str) -> Shape {
    use ErrorReason as Reason;
    match error {
        Error::Validation(validation) => validation_shape(validation),
        Error::TableNotFound { table: resource } | Error::ResourceNotFound { resource, .. } => {
            Shape::new(Code::NotFound, Reason::ResourceNotFound).table(resource)
        }
        Error::TableAlreadyExists { table } => {
            Shape::new(Code::AlreadyExists, Reason::ResourceInUse).table(table)
        }
        Error::TableInUse { table, .. } => Shape::new(Code::FailedPrecondition, Reason::ResourceInUse)
            .table(table)
            .precondition(table, message)
            .retry_after(Duration::from_secs(1)),
        Error::IndexInUse { table, index, .. } => Shape::new(Code::FailedPrecondition, Reason::ResourceInUse)
            .table(table)
            .precondition(index, message)
            .retry_after(Duration::from_secs(1)),
        Error::PolicyNotFound { resource } => {
            Shape::new(Code::NotFound, Reason::PolicyNotFound).table(resource)
        }
        Error::PolicyRevisionConflict { resource } => {
            Shape::new(Code::Aborted, Reason::PolicyNotFound).table(resource)
        }
        Error::NoSuchEntity { kind, name } => {
            Shape::new(Code::NotFound, Reason::NoSuchEntity).entity(*kind, name)
        }
        Error::EntityAlreadyExists { kind, name } => {
            Shape::new(Code::AlreadyExists, Reason::EntityAlreadyExists).entity(*kind, name)
        }
        Error::DeleteConflict { message: conflict } => {
            Shape::new(Code::FailedPrecondition, Reason::DeleteConflict).precondition("", conflict)
        }
        Error::MalformedPolicyDocument { field, error } => malformed_shape(field, error),
        Error::LimitExceeded { .. } => {
            let violation =
                pb::quota_failure::Violation { description: message.to_owned(), ..Default::default() };
            Shape::new(Code::ResourceExhausted, Reason::LimitExceeded)
                .google("QuotaFailure", &pb::QuotaFailure { violations: vec![violation] })
        }
        Error::Throttled(throttled) => throttled_shape(throttled, message),
        Error::ItemCollectionSizeLimitExceeded { table } => {
            Shape::new(Code::FailedPrecondition, Reason::ItemCollectionSizeLimitExceeded)
                .table(table)
                .precondition(table, message)
        }
        Error::ConditionalCheckFailed { item } => {
            Shape::new(Code::FailedPrecondition, Reason::ConditionalCheckFailed)
                .detail(&condition_failure_in_error(item.as_ref()))
        }
        Error::TransactionCanceled { reasons } => cancellation_shape(reasons),
        Error::TransactionConflict => {
            Shape::new(Code::Aborted, Reason::TransactionConflict).retry_after(CONFLICT_RETRY)
        }
        Error::TransactionInProgress => {
            Shape::new(Code::Aborted, Reason::TransactionInProgress).retry_after(Duration::from_secs(1))
        }
        Error::IdempotentParameterMismatch => {
            Shape::new(Code::InvalidArgument, Reason::IdempotentParameterMismatch)
                .bad_request("request_id".into(), message)
        }
        Error::AccessDenied { action, resource, .. } => {
            Shape::new(Code::PermissionDenied, Reason::AccessDenied)
                .metadata("action", *action)
                .metadata("resourceArn", resource)
        }
        Error::Unauthenticated(reason) => unauthenticated_shape(reason),
        Error::NotImplemented { .. } => Shape::new(Code::Unimplemented, Reason::UnknownOperation),
        Error::Unavailable { retry_after, .. } => {
            Shape::new(Code::Unavailable, Reason::ServiceUnavailable).retry_after(*retry_after)
        }
        // Answered before; a status without details.
        Error::DeadlineExceeded => Shape::new(Code::DeadlineExceeded, Reason::Unspecified),
        Error::Internal { .. } => Shape::new(Code::Internal, Reason::InternalServerError),
    }
}

/// A policy document that is none, with the place in it.
fn malformed_shape(field: &FieldPath, error: &PolicyError) -> Shape {
    let mut shape = Shape::new(Code::InvalidArgument, ErrorReason::MalformedPolicyDocument);
    if !error.place.is_empty() {
        shape = shape.metadata("place", &error.place);
    }
    if let Some((line, column)) = error.line_and_column {
        shape = shape.metadata("line", line.to_string()).metadata("column", column.to_string());
    }
    shape.bad_request(field.to_proto(), &error.to_string())
}

/// A caller who is not known. Why exactly is not the caller's to know.
fn unauthenticated_shape(error: &AuthenticationError) -> Shape {
    use AuthenticationError as Is;
    use ErrorReason as Reason;
    let (code, reason) = match error {
        Is::Missing => (Code::Unauthenticated, Reason::MissingAuthenticationToken),
        Is::Incomplete(_) => (Code::Unauthenticated, Reason::IncompleteSignature),
        Is::InvalidSignature | Is::NotYetValid => (Code::Unauthenticated, Reason::InvalidSignature),
        Is::Expired => (Code::Unauthenticated, Reason::ExpiredToken),
        Is::NotAuthorized { action, .. } => {
            return Shape::new(Code::PermissionDenied, Reason::AccessDenied).metadata("action", *action);
        }
        Is::Unavailable(_) => {
            return Shape::new(Code::Unavailable, Reason::ServiceUnavailable)
                .retry_after(Duration::from_secs(1));
        }
        Is::Internal(_) => (Code::Internal, Reason::InternalServerError),
        // And whatever may come to be: the caller is not known.
        _ => (Code::Unauthenticated, Reason::UnrecognizedClient),
    };
    Shape::new(code, reason)
}

/// A cancelled transaction: the code follows its reasons, the gravest first.
fn cancellation_shape(reasons: &[CancellationReason]) -> Shape {
    let any = |code| reasons.iter().find(|reason| reason.code == code);
    let shape = |code| Shape::new(code, ErrorReason::TransactionCanceled);
    let shape = if any(CancellationCode::ConditionalCheckFailed).is_some()
        || any(CancellationCode::ItemCollectionSizeLimitExceeded).is_some()
    {
        shape(Code::FailedPrecondition)
    } else if let Some(invalid) = any(CancellationCode::ValidationError) {
        let field = invalid.field.as_ref().map(FieldPath::to_proto).unwrap_or_default();
        shape(Code::InvalidArgument).bad_request(field, &invalid.message)
    } else if let Some(throttled) = throttled_together(reasons) {
        let description = throttled.to_string();
        shape(Code::ResourceExhausted)
            .quota_failure(&throttled, &description)
            .retry_after(throttled.retry_after)
    } else {
        shape(Code::Aborted).retry_after(CONFLICT_RETRY)
    };
    shape.detail(&cancellation(reasons, ITEM_IN_ERROR_BYTES_MAX))
}

/// What was short for all actions of a transaction, and when there will be enough for all.
fn throttled_together(reasons: &[CancellationReason]) -> Option<Throttled> {
    let mut all = reasons.iter().filter_map(|reason| reason.throttled.as_deref()).cloned();
    let first = all.next()?;
    Some(all.fold(first, Throttled::and))
}

/// A throttled call. Its metadata tell of what was short first; all that was is in the details.
fn throttled_shape(throttled: &Throttled, message: &str) -> Shape {
    let reason = if throttled.on_demand {
        ErrorReason::Throttling
    } else {
        ErrorReason::ProvisionedThroughputExceeded
    };
    let mut shape = Shape::new(Code::ResourceExhausted, reason);
    if let Some(first) = throttled.reasons.first() {
        shape = shape
            .metadata("table", &first.table)
            .metadata("resourceArn", &first.resource)
            .metadata("throttlingReason", first.name());
        if let Some(index) = &first.index {
            shape = shape.metadata("index", index);
        }
    }
    shape.quota_failure(throttled, message).retry_after(throttled.retry_after)
}

fn validation_shape(validation: &Validation) -> Shape {
    let field = validation.field.to_proto();
    let code = if validation.depends_on_state { Code::FailedPrecondition } else { Code::InvalidArgument };
    let mut shape = Shape::new(code, ErrorReason::Validation);
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
    use cairn_policy::{Policy, PolicyKind};
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

    fn throttled(on_demand: bool, index: Option<&str>, retry_after: Duration) -> Throttled {
        use cairn_ops::{ThrottlingReason, ThroughputLimit, UnitKind};
        let arn = "arn:aws:dynamodb:local:000000000000:table/Music";
        let reason = ThrottlingReason {
            table: "Music".into(),
            index: index.map(Into::into),
            resource: index.map_or_else(|| arn.into(), |index| format!("{arn}/index/{index}")),
            kind: UnitKind::Write,
            limit: if on_demand { ThroughputLimit::MaxOnDemand } else { ThroughputLimit::Provisioned },
        };
        Throttled { on_demand, reasons: vec![reason], retry_after }
    }

    #[test]
    fn a_throttled_call_says_what_was_short_and_when_to_come_back() {
        let status = of(&throttled(false, None, Duration::from_secs(60)).into());
        assert_eq!(status.code(), Code::ResourceExhausted);
        let info = info(&status);
        assert_eq!(info.reason, "PROVISIONED_THROUGHPUT_EXCEEDED");
        assert_eq!(info.metadata["throttlingReason"], "TableWriteProvisionedThroughputExceeded");
        assert_eq!(info.metadata["table"], "Music");
        assert_eq!(info.metadata["retryable"], "true");
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(5)));
        let violation = status.get_details_quota_failure().unwrap().violations.remove(0);
        assert_eq!(violation.subject, info.metadata["resourceArn"]);

        let status = of(&throttled(true, Some("by-team"), Duration::from_micros(1)).into());
        let info = self::info(&status);
        assert_eq!(info.reason, "THROTTLING");
        assert_eq!(info.metadata["dynamodbException"], "ThrottlingException");
        assert_eq!(info.metadata["index"], "by-team");
        assert_eq!(info.metadata["throttlingReason"], "IndexWriteMaxOnDemandThroughputExceeded");
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(25)));
    }

    #[test]
    fn a_throttled_transaction_says_which_of_its_actions_were_and_when_to_come_back() {
        let reasons = vec![
            CancellationReason::default(),
            throttled(false, None, Duration::from_millis(100)).into(),
            throttled(false, Some("by-team"), Duration::from_millis(300)).into(),
        ];
        let status = of(&Error::TransactionCanceled { reasons });
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(300)));
        assert_eq!(status.get_details_quota_failure().unwrap().violations.len(), 2);
        assert!(
            status
                .message()
                .ends_with("[None, ProvisionedThroughputExceeded, ProvisionedThroughputExceeded]")
        );
        let mixed = vec![
            reason(CancellationCode::ConditionalCheckFailed, None),
            throttled(false, None, Duration::from_millis(100)).into(),
        ];
        assert_eq!(of(&Error::TransactionCanceled { reasons: mixed }).code(), Code::FailedPrecondition);
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

    #[test]
    fn a_malformed_policy_document_is_told_with_the_place_in_it() {
        let refused = |text: &str| {
            let error = Policy::parse(text, PolicyKind::Managed).unwrap_err();
            of(&Error::MalformedPolicyDocument { field: "policy_document".into(), error })
        };
        let status = refused(r#"{"Statement": [{"Effect": "Allow", "Action": "x", "Resource": "*"}]}"#);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "policy_document");
        let info_of_it = info(&status);
        assert_eq!(info_of_it.reason, "MALFORMED_POLICY_DOCUMENT");
        assert_eq!(info_of_it.metadata["dynamodbException"], "MalformedPolicyDocumentException");
        assert!(info_of_it.metadata["place"].starts_with("Statement[0].Action"), "{:?}", info_of_it.metadata);
        let syntax = info(&refused("{\n!"));
        assert_eq!((&*syntax.metadata["line"], syntax.metadata.get("place")), ("2", None));
    }

    #[test]
    fn what_is_wrong_with_an_entity_is_told_with_its_kind_and_name() {
        let (kind, name) = (EntityKind::AccessKey, "AKIAEXAMPLE".to_owned());
        let missing = of(&Error::NoSuchEntity { kind, name });
        assert_eq!(missing.code(), Code::NotFound);
        let told = info(&missing);
        assert_eq!((&*told.reason, &*told.metadata["entityType"]), ("NO_SUCH_ENTITY", "access-key"));
        assert_eq!(missing.get_details_resource_info().unwrap().resource_name, "AKIAEXAMPLE");
        let (kind, name) = (EntityKind::User, "ada".to_owned());
        assert_eq!(of(&Error::EntityAlreadyExists { kind, name }).code(), Code::AlreadyExists);
        let conflict = of(&Error::DeleteConflict { message: "detach first".into() });
        assert_eq!(conflict.code(), Code::FailedPrecondition);
        assert_eq!(info(&conflict).reason, "DELETE_CONFLICT");
    }

    #[test]
    fn a_policy_of_another_revision_is_told_apart_from_none() {
        let resource = || "arn:aws:dynamodb:eu-north-1:000000000000:table/Music".to_owned();
        let none = of(&Error::PolicyNotFound { resource: resource() });
        let other = of(&Error::PolicyRevisionConflict { resource: resource() });
        assert_eq!((none.code(), other.code()), (Code::NotFound, Code::Aborted));
        for status in [none, other] {
            let told = info(&status);
            assert_eq!(
                (told.reason.as_str(), &told.metadata["resourceArn"]),
                ("POLICY_NOT_FOUND", &resource())
            );
        }
    }
}
