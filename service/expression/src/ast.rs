//! What the parser makes of a text: operations in postfix order, operands first, placeholders still in them.
//!
//! A text of 4,096 bytes nests more than a thousand levels deep. A flat sequence is cloned, compared, printed and
//! dropped without recursion, and whoever walks it keeps a stack of his own on the heap.

use std::cmp::Ordering;
use std::fmt;

/// Where in its text something begins, in bytes. All offsets are equal: where a thing stands is not what it says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offset(pub(crate) u32);

impl PartialEq for Offset {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Offset {}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// `=`
    Eq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// One operation; it takes what the operations before it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) offset: Offset,
    pub(crate) op: Op,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// An operand.
    Path(PathText),
    /// An operand, by its placeholder with the colon.
    Value(Box<str>),
    /// A function over the last `arguments` operands.
    Call {
        name: Box<str>,
        arguments: usize,
    },
    /// Over two operands.
    Compare(Comparator),
    /// Over three.
    Between,
    /// Over an operand and its alternatives.
    In {
        alternatives: usize,
    },
    Not,
    And,
    Or,
    /// Over two operands.
    Sum(Sign),
}

/// The operator between the operands of a `SET` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// A document path as written; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathText(pub(crate) Vec<PathElement>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathElement {
    pub(crate) offset: Offset,
    pub(crate) step: PathStep,
}

/// What a step says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathStep {
    /// A name written out.
    Name(Box<str>),
    /// A name by its placeholder, with the `#`.
    Placeholder(Box<str>),
    /// A list index.
    Index(usize),
}

impl Comparator {
    /// As written in an expression.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// The comparator that says the same with its operands exchanged.
    pub fn flipped(self) -> Self {
        match self {
            Self::Eq | Self::Ne => self,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }

    /// Whether it compares by order, which only strings, numbers and binary have.
    pub fn is_ordering(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }

    /// Whether it is satisfied by operands in this order.
    pub(crate) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }
}

impl Sign {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
        }
    }
}

impl PathText {
    /// Where the path begins.
    pub(crate) fn offset(&self) -> Offset {
        self.0.first().map(|element| element.offset).unwrap_or_default()
    }

    /// Bytes it holds on the heap, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let names = self.0.iter().map(|element| match &element.step {
            PathStep::Name(text) | PathStep::Placeholder(text) => text.len(),
            PathStep::Index(_) => 0,
        });
        self.0.capacity() * size_of::<PathElement>() + names.sum::<usize>()
    }
}

impl fmt::Display for PathText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, element) in self.0.iter().enumerate() {
            match &element.step {
                PathStep::Name(name) | PathStep::Placeholder(name) if position == 0 => f.write_str(name)?,
                PathStep::Name(name) | PathStep::Placeholder(name) => write!(f, ".{name}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Bytes that operations hold on the heap, about.
pub(crate) fn heap_bytes(nodes: &[Node]) -> usize {
    let inside = nodes.iter().map(|node| match &node.op {
        Op::Path(path) => path.heap_bytes(),
        Op::Value(text) | Op::Call { name: text, .. } => text.len(),
        _ => 0,
    });
    size_of_val(nodes) + inside.sum::<usize>()
}

/// How tightly a printed operation holds together.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Tightness {
    Or,
    And,
    Not,
    #[default]
    Whole,
}

/// The operations as a text that parses to them again, with no more parentheses than that takes.
pub(crate) struct Postfix<'n>(pub(crate) &'n [Node]);

impl fmt::Display for Postfix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printed: Vec<(String, Tightness)> = Vec::new();
        for node in self.0 {
            let mut operand = |at_least: Tightness| {
                let (text, tightness) = printed.pop().unwrap_or_default();
                if tightness < at_least { format!("({text})") } else { text }
            };
            let (text, tightness) = match &node.op {
                Op::Path(path) => (path.to_string(), Tightness::Whole),
                Op::Value(placeholder) => (placeholder.to_string(), Tightness::Whole),
                Op::Call { name, arguments } => {
                    let arguments = last_printed(&mut printed, *arguments);
                    (format!("{name}({arguments})"), Tightness::Whole)
                }
                Op::In { alternatives } => {
                    let alternatives = last_printed(&mut printed, *alternatives);
                    let (operand, _) = printed.pop().unwrap_or_default();
                    (format!("{operand} IN ({alternatives})"), Tightness::Whole)
                }
                Op::Compare(comparator) => {
                    let (right, left) = (operand(Tightness::Whole), operand(Tightness::Whole));
                    (format!("{left} {} {right}", comparator.symbol()), Tightness::Whole)
                }
                Op::Sum(sign) => {
                    let (right, left) = (operand(Tightness::Whole), operand(Tightness::Whole));
                    (format!("{left} {} {right}", sign.symbol()), Tightness::Whole)
                }
                Op::Between => {
                    let (upper, lower) = (operand(Tightness::Whole), operand(Tightness::Whole));
                    let middle = operand(Tightness::Whole);
                    (format!("{middle} BETWEEN {lower} AND {upper}"), Tightness::Whole)
                }
                Op::Not => (format!("NOT {}", operand(Tightness::Not)), Tightness::Not),
                // Both are read from the left, so the same operator on the right keeps its parentheses.
                Op::And => {
                    let (right, left) = (operand(Tightness::Not), operand(Tightness::And));
                    (format!("{left} AND {right}"), Tightness::And)
                }
                Op::Or => {
                    let (right, left) = (operand(Tightness::And), operand(Tightness::Or));
                    (format!("{left} OR {right}"), Tightness::Or)
                }
            };
            printed.push((text, tightness));
        }
        printed.iter().try_for_each(|(text, _)| f.write_str(text))
    }
}

/// The last `count` texts, taken off and joined by commas.
fn last_printed(printed: &mut Vec<(String, Tightness)>, count: usize) -> String {
    let taken = printed.split_off(printed.len().saturating_sub(count));
    taken.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(", ")
}
