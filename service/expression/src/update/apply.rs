//! Applying an update to an item (semantics sections 5.7 and 7.4).

use super::{Update, UpdateAction};
use crate::path::step_into;
use crate::{DocumentPath, Literal, PathStep};
use cairn_model::{AttributeMap, AttributeValue, NumberError, ValueErrorKind, limits};
use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::fmt;

/// An item after an update.
#[derive(Clone, PartialEq, Eq)]
pub struct Updated {
    /// The item; without its key attributes if there was none before. None if there is none now either: removing
    /// from a missing item does not create it.
    pub item: Option<AttributeMap>,
    /// Which actions appended to a list under another index than they name, counted from 0.
    pub(super) appended: BTreeSet<usize>,
}

/// An update that an item does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct UpdateError {
    /// The target of the action that failed.
    pub target: DocumentPath,
    /// Why.
    #[source]
    pub kind: UpdateErrorKind,
}

/// Why an update does not go with an item. Texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateErrorKind {
    /// The target lies in a map or list that is not there.
    #[error("The document path provided in the update expression is invalid for update")]
    InvalidPath,
    /// A value is computed from what is not there.
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    MissingAttribute,
    /// A value in the item has another type than the action needs.
    #[error("An operand in the update expression has an incorrect data type")]
    OperandType,
    /// The exact result is no number that can be held.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The item would nest more than 32 levels deep.
    #[error("{}", ValueErrorKind::TooDeep)]
    TooDeep,
    /// What is set is already larger than an item may be.
    #[error("Item size to update has exceeded the maximum allowed size")]
    TooLarge,
    /// The target is part of the item's key.
    #[error(
        "One or more parameter values were invalid: Cannot update attribute {attribute}. This attribute is part of the key"
    )]
    KeyAttribute {
        /// The key attribute.
        attribute: String,
    },
}

impl fmt::Debug for Updated {
    /// Says how large the item is and not what: a debug print must not carry item data into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            Some(item) => write!(f, "Updated({} attributes)", item.len()),
            None => f.write_str("Updated(no item)"),
        }
    }
}

/// What an action comes to for the item as it was.
enum Change<'i> {
    Put(Cow<'i, AttributeValue>),
    Remove,
    Nothing,
}

impl Update {
    /// The item after the update. Everything is read from the item as it was, list positions too; the order of the
    /// actions has no effect. `None` stands for a missing item; the key attributes of a new one are the caller's to
    /// add, and to keep from being targets ([`check_avoids_keys`](Self::check_avoids_keys)).
    ///
    /// Checks what the update changes: exact numbers, nesting, and that the values set are no larger together than an
    /// item may be. The size of the whole item and the types of index keys are the caller's to check.
    ///
    /// # Errors
    /// The first action that the item does not allow.
    pub fn apply(&self, before: Option<&AttributeMap>) -> Result<Updated, UpdateError> {
        match before {
            Some(before) => self.apply_to(before, true),
            None => self.apply_to(&AttributeMap::new(), false),
        }
    }

    /// As [`apply`](Self::apply), for an item that is missing: it begins with its key attributes, which the update may read.
    ///
    /// # Errors
    /// The first action that such an item does not allow.
    pub fn apply_to_new(&self, key: &AttributeMap) -> Result<Updated, UpdateError> {
        self.apply_to(key, false)
    }

    fn apply_to(&self, item: &AttributeMap, item_exists: bool) -> Result<Updated, UpdateError> {
        let mut puts = Vec::new();
        let mut removals = Vec::new();
        let mut budget = limits::ITEM_BYTES_MAX;
        for (number, action) in self.actions.iter().enumerate() {
            let target = action.target();
            let change = action
                .change(item, item_exists)
                .and_then(|change| {
                    if let Change::Put(value) = &change {
                        budget = check_put(target, value, budget)?;
                    }
                    Ok(change)
                })
                .map_err(|kind| UpdateError { target: target.clone(), kind })?;
            match change {
                Change::Put(value) => puts.push((number, target, value)),
                Change::Remove => removals.push(target),
                Change::Nothing => {}
            }
        }
        if !item_exists && self.only_removes() {
            return Ok(Updated { item: None, appended: BTreeSet::new() });
        }
        let mut item = item.clone();
        let mut appended = BTreeSet::new();
        // In the order of positions, so that what is appended comes in the order of its indexes; and all before
        // anything is removed, while every index still says what it said.
        puts.sort_by(|(_, left, _), (_, right, _)| compare(left, right));
        for (number, target, value) in puts {
            let placed = put(&mut item, target, value.into_owned())
                .ok_or_else(|| UpdateError { target: target.clone(), kind: UpdateErrorKind::InvalidPath })?;
            if placed == Placed::Appended {
                appended.insert(number);
            }
        }
        remove_all(&mut item, removals);
        Ok(Updated { item: Some(item), appended })
    }
}

impl UpdateAction {
    fn change<'i>(
        &'i self,
        item: &'i AttributeMap,
        item_exists: bool,
    ) -> Result<Change<'i>, UpdateErrorKind> {
        match self {
            Self::Set { value, .. } => Ok(Change::Put(value.evaluate(item)?)),
            Self::Add { target, value } => added(target.get(item), value).map(Change::Put),
            Self::Remove { target } | Self::Delete { target, .. } => {
                let Some(existing) = target.get(item) else {
                    // Nothing to take away; but on an item that is there, the place must be one.
                    let is_place = !item_exists || is_place(target, item);
                    return if is_place { Ok(Change::Nothing) } else { Err(UpdateErrorKind::InvalidPath) };
                };
                match self {
                    Self::Delete { value, .. } => deleted(existing, value),
                    _ => Ok(Change::Remove),
                }
            }
        }
    }
}

/// Checks what is about to be put somewhere. Gives what may still be put elsewhere, in bytes.
fn check_put(target: &DocumentPath, value: &AttributeValue, budget: usize) -> Result<usize, UpdateErrorKind> {
    if target.steps.len() + value.depth() > limits::NESTING_LEVELS_MAX {
        return Err(UpdateErrorKind::TooDeep);
    }
    // Targets do not overlap, so the item will hold all the values set, each under its own name.
    let name_len = match target.steps.last() {
        None => target.attribute.len(),
        Some(PathStep::Name(name)) => name.len(),
        Some(PathStep::Index(_)) => 0,
    };
    budget.checked_sub(name_len + value.size()).ok_or(UpdateErrorKind::TooLarge)
}

fn is_empty_set(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::Ss(members) => members.is_empty(),
        AttributeValue::Ns(members) => members.is_empty(),
        AttributeValue::Bs(members) => members.is_empty(),
        _ => false,
    }
}

/// `ADD`: the sum of two numbers or sets. What is missing is nought or empty.
fn added<'i>(
    existing: Option<&AttributeValue>,
    value: &'i Literal,
) -> Result<Cow<'i, AttributeValue>, UpdateErrorKind> {
    let sum = match (existing, &**value) {
        (
            None,
            AttributeValue::N(_) | AttributeValue::Ss(_) | AttributeValue::Ns(_) | AttributeValue::Bs(_),
        ) => {
            return Ok(Cow::Borrowed(value));
        }
        (Some(AttributeValue::N(existing)), AttributeValue::N(more)) => {
            AttributeValue::N(existing.checked_add(more)?)
        }
        (Some(AttributeValue::Ss(existing)), AttributeValue::Ss(more)) => AttributeValue::Ss(existing | more),
        (Some(AttributeValue::Ns(existing)), AttributeValue::Ns(more)) => {
            AttributeValue::Ns(existing.union(more).copied().collect())
        }
        (Some(AttributeValue::Bs(existing)), AttributeValue::Bs(more)) => AttributeValue::Bs(existing | more),
        _ => return Err(UpdateErrorKind::OperandType),
    };
    Ok(Cow::Owned(sum))
}

/// `DELETE`: the difference of two sets; an empty one is removed.
fn deleted<'i>(existing: &AttributeValue, value: &Literal) -> Result<Change<'i>, UpdateErrorKind> {
    let rest = match (existing, &**value) {
        (AttributeValue::Ss(existing), AttributeValue::Ss(less)) => AttributeValue::Ss(existing - less),
        (AttributeValue::Ns(existing), AttributeValue::Ns(less)) => {
            AttributeValue::Ns(existing.difference(less).copied().collect())
        }
        (AttributeValue::Bs(existing), AttributeValue::Bs(less)) => AttributeValue::Bs(existing - less),
        _ => return Err(UpdateErrorKind::OperandType),
    };
    Ok(if is_empty_set(&rest) { Change::Remove } else { Change::Put(Cow::Owned(rest)) })
}

/// Whether something could stand at `target`: its map or list is there.
fn is_place(target: &DocumentPath, item: &AttributeMap) -> bool {
    let Some((parents, last)) = target.parent_and_last() else { return true };
    let container = item
        .get(&*target.attribute)
        .and_then(|value| parents.iter().try_fold(value, |value, step| step_into(value, step)));
    matches!(
        (container, last),
        (Some(AttributeValue::M(_)), PathStep::Name(_)) | (Some(AttributeValue::L(_)), PathStep::Index(_))
    )
}

/// Orders paths so that the elements of a list come by their index.
fn compare(left: &DocumentPath, right: &DocumentPath) -> Ordering {
    left.attribute.cmp(&right.attribute).then_with(|| left.steps.cmp(&right.steps))
}

/// The container at the end of `steps` into an attribute.
fn container_mut<'i>(
    item: &'i mut AttributeMap,
    attribute: &str,
    steps: &[PathStep],
) -> Option<&'i mut AttributeValue> {
    steps.iter().try_fold(item.get_mut(attribute)?, |value, step| match (value, step) {
        (AttributeValue::M(members), PathStep::Name(name)) => members.get_mut(&**name),
        (AttributeValue::L(elements), PathStep::Index(index)) => elements.get_mut(*index),
        _ => None,
    })
}

#[derive(PartialEq, Eq)]
enum Placed {
    InPlace,
    /// After a list's last element, under another index than the target's.
    Appended,
}

/// Puts a value at a path whose container is there.
fn put(item: &mut AttributeMap, target: &DocumentPath, value: AttributeValue) -> Option<Placed> {
    let Some((parents, last)) = target.parent_and_last() else {
        item.insert(target.attribute.to_string(), value);
        return Some(Placed::InPlace);
    };
    match (container_mut(item, &target.attribute, parents)?, last) {
        (AttributeValue::M(members), PathStep::Name(name)) => {
            members.insert(name.to_string(), value);
            Some(Placed::InPlace)
        }
        (AttributeValue::L(elements), PathStep::Index(index)) => match elements.get_mut(*index) {
            Some(element) => {
                *element = value;
                Some(Placed::InPlace)
            }
            None => {
                let placed = if *index == elements.len() { Placed::InPlace } else { Placed::Appended };
                elements.push(value);
                Some(placed)
            }
        },
        _ => None,
    }
}

/// Removes what stands at the targets; all indexes are those from before any removal.
fn remove_all(item: &mut AttributeMap, mut targets: Vec<&DocumentPath>) {
    // Deepest first: removing from a list moves its later elements and what is inside them, and nothing further out.
    // What leaves one list leaves it in one go.
    targets.sort_by(|left, right| {
        Reverse(left.steps.len()).cmp(&Reverse(right.steps.len())).then_with(|| compare(left, right))
    });
    let same_container = |left: &DocumentPath, right: &DocumentPath| {
        let container = |(parents, _)| parents;
        left.attribute == right.attribute
            && left.parent_and_last().map(container) == right.parent_and_last().map(container)
    };
    for siblings in targets.chunk_by(|left, right| same_container(left, right)) {
        let Some(first) = siblings.first() else { continue };
        let Some((parents, _)) = first.parent_and_last() else {
            item.remove(&*first.attribute);
            continue;
        };
        match container_mut(item, &first.attribute, parents) {
            Some(AttributeValue::M(members)) => {
                for target in siblings {
                    if let Some(PathStep::Name(name)) = target.steps.last() {
                        members.remove(&**name);
                    }
                }
            }
            Some(AttributeValue::L(elements)) => {
                let removed: BTreeSet<usize> = siblings
                    .iter()
                    .filter_map(|target| match target.steps.last() {
                        Some(PathStep::Index(index)) => Some(*index),
                        _ => None,
                    })
                    .collect();
                let mut index = 0;
                elements.retain(|_| {
                    let kept = !removed.contains(&index);
                    index += 1;
                    kept
                });
            }
            _ => {}
        }
    }
}
