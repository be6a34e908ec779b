//! Why a policy document was refused, and where in it.

use std::fmt;

/// The most characters of the document that a message or a place repeats of any one name or value.
const QUOTED_CHARACTERS_MAX: usize = 64;

/// What kind of refusal a [`PolicyError`] is, for the callers that answer them with different codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyProblem {
    /// The document is longer than its kind may be; it was not read.
    TooLong,
    /// The text is not JSON, names a member of one object twice, or nests too deeply.
    Syntax,
    /// The JSON is not a policy of its kind.
    Malformed,
}

/// A policy document that was refused when written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// What kind of refusal this is.
    pub problem: PolicyProblem,
    /// Where in the document: `Statement[3].Condition.StringLike["dynamodb:LeadingKeys"]`; empty for the document as
    /// a whole. Statements count from 0; one that stands alone is 0 too.
    pub place: String,
    /// What is wrong there. Repeats at most a few dozen characters of the document.
    pub message: String,
    /// For [`PolicyProblem::Syntax`]: the line, from 1, and the column, from 1, at which reading stopped.
    pub line_and_column: Option<(usize, usize)>,
}

impl PolicyError {
    pub(crate) fn malformed(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            problem: PolicyProblem::Malformed,
            place: place.into(),
            message: message.into(),
            line_and_column: None,
        }
    }

    pub(crate) fn too_long(message: impl Into<String>) -> Self {
        Self {
            problem: PolicyProblem::TooLong,
            place: String::new(),
            message: message.into(),
            line_and_column: None,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)?;
        if let Some((line, column)) = self.line_and_column {
            write!(f, " at line {line} column {column}")?;
        }
        Ok(())
    }
}

/// A name or a value of the document in quotes, cut to a bounded length.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((cut, _)) => format!("{:?}…", text.get(..cut).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
