//! From what went wrong to an answer: the one place that maps errors to HTTP (semantics 20.1).

use crate::json::Refusal;
use crate::target::UnknownTarget;
use cairn_auth::AuthenticationError;
use cairn_model::{Item, TypedItem};
use cairn_ops::{CancellationReason, Error, OperationKind, Throttled, ThrottlingReason};
use cairn_stack::Overload;
use http::StatusCode;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Why a request is not answered with what it asks for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The operation, or what stands before it, refused.
    #[error(transparent)]
    Operation(#[from] Error),
    /// SerializationException: the body is no request.
    #[error(transparent)]
    Serialization(#[from] Refusal),
    /// UnknownOperationException.
    #[error(transparent)]
    UnknownOperation(#[from] UnknownTarget),
    /// ServiceUnavailable: too much is under way.
    #[error(transparent)]
    Overloaded(#[from] Overload),
    /// The head is larger than is read.
    #[error("the request's head is too large")]
    HeadTooLarge,
    /// The body is larger than is read, as sent or decompressed.
    #[error("Request size exceeded 16777216 bytes")]
    BodyTooLarge,
    /// The body did not come in time.
    #[error("The request's body did not arrive in time")]
    BodyTimeout,
    /// The body ended early, or was not framed as HTTP has it.
    #[error("The request's body did not arrive whole")]
    BodyBroken,
    /// The body is not compressed as its head says.
    #[error("The request's body cannot be decompressed")]
    Encoding,
}

/// The namespaces of exceptions. Clients look behind the `#` only.
const MODELLED: &str = "com.amazonaws.dynamodb.v20120810";
const VALIDATE: &str = "com.amazon.coral.validate";
const SERVICE: &str = "com.amazon.coral.service";

/// What an error looks like.
struct Shape<'e> {
    status: StatusCode,
    namespace: &'static str,
    exception: &'static str,
    /// What the member with the text is called.
    message_member: &'static str,
    message: Option<String>,
    extra: Extra<'e>,
}

/// What an error carries besides its text.
enum Extra<'e> {
    None,
    Item(&'e Item),
    Reasons(&'e [CancellationReason]),
    Throttled(&'e Throttled),
}

impl<'e> Shape<'e> {
    fn modelled(exception: &'static str, error: &Error) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            namespace: MODELLED,
            exception,
            message_member: "message",
            message: Some(error.to_string()),
            extra: Extra::None,
        }
    }

    fn service(status: StatusCode, exception: &'static str, message: Option<String>) -> Self {
        Self { status, namespace: SERVICE, exception, message_member: "Message", message, extra: Extra::None }
    }

    fn of(failure: &'e Failure) -> Self {
        let text = || Some(failure.to_string());
        match failure {
            Failure::Operation(error) => Self::of_operation(error),
            Failure::Serialization(Refusal::Malformed) => {
                Self::service(StatusCode::BAD_REQUEST, "SerializationException", None)
            }
            Failure::Serialization(_) => {
                Self::service(StatusCode::BAD_REQUEST, "SerializationException", text())
            }
            Failure::UnknownOperation(_) => {
                Self::service(StatusCode::BAD_REQUEST, "UnknownOperationException", text())
            }
            Failure::Overloaded(_) => Self {
                namespace: MODELLED,
                message_member: "message",
                ..Self::service(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", text())
            },
            Failure::HeadTooLarge => {
                Self::service(StatusCode::BAD_REQUEST, "RequestHeaderSectionTooLargeException", text())
            }
            Failure::BodyTooLarge => {
                Self::service(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", text())
            }
            Failure::BodyTimeout => {
                Self::service(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", text())
            }
            Failure::BodyBroken => Self::service(StatusCode::BAD_REQUEST, "SerializationException", text()),
            Failure::Encoding => {
                Self::service(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", text())
            }
        }
    }

    fn of_operation(error: &'e Error) -> Self {
        let shape = Self::modelled(error.exception(), error);
        match error {
            Error::Validation(_) => Self { namespace: VALIDATE, ..shape },
            Error::ResourceNotFound { .. }
            | Error::TableNotFound { .. }
            | Error::TableAlreadyExists { .. }
            | Error::TableInUse { .. }
            | Error::IndexInUse { .. }
            | Error::PolicyNotFound { .. }
            | Error::PolicyRevisionConflict { .. }
            | Error::NoSuchEntity { .. }
            | Error::EntityAlreadyExists { .. }
            | Error::DeleteConflict { .. }
            | Error::MalformedPolicyDocument { .. }
            | Error::LimitExceeded { .. }
            | Error::ItemCollectionSizeLimitExceeded { .. }
            | Error::TransactionConflict => shape,
            Error::Throttled(throttled) => Self { extra: Extra::Throttled(throttled), ..shape },
            Error::ConditionalCheckFailed { item } => {
                Self { extra: item.as_ref().map_or(Extra::None, Extra::Item), ..shape }
            }
            Error::TransactionCanceled { reasons } => {
                Self { extra: Extra::Reasons(reasons), message_member: "Message", ..shape }
            }
            Error::TransactionInProgress | Error::IdempotentParameterMismatch => {
                Self { message_member: "Message", ..shape }
            }
            Error::AccessDenied { .. } | Error::NotImplemented { .. } => {
                Self { namespace: SERVICE, message_member: "Message", ..shape }
            }
            Error::Unauthenticated(error) => {
                let status = match &**error {
                    AuthenticationError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                    AuthenticationError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
                    // And whatever may come to be: the caller is not known.
                    _ => StatusCode::BAD_REQUEST,
                };
                Self { namespace: SERVICE, status, ..shape }
            }
            Error::Unavailable { .. } => Self { status: StatusCode::SERVICE_UNAVAILABLE, ..shape },
            // AWS has no exception for a caller's deadline, which a caller over this protocol does not give.
            Error::DeadlineExceeded | Error::Internal { .. } => {
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, exception: "InternalServerError", ..shape }
            }
        }
    }
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("__type", &format_args!("{}#{}", self.namespace, self.exception))?;
        match &self.extra {
            Extra::None => {}
            Extra::Item(item) => out.serialize_entry("Item", &TypedItem(item))?,
            Extra::Reasons(reasons) => {
                let reasons: Vec<_> = reasons.iter().map(Reason).collect();
                out.serialize_entry("CancellationReasons", &reasons)?;
            }
            Extra::Throttled(throttled) => {
                let member = if throttled.on_demand { "throttlingReasons" } else { "ThrottlingReasons" };
                let reasons: Vec<_> = throttled.reasons.iter().map(Short::from).collect();
                out.serialize_entry(member, &reasons)?;
            }
        }
        if let Some(message) = &self.message {
            out.serialize_entry(self.message_member, message)?;
        }
        out.end()
    }
}

/// `ThrottlingReason`.
#[derive(Serialize)]
struct Short<'r> {
    reason: String,
    resource: &'r str,
}

impl<'r> From<&'r ThrottlingReason> for Short<'r> {
    fn from(reason: &'r ThrottlingReason) -> Self {
        Self { reason: reason.name(), resource: &reason.resource }
    }
}

/// `CancellationReason`.
struct Reason<'r>(&'r CancellationReason);

impl Serialize for Reason<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(reason) = self;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("Code", reason.code.name())?;
        if let Some(item) = &reason.item {
            out.serialize_entry("Item", &TypedItem(item))?;
        }
        if !reason.message.is_empty() {
            out.serialize_entry("Message", &reason.message)?;
        }
        out.end()
    }
}

/// The status and the body that tell a caller what went wrong. What is ours to mend goes into the log as well.
pub(crate) fn answer(operation: Option<OperationKind>, failure: &Failure) -> (StatusCode, Vec<u8>) {
    if let Failure::Operation(Error::Internal { source }) = failure {
        tracing::error!(
            operation = operation.map(OperationKind::name),
            error = &**source as &dyn std::error::Error,
            "internal error"
        );
    }
    if let Failure::Operation(Error::Unauthenticated(reason)) = failure {
        // Why a caller is not known is the operator's to read, and says nothing of what it came with.
        tracing::warn!(
            operation = operation.map(OperationKind::name),
            error = &**reason as &dyn std::error::Error,
            "a call was refused: its caller is not known"
        );
    }
    let shape = Shape::of(failure);
    // An item that does not serialize is damaged; the error is told without it.
    let body = serde_json::to_vec(&shape)
        .or_else(|_| serde_json::to_vec(&Shape { extra: Extra::None, ..Shape::of(failure) }));
    (shape.status, body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{AttributeMap, AttributeValue};
    use cairn_ops::{CancellationCode, ThroughputLimit, UnitKind, Validation};
    use std::time::Duration;

    fn told(failure: impl Into<Failure>) -> (u16, String) {
        let (status, body) = answer(None, &failure.into());
        (status.as_u16(), String::from_utf8(body).unwrap())
    }

    fn item() -> Item {
        AttributeMap::from([("pk".to_owned(), AttributeValue::S("a".into()))]).into()
    }

    #[test]
    fn an_error_has_its_namespace_and_its_text_where_clients_look() {
        assert_eq!(
            told(Error::from(Validation::new("item", "broken"))),
            (400, r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"broken"}"#.into())
        );
        assert_eq!(
            told(Refusal::Malformed),
            (400, r#"{"__type":"com.amazon.coral.service#SerializationException"}"#.into())
        );
        assert_eq!(
            told(Error::TransactionInProgress).1,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionInProgressException","Message":"The transaction with the given request token is already in progress."}"#
        );
        let (status, body) = told(Error::internal("the cause"));
        assert_eq!(status, 500);
        assert!(body.contains("#InternalServerError") && !body.contains("the cause"), "{body}");
    }

    #[test]
    fn an_error_carries_what_was_asked_for_of_the_items() {
        assert_eq!(
            told(Error::ConditionalCheckFailed { item: Some(item()) }).1,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"pk":{"S":"a"}},"message":"The conditional request failed"}"#
        );
        let failed = CancellationReason {
            code: CancellationCode::ConditionalCheckFailed,
            message: "The conditional request failed".into(),
            item: Some(item()),
            ..CancellationReason::default()
        };
        assert_eq!(
            told(Error::TransactionCanceled { reasons: vec![CancellationReason::default(), failed] }).1,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"pk":{"S":"a"}},"Message":"The conditional request failed"}],"Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]"}"#
        );
    }

    #[test]
    fn a_damaged_item_does_not_hide_the_error() {
        let damaged = Item::from_encoded(bytes::Bytes::from_static(b"\x0a\x09\x0a"));
        let (status, body) = told(Error::ConditionalCheckFailed { item: Some(damaged) });
        assert_eq!(status, 400);
        assert!(body.contains("The conditional request failed"), "{body}");
    }

    #[test]
    fn a_throttled_call_says_what_was_short_in_the_members_that_clients_read() {
        let throttled = |on_demand| {
            let reason = ThrottlingReason {
                table: "Music".into(),
                index: None,
                resource: "arn:aws:dynamodb:local:000000000000:table/Music".into(),
                kind: UnitKind::Read,
                limit: if on_demand { ThroughputLimit::MaxOnDemand } else { ThroughputLimit::Provisioned },
            };
            let retry_after = Duration::from_millis(100);
            told(Error::from(Throttled { on_demand, reasons: vec![reason], retry_after }))
        };
        for (on_demand, exception, member, reason) in [
            (
                false,
                "ProvisionedThroughputExceededException",
                "ThrottlingReasons",
                "TableReadProvisionedThroughputExceeded",
            ),
            (true, "ThrottlingException", "throttlingReasons", "TableReadMaxOnDemandThroughputExceeded"),
        ] {
            let (status, body) = throttled(on_demand);
            assert_eq!(status, 400);
            let begin = format!(
                r#"{{"__type":"{MODELLED}#{exception}","{member}":[{{"reason":"{reason}","resource":"arn:aws:dynamodb:local:000000000000:table/Music"}}],"message":"#
            );
            assert!(body.starts_with(&begin), "{body}");
        }
    }

    #[test]
    fn who_may_not_is_told_in_the_namespace_of_the_service() {
        let denied = Error::AccessDenied {
            principal: "arn:aws:iam::000000000000:user/ada".into(),
            action: "dynamodb:GetItem",
            resource: "arn:aws:dynamodb:local:000000000000:table/Music".into(),
            reason: "because no identity-based policy allows the dynamodb:GetItem action".into(),
        };
        assert_eq!(
            told(denied),
            (400, r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::000000000000:user/ada is not authorized to perform: dynamodb:GetItem on resource: arn:aws:dynamodb:local:000000000000:table/Music because no identity-based policy allows the dynamodb:GetItem action"}"#.into())
        );
        let (status, body) = told(Error::from(AuthenticationError::Internal("the cause".into())));
        assert_eq!(status, 500);
        assert!(body.contains("#InternalServerError") && !body.contains("the cause"), "{body}");
    }
}
