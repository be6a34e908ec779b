//! The order in which policies are asked.

use crate::policy::Policy;
use crate::question::Question;
use crate::set::PolicySet;
use crate::verdict::{DenyReason, Verdict};

/// Answers a question from the caller's own policies and the policy of the resource, if it has one.
pub fn evaluate(question: &Question<'_>, _set: &PolicySet, _resource_policy: Option<&Policy>) -> Verdict {
    Verdict::Denied { reason: DenyReason::NoIdentityPolicy { action: question.action.to_owned() } }
}

/// Answers whether a caller may assume a role: the question's resource is the role's ARN and its action one of `sts`.
pub fn evaluate_trust(question: &Question<'_>, _set: &PolicySet, _trust_policy: &Policy) -> Verdict {
    Verdict::Denied { reason: DenyReason::NoTrustPolicy { action: question.action.to_owned() } }
}
