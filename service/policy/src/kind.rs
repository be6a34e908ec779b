//! The kinds of policy document, and what each may hold.

use crate::error::PolicyError;

/// The most bytes any document may have, its white space included, before it is looked at more closely.
pub const DOCUMENT_BYTES_MAX: usize = 131_072;

/// What a document is used as. The kind decides its longest length and which elements its statements have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A managed policy, also one used as a permissions boundary: at most 6,144 characters without white space.
    Managed,
    /// An inline policy of a user: at most 2,048 characters without white space, over all of the user's.
    InlineUser,
    /// An inline policy of a group: at most 5,120 characters without white space, over all of the group's.
    InlineGroup,
    /// An inline policy of a role: at most 10,240 characters without white space, over all of the role's.
    InlineRole,
    /// A policy given when a role is assumed: at most 2,048 characters, white space included.
    Session,
    /// The policy of a table or a stream: at most 20 KB (20,480 bytes), white space included. Its statements have a
    /// `Principal` or a `NotPrincipal`.
    Resource,
    /// The trust policy of a role: at most 2,048 characters without white space. Its statements have a `Principal`
    /// or a `NotPrincipal` and no resource, and their actions are those of `sts`.
    Trust,
}

impl PolicyKind {
    /// The largest [`size`](Self::size) a document of this kind may have.
    pub fn size_max(self) -> usize {
        match self {
            Self::Managed => 6_144,
            Self::InlineUser | Self::Session | Self::Trust => 2_048,
            Self::InlineGroup => 5_120,
            Self::InlineRole => 10_240,
            Self::Resource => 20_480,
        }
    }

    /// The size of a document as this kind counts it. For inline policies the limit is on the sum of the sizes of all
    /// policies of one user, group or role, which their keeper checks.
    pub fn size(self, text: &str) -> usize {
        match self {
            Self::Resource => text.len(),
            Self::Session => text.chars().count(),
            Self::Managed | Self::InlineUser | Self::InlineGroup | Self::InlineRole | Self::Trust => {
                text.chars().filter(|character| !character.is_ascii_whitespace()).count()
            }
        }
    }

    /// Whether statements of this kind say whom they are about.
    pub(crate) fn has_principals(self) -> bool {
        matches!(self, Self::Resource | Self::Trust)
    }

    /// Whether statements of this kind say which resources they are about.
    pub(crate) fn has_resources(self) -> bool {
        self != Self::Trust
    }

    pub(crate) fn check_size(self, text: &str) -> Result<(), PolicyError> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(PolicyError::too_long(format!(
                "the document has {} bytes; no policy may have more than {DOCUMENT_BYTES_MAX}",
                text.len()
            )));
        }
        let size = self.size(text);
        let size_max = self.size_max();
        if size <= size_max {
            return Ok(());
        }
        let counted = match self {
            Self::Resource => "bytes",
            Self::Session => "characters",
            Self::Managed | Self::InlineUser | Self::InlineGroup | Self::InlineRole | Self::Trust => {
                "characters without white space"
            }
        };
        Err(PolicyError::too_long(format!(
            "the document has {size} {counted}; at most {size_max} are allowed"
        )))
    }
}
