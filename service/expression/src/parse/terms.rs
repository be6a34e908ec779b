//! From tokens to operations in postfix order: one operator-precedence parser for conditions, `SET` values and
//! document paths (semantics sections 5.4, 5.6, 5.7).
//!
//! What has been opened and not closed waits on a stack on the heap, so no text makes the parser recurse.

use super::{Parser, UPDATE_FUNCTIONS};
use crate::ast::{Comparator, Node, Offset, Op, PathText, Sign};
use crate::lexer::{Lexeme, Token};
use crate::problems::Rule;
use crate::{ExpressionError, ExpressionProblem};

/// Which part of the grammar is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    /// A condition, up to the end of the text.
    Condition,
    /// The right side of a `SET`.
    Value,
    /// A document path.
    Path,
}

/// What has been read last.
#[derive(Clone, Debug)]
struct Term {
    sort: Sort,
    offset: Offset,
    /// Whether parentheses stand directly around it.
    wrapped: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sort {
    /// An operand that can be continued by `.` or `[`.
    Path,
    /// An operand.
    Value,
    /// A function: an operand or a condition, as it is used.
    Call(Box<str>),
    /// A condition or a sum: no operand any more.
    Complete,
}

/// What has been opened and waits for more.
#[derive(Clone, Debug)]
enum Open {
    Group {
        offset: Offset,
        /// Whether a condition or a sum may stand inside.
        whole: bool,
    },
    Call {
        offset: Offset,
        name: Box<str>,
        arguments: usize,
    },
    In {
        offset: Offset,
        alternatives: usize,
    },
    Compare(Offset, Comparator),
    Sum(Offset, Sign),
    Between {
        offset: Offset,
        /// Whether its `AND` has been read.
        and: bool,
    },
    Not(Offset),
    And(Offset),
    Or(Offset),
}

/// What can come next after a term.
enum Next {
    /// Another operand or condition.
    Term,
    /// Nothing: the text that belongs to the term has been read.
    Done,
}

/// Reads one term, however deep, for a parser.
pub(super) struct Terms<'p, 't> {
    parser: &'p mut Parser<'t>,
    grammar: Grammar,
    open: Vec<Open>,
    nodes: Vec<Node>,
}

impl<'p, 't> Terms<'p, 't> {
    pub(super) fn new(parser: &'p mut Parser<'t>, grammar: Grammar) -> Self {
        Self { parser, grammar, open: Vec::new(), nodes: Vec::new() }
    }

    pub(super) fn read(mut self) -> Result<Vec<Node>, ExpressionError> {
        loop {
            let mut term = self.first_of_term()?;
            if let Next::Done = self.rest_of_term(&mut term)? {
                return Ok(self.nodes);
            }
        }
    }

    fn emit(&mut self, offset: Offset, op: Op) {
        let counted = match op {
            Op::Path(_) | Op::Value(_) | Op::Call { .. } => 0,
            Op::Compare(_) | Op::Between | Op::In { .. } | Op::Not | Op::And | Op::Or | Op::Sum(_) => 1,
        };
        self.parser.operators += counted;
        self.nodes.push(Node { offset, op });
    }

    /// Whether a condition or a sum, and not only an operand, may stand here.
    fn whole_allowed(&self) -> bool {
        match self.open.last() {
            None => self.grammar != Grammar::Path,
            Some(Open::Group { whole, .. }) => *whole,
            Some(Open::Not(_) | Open::And(_) | Open::Or(_)) => true,
            Some(
                Open::Call { .. }
                | Open::In { .. }
                | Open::Compare(..)
                | Open::Sum(..)
                | Open::Between { .. },
            ) => false,
        }
    }

    /// Reads what stands in front of an operand, and the operand up to where it can be continued.
    fn first_of_term(&mut self) -> Result<Term, ExpressionError> {
        loop {
            let token = self.parser.tokens.current();
            let offset = token.offset();
            let term = |sort| Ok(Term { sort, offset, wrapped: false });
            match token.lexeme {
                Lexeme::Open => {
                    let whole = self.whole_allowed();
                    self.open.push(Open::Group { offset, whole });
                    self.parser.tokens.take();
                }
                Lexeme::Word if self.opened_not() || self.opened_call(token) => {}
                Lexeme::Word | Lexeme::NamePlaceholder => {
                    return self.path_operand().and_then(|()| term(Sort::Path));
                }
                Lexeme::ValuePlaceholder if self.grammar != Grammar::Path => {
                    let node = self.parser.value_placeholder()?;
                    self.nodes.push(node);
                    return term(Sort::Value);
                }
                _ => return Err(self.parser.syntax_error()),
            }
        }
    }

    /// Takes a `NOT`, if that is what comes and may.
    fn opened_not(&mut self) -> bool {
        let not = (self.grammar == Grammar::Condition && self.whole_allowed())
            .then(|| self.parser.take_keyword(&["NOT"]))
            .flatten();
        self.open.extend(not.map(|(_, offset)| Open::Not(offset)));
        not.is_some()
    }

    /// Takes a function's name and its parenthesis, if that is what comes.
    fn opened_call(&mut self, token: Token) -> bool {
        let is_call = self.grammar != Grammar::Path
            && self.parser.tokens.following().lexeme == Lexeme::Open
            && self.parser.keyword_of(token, self.parser.keywords()).is_none();
        if is_call {
            let name = self.parser.tokens.text(token);
            if !self.parser.functions().contains(&name) {
                let function = name.to_owned();
                let problem = if self.grammar == Grammar::Condition && UPDATE_FUNCTIONS.contains(&name) {
                    ExpressionProblem::UpdateFunction { function }
                } else {
                    ExpressionProblem::UnknownFunction { function }
                };
                self.parser.problems.note(Rule::FunctionName, token.offset(), problem);
            }
            self.open.push(Open::Call { offset: token.offset(), name: name.into(), arguments: 0 });
            self.parser.tokens.take();
            self.parser.tokens.take();
        }
        is_call
    }

    fn path_operand(&mut self) -> Result<(), ExpressionError> {
        let element = self.parser.name()?;
        self.emit(element.offset, Op::Path(PathText(vec![element])));
        Ok(())
    }

    /// Reads what follows an operand, up to where another term is needed or the whole is read.
    fn rest_of_term(&mut self, term: &mut Term) -> Result<Next, ExpressionError> {
        loop {
            let token = self.parser.tokens.current();
            if term.sort == Sort::Path && matches!(token.lexeme, Lexeme::Dot | Lexeme::OpenBracket) {
                self.parser.tokens.take();
                let element = match token.lexeme {
                    Lexeme::Dot => self.parser.name()?,
                    _ => self.parser.index()?,
                };
                if let Some(Node { op: Op::Path(path), .. }) = self.nodes.last_mut() {
                    path.0.push(element);
                }
                term.wrapped = false;
                continue;
            }
            self.complete_operation(term);
            match token.lexeme {
                Lexeme::Close if !self.open.is_empty() => self.close(term)?,
                Lexeme::Comma if self.takes_comma(term) => {
                    self.parser.tokens.take();
                    return Ok(Next::Term);
                }
                Lexeme::Comparator(comparator) if self.takes_operator(Grammar::Condition, term) => {
                    self.use_as_operand(term);
                    self.open.push(Open::Compare(token.offset(), comparator));
                    self.parser.tokens.take();
                    return Ok(Next::Term);
                }
                Lexeme::Plus | Lexeme::Minus if self.takes_operator(Grammar::Value, term) => {
                    let sign = if token.lexeme == Lexeme::Plus { Sign::Plus } else { Sign::Minus };
                    self.open.push(Open::Sum(token.offset(), sign));
                    self.parser.tokens.take();
                    return Ok(Next::Term);
                }
                Lexeme::Word if self.grammar == Grammar::Condition => {
                    self.condition_keyword(term, token)?;
                    return Ok(Next::Term);
                }
                _ => return self.finish(term),
            }
        }
    }

    /// Whether an operator of `grammar` can follow: it takes an operand, and makes what is no operand any more.
    fn takes_operator(&self, grammar: Grammar, term: &Term) -> bool {
        self.grammar == grammar && self.whole_allowed() && term.sort != Sort::Complete
    }

    /// Ends a comparison, a range or a sum whose last operand `term` is.
    fn complete_operation(&mut self, term: &mut Term) {
        let (offset, op) = match self.open.last() {
            Some(Open::Compare(offset, comparator)) => (*offset, Op::Compare(*comparator)),
            Some(Open::Sum(offset, sign)) => (*offset, Op::Sum(*sign)),
            Some(Open::Between { offset, and: true }) => (*offset, Op::Between),
            _ => return,
        };
        self.open.pop();
        self.use_as_operand(term);
        self.emit(offset, op);
        *term = Term { sort: Sort::Complete, offset, wrapped: false };
    }

    /// Notes a function that is no operand where an operand is needed.
    fn use_as_operand(&mut self, term: &Term) {
        let Sort::Call(name) = &term.sort else { return };
        let misused = match self.grammar {
            Grammar::Condition => &**name != "size",
            // Only this nesting is known to be refused.
            Grammar::Value => {
                &**name == "list_append"
                    && matches!(self.open.last(), Some(Open::Call { name, .. }) if &**name == "list_append")
            }
            Grammar::Path => false,
        };
        if misused {
            self.note_misuse(name, term.offset);
        }
    }

    fn note_misuse(&mut self, function: &str, offset: Offset) {
        let problem = ExpressionProblem::MisusedFunction { function: function.to_owned() };
        self.parser.problems.note(Rule::FunctionUse, offset, problem);
    }

    /// Makes sure that `term` is a condition.
    fn use_as_condition(&mut self, term: &Term) -> Result<(), ExpressionError> {
        match &term.sort {
            Sort::Complete => Ok(()),
            Sort::Call(name) => {
                if &**name == "size" {
                    self.note_misuse(name, term.offset);
                }
                Ok(())
            }
            Sort::Path | Sort::Value => Err(self.parser.syntax_error()),
        }
    }

    /// Ends the conditions that `until` does not accept as still open, innermost first.
    fn complete_conditions(
        &mut self,
        term: &mut Term,
        until: impl Fn(&Open) -> bool,
    ) -> Result<(), ExpressionError> {
        loop {
            let (offset, op) = match self.open.last() {
                Some(open) if until(open) => return Ok(()),
                Some(Open::Not(offset)) => (*offset, Op::Not),
                Some(Open::And(offset)) => (*offset, Op::And),
                Some(Open::Or(offset)) => (*offset, Op::Or),
                _ => return Ok(()),
            };
            self.use_as_condition(term)?;
            self.open.pop();
            self.emit(offset, op);
            *term = Term { sort: Sort::Complete, offset, wrapped: false };
        }
    }

    /// Reads `AND`, `OR`, `BETWEEN` or `IN` after a term.
    fn condition_keyword(&mut self, term: &mut Term, token: Token) -> Result<(), ExpressionError> {
        let offset = token.offset();
        match self.parser.keyword_of(token, &["AND", "OR", "BETWEEN", "IN"]) {
            Some("AND") => {
                if let Some(Open::Between { and, .. }) = self.open.last_mut() {
                    *and = true;
                    self.use_as_operand(term);
                } else if self.whole_allowed() {
                    self.use_as_condition(term)?;
                    self.complete_conditions(term, |open| matches!(open, Open::Or(_)))?;
                    self.open.push(Open::And(offset));
                } else {
                    return Err(self.parser.syntax_error());
                }
            }
            Some("OR") if self.whole_allowed() => {
                self.use_as_condition(term)?;
                self.complete_conditions(term, |_| false)?;
                self.open.push(Open::Or(offset));
            }
            Some("BETWEEN") if self.takes_operator(Grammar::Condition, term) => {
                self.use_as_operand(term);
                self.open.push(Open::Between { offset, and: false });
            }
            Some("IN") if self.takes_operator(Grammar::Condition, term) => {
                self.use_as_operand(term);
                self.open.push(Open::In { offset, alternatives: 0 });
                self.parser.tokens.take();
                self.parser.expect(Lexeme::Open)?;
                return Ok(());
            }
            _ => return Err(self.parser.syntax_error()),
        }
        self.parser.tokens.take();
        Ok(())
    }

    /// Counts `term` as an argument if a comma may follow it.
    fn takes_comma(&mut self, term: &Term) -> bool {
        match self.open.last_mut() {
            Some(Open::Call { arguments: count, .. } | Open::In { alternatives: count, .. }) => {
                *count += 1;
                self.use_as_operand(term);
                true
            }
            _ => false,
        }
    }

    /// Reads a closing parenthesis.
    fn close(&mut self, term: &mut Term) -> Result<(), ExpressionError> {
        self.complete_conditions(term, |_| false)?;
        if matches!(self.open.last(), Some(Open::Call { .. } | Open::In { .. })) {
            self.use_as_operand(term);
        }
        match self.open.pop() {
            Some(Open::Group { offset, .. }) => {
                if term.wrapped {
                    let problem = ExpressionProblem::RedundantParentheses;
                    self.parser.problems.note(Rule::Parentheses, offset, problem);
                }
                term.wrapped = true;
            }
            Some(Open::Call { offset, name, arguments }) => {
                self.emit(offset, Op::Call { name: name.clone(), arguments: arguments + 1 });
                *term = Term { sort: Sort::Call(name), offset, wrapped: false };
            }
            Some(Open::In { offset, alternatives }) => {
                self.emit(offset, Op::In { alternatives: alternatives + 1 });
                *term = Term { sort: Sort::Complete, offset, wrapped: false };
            }
            _ => return Err(self.parser.syntax_error()),
        }
        self.parser.tokens.take();
        Ok(())
    }

    /// Ends the whole term at a token that does not belong to it.
    fn finish(&mut self, term: &mut Term) -> Result<Next, ExpressionError> {
        if self.grammar == Grammar::Condition {
            if !self.parser.at_end() {
                return Err(self.parser.syntax_error());
            }
            self.complete_conditions(term, |_| false)?;
            if self.open.is_empty() {
                self.use_as_condition(term)?;
            }
        }
        if self.open.is_empty() { Ok(Next::Done) } else { Err(self.parser.syntax_error()) }
    }
}
