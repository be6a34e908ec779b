//! `ParsedKeyCondition`: a key condition from its text, and what a condition must not say to be one.
//!
//! The checks of conditions and those of key conditions apply together, and of all problems the one furthest to the
//! left is reported (semantics section 20.5). So nothing but the grammar is refused before the placeholders are known.

use super::{KeyClause, KeyCondition, KeyTest};
use crate::ast::{Comparator, Node, Offset, Op, PathText, Postfix, heap_bytes};
use crate::bind::Binder;
use crate::condition::bind_condition;
use crate::parse::Parser;
use crate::problems::{Problems, Rule};
use crate::{Bindings, ExpressionError, ExpressionKind, ExpressionProblem, Literal, Operand, Test};
use std::fmt;

/// A key condition as its text says it, placeholders still in it: what can be kept and bound again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedKeyCondition {
    nodes: Vec<Node>,
    /// What is wrong with it whatever its placeholders stand for.
    problems: Problems,
}

impl ParsedKeyCondition {
    /// Parses a `KeyConditionExpression`.
    ///
    /// # Errors
    /// A text that does not follow the grammar of conditions. Other problems are for [`bind`](Self::bind).
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser::new(ExpressionKind::KeyCondition, text)?;
        let nodes = parser.condition()?;
        let mut problems = parser.finish()?;
        Restrictions { problems: &mut problems, terms: Vec::new() }.check(&nodes);
        Ok(Self { nodes, problems })
    }

    /// Puts names and values in the place of placeholders.
    ///
    /// # Errors
    /// Of the rules of conditions and of key conditions, the one broken furthest to the left.
    pub fn bind(&self, bindings: &mut Bindings) -> Result<KeyCondition, ExpressionError> {
        let mut binder = Binder::new(bindings, self.problems.clone());
        let (condition, offsets) = bind_condition(&self.nodes, &mut binder);
        // Only tests joined by AND are left, or there is a problem. One with a problem of its own is not among them.
        let clauses = condition.tests().filter_map(clause).collect::<Vec<_>>();
        let whole = clauses.len() == offsets.len();
        let built = KeyCondition::new(clauses);
        if let (Err(repeated), true) = (&built, whole) {
            let offset = offsets.get(repeated.clause).copied().unwrap_or_default();
            let problem = ExpressionProblem::KeyRepeated { attribute: repeated.attribute.clone() };
            binder.problems.note(Rule::KeyCondition, offset, problem);
        }
        binder.problems.result()?;
        Ok(built.unwrap_or(KeyCondition { clauses: Vec::new() }))
    }

    /// Bytes it holds on the heap, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        heap_bytes(&self.nodes)
    }
}

impl fmt::Display for ParsedKeyCondition {
    /// A text that parses to the same key condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Postfix(&self.nodes).fmt(f)
    }
}

/// The clause that a test is; none if it is no test of one attribute against constants.
fn clause(test: &Test) -> Option<KeyClause> {
    let attribute = |operand: &Operand| match operand {
        Operand::Path(path) => Some(path.attribute.clone()),
        Operand::Literal(_) | Operand::Size(_) => None,
    };
    let literal = |operand: &Operand| match operand {
        Operand::Literal(value) => Some(value.clone()),
        Operand::Path(_) | Operand::Size(_) => None,
    };
    match test {
        Test::Compare { left, comparator, right } => {
            let (attribute, comparator, value) = match attribute(left) {
                Some(attribute) => (attribute, *comparator, literal(right)?),
                None => (attribute(right)?, comparator.flipped(), literal(left)?),
            };
            Some(KeyClause { attribute, test: comparison(comparator, value)? })
        }
        Test::Between { operand, lower, upper } => Some(KeyClause {
            attribute: attribute(operand)?,
            test: KeyTest::Between(literal(lower)?, literal(upper)?),
        }),
        Test::BeginsWith { operand, prefix } => {
            Some(KeyClause { attribute: attribute(operand)?, test: KeyTest::BeginsWith(literal(prefix)?) })
        }
        _ => None,
    }
}

fn comparison(comparator: Comparator, value: Literal) -> Option<KeyTest> {
    match comparator {
        Comparator::Eq => Some(KeyTest::Eq(value)),
        Comparator::Ne => None,
        Comparator::Lt => Some(KeyTest::Lt(value)),
        Comparator::Le => Some(KeyTest::Le(value)),
        Comparator::Gt => Some(KeyTest::Gt(value)),
        Comparator::Ge => Some(KeyTest::Ge(value)),
    }
}

/// What an operation leaves for the next one, as far as the restrictions on key conditions care.
#[derive(Clone, Copy)]
enum Term {
    Attribute(Offset),
    Constant(Offset),
    /// A function, which has been noted.
    Call(Offset),
    Condition(Offset),
}

impl Term {
    fn offset(self) -> Offset {
        match self {
            Self::Attribute(offset)
            | Self::Constant(offset)
            | Self::Call(offset)
            | Self::Condition(offset) => offset,
        }
    }
}

/// Finds what a condition says that a key condition must not.
struct Restrictions<'p> {
    problems: &'p mut Problems,
    terms: Vec<Term>,
}

impl Restrictions<'_> {
    fn check(mut self, nodes: &[Node]) {
        for node in nodes {
            let term = self.check_node(node);
            self.terms.push(term);
        }
    }

    fn note(&mut self, offset: Offset, problem: ExpressionProblem) {
        self.problems.note(Rule::KeyCondition, offset, problem);
    }

    fn refuse_operator(&mut self, offset: Offset, operator: &str) {
        self.note(offset, ExpressionProblem::KeyOperator { operator: operator.to_owned() });
    }

    fn check_node(&mut self, node: &Node) -> Term {
        let offset = node.offset;
        let mut take = |count: usize| self.terms.split_off(self.terms.len().saturating_sub(count));
        match &node.op {
            Op::Path(path) => {
                self.check_path(path);
                return Term::Attribute(offset);
            }
            Op::Value(_) => return Term::Constant(offset),
            Op::Call { name, arguments } => {
                let operands = take(*arguments);
                match &**name {
                    "begins_with" => self.check_attribute_first("begins_with", &operands),
                    "size" => {
                        self.note(offset, ExpressionProblem::KeyNestedOperation);
                        return Term::Call(offset);
                    }
                    other => self.refuse_operator(offset, other),
                }
            }
            Op::Compare(comparator) => {
                let operands = take(2);
                if *comparator == Comparator::Ne {
                    self.refuse_operator(offset, comparator.symbol());
                }
                self.check_one_attribute(&operands);
            }
            Op::Between => {
                let operands = take(3);
                self.check_attribute_first("BETWEEN", &operands);
            }
            Op::In { alternatives } => {
                take(*alternatives + 1);
                self.refuse_operator(offset, "IN");
            }
            Op::Not => {
                take(1);
                self.refuse_operator(offset, "NOT");
            }
            Op::Or => {
                take(2);
                self.refuse_operator(offset, "OR");
            }
            Op::And => {
                take(2);
            }
            Op::Sum(_) => {}
        }
        Term::Condition(offset)
    }

    fn check_path(&mut self, path: &PathText) {
        if let [_, step, ..] = path.0.as_slice() {
            self.note(step.offset, ExpressionProblem::KeyNestedPath);
        }
    }

    /// Checks that the operands are one attribute and otherwise constants. Functions have been noted.
    fn check_one_attribute(&mut self, operands: &[Term]) {
        let mut attributes = operands.iter().filter(|term| matches!(term, Term::Attribute(_)));
        let has_call = operands.iter().any(|term| matches!(term, Term::Call(_) | Term::Condition(_)));
        match (attributes.next(), attributes.next()) {
            (_, Some(second)) => self.note(second.offset(), ExpressionProblem::KeySeveralAttributes),
            (None, None) if !has_call => {
                let offset = operands.first().map(|term| term.offset()).unwrap_or_default();
                self.note(offset, ExpressionProblem::KeyNoAttribute);
            }
            _ => {}
        }
    }

    /// Checks that the first operand is the attribute and the others are constants.
    fn check_attribute_first(&mut self, operator: &'static str, operands: &[Term]) {
        self.check_one_attribute(operands);
        if let Some(attribute) = operands.iter().skip(1).find(|term| matches!(term, Term::Attribute(_)))
            && !matches!(operands.first(), Some(Term::Attribute(_)))
        {
            self.note(attribute.offset(), ExpressionProblem::KeyAttributeNotFirst { operator });
        }
    }
}
