//! Conditions and filters: what can be tested about an item, and testing it (semantics section 5.4).

mod evaluate;
mod parsed;

pub use evaluate::{AttributeType, Operand, Test};
pub use parsed::ParsedCondition;
pub(crate) use parsed::bind_condition;

use crate::DocumentPath;
use cairn_model::AttributeMap;
use std::collections::BTreeSet;

/// A condition on an item, ready to be evaluated. The default one holds for every item.
///
/// Held as a program over one truth value, with jumps where the rest of an `AND` or `OR` cannot matter: evaluating it
/// takes no stack, however deep it was written, and tests no more than it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The first step gives the truth value, whatever it was before.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The truth value becomes that of a test.
    Test(Test),
    /// The truth value becomes true.
    Hold,
    /// The truth value is inverted.
    Invert,
    /// If the truth value is `on`, the next `steps` steps are left out.
    Skip { on: bool, steps: usize },
}

/// A filter on a query that mentions a key attribute (semantics section 5.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Filter Expression can only contain non-primary key attributes: Primary key attribute: {attribute}")]
pub struct FilterOnKeyError {
    /// The key attribute.
    pub attribute: String,
}

impl Default for Condition {
    fn default() -> Self {
        Self { steps: vec![Step::Hold] }
    }
}

impl From<Test> for Condition {
    fn from(test: Test) -> Self {
        Self { steps: vec![Step::Test(test)] }
    }
}

impl Condition {
    /// Both conditions hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.unless(false, other)
    }

    /// At least one of the conditions holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.unless(true, other)
    }

    /// The condition does not hold.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it stands beside `and` and `or`")]
    pub fn not(mut self) -> Self {
        self.steps.push(Step::Invert);
        self
    }

    /// `self`, and after it `other` unless `self` comes to `decided`.
    fn unless(mut self, decided: bool, other: Self) -> Self {
        self.steps.push(Step::Skip { on: decided, steps: other.steps.len() });
        self.steps.extend(other.steps);
        self
    }

    /// Whether the condition holds for an item. A missing item is one without attributes.
    pub fn evaluate(&self, item: &AttributeMap) -> bool {
        let mut holds = true;
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            match step {
                Step::Test(test) => holds = test.holds(item),
                Step::Hold => holds = true,
                Step::Invert => holds = !holds,
                Step::Skip { on, steps: count } if holds == *on => {
                    steps = steps.as_slice().get(*count..).unwrap_or_default().iter();
                }
                Step::Skip { .. } => {}
            }
        }
        holds
    }

    /// The top-level attributes the condition mentions.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.paths().map(|path| &*path.attribute).collect()
    }

    /// The paths the condition looks at, in the order they are written.
    pub fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        self.tests().flat_map(Test::paths)
    }

    /// Checks that the condition, as the filter of a query, mentions no key attribute of what is queried.
    ///
    /// # Errors
    /// The first key attribute it mentions.
    pub fn check_avoids_keys(&self, is_key: impl Fn(&str) -> bool) -> Result<(), FilterOnKeyError> {
        let mentioned = self.paths().map(|path| &*path.attribute).find(|a| is_key(a));
        mentioned.map_or(Ok(()), |attribute| Err(FilterOnKeyError { attribute: attribute.to_owned() }))
    }

    /// The tests in the order they are written.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &Test> {
        self.steps.iter().filter_map(|step| match step {
            Step::Test(test) => Some(test),
            Step::Hold | Step::Invert | Step::Skip { .. } => None,
        })
    }
}
