//! What permission depends on of a table.
//!
//! Authorization is given a [`Basis`] and not the definition. A call that was permitted by one definition may go on by
//! another only if both have the same basis, or once it is permitted by the other too. So whatever policies come to look
//! at besides has to become part of [`Facts`], and is compared from then on.

use super::{Definition, Table};
use crate::{Error, Result};
use cairn_model::KeyAttribute;
use cairn_policy::{Policy, PolicyKind};
use std::sync::Arc;

/// All that permission depends on of a table. Two are equal if the same calls are permitted by both.
pub(crate) struct Basis {
    facts: Facts,
    /// The policy in `facts`, compiled.
    policy: Option<Policy>,
}

#[derive(PartialEq)]
struct Facts {
    number: u64,
    partition: KeyAttribute,
    /// The partition key of each index, by its name.
    index_partitions: Vec<(String, Vec<KeyAttribute>)>,
    resource_policy: Option<String>,
}

impl PartialEq for Basis {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.facts == other.facts
    }
}

impl Facts {
    fn of(definition: &Definition) -> Self {
        let indexes = definition.indexes.iter().map(|index| &index.schema);
        Self {
            number: definition.number,
            partition: definition.key_schema.partition.clone(),
            index_partitions: indexes
                .map(|index| (index.name.clone(), index.key_schema.partition.to_vec()))
                .collect(),
            resource_policy: definition.resource_policy.as_ref().map(|policy| policy.text.clone()),
        }
    }
}

impl Basis {
    /// The basis of a definition: the one of the table `before` if that is the same.
    pub(super) fn read(definition: &Definition, before: Option<&Arc<Table>>) -> Result<Arc<Self>> {
        let facts = Facts::of(definition);
        if let Some(before) = before.filter(|before| before.basis.facts == facts) {
            return Ok(before.basis.clone());
        }
        // A policy that this version cannot read may forbid what it would then allow: no answer is the safe one.
        let policy = facts.resource_policy.as_deref().map(|text| Policy::parse(text, PolicyKind::Resource));
        let policy = policy.transpose().map_err(Error::internal)?;
        Ok(Arc::new(Self { facts, policy }))
    }

    /// Whether this is the basis of a definition.
    pub(crate) fn is_of(&self, definition: &Definition) -> bool {
        self.facts == Facts::of(definition)
    }

    /// The table's own policy, which speaks for its indexes too.
    pub(crate) fn resource_policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// The partition key of the table, or of the index of that name if there is one.
    pub(crate) fn partition(&self, index: Option<&str>) -> Option<&[KeyAttribute]> {
        match index {
            None => Some(std::slice::from_ref(&self.facts.partition)),
            Some(name) => {
                let mut indexes = self.facts.index_partitions.iter();
                indexes.find(|(known, _)| known == name).map(|(_, partition)| &**partition)
            }
        }
    }
}
