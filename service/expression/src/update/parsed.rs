//! `ParsedUpdate`: an update from its text, and the checks on it once its placeholders are known.

use super::{Update, UpdateAction, UpdateValue};
use crate::ast::{Node, Offset, Op, PathText, Postfix, Sign, heap_bytes};
use crate::bind::Binder;
use crate::lexer::Lexeme;
use crate::parse::Parser;
use crate::problems::{Problems, Rule};
use crate::projection::path_tree;
use crate::{Bindings, DocumentPath, ExpressionError, ExpressionKind, ExpressionProblem, Literal};
use cairn_model::AttributeValue;
use std::fmt;

/// An update as its text says it, placeholders still in it: what can be kept and bound again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedUpdate {
    /// Actions of one section follow each other.
    actions: Vec<ActionText>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ActionText {
    section: Section,
    target: PathText,
    /// Nothing for `REMOVE`, one placeholder for `ADD` and `DELETE`.
    value: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Set,
    Remove,
    Add,
    Delete,
}

/// What an action does, wherever it does it.
enum Change {
    Set(UpdateValue),
    Remove,
    Add(Literal),
    Delete(Literal),
}

impl Change {
    fn at(self, target: DocumentPath) -> UpdateAction {
        match self {
            Self::Set(value) => UpdateAction::Set { target, value },
            Self::Remove => UpdateAction::Remove { target },
            Self::Add(value) => UpdateAction::Add { target, value },
            Self::Delete(value) => UpdateAction::Delete { target, value },
        }
    }
}

impl Section {
    const ALL: [Self; 4] = [Self::Set, Self::Remove, Self::Add, Self::Delete];

    fn keyword(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Remove => "REMOVE",
            Self::Add => "ADD",
            Self::Delete => "DELETE",
        }
    }

    /// Whether `ADD` or `DELETE` can do something with a value; `SET` can with any.
    fn accepts(self, value: &AttributeValue) -> bool {
        let is_set = matches!(value, AttributeValue::Ss(_) | AttributeValue::Ns(_) | AttributeValue::Bs(_));
        match self {
            Self::Add => is_set || matches!(value, AttributeValue::N(_)),
            Self::Delete => is_set,
            Self::Set | Self::Remove => true,
        }
    }
}

/// A type as the messages about `ADD` and `DELETE` spell it.
fn type_in_words(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::S(_) => "STRING",
        AttributeValue::N(_) => "NUMBER",
        AttributeValue::B(_) => "BINARY",
        AttributeValue::Bool(_) => "BOOLEAN",
        AttributeValue::Null => "NULL",
        AttributeValue::L(_) => "LIST",
        AttributeValue::M(_) => "MAP",
        AttributeValue::Ss(_) => "STRING_SET",
        AttributeValue::Ns(_) => "NUMBER_SET",
        AttributeValue::Bs(_) => "BINARY_SET",
    }
}

impl ParsedUpdate {
    /// Parses an `UpdateExpression`.
    ///
    /// # Errors
    /// The first rule the text breaks whatever its placeholders stand for.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser::new(ExpressionKind::Update, text)?;
        let mut actions = Vec::new();
        let mut seen: Vec<Section> = Vec::new();
        loop {
            let keyword = parser.take_keyword(&Section::ALL.map(Section::keyword));
            let section = keyword.and_then(|(keyword, offset)| {
                Some((Section::ALL.into_iter().find(|section| section.keyword() == keyword)?, offset))
            });
            let Some((section, offset)) = section else { return Err(parser.syntax_error()) };
            if seen.contains(&section) {
                let problem = ExpressionProblem::RepeatedSection { section: section.keyword() };
                parser.problems.note(Rule::RepeatedSection, offset, problem);
            }
            seen.push(section);
            loop {
                actions.push(ActionText::parse(section, &mut parser)?);
                if parser.take_if(Lexeme::Comma).is_none() {
                    break;
                }
            }
            if parser.at_end() {
                break;
            }
        }
        parser.finish()?.result()?;
        Ok(Self { actions })
    }

    /// Puts names and values in the place of placeholders.
    ///
    /// # Errors
    /// The first rule the update breaks, in the order of semantics section 20.5.
    pub fn bind(&self, bindings: &mut Bindings) -> Result<Update, ExpressionError> {
        let mut binder = Binder::new(bindings, Problems::new(ExpressionKind::Update));
        let targets: Vec<_> = self.actions.iter().map(|action| binder.path(&action.target)).collect();
        let changes: Vec<_> = self.actions.iter().map(|action| action.bind_change(&mut binder)).collect();
        // Clashes of targets rank before problems of values, so the targets are all looked at.
        let (offsets, defined): (Vec<_>, Vec<_>) = self
            .actions
            .iter()
            .zip(&targets)
            .filter_map(|(action, target)| Some((action.target.offset(), target.as_ref()?)))
            .unzip();
        let (tree, clashes) = path_tree(&defined);
        for (rule, clash) in clashes {
            let offset = offsets.get(clash.later).copied().unwrap_or_default();
            binder.problems.note(rule, offset, clash.problem);
        }
        binder.problems.result()?;
        // Without a problem, no target and no change is missing.
        let actions = targets.into_iter().zip(changes);
        Ok(Update {
            actions: actions.filter_map(|(target, change)| Some(change?.at(target?))).collect(),
            tree,
        })
    }

    /// Bytes it holds on the heap, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let actions =
            self.actions.iter().map(|action| action.target.heap_bytes() + heap_bytes(&action.value));
        size_of_val(self.actions.as_slice()) + actions.sum::<usize>()
    }
}

impl fmt::Display for ParsedUpdate {
    /// A text that parses to the same update.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = None;
        for action in &self.actions {
            match section {
                Some(section) if section == action.section => f.write_str(", ")?,
                None => write!(f, "{} ", action.section.keyword())?,
                Some(_) => write!(f, " {} ", action.section.keyword())?,
            }
            section = Some(action.section);
            write!(f, "{}", action.target)?;
            match action.section {
                Section::Set => write!(f, " = {}", Postfix(&action.value))?,
                Section::Remove => {}
                Section::Add | Section::Delete => write!(f, " {}", Postfix(&action.value))?,
            }
        }
        Ok(())
    }
}

impl ActionText {
    fn parse(section: Section, parser: &mut Parser<'_>) -> Result<Self, ExpressionError> {
        let target = parser.path()?;
        let value = match section {
            Section::Set => {
                parser.expect(Lexeme::Comparator(crate::Comparator::Eq))?;
                parser.set_value()?
            }
            Section::Remove => Vec::new(),
            Section::Add | Section::Delete => vec![parser.value_placeholder()?],
        };
        Ok(Self { section, target, value })
    }

    /// What the action does. None if it has a problem, which has been noted.
    fn bind_change(&self, binder: &mut Binder<'_>) -> Option<Change> {
        match self.section {
            Section::Set => bind_value(&self.value, binder).map(Change::Set),
            Section::Remove => Some(Change::Remove),
            Section::Add => self.bind_literal(binder).map(Change::Add),
            Section::Delete => self.bind_literal(binder).map(Change::Delete),
        }
    }

    /// The value of an `ADD` or `DELETE`. Of a type that its section cannot use, it is noted.
    fn bind_literal(&self, binder: &mut Binder<'_>) -> Option<Literal> {
        let [Node { offset, op: Op::Value(placeholder) }] = self.value.as_slice() else { return None };
        let value = binder.value(placeholder, *offset)?;
        if !self.section.accepts(&value) {
            let problem = ExpressionProblem::SectionOperandType {
                section: self.section.keyword(),
                operand_type: type_in_words(&value),
            };
            binder.problems.note(Rule::OperandType, *offset, problem);
        }
        Some(value)
    }
}

/// An operand, and where it is written. None if it has a problem, which has been noted.
struct Term {
    offset: Offset,
    value: Option<UpdateValue>,
}

/// Binds the right side of a `SET` and notes every problem on the way.
fn bind_value(nodes: &[Node], binder: &mut Binder<'_>) -> Option<UpdateValue> {
    let mut terms: Vec<Term> = Vec::new();
    for node in nodes {
        let offset = node.offset;
        let value = match &node.op {
            Op::Path(path) => binder.path(path).map(UpdateValue::from),
            Op::Value(placeholder) => binder.value(placeholder, offset).map(UpdateValue::from),
            Op::Call { name, arguments } => {
                let arguments = terms.split_off(terms.len().saturating_sub(*arguments));
                bind_call(offset, name, arguments, binder)
            }
            Op::Sum(sign) => bind_sum(terms.pop(), *sign, terms.pop(), binder),
            // Only conditions have these, and their own binder.
            Op::Compare(_) | Op::Between | Op::In { .. } | Op::Not | Op::And | Op::Or => None,
        };
        terms.push(Term { offset, value });
    }
    terms.pop()?.value
}

fn bind_sum(
    right: Option<Term>,
    sign: Sign,
    left: Option<Term>,
    binder: &mut Binder<'_>,
) -> Option<UpdateValue> {
    let (left, right) = left.zip(right)?;
    for term in [&left, &right] {
        check_type(sign.symbol(), term, "N", Rule::OperandType, binder);
    }
    Some(left.value?.sum(sign, right.value?))
}

fn bind_call(
    offset: Offset,
    name: &str,
    arguments: Vec<Term>,
    binder: &mut Binder<'_>,
) -> Option<UpdateValue> {
    let count = arguments.len();
    let mut arguments = arguments.into_iter();
    match (name, arguments.next(), arguments.next(), count) {
        ("if_not_exists", Some(path), Some(otherwise), 2) => {
            let value = path.value?;
            let Some(tested) = value.as_path() else {
                let problem = ExpressionProblem::NeedsPath { operator: name.to_owned() };
                binder.problems.note(Rule::FunctionOperands, path.offset, problem);
                return None;
            };
            Some(UpdateValue::if_not_exists(tested.clone(), otherwise.value?))
        }
        ("list_append", Some(left), Some(right), 2) => {
            for term in [&left, &right] {
                check_type(name, term, "L", Rule::FunctionOperands, binder);
            }
            Some(left.value?.list_append(right.value?))
        }
        _ => {
            let problem = ExpressionProblem::OperandCount { operator: name.to_owned(), count };
            binder.problems.note(Rule::FunctionOperands, offset, problem);
            None
        }
    }
}

/// Notes an operand whose type is known and not `needed`.
fn check_type(operator: &str, term: &Term, needed: &str, rule: Rule, binder: &mut Binder<'_>) {
    let static_type = term.value.as_ref().and_then(UpdateValue::static_type);
    if let Some(operand_type) = static_type.filter(|found| *found != needed) {
        let problem = ExpressionProblem::OperandType { operator: operator.to_owned(), operand_type };
        binder.problems.note(rule, term.offset, problem);
    }
}
