//! The order in which policies are asked.

use crate::index::{Candidates, Entry};
use crate::policy::Policy;
use crate::principal::Naming;
use crate::question::Question;
use crate::set::PolicySet;
use crate::verdict::{DenyReason, Verdict};

/// The actions that the policy of a resource cannot take from the root of the resource's account, so that no account
/// can lock itself out.
const ALWAYS_ROOTS: [&str; 2] = ["dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy"];

/// Answers a question from the caller's own policies and the policy of the resource, if it has one.
///
/// 1. A matching Deny in any of them forbids.
/// 2. In the resource's account, a resource policy that names the caller's own ARN allows, whatever boundary and
///    session policy say.
/// 3. A permissions boundary, and then a session policy, that do not allow, forbid.
/// 4. In the resource's account, an Allow of identity-based policies or of the resource policy allows; one of the
///    resource policy that names no more than the account does not by itself. From another account, both are needed.
///
/// The root of the resource's account is allowed everything but what the resource policy denies it, and may replace
/// or delete that policy even so; the set is not asked about a root. A root of another account needs what any caller
/// from there needs of the resource policy.
pub fn evaluate(question: &Question<'_>, set: &PolicySet, resource_policy: Option<&Policy>) -> Verdict {
    let same_account = question.principal.account == question.resource_account;
    if question.principal.is_root {
        return evaluate_root(question, resource_policy, same_account);
    }
    let candidates = set.index().candidates(question.action, question.resource);
    if let Some(entry) = set.index().first_match(&candidates.denying, question) {
        return explicit(entry);
    }
    let granted = match resource_policy.map(|policy| ask(policy, question)).transpose() {
        Ok(granted) => granted.unwrap_or_default(),
        Err(entry) => return explicit(entry),
    };
    if same_account && granted.naming == Naming::Directly {
        return granted.verdict();
    }
    let identity = match identity_side(question, set, &candidates) {
        Ok(identity) => identity,
        Err(reason) => return Verdict::Denied { reason },
    };
    let action = || question.action.to_owned();
    match (same_account, identity) {
        (true, Some(entry)) => allowed(entry),
        (true, None) if granted.naming > Naming::Account => granted.verdict(),
        (_, None) => Verdict::Denied { reason: DenyReason::NoIdentityPolicy { action: action() } },
        (false, Some(_)) if granted.naming > Naming::Nobody => granted.verdict(),
        (false, Some(_)) => Verdict::Denied { reason: DenyReason::NoResourcePolicy { action: action() } },
    }
}

fn evaluate_root(question: &Question<'_>, resource_policy: Option<&Policy>, same_account: bool) -> Verdict {
    if same_account && ALWAYS_ROOTS.iter().any(|action| action.eq_ignore_ascii_case(question.action)) {
        return Verdict::Allowed { by: None };
    }
    match resource_policy.map(|policy| ask(policy, question)).transpose() {
        Err(entry) => explicit(entry),
        Ok(_) if same_account => Verdict::Allowed { by: None },
        Ok(Some(granted)) if granted.naming > Naming::Nobody => granted.verdict(),
        Ok(_) => {
            Verdict::Denied { reason: DenyReason::NoResourcePolicy { action: question.action.to_owned() } }
        }
    }
}

/// Answers whether a caller may assume a role: the question's resource is the role's ARN and its action one of `sts`.
///
/// The role's trust policy must allow it, always. Naming the caller itself, its role, its identity provider or
/// everyone, it is enough in the role's own account; naming no more than the account, or from another account, the
/// caller's own policies must allow it too. An identity provider's callers have no policies of their own, and need
/// none. Boundary and session policy restrict as ever, and a Deny in any of them forbids. A root has no policies of
/// its own, and needs none, but is no exception to the trust policy.
pub fn evaluate_trust(question: &Question<'_>, set: &PolicySet, trust_policy: &Policy) -> Verdict {
    let same_account = question.principal.account == question.resource_account;
    let candidates = set.index().candidates(question.action, question.resource);
    let is_root = question.principal.is_root;
    if !is_root && let Some(entry) = set.index().first_match(&candidates.denying, question) {
        return explicit(entry);
    }
    let granted = match ask(trust_policy, question) {
        Ok(granted) => granted,
        Err(entry) => return explicit(entry),
    };
    let action = || question.action.to_owned();
    if granted.naming == Naming::Nobody {
        return Verdict::Denied { reason: DenyReason::NoTrustPolicy { action: action() } };
    }
    if is_root {
        return granted.verdict();
    }
    let identity = match identity_side(question, set, &candidates) {
        Ok(identity) => identity,
        Err(reason) => return Verdict::Denied { reason },
    };
    let enough = granted.naming == Naming::Provider || (same_account && granted.naming > Naming::Account);
    if enough || identity.is_some() {
        return granted.verdict();
    }
    Verdict::Denied { reason: DenyReason::NoIdentityPolicy { action: action() } }
}

/// What a resource or trust policy gives a caller.
struct Granted<'a> {
    naming: Naming,
    /// The statement that names the caller most closely; one, unless it names nobody.
    by: Option<&'a Entry>,
}

impl Default for Granted<'_> {
    fn default() -> Self {
        Self { naming: Naming::Nobody, by: None }
    }
}

impl Granted<'_> {
    fn verdict(&self) -> Verdict {
        Verdict::Allowed { by: self.by.map(Entry::matched) }
    }
}

/// Asks a policy that names principals; a Deny of it is the error.
fn ask<'a>(policy: &'a Policy, question: &Question<'_>) -> Result<Granted<'a>, &'a Entry> {
    let index = policy.index();
    let candidates = index.candidates(question.action, question.resource);
    let naming = |entry: &Entry| entry.statement.naming(question.principal);
    // Whom a statement is about is cheap to tell, its conditions may not be.
    for candidate in &candidates.denying {
        let about = index.entry(candidate).filter(|entry| naming(entry) > Naming::Nobody);
        if let Some(entry) = about.filter(|entry| entry.statement.matches(question, candidate.settled)) {
            return Err(entry);
        }
    }
    let mut granted = Granted::default();
    for candidate in &candidates.resource {
        let closer = index.entry(candidate).filter(|entry| naming(entry) > granted.naming);
        if let Some(entry) = closer.filter(|entry| entry.statement.matches(question, candidate.settled)) {
            granted = Granted { naming: naming(entry), by: Some(entry) };
        }
    }
    Ok(granted)
}

/// What the caller's own policies allow, within its boundary and session policy.
fn identity_side<'a>(
    question: &Question<'_>,
    set: &'a PolicySet,
    candidates: &Candidates,
) -> Result<Option<&'a Entry>, DenyReason> {
    let index = set.index();
    let action = || question.action.to_owned();
    let allows = |list| index.first_match(list, question);
    if set.boundary().is_some() && allows(&candidates.boundary).is_none() {
        return Err(DenyReason::NoBoundary { action: action() });
    }
    if set.session().is_some() && allows(&candidates.session).is_none() {
        return Err(DenyReason::NoSessionPolicy { action: action() });
    }
    Ok(allows(&candidates.identity))
}

fn allowed(entry: &Entry) -> Verdict {
    Verdict::Allowed { by: Some(entry.matched()) }
}

fn explicit(entry: &Entry) -> Verdict {
    Verdict::Denied { reason: DenyReason::Explicit { by: entry.matched(), in_: entry.in_ } }
}

#[cfg(test)]
mod tests;
