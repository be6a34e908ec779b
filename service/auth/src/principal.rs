//! Who is calling.

use crate::encryption::Digest;
use cairn_policy::{Context, ContextValue, Policy, PrincipalFacts};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Who is calling, as established once at the beginning of a call. Cheap to clone.
///
/// It says who the caller was then. What the caller may do, and whether it still exists, is
/// [`Identities::policies`](crate::Identities::policies).
#[derive(Clone)]
pub struct Principal(Arc<Parts>);

/// Which kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// The account's root.
    Root,
    /// A user.
    User,
    /// A session of a role.
    Session,
}

/// What a principal rests on: with any of it gone, the principal is.
#[derive(Clone)]
pub(crate) enum Basis {
    /// The root key of this id, or that whoever calls without a key is root.
    Root { access_key_id: Option<String> },
    /// The user of this name and id, by an access key or vouched for by somebody else.
    User { name: String, id: String, access_key_id: Option<String> },
    /// The role of this name and id.
    Session { role_name: String, role_id: String, policy: Option<SessionPolicy>, issuer: Option<String> },
}

/// A policy that limits one session, and how the session is told from others.
#[derive(Clone)]
pub(crate) struct SessionPolicy {
    pub(crate) session: Digest,
    pub(crate) policy: Policy,
}

pub(crate) struct Parts {
    pub(crate) kind: PrincipalKind,
    pub(crate) facts: PrincipalFacts,
    pub(crate) basis: Basis,
    pub(crate) expires_at: Option<Timestamp>,
    /// Condition keys by lower-cased name.
    pub(crate) keys: BTreeMap<String, Value>,
}

/// A condition key's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    One(String),
    Many(Vec<String>),
}

impl Principal {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The caller's ARN: of the user, of the session, or of the account's root.
    pub fn arn(&self) -> &str {
        &self.0.facts.arn
    }

    /// What policies know of the caller.
    pub fn facts(&self) -> &PrincipalFacts {
        &self.0.facts
    }

    /// Which kind of caller this is.
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// When the caller's session, token or certificate ends; never for access keys of users.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at
    }

    /// The id of the access key of a user or of root, if the call was made with one.
    pub fn access_key_id(&self) -> Option<&str> {
        match &self.0.basis {
            Basis::Root { access_key_id } | Basis::User { access_key_id, .. } => access_key_id.as_deref(),
            Basis::Session { .. } => None,
        }
    }

    /// The issuer of the token that the caller came with, if it was one of a configured issuer.
    pub fn issuer(&self) -> Option<&str> {
        match &self.0.basis {
            Basis::Session { issuer, .. } => issuer.as_deref(),
            _ => None,
        }
    }

    /// The value of a condition key that the caller brings with it; the name in lower case.
    ///
    /// - `aws:principalarn` (of a session: its role's ARN), `aws:principalaccount`, `aws:principaltype` (`Account`,
    ///   `User`, `AssumedRole`), `aws:userid`, and for users `aws:username`
    /// - `aws:principaltag/<key>`: the tags of the user or role
    /// - for sessions `aws:tokenissuetime`, `aws:sourceidentity`
    /// - for tokens of an issuer `aws:federatedprovider`, and `<issuer without https://>:sub`, `:aud` and the other
    ///   claims that are configured to be shown
    /// - for certificates `aws:principalsan`, the name by which the certificate was mapped
    pub fn context_key(&self, key: &str) -> Option<ContextValue<'_>> {
        self.0.keys.get(key).map(Value::shown)
    }

    /// `aws:userid`.
    pub(crate) fn user_id(&self) -> &str {
        match self.0.keys.get("aws:userid") {
            Some(Value::One(id)) => id,
            _ => "",
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl Value {
    pub(crate) fn shown(&self) -> ContextValue<'_> {
        match self {
            Self::One(value) => ContextValue::One(Cow::Borrowed(value)),
            Self::Many(values) => {
                ContextValue::Many(values.iter().map(|value| Cow::Borrowed(value.as_str())).collect())
            }
        }
    }
}

impl Context for Principal {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        self.context_key(key)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("arn", &self.arn())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}
