//! What an operation answers when it does not answer. One enum; each protocol encodes it in one place.

use crate::{FieldPath, Subject, Throttled, broken_constraint, detected};
use cairn_auth::{AuthenticationError, EntityKind};
use cairn_model::{ArnError, Echo, Item, KeyError, ValueError, ValueErrorKind, name_errors};
use cairn_policy::PolicyError;
use std::sync::Arc;
use std::time::Duration;

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A DynamoDB exception, or a failure of the service (semantics 20.1). Unless a variant says otherwise the call changed
/// nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// ValidationException: the request breaks a rule.
    #[error(transparent)]
    Validation(#[from] Validation),
    /// ResourceNotFoundException.
    #[error("{message}")]
    ResourceNotFound {
        /// DynamoDB's text.
        message: String,
        /// What is missing: the table's name or an ARN.
        resource: String,
    },
    /// TableNotFoundException: what the operations on backups say instead.
    #[error("Table not found: {table}")]
    TableNotFound {
        /// The table's name.
        table: String,
    },
    /// ResourceInUseException because the name is taken.
    #[error("Table already exists: {table}")]
    TableAlreadyExists {
        /// The table's name.
        table: String,
    },
    /// ResourceInUseException because the table is being created, updated or deleted.
    #[error("Attempt to change a resource which is still in use: Table is being {doing}: {table}")]
    TableInUse {
        /// The table's name.
        table: String,
        /// `created`, `updated` or `deleted`.
        doing: &'static str,
    },
    /// ResourceInUseException because an index of the table is being created or deleted.
    #[error("Attempt to change a resource which is still in use: Index is being {doing}: {index}")]
    IndexInUse {
        /// The table's name.
        table: String,
        /// The index's name.
        index: String,
        /// `created` or `deleted`.
        doing: &'static str,
    },
    /// PolicyNotFoundException because the resource has no policy.
    #[error("Resource-based policy not found for the provided ResourceArn: {resource}")]
    PolicyNotFound {
        /// The resource's ARN.
        resource: String,
    },
    /// PolicyNotFoundException because the resource's policy is not the one that the caller expects.
    #[error("The revision of the resource-based policy is not the expected one: {resource}")]
    PolicyRevisionConflict {
        /// The resource's ARN.
        resource: String,
    },
    /// NoSuchEntityException.
    #[error("The {kind} with name {name} cannot be found.")]
    NoSuchEntity {
        /// What was looked for.
        kind: EntityKind,
        /// By which name, id or ARN.
        name: String,
    },
    /// EntityAlreadyExistsException.
    #[error("The {kind} with name {name} already exists.")]
    EntityAlreadyExists {
        /// What was to be created.
        kind: EntityKind,
        /// Its name.
        name: String,
    },
    /// DeleteConflictException: something still hangs on what was to be deleted.
    #[error("{message}")]
    DeleteConflict {
        /// What has to be done before.
        message: String,
    },
    /// MalformedPolicyDocumentException: a policy document is not a valid one.
    #[error("The policy document is not valid: {error}")]
    MalformedPolicyDocument {
        /// The part of the request that holds it.
        field: FieldPath,
        /// What is wrong with it, and where.
        #[source]
        error: PolicyError,
    },
    /// LimitExceededException.
    #[error("{message}")]
    LimitExceeded {
        /// What limit, and its value.
        message: String,
    },
    /// ProvisionedThroughputExceededException, or of a table on demand ThrottlingException.
    #[error(transparent)]
    Throttled(Box<Throttled>),
    /// ItemCollectionSizeLimitExceededException.
    #[error("Collection size exceeded.")]
    ItemCollectionSizeLimitExceeded {
        /// The table's name.
        table: String,
    },
    /// ConditionalCheckFailedException.
    #[error("The conditional request failed")]
    ConditionalCheckFailed {
        /// The item as it is, if the caller asked for it and there is one.
        item: Option<Item>,
    },
    /// TransactionCanceledException.
    #[error(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        shown_codes(reasons)
    )]
    TransactionCanceled {
        /// One for each action, in their order.
        reasons: Vec<CancellationReason>,
    },
    /// TransactionConflictException: a transaction is under way on the item.
    #[error("Transaction is ongoing for the item")]
    TransactionConflict,
    /// TransactionInProgressException: the transaction with the same request token has not ended.
    #[error("The transaction with the given request token is already in progress.")]
    TransactionInProgress,
    /// IdempotentParameterMismatchException: the request token was used for another request.
    #[error("The request token was used with other parameters within the last 10 minutes")]
    IdempotentParameterMismatch,
    /// AccessDeniedException: the caller is known and may not do this.
    #[error("User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}")]
    AccessDenied {
        /// The caller's ARN.
        principal: String,
        /// The action that is not allowed.
        action: &'static str,
        /// The ARN of what it was to be done to.
        resource: String,
        /// Why, in IAM's words: `because ...` or `with an explicit deny ...`.
        reason: String,
    },
    /// Who calls is not known, or not any more (semantics 20.2).
    #[error(transparent)]
    Unauthenticated(Arc<AuthenticationError>),
    /// What the API defines and this version of Cairn does not do yet.
    #[error("{feature} is not implemented by this version of Cairn")]
    NotImplemented {
        /// What was asked for.
        feature: &'static str,
    },
    /// The caller's deadline passed. A write may have happened, or may yet.
    #[error("The deadline of the call has passed")]
    DeadlineExceeded,
    /// ServiceUnavailable: nothing was done, and trying again later may work.
    #[error("The service is unavailable: {reason}")]
    Unavailable {
        /// Why, in words for the caller.
        reason: &'static str,
        /// When to come back, at the earliest.
        retry_after: Duration,
        /// What the store said.
        #[source]
        source: Option<cairn_storage::Error>,
    },
    /// InternalServerError. Whether a write happened is unknown.
    #[error("The server encountered an internal error trying to fulfill the request.")]
    Internal {
        /// What went wrong, for the log and not for the caller.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What one action of a transaction had to do with its cancellation (semantics 10.1).
#[derive(Clone, Debug, Default)]
pub struct CancellationReason {
    /// The kind of reason.
    pub code: CancellationCode,
    /// DynamoDB's text; empty for [`None`](CancellationCode::None).
    pub message: String,
    /// The item that the condition was false for, if the action asked for it and there is one.
    pub item: Option<Item>,
    /// The offending part of the request, if it is one.
    pub field: Option<FieldPath>,
    /// What was short, if something was.
    pub throttled: Option<Box<Throttled>>,
}

/// The kinds of reasons that a transaction is cancelled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CancellationCode {
    /// The action was in order.
    #[default]
    None,
    /// The action's condition was false.
    ConditionalCheckFailed,
    /// The item's collection would pass its limit.
    ItemCollectionSizeLimitExceeded,
    /// Another transaction was under way on the item.
    TransactionConflict,
    /// The provisioned throughput of the table or of an index is used up.
    ProvisionedThroughputExceeded,
    /// The on-demand throughput of the table or of an index is used up.
    ThrottlingError,
    /// The action does not fit the table or the item.
    ValidationError,
}

impl CancellationCode {
    /// DynamoDB's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ConditionalCheckFailed => "ConditionalCheckFailed",
            Self::ItemCollectionSizeLimitExceeded => "ItemCollectionSizeLimitExceeded",
            Self::TransactionConflict => "TransactionConflict",
            Self::ProvisionedThroughputExceeded => "ProvisionedThroughputExceeded",
            Self::ThrottlingError => "ThrottlingError",
            Self::ValidationError => "ValidationError",
        }
    }
}

fn shown_codes(reasons: &[CancellationReason]) -> String {
    reasons.iter().map(|reason| reason.code.name()).collect::<Vec<_>>().join(", ")
}

/// ValidationException: what rule is broken, and by which part of the request.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Validation {
    /// DynamoDB's text.
    pub message: String,
    /// The offending part of the request.
    pub field: FieldPath,
    /// Whether the request would be right were the stored data different. A caller need not change such a request.
    pub depends_on_state: bool,
    /// Where in an expression the fault is, if it is in one.
    pub expression: Option<ExpressionFault>,
    /// What the error is about, which decides the wording of the operation's family.
    pub subject: Subject,
}

/// The place of a fault inside an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionFault {
    /// Bytes from the expression's beginning.
    pub offset: Option<usize>,
    /// The token there.
    pub token: Option<String>,
}

impl Validation {
    /// A rule broken by one part of the request, whatever is stored.
    pub fn new(field: impl Into<FieldPath>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            field: field.into(),
            depends_on_state: false,
            expression: None,
            subject: Subject::Other,
        }
    }

    /// A rule broken by parameters or attribute values, checked before expressions are parsed.
    pub fn of_request(field: impl Into<FieldPath>, message: impl Into<String>) -> Self {
        Self { subject: Subject::Request, ..Self::new(field, message) }
    }

    /// A rule that the request breaks because of what is stored.
    pub fn of_state(field: impl Into<FieldPath>, message: impl Into<String>) -> Self {
        Self { depends_on_state: true, ..Self::new(field, message) }
    }

    /// The same fault, of a part of a larger request.
    #[must_use]
    pub(crate) fn below(self, outer: FieldPath) -> Self {
        Self { field: self.field.below(outer), ..self }
    }

    /// The envelope that DynamoDB puts around a constraint on a member (semantics 20.3).
    pub fn constraint(
        field: impl Into<FieldPath>,
        value: Option<&str>,
        constraint: impl std::fmt::Display,
    ) -> Self {
        Self::constraints(field, value, [constraint])
    }

    /// The same for several constraints on one member.
    pub fn constraints(
        field: impl Into<FieldPath>,
        value: Option<&str>,
        constraints: impl IntoIterator<Item: std::fmt::Display>,
    ) -> Self {
        let field = field.into();
        let member = field.to_aws();
        let value = value.map(|value| Echo::of(|echo| echo.text(value)));
        let broken = |constraint| broken_constraint(&member, value.as_deref(), constraint);
        let faults: Vec<_> = constraints.into_iter().map(broken).collect();
        Self::new(field, detected(&faults))
    }
}

impl Error {
    /// A table that is not there, as item operations say it.
    pub fn no_such_table_for_items(table: &str) -> Self {
        Self::ResourceNotFound { message: "Requested resource not found".into(), resource: table.into() }
    }

    /// A table that is not there, as table operations say it.
    pub fn no_such_table(table: &str) -> Self {
        Self::ResourceNotFound {
            message: format!("Requested resource not found: Table: {table} not found"),
            resource: table.into(),
        }
    }

    /// The error with the ARN that the caller used for the missing resource.
    pub(crate) fn about(self, arn: String) -> Self {
        match self {
            Self::ResourceNotFound { message, .. } => Self::ResourceNotFound { message, resource: arn },
            error => error,
        }
    }

    /// The name of the exception on the AWS protocols.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::Validation(_) => "ValidationException",
            Self::ResourceNotFound { .. } => "ResourceNotFoundException",
            Self::TableNotFound { .. } => "TableNotFoundException",
            Self::TableAlreadyExists { .. } | Self::TableInUse { .. } | Self::IndexInUse { .. } => {
                "ResourceInUseException"
            }
            Self::PolicyNotFound { .. } | Self::PolicyRevisionConflict { .. } => "PolicyNotFoundException",
            Self::NoSuchEntity { .. } => "NoSuchEntityException",
            Self::EntityAlreadyExists { .. } => "EntityAlreadyExistsException",
            Self::DeleteConflict { .. } => "DeleteConflictException",
            Self::MalformedPolicyDocument { .. } => "MalformedPolicyDocumentException",
            Self::LimitExceeded { .. } => "LimitExceededException",
            Self::ItemCollectionSizeLimitExceeded { .. } => "ItemCollectionSizeLimitExceededException",
            Self::ConditionalCheckFailed { .. } => "ConditionalCheckFailedException",
            Self::TransactionCanceled { .. } => "TransactionCanceledException",
            Self::TransactionConflict => "TransactionConflictException",
            Self::TransactionInProgress => "TransactionInProgressException",
            Self::IdempotentParameterMismatch => "IdempotentParameterMismatchException",
            Self::Throttled(throttled) if throttled.on_demand => "ThrottlingException",
            Self::Throttled(_) => "ProvisionedThroughputExceededException",
            Self::AccessDenied { .. } => "AccessDeniedException",
            Self::Unauthenticated(error) => error.code(),
            Self::NotImplemented { .. } => "UnknownOperationException",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Unavailable { .. } => "ServiceUnavailable",
            Self::Internal { .. } => "InternalServerError",
        }
    }

    /// A failure inside, with its cause.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal { source: source.into() }
    }
}

impl From<cairn_storage::Error> for Error {
    fn from(error: cairn_storage::Error) -> Self {
        use cairn_storage::Error as Storage;
        let unavailable =
            |reason, retry_after, source| Self::Unavailable { reason, retry_after, source: Some(source) };
        match error {
            Storage::TooManySpaces { limit } => Self::LimitExceeded {
                message: format!(
                    "Subscriber limit exceeded: this store holds at most {limit} keyspaces of tables and indexes"
                ),
            },
            Storage::StorageFull { .. } => {
                unavailable("the storage volume is full", Duration::from_secs(5), error)
            }
            Storage::Overloaded => {
                unavailable("the store has too much work waiting", Duration::from_millis(100), error)
            }
            // Where a conflict is an answer of its own, the operation gives that.
            Storage::Conflict { .. } => {
                unavailable("other calls were in the way of this one", Duration::from_millis(50), error)
            }
            Storage::Closed => unavailable("the service is shutting down", Duration::from_secs(1), error),
            other => Self::internal(other),
        }
    }
}

impl From<AuthenticationError> for Error {
    fn from(error: AuthenticationError) -> Self {
        Self::Unauthenticated(Arc::new(error))
    }
}

impl From<Throttled> for Error {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(Box::new(throttled))
    }
}

/// What a throttled action has to do with the cancellation of its transaction.
impl From<Throttled> for CancellationReason {
    fn from(throttled: Throttled) -> Self {
        Self {
            code: if throttled.on_demand {
                CancellationCode::ThrottlingError
            } else {
                CancellationCode::ProvisionedThroughputExceeded
            },
            message: throttled.to_string(),
            throttled: Some(Box::new(throttled)),
            ..Self::default()
        }
    }
}

/// A domain error becomes a validation error once it is known which part of the request it is about.
pub(crate) trait At {
    fn at(self, field: impl Into<FieldPath>) -> Validation;
}

impl At for ValueError {
    fn at(self, field: impl Into<FieldPath>) -> Validation {
        let subject = match self.kind {
            // AWS checks it after the table lookup (semantics 1.10).
            ValueErrorKind::TooLarge => Subject::Other,
            _ => Subject::Request,
        };
        let field = field.into().join_value(&self.path);
        Validation { subject, ..Validation::new(field, self.kind.to_string()) }
    }
}

impl At for KeyError {
    fn at(self, field: impl Into<FieldPath>) -> Validation {
        let subject = match self {
            Self::Missing { .. } | Self::TypeMismatch { .. } => Subject::ItemKey,
            _ => Subject::Other,
        };
        Validation { subject, ..Validation::new(field.into().key(self.attribute()), self.to_string()) }
    }
}

impl At for ArnError {
    fn at(self, field: impl Into<FieldPath>) -> Validation {
        Validation::new(field, self.to_string())
    }
}

/// Checks the name of a table or index, and reports all rules that it breaks.
pub(crate) fn check_name(field: impl Into<FieldPath>, name: &str) -> Result<(), Validation> {
    if name_errors(name).next().is_none() { Ok(()) } else { Err(broken_name(field, name)) }
}

/// The fault of a name that is none: all rules that it breaks.
pub(crate) fn broken_name(field: impl Into<FieldPath>, name: &str) -> Validation {
    Validation::constraints(field, Some(name), name_errors(name))
}
