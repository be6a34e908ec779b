//! Where inside an item or a request a value stands, for errors that name the place.

use std::fmt;

/// One step down into a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathSegment {
    /// A named attribute or map member.
    Name(String),
    /// A list element or set member, from 0.
    Index(usize),
}

/// The steps from an item's top to a value. Empty means the item itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValuePath(pub Vec<PathSegment>);

impl ValuePath {
    /// The path one level further out: `segment`, then this path.
    pub(crate) fn within(mut self, segment: PathSegment) -> Self {
        self.0.insert(0, segment);
        self
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                // A name may hold anything, so it is quoted, and cut where it could fill an error.
                PathSegment::Name(name) => {
                    let shown: String = name.chars().take(64).collect();
                    write!(f, "[{shown:?}]")?;
                }
                PathSegment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
