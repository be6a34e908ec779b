//! Which of several problems of one expression is reported (semantics section 20.5).

use crate::ast::Offset;
use crate::{ExpressionError, ExpressionKind, ExpressionProblem};

/// The rules that are checked once the grammar is satisfied, for their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Parentheses,
    FunctionName,
    FunctionUse,
    /// Reserved words, and list indexes out of range.
    Names,
    RepeatedSection,
    DefinedName,
    DefinedValue,
    Overlap,
    Conflict,
    OperandCount,
    Distinct,
    OperandType,
    /// Counts and types of the operands of an update expression's functions.
    FunctionOperands,
    /// What key conditions may not say.
    KeyCondition,
}

/// For conditions and filters: earlier rules first, wherever in the text they are broken.
const CONDITION_ORDER: &[&[Rule]] = &[
    &[Rule::Parentheses],
    &[Rule::FunctionName],
    &[Rule::FunctionUse],
    &[Rule::Names],
    &[Rule::DefinedName, Rule::DefinedValue],
    &[Rule::OperandCount],
    &[Rule::Distinct],
    &[Rule::OperandType],
    &[Rule::KeyCondition],
];

const UPDATE_ORDER: &[&[Rule]] = &[
    &[Rule::Parentheses],
    &[Rule::Names],
    &[Rule::FunctionName],
    &[Rule::FunctionUse],
    &[Rule::RepeatedSection],
    &[Rule::DefinedName],
    &[Rule::DefinedValue],
    &[Rule::Overlap],
    &[Rule::Conflict],
    &[Rule::OperandType],
    &[Rule::FunctionOperands],
];

const PROJECTION_ORDER: &[&[Rule]] =
    &[&[Rule::Parentheses], &[Rule::Names], &[Rule::DefinedName], &[Rule::Overlap], &[Rule::Conflict]];

fn rank(kind: ExpressionKind, rule: Rule) -> usize {
    let order = match kind {
        ExpressionKind::Condition | ExpressionKind::Filter | ExpressionKind::KeyCondition => CONDITION_ORDER,
        ExpressionKind::Update => UPDATE_ORDER,
        ExpressionKind::Projection => PROJECTION_ORDER,
    };
    order.iter().position(|rules| rules.contains(&rule)).unwrap_or(order.len())
}

/// The problems of one expression, of which the one to report is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problems {
    kind: ExpressionKind,
    first: Option<Found>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    /// Smaller comes first.
    order: (u32, u32),
    offset: Offset,
    problem: ExpressionProblem,
}

impl Problems {
    pub(crate) fn new(kind: ExpressionKind) -> Self {
        Self { kind, first: None }
    }

    /// Notes a problem. Of two that rank the same, the one noted first stays.
    pub(crate) fn note(&mut self, rule: Rule, offset: Offset, problem: ExpressionProblem) {
        let rank = rank(self.kind, rule) as u32;
        let order = match self.kind {
            // From left to right, whatever the rule.
            ExpressionKind::KeyCondition => (offset.0, rank),
            _ => (rank, offset.0),
        };
        if self.first.as_ref().is_none_or(|first| order < first.order) {
            self.first = Some(Found { order, offset, problem });
        }
    }

    pub(crate) fn result(self) -> Result<(), ExpressionError> {
        match self.first {
            None => Ok(()),
            Some(found) => Err(ExpressionError {
                kind: self.kind,
                problem: found.problem,
                offset: Some(found.offset.0 as usize),
            }),
        }
    }
}
