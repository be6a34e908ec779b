//! `Literal`: a value given with a request, shared between the places that mention it.

use cairn_model::AttributeValue;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A constant operand. Cloning it shares the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Literal(Arc<AttributeValue>);

impl From<AttributeValue> for Literal {
    fn from(value: AttributeValue) -> Self {
        Self(Arc::new(value))
    }
}

impl Deref for Literal {
    type Target = AttributeValue;

    fn deref(&self) -> &AttributeValue {
        &self.0
    }
}

impl fmt::Debug for Literal {
    /// Says the type and not the value: a debug print must not carry item data into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Literal({})", self.type_name())
    }
}
