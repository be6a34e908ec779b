//! What is asked of policies: who wants to do what to which resource, and the request's condition keys.

use std::borrow::Cow;

/// What policies know of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// The caller's own ARN: of the user, of the session (`arn:aws:sts::…:assumed-role/<role>/<session>`), or of the
    /// account's root. A resource policy that names exactly this names the caller directly.
    pub arn: String,
    /// The account the caller belongs to, as its twelve digits.
    pub account: String,
    /// Whether this is the account's root.
    pub is_root: bool,
    /// Every ARN under which a resource or trust policy may name the caller: a session's role beside its own ARN.
    /// The caller's own ARN counts whether or not it is repeated here.
    pub named_as: Vec<String>,
    /// The identity providers that vouch for the caller, as trust policies name them under `Federated`. Empty but for
    /// callers that bring a token of such a provider.
    pub federated: Vec<String>,
}

/// The request's condition keys, each computed when it is asked for.
///
/// Key names are case-insensitive and asked for in lower case (ASCII). `dynamodb:FirstPartitionKeyValues` is never
/// asked for: it is another name of `dynamodb:LeadingKeys`, and is asked for as `dynamodb:leadingkeys`. An answer must
/// stay the same for as long as a question is being evaluated.
pub trait Context {
    /// The value of a key, or nothing if the request has no such key.
    fn get(&self, key: &str) -> Option<ContextValue<'_>>;
}

/// The value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue<'a> {
    /// Of a key that has one value. Only such keys can stand in for a policy variable.
    One(Cow<'a, str>),
    /// Of a multi-valued key. Without any value it counts as absent, so that a `Null` check for such a key cannot be
    /// passed with an empty set.
    Many(Vec<Cow<'a, str>>),
    /// Of a key whose values cannot be told, such as the partition keys of all the items of a table. No statement
    /// allows anything on the strength of it, and none that denies lets it pass.
    Unknown,
}

/// A context without any key.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyContext;

impl Context for EmptyContext {
    fn get(&self, _key: &str) -> Option<ContextValue<'_>> {
        None
    }
}

/// May this caller do this action to this resource?
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub principal: &'a PrincipalFacts,
    /// What is to be done: `dynamodb:GetItem`. Compared without regard to case.
    pub action: &'a str,
    /// The ARN of what it is to be done to, or `*` for an action that is not about one resource.
    pub resource: &'a str,
    /// The account the resource belongs to.
    pub resource_account: &'a str,
    /// The request's condition keys.
    pub context: &'a dyn Context,
}
