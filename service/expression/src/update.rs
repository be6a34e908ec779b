//! Updates: what is to change about an item (semantics section 5.7).

mod apply;
mod parsed;
mod value;

pub use apply::{UpdateError, UpdateErrorKind, Updated};
pub use parsed::ParsedUpdate;
pub use value::UpdateValue;

use crate::path_tree::{PathClashError, PathTree};
use crate::{DocumentPath, Literal};
use cairn_model::AttributeMap;
use std::collections::BTreeSet;

/// An update, ready to be applied to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    actions: Vec<UpdateAction>,
    /// The targets.
    tree: PathTree,
}

/// One change of an item, at its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateAction {
    /// Puts a value there. An index past a list's end appends.
    Set {
        /// Where.
        target: DocumentPath,
        /// What.
        value: UpdateValue,
    },
    /// Takes away what is there.
    Remove {
        /// Where.
        target: DocumentPath,
    },
    /// Adds a number to the number there, or the members of a set to the set there.
    Add {
        /// Where.
        target: DocumentPath,
        /// A number or a set; applying anything else fails.
        value: Literal,
    },
    /// Takes the members of a set from the set there, and the set away once it is empty.
    Delete {
        /// Where.
        target: DocumentPath,
        /// A set; applying anything else fails.
        value: Literal,
    },
}

impl UpdateAction {
    /// Where the action changes something.
    pub fn target(&self) -> &DocumentPath {
        match self {
            Self::Set { target, .. }
            | Self::Remove { target }
            | Self::Add { target, .. }
            | Self::Delete { target, .. } => target,
        }
    }

    fn is_removal(&self) -> bool {
        matches!(self, Self::Remove { .. } | Self::Delete { .. })
    }
}

impl Update {
    /// An update of these actions; none is an update that changes nothing.
    ///
    /// # Errors
    /// The first two targets that overlap or conflict.
    pub fn new(actions: Vec<UpdateAction>) -> Result<Self, PathClashError> {
        let targets: Vec<_> = actions.iter().map(UpdateAction::target).collect();
        let (tree, clashes) = PathTree::of(&targets);
        match clashes.into_iter().next() {
            Some((_, clash)) => Err(clash),
            None => Ok(Self { actions, tree }),
        }
    }

    /// The actions in the order they are written.
    pub fn actions(&self) -> &[UpdateAction] {
        &self.actions
    }

    /// The paths that are changed, in the order they are written.
    pub fn targets(&self) -> impl Iterator<Item = &DocumentPath> {
        self.actions.iter().map(UpdateAction::target)
    }

    /// The top-level attributes the update mentions, to change them or to read them.
    pub fn attributes(&self) -> BTreeSet<&str> {
        let read = self.actions.iter().flat_map(|action| match action {
            UpdateAction::Set { value, .. } => value.paths().collect(),
            _ => Vec::new(),
        });
        self.targets().chain(read).map(|path| &*path.attribute).collect()
    }

    /// Whether the update has actions and all of them only take away (`REMOVE`, `DELETE`). Such an update does not
    /// create an item that is missing (semantics section 7.4).
    pub fn only_removes(&self) -> bool {
        !self.actions.is_empty() && self.actions.iter().all(UpdateAction::is_removal)
    }

    /// Checks that no key attribute is a target.
    ///
    /// # Errors
    /// [`KeyAttribute`](UpdateErrorKind::KeyAttribute) for the first target that is one or lies inside one.
    pub fn check_avoids_keys(&self, is_key: impl Fn(&str) -> bool) -> Result<(), UpdateError> {
        match self.targets().find(|target| is_key(&target.attribute)) {
            None => Ok(()),
            Some(target) => {
                let kind = UpdateErrorKind::KeyAttribute { attribute: target.attribute.to_string() };
                Err(UpdateError { target: target.clone(), kind })
            }
        }
    }

    /// What `UPDATED_OLD` returns: what the item held before at the targets, in containers that hold nothing else.
    /// None if it held nothing there.
    pub fn updated_old(&self, before: Option<&AttributeMap>) -> Option<AttributeMap> {
        before.map(|before| self.tree.project(before)).filter(|found| !found.is_empty())
    }

    /// What `UPDATED_NEW` returns: what the item holds now at the targets as they are written. So nothing for what
    /// was removed or appended with a gap before its index, and for a list element that was removed the one that moved into its place. None if
    /// there is nothing to return.
    pub fn updated_new(&self, updated: &Updated) -> Option<AttributeMap> {
        let item = updated.item.as_ref()?;
        let found = if updated.appended.is_empty() {
            self.tree.project(item)
        } else {
            let targets = self.targets().enumerate();
            let in_place: Vec<_> = targets
                .filter(|(number, _)| !updated.appended.contains(number))
                .map(|(_, target)| target)
                .collect();
            // Some of the targets of an update do not clash, since all of them do not.
            PathTree::of(&in_place).0.project(item)
        };
        (!found.is_empty()).then_some(found)
    }
}
