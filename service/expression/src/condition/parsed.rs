//! `ParsedCondition`: a condition or filter from its text, and the checks on it once its placeholders are known.

use super::evaluate::{order, size_of_value};
use super::{AttributeType, Condition, Operand, Test};
use crate::ast::{Comparator, Node, Offset, Op, Postfix, heap_bytes};
use crate::bind::Binder;
use crate::parse::Parser;
use crate::problems::{Problems, Rule};
use crate::{Bindings, DocumentPath, ExpressionError, ExpressionKind, ExpressionProblem, Literal};
use cairn_model::AttributeValue;
use std::fmt;

/// The most alternatives of an `IN`. The documentation says 100; live, 99 are known to work (semantics section 5.2).
const IN_ALTERNATIVES_MAX: usize = 100;
/// How much of a text that names no type an error repeats.
const SHOWN_TYPE_NAME_CHARS_MAX: usize = 32;

/// A condition or filter as its text says it, placeholders still in it: what can be kept and bound again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCondition {
    kind: ExpressionKind,
    nodes: Vec<Node>,
}

impl ParsedCondition {
    /// Parses a `ConditionExpression`.
    ///
    /// # Errors
    /// The first rule the text breaks whatever its placeholders stand for.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Self::parse_as(ExpressionKind::Condition, text)
    }

    /// Parses a `FilterExpression`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_filter(text: &str) -> Result<Self, ExpressionError> {
        Self::parse_as(ExpressionKind::Filter, text)
    }

    fn parse_as(kind: ExpressionKind, text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser::new(kind, text)?;
        let nodes = parser.condition()?;
        parser.finish()?.result()?;
        Ok(Self { kind, nodes })
    }

    /// Puts names and values in the place of placeholders.
    ///
    /// # Errors
    /// The first rule the condition breaks, in the order of semantics section 20.5.
    pub fn bind(&self, bindings: &mut Bindings) -> Result<Condition, ExpressionError> {
        let mut binder = Binder::new(bindings, Problems::new(self.kind));
        let (condition, _) = bind_condition(&self.nodes, &mut binder);
        binder.problems.result()?;
        Ok(condition)
    }

    /// Bytes it holds on the heap, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        heap_bytes(&self.nodes)
    }
}

impl fmt::Display for ParsedCondition {
    /// A text that parses to the same condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Postfix(&self.nodes).fmt(f)
    }
}

/// What the operations so far have left for the next ones.
enum Term {
    Operand(BoundOperand),
    Condition(Condition),
}

/// An operand, and where it is written. None if it has a problem, which has been noted.
struct BoundOperand {
    offset: Offset,
    operand: Option<Operand>,
}

impl BoundOperand {
    /// The type that the operand has whatever the item.
    fn static_type(&self) -> Option<&'static str> {
        match self.operand.as_ref()? {
            Operand::Literal(value) => Some(value.type_name()),
            Operand::Size(_) => Some("N"),
            Operand::Path(_) => None,
        }
    }

    fn path(&self) -> Option<&DocumentPath> {
        match &self.operand {
            Some(Operand::Path(path)) => Some(path),
            _ => None,
        }
    }

    fn literal(&self) -> Option<&Literal> {
        match &self.operand {
            Some(Operand::Literal(value)) => Some(value),
            _ => None,
        }
    }
}

/// Binds operations and notes every problem on the way. Gives the condition, which is whole if there is no problem,
/// and where its tests are written, in their order.
pub(crate) fn bind_condition(nodes: &[Node], binder: &mut Binder<'_>) -> (Condition, Vec<Offset>) {
    let mut conditions = ConditionBinder { binder, terms: Vec::new(), tests: Vec::new() };
    for node in nodes {
        conditions.bind(node);
    }
    let condition = conditions.take_condition();
    (condition, conditions.tests)
}

struct ConditionBinder<'c, 'b> {
    binder: &'c mut Binder<'b>,
    terms: Vec<Term>,
    tests: Vec<Offset>,
}

impl ConditionBinder<'_, '_> {
    fn bind(&mut self, node: &Node) {
        let offset = node.offset;
        let term = match &node.op {
            Op::Path(path) => {
                let operand = self.binder.path(path).map(Operand::Path);
                Term::Operand(BoundOperand { offset, operand })
            }
            Op::Value(placeholder) => {
                let operand = self.binder.value(placeholder, offset).map(Operand::Literal);
                Term::Operand(BoundOperand { offset, operand })
            }
            Op::Call { name, arguments } => {
                let arguments = self.take_operands(*arguments);
                self.call(offset, name, arguments)
            }
            Op::Compare(comparator) => {
                let (right, left) = (self.take_operand(), self.take_operand());
                self.compare(left, *comparator, right)
            }
            Op::Between => {
                let (upper, lower) = (self.take_operand(), self.take_operand());
                let operand = self.take_operand();
                self.between(operand, lower, upper)
            }
            Op::In { alternatives } => {
                let alternatives = self.take_operands(*alternatives);
                let operand = self.take_operand();
                self.one_of(offset, operand, alternatives)
            }
            Op::Not => Term::Condition(self.take_condition().not()),
            Op::And => {
                let (right, left) = (self.take_condition(), self.take_condition());
                Term::Condition(left.and(right))
            }
            Op::Or => {
                let (right, left) = (self.take_condition(), self.take_condition());
                Term::Condition(left.or(right))
            }
            // Only update expressions have sums, and their own binder.
            Op::Sum(_) => Term::Condition(Condition::default()),
        };
        self.terms.push(term);
    }

    /// The last term as an operand. One that is none has been noted by the parser.
    fn take_operand(&mut self) -> BoundOperand {
        match self.terms.pop() {
            Some(Term::Operand(operand)) => operand,
            Some(Term::Condition(_)) | None => BoundOperand { offset: Offset::default(), operand: None },
        }
    }

    fn take_operands(&mut self, count: usize) -> Vec<BoundOperand> {
        let mut operands: Vec<_> = (0..count).map(|_| self.take_operand()).collect();
        operands.reverse();
        operands
    }

    /// The last term as a condition. One that is none has been noted by the parser.
    fn take_condition(&mut self) -> Condition {
        match self.terms.pop() {
            Some(Term::Condition(condition)) => condition,
            Some(Term::Operand(_)) | None => Condition::default(),
        }
    }

    fn note(&mut self, rule: Rule, offset: Offset, problem: ExpressionProblem) {
        self.binder.problems.note(rule, offset, problem);
    }

    /// A test as a term; without one, there is a problem that has been noted.
    fn test(&mut self, offset: Offset, test: Option<Test>) -> Term {
        self.tests.push(offset);
        Term::Condition(test.map(Condition::from).unwrap_or_default())
    }

    fn compare(&mut self, left: BoundOperand, comparator: Comparator, right: BoundOperand) -> Term {
        let offset = left.offset;
        self.check_distinct(comparator.symbol(), &left, &right);
        if comparator.is_ordering() {
            for operand in [&left, &right] {
                self.check_type(comparator.symbol(), operand, &["S", "N", "B"]);
            }
        }
        let operands = left.operand.zip(right.operand);
        self.test(offset, operands.map(|(left, right)| Test::Compare { left, comparator, right }))
    }

    fn between(&mut self, operand: BoundOperand, lower: BoundOperand, upper: BoundOperand) -> Term {
        let offset = operand.offset;
        let ordered = [&operand, &lower, &upper]
            .map(|operand| self.check_type("BETWEEN", operand, &["S", "N", "B"]))
            .into_iter()
            .all(|ordered| ordered);
        if let (true, Some(low), Some(high)) = (ordered, lower.literal(), upper.literal()) {
            let problem = match order(low, high) {
                None => {
                    Some(ExpressionProblem::BoundTypes { lower: (&**low).into(), upper: (&**high).into() })
                }
                Some(order) if order.is_gt() => {
                    Some(ExpressionProblem::BoundOrder { lower: (&**low).into(), upper: (&**high).into() })
                }
                Some(_) => None,
            };
            if let Some(problem) = problem {
                self.note(Rule::OperandType, lower.offset, problem);
            }
        }
        let operands = operand.operand.zip(lower.operand.zip(upper.operand));
        let test = operands.map(|(operand, (lower, upper))| Test::Between { operand, lower, upper });
        self.test(offset, test)
    }

    fn one_of(&mut self, offset: Offset, operand: BoundOperand, alternatives: Vec<BoundOperand>) -> Term {
        if alternatives.len() > IN_ALTERNATIVES_MAX {
            let problem =
                ExpressionProblem::OperandCount { operator: "IN".to_owned(), count: alternatives.len() + 1 };
            self.note(Rule::OperandCount, offset, problem);
        }
        let offset = operand.offset;
        let alternatives = alternatives.into_iter().map(|alternative| alternative.operand).collect();
        let operands = operand.operand.zip(alternatives);
        self.test(offset, operands.map(|(operand, alternatives)| Test::In { operand, alternatives }))
    }

    fn call(&mut self, offset: Offset, name: &str, arguments: Vec<BoundOperand>) -> Term {
        let count = arguments.len();
        let mut arguments = arguments.into_iter();
        match (name, arguments.next(), arguments.next(), count) {
            ("size", Some(operand), None, 1) => self.size(offset, operand),
            ("attribute_exists", Some(operand), None, 1) => {
                let path = self.needed_path(name, operand);
                self.test(offset, path.map(Test::Exists))
            }
            ("attribute_not_exists", Some(operand), None, 1) => {
                let path = self.needed_path(name, operand);
                self.test(offset, path.map(Test::NotExists))
            }
            ("attribute_type", Some(operand), Some(named), 2) => {
                let attribute_type = self.attribute_type(&named);
                let operands = operand.operand.zip(attribute_type);
                self.test(offset, operands.map(|(operand, named)| Test::HasType(operand, named)))
            }
            ("begins_with", Some(operand), Some(prefix), 2) => {
                self.check_distinct(name, &operand, &prefix);
                for operand in [&operand, &prefix] {
                    self.check_type(name, operand, &["S", "B"]);
                }
                let operands = operand.operand.zip(prefix.operand);
                self.test(offset, operands.map(|(operand, prefix)| Test::BeginsWith { operand, prefix }))
            }
            ("contains", Some(container), Some(part), 2) => {
                self.check_distinct(name, &container, &part);
                let operands = container.operand.zip(part.operand);
                self.test(offset, operands.map(|(container, part)| Test::Contains { container, part }))
            }
            _ => {
                // An unknown function has been noted by the parser, and ranks before its operands.
                let problem = ExpressionProblem::OperandCount { operator: name.to_owned(), count };
                self.note(Rule::OperandCount, offset, problem);
                match name {
                    "size" => Term::Operand(BoundOperand { offset, operand: None }),
                    _ => self.test(offset, None),
                }
            }
        }
    }

    fn size(&mut self, offset: Offset, operand: BoundOperand) -> Term {
        let sized = self.check_type("size", &operand, &["S", "B", "SS", "NS", "BS", "L", "M"]);
        let size = match operand.operand.filter(|_| sized) {
            Some(Operand::Path(path)) => Some(Operand::Size(path)),
            // The size of a constant is a constant.
            Some(Operand::Literal(value)) => {
                size_of_value(&value).map(|size| Operand::Literal(AttributeValue::N(size).into()))
            }
            Some(Operand::Size(_)) | None => None,
        };
        Term::Operand(BoundOperand { offset, operand: size })
    }

    fn needed_path(&mut self, function: &str, operand: BoundOperand) -> Option<DocumentPath> {
        match operand.operand? {
            Operand::Path(path) => Some(path),
            Operand::Literal(_) | Operand::Size(_) => {
                let problem = ExpressionProblem::NeedsPath { operator: function.to_owned() };
                self.note(Rule::OperandType, operand.offset, problem);
                None
            }
        }
    }

    fn attribute_type(&mut self, named: &BoundOperand) -> Option<AttributeType> {
        let name = match named.operand.as_ref()? {
            Operand::Literal(value) => match &**value {
                AttributeValue::S(name) => name,
                other => return self.wrong_attribute_type_operand(named.offset, other.type_name()),
            },
            Operand::Size(_) => return self.wrong_attribute_type_operand(named.offset, "N"),
            // Could be of any type, and is none that names one.
            Operand::Path(_) => {
                return self.wrong_attribute_type_operand(named.offset, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
            }
        };
        let attribute_type = AttributeType::from_name(name);
        if attribute_type.is_none() {
            let shown = name.chars().take(SHOWN_TYPE_NAME_CHARS_MAX).collect();
            let problem = ExpressionProblem::AttributeTypeName { name: shown };
            self.note(Rule::OperandType, named.offset, problem);
        }
        attribute_type
    }

    fn wrong_attribute_type_operand(
        &mut self,
        offset: Offset,
        operand_type: &'static str,
    ) -> Option<AttributeType> {
        let problem = ExpressionProblem::OperandType { operator: "attribute_type".to_owned(), operand_type };
        self.note(Rule::OperandType, offset, problem);
        None
    }

    /// Notes an operand whose type is known and not one of `accepted`. Gives whether all is well.
    fn check_type(&mut self, operator: &str, operand: &BoundOperand, accepted: &[&str]) -> bool {
        match operand.static_type() {
            Some(operand_type) if !accepted.contains(&operand_type) => {
                let problem = ExpressionProblem::OperandType { operator: operator.to_owned(), operand_type };
                self.note(Rule::OperandType, operand.offset, problem);
                false
            }
            _ => true,
        }
    }

    /// Notes operands that are the same path.
    fn check_distinct(&mut self, operator: &str, left: &BoundOperand, right: &BoundOperand) {
        if let (Some(left_path), Some(right_path)) = (left.path(), right.path())
            && left_path == right_path
        {
            let problem = ExpressionProblem::NotDistinct {
                operator: operator.to_owned(),
                operand: left_path.to_string(),
            };
            self.note(Rule::Distinct, left.offset, problem);
        }
    }
}
