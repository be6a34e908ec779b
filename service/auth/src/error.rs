//! What can go wrong with identities and with credentials.

use crate::sigv4::SignatureError;
use cairn_policy::PolicyError;
use std::fmt;

/// What an identity error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A user.
    User,
    /// A group of users.
    Group,
    /// A role.
    Role,
    /// A managed policy.
    Policy,
    /// A policy inside a user, group or role.
    InlinePolicy,
    /// An access key.
    AccessKey,
}

/// Why a change to the identities, or a question about them, failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is none of that name.
    #[error("The {kind} with name {name} cannot be found.")]
    NoSuchEntity {
        /// What was looked for.
        kind: EntityKind,
        /// By which name, id or ARN.
        name: String,
    },
    /// There is one of that name already. Names differ by more than upper and lower case.
    #[error("{kind} with name {name} already exists.")]
    EntityAlreadyExists {
        /// What was to be created.
        kind: EntityKind,
        /// Its name.
        name: String,
    },
    /// Something still hangs on what was to be deleted.
    #[error("Cannot delete entity, must {remedy} first.")]
    DeleteConflict {
        /// What has to be done before, such as `detach all policies`.
        remedy: &'static str,
    },
    /// A quota is used up.
    #[error("Cannot exceed quota for {quota}: {limit}")]
    LimitExceeded {
        /// Which quota, such as `AccessKeysPerUser`.
        quota: &'static str,
        /// How much it allows.
        limit: usize,
    },
    /// A policy document is not a valid one.
    #[error("{0}")]
    MalformedPolicyDocument(#[source] PolicyError),
    /// An argument is not of the right shape.
    #[error("The specified value for {field} is invalid: {message}")]
    InvalidInput {
        /// Which argument, as the API names it, such as `user_name`.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The policy is no longer at the revision that the change was meant for.
    #[error("The policy has revision {found}, not {expected}.")]
    RevisionConflict {
        /// What the caller had seen.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A role's trust policy, or the caller's own policies, do not let the caller assume the role.
    #[error("User: {caller} is not authorized to perform: {action} on resource: {role}")]
    AssumeRoleDenied {
        /// The caller's ARN.
        caller: String,
        /// `sts:AssumeRole`.
        action: &'static str,
        /// The role's ARN.
        role: String,
    },
    /// The store's secrets are encrypted under a key that is not among those configured.
    #[error(
        "the secrets in this store are encrypted under the key with id {stored}, which is not among the configured \
         encryption keys ({configured}): configure the key the store was created with"
    )]
    WrongEncryptionKey {
        /// The id of the key that is needed.
        stored: String,
        /// The ids of the keys there are.
        configured: String,
    },
    /// A secret does not decrypt: its record was changed by something other than Cairn.
    #[error("the encrypted secret of {0} has been tampered with or damaged")]
    DamagedSecret(String),
    /// A record cannot be read.
    #[error("the identity record of {record} cannot be read")]
    Record {
        /// Which record.
        record: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    /// The store failed.
    #[error("the store of identities failed")]
    Storage(#[from] cairn_storage::Error),
    /// A change ended before it could say how: whether it was made is unknown.
    #[error("a change to the identities was cut off")]
    Interrupted,
}

/// Why a caller is not known. The texts are those of semantics section 20.2: none says more than the caller may know.
/// The sources are for the server's log; they hold no part of a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The request came without credentials.
    #[error("Request is missing Authentication Token")]
    Missing,
    /// The credential is not of a form that is known, or is too long.
    #[error("Authorization header is not a valid credential: {0}")]
    Incomplete(&'static str),
    /// An unknown, disabled or deleted key; a token of an unknown issuer or key; a principal that no longer exists.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient(#[source] Reason),
    /// A wrong secret, or a signature that is not its issuer's.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method."
    )]
    InvalidSignature,
    /// The request's signature lacks something, or is not for this time or service.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The session, the token or the certificate is past its end.
    #[error("The security token included in the request is expired")]
    Expired,
    /// The token or the certificate is for a time to come.
    #[error("Signature not yet current")]
    NotYetValid,
    /// The credential is genuine, but stands for no principal here.
    #[error("Not authorized to perform {action}")]
    NotAuthorized {
        /// What the credential would have needed to be allowed, such as `sts:AssumeRoleWithWebIdentity`.
        action: &'static str,
        /// Why it is not.
        #[source]
        reason: Reason,
    },
    /// The keys of the token's issuer could not be had; trying again later is right.
    #[error("The keys of the token's issuer are unavailable")]
    Unavailable(#[source] JwksError),
    /// The store's own secrets could not be read.
    #[error("The credential cannot be checked")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What exactly was wrong with a credential: for the server's log, not for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is no such access key.
    #[error("there is no such access key")]
    UnknownKey,
    /// The access key is inactive.
    #[error("the access key is inactive")]
    InactiveKey,
    /// The user was deleted, or is another of the same name.
    #[error("the user no longer exists")]
    UserGone,
    /// The role was deleted, or is another of the same name.
    #[error("the role no longer exists")]
    RoleGone,
    /// The session token is not one of ours, or is of another access key.
    #[error("the session token is not genuine")]
    SessionToken,
    /// A session token came with an access key that is not a session's.
    #[error("the access key is not a session's, and came with a session token")]
    UnwantedToken,
    /// No configured issuer has that name.
    #[error("the token's issuer is not configured")]
    UnknownIssuer,
    /// The issuer has no such key, or it cannot be told which.
    #[error("the token's signing key is not among the issuer's")]
    UnknownSigningKey,
    /// An algorithm other than the key's own.
    #[error("the token is signed with an algorithm that its key is not for")]
    Algorithm,
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or of the wrong type.
    #[error("the token lacks a claim that is required")]
    Claims,
    /// Not a JWT that can be read.
    #[error("the token cannot be read")]
    MalformedToken,
    /// No mapping rule fits.
    #[error("no mapping rule fits")]
    NoRule,
    /// The role's trust policy does not let it be assumed this way.
    #[error("the role's trust policy does not allow it")]
    NotTrusted,
    /// The certificate cannot be read.
    #[error("the client certificate cannot be read")]
    MalformedCertificate,
}

/// Why an issuer's keys could not be had.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read the keys of {issuer}: {message}")]
pub struct JwksError {
    /// The issuer.
    pub issuer: String,
    /// What happened.
    pub message: String,
}

impl AuthenticationError {
    /// The name of the exception on the AWS protocols.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnrecognizedClient(_) => "UnrecognizedClientException",
            Self::InvalidSignature | Self::NotYetValid => "InvalidSignatureException",
            Self::Signature(error) => error.code(),
            Self::Expired => "ExpiredTokenException",
            Self::NotAuthorized { .. } => "AccessDeniedException",
            Self::Unavailable(_) => "ServiceUnavailable",
            Self::Internal(_) => "InternalServerError",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::Policy => "policy",
            Self::InlinePolicy => "inline policy",
            Self::AccessKey => "access key",
        })
    }
}
