//! Why a question is answered as it is: every statement about its action, and what became of it.

use crate::policy::Policy;
use crate::question::Question;
use crate::set::PolicySet;
use crate::statement::Effect;
use crate::verdict::{MatchedStatement, PolicyType, Verdict};

/// A verdict with all that speaks for and against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What [`evaluate`](crate::evaluate) answers.
    pub verdict: Verdict,
    /// Every statement about the action, in the order identity-based policies, permissions boundary, session policy,
    /// resource policy, and as written within each.
    pub statements: Vec<StatementExplanation>,
    /// How many statements are about other actions only.
    pub other_actions: usize,
    /// The condition keys, in lower case and sorted, that statements about the action and the resource look at and
    /// that the request does not have.
    pub missing_keys: Vec<String>,
}

/// What became of one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementExplanation {
    /// The statement.
    pub statement: MatchedStatement,
    /// The part its policy plays.
    pub in_: PolicyType,
    /// What it does when it matches.
    pub effect: Effect,
    /// Whether it matched, and if not, on what it failed.
    pub outcome: StatementOutcome,
}

/// Whether a statement matched, and if not, the first thing on which it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementOutcome {
    /// It matched, and so has its effect.
    Matched,
    /// It is about other callers.
    Principal,
    /// It is about other resources.
    Resource,
    /// One of its conditions does not hold.
    Condition {
        /// The operator as written: `ForAllValues:StringEquals`.
        operator: String,
        /// The key as written.
        key: String,
    },
}

/// Answers a question and says why. Slower than [`evaluate`](crate::evaluate); for people who ask.
pub fn explain(question: &Question<'_>, set: &PolicySet, resource_policy: Option<&Policy>) -> Explanation {
    let verdict = crate::evaluate::evaluate(question, set, resource_policy);
    Explanation { verdict, statements: Vec::new(), other_actions: 0, missing_keys: Vec::new() }
}
