//! What the parsers of all kinds of expressions share (semantics sections 5.1 and 5.2).
//!
//! A parser stops at the first token that cannot stand where it stands; rules that a text breaks although it follows
//! the grammar are noted in [`Problems`].

mod terms;

use crate::ast::{Node, Offset, Op, PathElement, PathText, StepText};
use crate::lexer::{Lexeme, Token, Tokens};
use crate::problems::{Problems, Rule};
use crate::reserved_words::is_reserved;
use crate::{ExpressionError, ExpressionKind, ExpressionProblem};
use terms::{Grammar, Terms};

/// The longest text of an expression, in bytes, placeholders as written (semantics section 5.2).
pub const EXPRESSION_BYTES_MAX: usize = 4_096;
/// The functions of update expressions.
const UPDATE_FUNCTIONS: &[&str] = &["if_not_exists", "list_append"];
/// The most operators in an expression: comparators, `BETWEEN`, `IN`, `AND`, `OR`, `NOT`, `+` and `-`
/// (semantics section 5.2). Functions are not counted; whether DynamoDB counts them is not known.
pub const OPERATORS_MAX: usize = 300;
/// The highest list index that can be written: so many elements can a list of DynamoDB's have.
const LIST_INDEX_MAX: usize = u32::MAX as usize - 1;

/// A parser over the text of one expression.
pub(crate) struct Parser<'t> {
    kind: ExpressionKind,
    tokens: Tokens<'t>,
    pub(crate) problems: Problems,
    operators: usize,
}

impl<'t> Parser<'t> {
    /// A parser, once the text has a size that an expression may have.
    pub(crate) fn new(kind: ExpressionKind, text: &'t str) -> Result<Self, ExpressionError> {
        let refuse = |problem| Err(ExpressionError { kind, problem, offset: None });
        match text.len() {
            0 => refuse(ExpressionProblem::Empty),
            1..=EXPRESSION_BYTES_MAX => {
                Ok(Self { kind, tokens: Tokens::new(text), problems: Problems::new(kind), operators: 0 })
            }
            size_bytes => refuse(ExpressionProblem::TooLarge { size_bytes }),
        }
    }

    /// The error at the current token.
    pub(crate) fn syntax_error(&self) -> ExpressionError {
        let token = self.tokens.current();
        let text = match token.lexeme {
            Lexeme::End => "<EOF>",
            _ => self.tokens.text(token),
        };
        let problem =
            ExpressionProblem::Syntax { token: text.to_owned(), near: self.tokens.near().to_owned() };
        ExpressionError { kind: self.kind, problem, offset: Some(token.start) }
    }

    /// Whether the whole text has been read.
    pub(crate) fn at_end(&self) -> bool {
        self.tokens.current().lexeme == Lexeme::End
    }

    /// Takes the current token if it is `lexeme`.
    pub(crate) fn take_if(&mut self, lexeme: Lexeme) -> Option<Token> {
        (self.tokens.current().lexeme == lexeme).then(|| self.tokens.take())
    }

    /// Takes the current token, which must be `lexeme`.
    pub(crate) fn expect(&mut self, lexeme: Lexeme) -> Result<Token, ExpressionError> {
        self.take_if(lexeme).ok_or_else(|| self.syntax_error())
    }

    /// Takes the current token if it is one of `keywords`, in any case: which one, and where.
    pub(crate) fn take_keyword(&mut self, keywords: &[&'static str]) -> Option<(&'static str, Offset)> {
        let keyword = self.keyword_of(self.tokens.current(), keywords)?;
        Some((keyword, self.tokens.take().offset()))
    }

    fn keyword_of(&self, token: Token, keywords: &[&'static str]) -> Option<&'static str> {
        let word = (token.lexeme == Lexeme::Word).then(|| self.tokens.text(token))?;
        keywords.iter().copied().find(|keyword| keyword.eq_ignore_ascii_case(word))
    }

    /// Ends the parse: an expression with too many operators is refused before anything it says is looked at.
    pub(crate) fn finish(self) -> Result<Problems, ExpressionError> {
        if self.operators > OPERATORS_MAX {
            let problem = ExpressionProblem::TooManyOperators { count: self.operators };
            return Err(ExpressionError { kind: self.kind, problem, offset: None });
        }
        Ok(self.problems)
    }

    /// Reads a condition, which the rest of the text must be.
    pub(crate) fn condition(&mut self) -> Result<Vec<Node>, ExpressionError> {
        Terms::new(self, Grammar::Condition).read()
    }

    /// Reads the right side of a `SET`.
    pub(crate) fn set_value(&mut self) -> Result<Vec<Node>, ExpressionError> {
        Terms::new(self, Grammar::Value).read()
    }

    /// Reads a document path.
    pub(crate) fn path(&mut self) -> Result<PathText, ExpressionError> {
        let nodes = Terms::new(self, Grammar::Path).read()?;
        match nodes.into_iter().next().map(|node| node.op) {
            Some(Op::Path(path)) => Ok(path),
            _ => Err(self.syntax_error()),
        }
    }

    /// Reads a value placeholder.
    pub(crate) fn value_placeholder(&mut self) -> Result<Node, ExpressionError> {
        let token = self.expect(Lexeme::ValuePlaceholder)?;
        Ok(Node { offset: token.offset(), op: Op::Value(self.tokens.text(token).into()) })
    }

    /// Words that are never names in this kind of expression.
    fn keywords(&self) -> &'static [&'static str] {
        match self.kind {
            ExpressionKind::Condition | ExpressionKind::Filter | ExpressionKind::KeyCondition => {
                &["AND", "OR", "NOT", "BETWEEN", "IN"]
            }
            ExpressionKind::Update => &["SET", "REMOVE", "ADD", "DELETE"],
            ExpressionKind::Projection => &[],
        }
    }

    /// The functions this kind of expression has.
    fn functions(&self) -> &'static [&'static str] {
        match self.kind {
            ExpressionKind::Condition | ExpressionKind::Filter | ExpressionKind::KeyCondition => &[
                "attribute_exists",
                "attribute_not_exists",
                "attribute_type",
                "begins_with",
                "contains",
                "size",
            ],
            ExpressionKind::Update => UPDATE_FUNCTIONS,
            ExpressionKind::Projection => &[],
        }
    }

    /// Reads one name of a path.
    fn name(&mut self) -> Result<PathElement, ExpressionError> {
        let token = self.tokens.current();
        let text = self.tokens.text(token);
        let step = match token.lexeme {
            Lexeme::NamePlaceholder => StepText::Placeholder(text.into()),
            Lexeme::Word if self.keyword_of(token, self.keywords()).is_none() => {
                if is_reserved(text) {
                    let problem = ExpressionProblem::ReservedWord { word: text.to_owned() };
                    self.problems.note(Rule::Names, token.offset(), problem);
                }
                StepText::Name(text.into())
            }
            _ => return Err(self.syntax_error()),
        };
        self.tokens.take();
        Ok(PathElement { offset: token.offset(), step })
    }

    /// Reads a list index up to its closing bracket.
    fn index(&mut self) -> Result<PathElement, ExpressionError> {
        let token = self.expect(Lexeme::Integer)?;
        self.expect(Lexeme::CloseBracket)?;
        let digits = self.tokens.text(token);
        let index = digits.parse().ok().filter(|index| *index <= LIST_INDEX_MAX).unwrap_or_else(|| {
            let problem = ExpressionProblem::ListIndex { index: digits.to_owned() };
            self.problems.note(Rule::Names, token.offset(), problem);
            0
        });
        Ok(PathElement { offset: token.offset(), step: StepText::Index(index) })
    }
}
