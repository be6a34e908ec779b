//! `UpdateValue`: the right side of a `SET`, computed from the item as it was.

use super::apply::UpdateErrorKind;
use crate::ast::Sign;
use crate::{DocumentPath, Literal};
use cairn_model::{AttributeMap, AttributeValue, limits};
use std::borrow::Cow;

/// A value to be computed from an item.
///
/// Held as a program over a stack of values, so that nested functions take no stack of the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateValue {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Literal(Literal),
    /// The value at the path, which must be there.
    Path(DocumentPath),
    /// The value at the path instead of what the next `otherwise` steps compute, if it is there.
    IfExists {
        path: DocumentPath,
        otherwise: usize,
    },
    /// Of two lists.
    Append,
    /// Of two numbers.
    Sum(Sign),
}

impl From<Literal> for UpdateValue {
    fn from(value: Literal) -> Self {
        Self { steps: vec![Step::Literal(value)] }
    }
}

impl From<DocumentPath> for UpdateValue {
    /// The value at the path.
    fn from(path: DocumentPath) -> Self {
        Self { steps: vec![Step::Path(path)] }
    }
}

impl UpdateValue {
    /// `if_not_exists(path, otherwise)`
    pub fn if_not_exists(path: DocumentPath, otherwise: Self) -> Self {
        let mut steps = vec![Step::IfExists { path, otherwise: otherwise.steps.len() }];
        steps.extend(otherwise.steps);
        Self { steps }
    }

    /// `list_append(self, other)`
    #[must_use]
    pub fn list_append(self, other: Self) -> Self {
        self.then(other, Step::Append)
    }

    /// `self + other`
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.then(other, Step::Sum(Sign::Plus))
    }

    /// `self - other`
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.then(other, Step::Sum(Sign::Minus))
    }

    pub(crate) fn sum(self, sign: Sign, other: Self) -> Self {
        self.then(other, Step::Sum(sign))
    }

    fn then(mut self, other: Self, step: Step) -> Self {
        self.steps.extend(other.steps);
        self.steps.push(step);
        self
    }

    /// The path, if the value is what stands there and nothing else.
    pub(crate) fn as_path(&self) -> Option<&DocumentPath> {
        match self.steps.as_slice() {
            [Step::Path(path)] => Some(path),
            _ => None,
        }
    }

    /// The type that the value has whatever the item.
    pub(crate) fn static_type(&self) -> Option<&'static str> {
        match (self.steps.as_slice(), self.steps.last()) {
            ([Step::Literal(value)], _) => Some(value.type_name()),
            // The last step alone decides, unless it belongs to what an `if_not_exists` falls back to.
            ([Step::IfExists { .. }, ..], _) => None,
            (_, Some(Step::Append)) => Some("L"),
            _ => None,
        }
    }

    /// The paths that may be read.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        self.steps.iter().filter_map(|step| match step {
            Step::Path(path) | Step::IfExists { path, .. } => Some(path),
            Step::Literal(_) | Step::Append | Step::Sum(_) => None,
        })
    }

    /// The value for an item as it is before the update.
    pub(crate) fn evaluate<'i>(
        &'i self,
        item: &'i AttributeMap,
    ) -> Result<Cow<'i, AttributeValue>, UpdateErrorKind> {
        let mut values: Vec<Cow<'i, AttributeValue>> = Vec::new();
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            let value = match step {
                Step::Literal(value) => Cow::Borrowed(&**value),
                Step::Path(path) => Cow::Borrowed(path.get(item).ok_or(UpdateErrorKind::MissingAttribute)?),
                Step::IfExists { path, otherwise } => {
                    let Some(value) = path.get(item) else { continue };
                    steps = steps.as_slice().get(*otherwise..).unwrap_or_default().iter();
                    Cow::Borrowed(value)
                }
                Step::Append | Step::Sum(_) => {
                    let (right, left) = (values.pop(), values.pop());
                    let (left, right) = left.zip(right).ok_or(UpdateErrorKind::MissingAttribute)?;
                    Cow::Owned(match step {
                        Step::Sum(sign) => sum(&left, *sign, &right)?,
                        _ => append(left, right)?,
                    })
                }
            };
            values.push(value);
        }
        values.pop().ok_or(UpdateErrorKind::MissingAttribute)
    }
}

fn sum(left: &AttributeValue, sign: Sign, right: &AttributeValue) -> Result<AttributeValue, UpdateErrorKind> {
    let (AttributeValue::N(left), AttributeValue::N(right)) = (left, right) else {
        return Err(UpdateErrorKind::OperandType);
    };
    let sum = match sign {
        Sign::Plus => left.checked_add(right)?,
        Sign::Minus => left.checked_sub(right)?,
    };
    Ok(AttributeValue::N(sum))
}

fn append(
    left: Cow<'_, AttributeValue>,
    right: Cow<'_, AttributeValue>,
) -> Result<AttributeValue, UpdateErrorKind> {
    if !matches!((&*left, &*right), (AttributeValue::L(_), AttributeValue::L(_))) {
        return Err(UpdateErrorKind::OperandType);
    }
    // All of it ends up in the item. Refused here, a short expression cannot ask for hundreds of megabytes first.
    if left.size() + right.size() > limits::ITEM_BYTES_MAX {
        return Err(UpdateErrorKind::TooLarge);
    }
    match (left.into_owned(), right.into_owned()) {
        (AttributeValue::L(mut elements), AttributeValue::L(more)) => {
            elements.extend(more);
            Ok(AttributeValue::L(elements))
        }
        _ => Err(UpdateErrorKind::OperandType),
    }
}
