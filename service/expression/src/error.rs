//! What can be wrong with an expression before it meets an item: typed facts whose texts are DynamoDB's.

use cairn_model::{AttributeValue, Echo};
use std::fmt;

/// Which parameter an expression was given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExpressionKind {
    /// `UpdateExpression`.
    Update,
    /// `ConditionExpression`.
    Condition,
    /// `KeyConditionExpression`.
    KeyCondition,
    /// `FilterExpression`.
    Filter,
    /// `ProjectionExpression`.
    Projection,
}

impl ExpressionKind {
    /// The parameter's name in DynamoDB's API.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Update => "UpdateExpression",
            Self::Condition => "ConditionExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Filter => "FilterExpression",
            Self::Projection => "ProjectionExpression",
        }
    }
}

impl fmt::Display for ExpressionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parameter())
    }
}

/// An expression that cannot be used: `Invalid <parameter>: <problem>` (semantics sections 5 and 20.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid {kind}: {problem}")]
pub struct ExpressionError {
    /// Which expression.
    pub kind: ExpressionKind,
    /// What is wrong with it.
    pub problem: ExpressionProblem,
    /// Where in its text, in bytes from the start, if the problem is at one place.
    pub offset: Option<usize>,
}

/// A caller's value as its error message shows it: `{N:5}`, of bounded length.
#[derive(Clone, PartialEq, Eq)]
pub struct EchoedValue(String);

impl From<&AttributeValue> for EchoedValue {
    fn from(value: &AttributeValue) -> Self {
        Self(Echo::of(|echo| echo.value(value)))
    }
}

impl fmt::Display for EchoedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EchoedValue {
    /// Prints the size only: debug output must not carry item data into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EchoedValue({} bytes)", self.0.len())
    }
}

/// What is wrong with an expression. Texts contain parts of the expression, names, and values where DynamoDB's do, of
/// bounded length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionProblem {
    /// The text is empty.
    #[error("The expression can not be empty;")]
    Empty,
    /// The text is longer than 4,096 bytes.
    #[error("Expression size has exceeded the maximum allowed size; expression size: {size_bytes}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// The text does not follow the grammar.
    #[error("Syntax error; token: \"{token}\", near: \"{near}\"")]
    Syntax {
        /// The first token that cannot stand where it stands; `<EOF>` for the end.
        token: String,
        /// The text from the token before it to the token after it.
        near: String,
    },
    /// More than 300 operators.
    #[error("The expression contains too many operators; operator count: {count}")]
    TooManyOperators {
        /// How many there are.
        count: usize,
    },
    /// Two pairs of parentheses around the same thing.
    #[error("The expression has redundant parentheses;")]
    RedundantParentheses,
    /// A function that this kind of expression does not have.
    #[error("Invalid function name; function: {function}")]
    UnknownFunction {
        /// Its name as written.
        function: String,
    },
    /// A function of update expressions in a condition.
    #[error("The function is not allowed in a condition expression; function: {function}")]
    UpdateFunction {
        /// Its name.
        function: String,
    },
    /// A test where an operand is needed, `size` where a test is needed, or `list_append` inside `list_append`.
    #[error("The function is not allowed to be used this way in an expression; function: {function}")]
    MisusedFunction {
        /// Its name.
        function: String,
    },
    /// A reserved word as an attribute name.
    #[error("Attribute name is a reserved keyword; reserved keyword: {word}")]
    ReservedWord {
        /// The word as written.
        word: String,
    },
    /// A list index that no list can have.
    #[error("List index is not within the allowable range; index: [{index}]")]
    ListIndex {
        /// Its digits as written.
        index: String,
    },
    /// A `#` placeholder without a name.
    #[error(
        "An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
    )]
    UndefinedName {
        /// The placeholder.
        placeholder: String,
    },
    /// A `:` placeholder without a value.
    #[error(
        "An expression attribute value used in expression is not defined; attribute value: {placeholder}"
    )]
    UndefinedValue {
        /// The placeholder.
        placeholder: String,
    },
    /// A function, or `IN`, with the wrong number of operands.
    #[error(
        "Incorrect number of operands for operator or function; operator or function: {operator}, number of operands: {count}"
    )]
    OperandCount {
        /// The function or operator.
        operator: String,
        /// How many operands it has.
        count: usize,
    },
    /// An operator with the same path on both sides.
    #[error(
        "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {operand}"
    )]
    NotDistinct {
        /// The function or operator.
        operator: String,
        /// The path.
        operand: String,
    },
    /// A value of a type that the operator or function never accepts.
    #[error(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {operand_type}"
    )]
    OperandType {
        /// The function or operator.
        operator: String,
        /// The operand's type.
        operand_type: &'static str,
    },
    /// A value of a type that `ADD` or `DELETE` never accepts.
    #[error(
        "Incorrect operand type for operator or function; operator: {section}, operand type: {operand_type}"
    )]
    SectionOperandType {
        /// `ADD` or `DELETE`.
        section: &'static str,
        /// The operand's type in words.
        operand_type: &'static str,
    },
    /// A value or function where only a document path will do.
    #[error("Operator or function requires a document path; operator or function: {operator}")]
    NeedsPath {
        /// The function.
        operator: String,
    },
    /// `BETWEEN` with bounds of two types.
    #[error(
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {lower}, upper bound operand: AttributeValue: {upper}"
    )]
    BoundTypes {
        /// The lower bound.
        lower: EchoedValue,
        /// The upper bound.
        upper: EchoedValue,
    },
    /// `BETWEEN` with the lower bound above the upper one.
    #[error(
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {lower}, upper bound operand: AttributeValue: {upper}"
    )]
    BoundOrder {
        /// The lower bound.
        lower: EchoedValue,
        /// The upper bound.
        upper: EchoedValue,
    },
    /// `attribute_type` with a text that names no type.
    #[error("Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}")]
    AttributeTypeName {
        /// The text, cut to a length that could be meant as a name.
        name: String,
    },
    /// One path is another or lies inside it.
    #[error(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
    )]
    PathsOverlap {
        /// The one that comes first in the expression.
        one: String,
        /// The other.
        two: String,
    },
    /// Two paths take the same value for a list and for a map.
    #[error(
        "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
    )]
    PathsConflict {
        /// The one that comes first in the expression.
        one: String,
        /// The other.
        two: String,
    },
    /// A clause of an update expression given twice.
    #[error("The \"{section}\" section can only be used once in an update expression;")]
    RepeatedSection {
        /// Its keyword.
        section: &'static str,
    },
    /// An operator or function that key conditions do not have.
    #[error("Invalid operator used in KeyConditionExpression: {operator}")]
    KeyOperator {
        /// The function or operator.
        operator: String,
    },
    /// A function as an operand of a key condition.
    #[error("KeyConditionExpressions cannot contain nested operations")]
    KeyNestedOperation,
    /// A key condition on something inside an attribute.
    #[error("KeyConditionExpressions cannot have conditions on nested attributes")]
    KeyNestedPath,
    /// A key condition that compares attributes with each other.
    #[error("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")]
    KeySeveralAttributes,
    /// A key condition that compares values with each other.
    #[error("Invalid condition in KeyConditionExpression: No key attribute specified")]
    KeyNoAttribute,
    /// `BETWEEN` or `begins_with` with the attribute elsewhere than in front.
    #[error(
        "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute as its first operand"
    )]
    KeyAttributeNotFirst {
        /// `BETWEEN` or `begins_with`.
        operator: &'static str,
    },
    /// Two key conditions on one attribute.
    #[error("KeyConditionExpressions must only contain one condition per key")]
    KeyRepeated {
        /// The attribute.
        attribute: String,
    },
}

impl ExpressionProblem {
    /// The word of the expression that the problem is about, if it is about one: a token, a placeholder, a function,
    /// an operator, a section or a reserved word.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Syntax { token, .. } => Some(token),
            Self::UnknownFunction { function }
            | Self::UpdateFunction { function }
            | Self::MisusedFunction { function } => Some(function),
            Self::ReservedWord { word } => Some(word),
            Self::ListIndex { index } => Some(index),
            Self::UndefinedName { placeholder } | Self::UndefinedValue { placeholder } => Some(placeholder),
            Self::OperandCount { operator, .. }
            | Self::NotDistinct { operator, .. }
            | Self::OperandType { operator, .. }
            | Self::NeedsPath { operator }
            | Self::KeyOperator { operator } => Some(operator),
            Self::SectionOperandType { section, .. } | Self::RepeatedSection { section } => Some(section),
            Self::KeyAttributeNotFirst { operator } => Some(operator),
            _ => None,
        }
    }
}
