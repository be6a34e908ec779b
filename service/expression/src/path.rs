//! `DocumentPath`: where in an item an expression looks, all names known.

use cairn_model::{AttributeMap, AttributeValue, PathSegment};
use std::fmt;

/// A top-level attribute and the steps into it. A name may hold anything, dots too: it is one step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentPath {
    /// The top-level attribute.
    pub attribute: String,
    /// The steps from there; none for the attribute itself.
    pub steps: Vec<PathSegment>,
}

/// How much of a name a printed path shows: names may have 65,535 bytes, and an error must not grow with them.
const SHOWN_NAME_CHARS_MAX: usize = 255;

/// What one step into a value finds.
pub(crate) fn step_into<'v>(value: &'v AttributeValue, step: &PathSegment) -> Option<&'v AttributeValue> {
    match (value, step) {
        (AttributeValue::M(members), PathSegment::Name(name)) => members.get(name),
        (AttributeValue::L(elements), PathSegment::Index(index)) => elements.get(*index),
        _ => None,
    }
}

impl DocumentPath {
    /// The value the path leads to; none if any step of it is missing or of another kind.
    pub fn get<'i>(&self, item: &'i AttributeMap) -> Option<&'i AttributeValue> {
        self.steps.iter().try_fold(item.get(&self.attribute)?, step_into)
    }

    /// Whether the path is a top-level attribute.
    pub fn is_top_level(&self) -> bool {
        self.steps.is_empty()
    }

    /// The path without its last step; none for a top-level attribute.
    pub(crate) fn parent_and_last(&self) -> Option<(&[PathSegment], &PathSegment)> {
        self.steps.split_last().map(|(last, parents)| (parents, last))
    }
}

impl From<&str> for DocumentPath {
    /// The top-level attribute of that name, whatever characters it has.
    fn from(attribute: &str) -> Self {
        Self { attribute: attribute.to_owned(), steps: Vec::new() }
    }
}

impl fmt::Display for DocumentPath {
    /// As DynamoDB's messages show it: `[a, b, [0]]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &str| name.chars().take(SHOWN_NAME_CHARS_MAX).collect::<String>();
        write!(f, "[{}", shown(&self.attribute))?;
        for step in &self.steps {
            match step {
                PathSegment::Name(name) => write!(f, ", {}", shown(name))?,
                PathSegment::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}
