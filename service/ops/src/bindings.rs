//! The names and values that a request gives for the placeholders of its expressions.

use cairn_model::Item;
use std::collections::BTreeMap;

/// Placeholders' meanings as a caller gives them. Absent and empty differ: empty is an error (semantics 5.3).
#[derive(Clone, Debug, Default)]
pub struct ExpressionArguments {
    /// `#n` to attribute name.
    pub names: Option<BTreeMap<String, String>>,
    /// `:v` to value, unchecked.
    pub values: Option<Item>,
}
