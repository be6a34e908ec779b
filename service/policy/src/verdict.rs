//! What policies answer, and the words a refusal is told in.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The name a policy is known by in answers: an ARN, or the name of an inline policy. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Arc<str>);

impl Deref for PolicyName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for PolicyName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for PolicyName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer to a [`Question`](crate::Question).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be done.
    Allowed {
        /// A statement that allows it; none for the account's root, which needs none.
        by: Option<MatchedStatement>,
    },
    /// It may not be done.
    Denied {
        /// Why not.
        reason: DenyReason,
    },
}

impl Verdict {
    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

/// Why something may not be done. Displayed, it is the reason that an access-denied message gives: `no identity-based
/// policy allows the dynamodb:GetItem action` (semantics 20.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// A statement forbids it, which no other statement can undo.
    Explicit {
        /// The statement.
        by: MatchedStatement,
        /// What kind of policy it stands in.
        in_: PolicyType,
    },
    /// None of the caller's own policies allows it.
    NoIdentityPolicy {
        /// What was to be done.
        action: String,
    },
    /// The session was given a policy that does not allow it.
    NoSessionPolicy {
        /// What was to be done.
        action: String,
    },
    /// The caller has a permissions boundary that does not allow it.
    NoBoundary {
        /// What was to be done.
        action: String,
    },
    /// The resource is of another account and its policy, if it has one, does not allow it.
    NoResourcePolicy {
        /// What was to be done.
        action: String,
    },
    /// The role's trust policy does not let the caller assume it.
    NoTrustPolicy {
        /// What was to be done.
        action: String,
    },
}

impl DenyReason {
    /// How an access-denied message goes on after the resource: `because no identity-based policy allows the
    /// dynamodb:GetItem action`, but `with an explicit deny in an identity-based policy` (semantics 20.2).
    pub fn clause(&self) -> String {
        match self {
            Self::Explicit { .. } => self.to_string(),
            _ => format!("because {self}"),
        }
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policy, action) = match self {
            Self::Explicit { in_, .. } => {
                let article = if *in_ == PolicyType::Identity { "an" } else { "a" };
                return write!(f, "with an explicit deny in {article} {in_}");
            }
            Self::NoIdentityPolicy { action } => (PolicyType::Identity, action),
            Self::NoSessionPolicy { action } => (PolicyType::Session, action),
            Self::NoBoundary { action } => (PolicyType::Boundary, action),
            Self::NoResourcePolicy { action } => (PolicyType::Resource, action),
            Self::NoTrustPolicy { action } => (PolicyType::Trust, action),
        };
        write!(f, "no {policy} allows the {action} action")
    }
}

/// The part a policy plays in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyType {
    /// Attached to the user, one of its groups, or the role.
    Identity,
    /// The limit of what identity-based policies can give.
    Boundary,
    /// Given when the session was begun.
    Session,
    /// Of the table or the stream.
    Resource,
    /// Of the role that is to be assumed.
    Trust,
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
        })
    }
}

/// A statement that matched a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedStatement {
    /// The policy it stands in; `session-policy`, `resource-policy` and `trust-policy` for those that have no name.
    pub policy: PolicyName,
    /// Which of the policy's statements, from 0.
    pub statement: usize,
    /// The statement's own name, if it has one.
    pub sid: Option<Arc<str>>,
}

/// Which of the request's condition keys some statement looks at, so that a caller computes no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// `dynamodb:LeadingKeys`, its other name `dynamodb:FirstPartitionKeyValues`, or one of the second to fourth.
    pub leading_keys: bool,
    /// `dynamodb:Attributes`.
    pub attributes: bool,
}

impl Needs {
    /// Both.
    pub const ALL: Self = Self { leading_keys: true, attributes: true };

    /// What either needs.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            leading_keys: self.leading_keys || other.leading_keys,
            attributes: self.attributes || other.attributes,
        }
    }
}
