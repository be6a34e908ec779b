//! Why a question is answered as it is: every statement about its action, and what became of it.

use std::collections::BTreeSet;

use crate::condition::Condition;
use crate::evaluate::evaluate;
use crate::policy::Policy;
use crate::principal::Naming;
use crate::question::{ContextValue, Question};
use crate::set::PolicySet;
use crate::statement::{Coverage, Effect, Statement};
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

/// Answers a question and says why. Slower than [`evaluate`]; for people who ask.
pub fn explain(question: &Question<'_>, set: &PolicySet, resource_policy: Option<&Policy>) -> Explanation {
    let action = question.action.to_ascii_lowercase();
    let mut explanation = Explanation {
        verdict: evaluate(question, set, resource_policy),
        statements: Vec::new(),
        other_actions: 0,
        missing_keys: Vec::new(),
    };
    let mut missing = BTreeSet::new();
    let of_resource = resource_policy.map_or(&[][..], |policy| policy.index().entries());
    for entry in set.index().entries().iter().chain(of_resource) {
        let statement = &entry.statement;
        if !statement.covers_action(&action) {
            explanation.other_actions += 1;
            continue;
        }
        if statement.coverage(question.resource) != Coverage::Apart {
            missing.extend(statement.keys().filter(|key| is_missing(key, question)));
        }
        explanation.statements.push(StatementExplanation {
            statement: entry.matched(),
            in_: entry.in_,
            effect: statement.effect,
            outcome: outcome(statement, question),
        });
    }
    explanation.missing_keys = missing.into_iter().map(str::to_owned).collect();
    explanation
}

fn is_missing(key: &str, question: &Question<'_>) -> bool {
    match question.context.get(key) {
        Some(ContextValue::One(_) | ContextValue::Unknown) => false,
        Some(ContextValue::Many(values)) => values.is_empty(),
        None => true,
    }
}

fn outcome(statement: &Statement, question: &Question<'_>) -> StatementOutcome {
    if statement.naming(question.principal) == Naming::Nobody {
        return StatementOutcome::Principal;
    }
    let covered = statement.covers_resource(question.resource, question.context);
    if !covered.holds_for(statement.effect) {
        return StatementOutcome::Resource;
    }
    // A condition that cannot be told is a failure of an Allow, and none of a Deny.
    let failed = |condition: &&Condition| {
        !condition.holds(question.context, statement.effect).holds_for(statement.effect)
    };
    match statement.conditions.iter().find(failed) {
        Some(condition) => StatementOutcome::Condition {
            operator: condition.operator_written.to_string(),
            key: condition.key_written.to_string(),
        },
        None => StatementOutcome::Matched,
    }
}

#[cfg(test)]
mod tests;
