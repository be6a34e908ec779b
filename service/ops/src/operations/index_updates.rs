//! What UpdateTable does to global indexes (semantics 3.6, 4.4).

use super::create_table::index_throughput;
use super::key_definitions::{
    AttributeDefinition, AttributeTypes, SecondaryIndexInput, check_count, check_projected_sum, invalid,
    redefined,
};
use super::throughput::{
    Asked, OnDemandInput, Subject, ThroughputInput, WarmInput, provisioned, unchanged_throughput,
};
use crate::capacity::{CapacityOptions, check_decrease};
use crate::catalog::{Definition, Index, OnDemandMaximum};
use crate::{Error, FieldPath, IndexStatus, Result, Validation};
use cairn_model::{
    BillingMode, IndexKeySchema, IndexKind, IndexSchema, KeyAttribute, Projection, ProvisionedThroughput,
};
use jiff::Timestamp;

/// A change of one global index: exactly one of the members is to be there.
#[derive(Clone, Debug, Default)]
pub struct GlobalSecondaryIndexUpdate {
    /// Make one.
    pub create: Option<SecondaryIndexInput>,
    /// Change one's throughput.
    pub update: Option<UpdateGlobalSecondaryIndex>,
    /// Delete one.
    pub delete: Option<DeleteGlobalSecondaryIndex>,
}

/// A change of an index's throughput.
#[derive(Clone, Debug, Default)]
pub struct UpdateGlobalSecondaryIndex {
    /// The index.
    pub name: String,
    /// Its new throughput.
    pub provisioned_throughput: Option<ThroughputInput>,
    /// New limits on what is used of it on demand.
    pub on_demand_throughput: Option<OnDemandInput>,
    /// What it is to be ready for at once: more than before.
    pub warm_throughput: Option<WarmInput>,
}

/// The deletion of an index.
#[derive(Clone, Debug, Default)]
pub struct DeleteGlobalSecondaryIndex {
    /// The index.
    pub name: String,
}

/// The changes of one request as far as they can be checked without the table.
pub(super) struct IndexUpdates {
    updates: Vec<(FieldPath, IndexUpdate)>,
}

enum IndexUpdate {
    Create(Box<NewIndex>),
    Throughput(ThroughputChange),
    Delete { name: String },
}

struct ThroughputChange {
    name: String,
    to: Option<ProvisionedThroughput>,
    asked: Asked,
}

struct NewIndex {
    input: SecondaryIndexInput,
    key_schema: IndexKeySchema,
    projection: Projection,
}

impl IndexUpdate {
    fn name(&self) -> &str {
        match self {
            Self::Create(new) => &new.input.name,
            Self::Throughput(change) => &change.name,
            Self::Delete { name } => name,
        }
    }
}

const FIELD: &str = "global_secondary_index_updates";

impl IndexUpdates {
    pub(super) fn check(
        definitions: &[AttributeDefinition],
        updates: &[GlobalSecondaryIndexUpdate],
    ) -> Result<Self, Error> {
        let types = AttributeTypes::check(definitions)?;
        let mut checked: Vec<(FieldPath, IndexUpdate)> = Vec::with_capacity(updates.len());
        for (position, update) in updates.iter().enumerate() {
            let field = FieldPath::from(FIELD).index(position);
            let update = match (&update.create, &update.update, &update.delete) {
                (Some(input), None, None) => {
                    let (key_schema, projection) =
                        types.global_index(&field.clone().field("create"), input)?;
                    let input = input.clone();
                    IndexUpdate::Create(Box::new(NewIndex { input, key_schema, projection }))
                }
                (None, Some(update), None) => {
                    IndexUpdate::Throughput(ThroughputChange::check(field.clone().field("update"), update)?)
                }
                (None, None, Some(delete)) => IndexUpdate::Delete { name: delete.name.clone() },
                (None, None, None) => {
                    return Err(invalid(
                        field,
                        "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                         GlobalSecondaryIndexUpdate.Delete must not be null",
                    )
                    .into());
                }
                _ => {
                    return Err(invalid(
                        field,
                        "Only one of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                         GlobalSecondaryIndexUpdate.Delete may be specified",
                    )
                    .into());
                }
            };
            if checked.iter().any(|(_, earlier)| earlier.name() == update.name()) {
                return Err(invalid(
                    field,
                    format!(
                        "Only one global secondary index update per index is allowed simultaneously. Index: {}",
                        update.name()
                    ),
                )
                .into());
            }
            checked.push((field, update));
        }
        let updates = Self { updates: checked };
        match updates.made_or_deleted().count() {
            0 | 1 => Ok(updates),
            _ => Err(one_at_a_time()),
        }
    }

    fn made_or_deleted(&self) -> impl Iterator<Item = &IndexUpdate> {
        let updates = self.updates.iter().map(|(_, update)| update);
        updates.filter(|update| !matches!(update, IndexUpdate::Throughput(_)))
    }

    /// Makes the changes in a definition whose own billing mode is the new one already, and says which index is to be
    /// made or removed. `switched` says whether the billing mode is another than before.
    pub(super) fn apply(
        &self,
        definition: &mut Definition,
        switched: bool,
        now: Timestamp,
        options: &CapacityOptions,
    ) -> Result<Option<u16>> {
        let mut changed = None;
        for (field, update) in &self.updates {
            match update {
                IndexUpdate::Create(new) => changed = Some(create(definition, field, new, options)?),
                IndexUpdate::Throughput(change) => {
                    change.apply(definition, field.clone().field("update"), now, options)?;
                }
                IndexUpdate::Delete { name } => {
                    changed = Some(delete(definition, field.clone().field("delete"), name)?);
                }
            }
        }
        if switched {
            follow_billing_mode(definition)?;
        }
        Ok(changed)
    }
}

fn one_at_a_time() -> Error {
    Error::LimitExceeded {
        message: "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            .into(),
    }
}

fn create(
    definition: &mut Definition,
    field: &FieldPath,
    new: &NewIndex,
    options: &CapacityOptions,
) -> Result<u16> {
    let field = field.clone().field("create");
    let input = &new.input;
    if definition.indexes.iter().any(|index| index.schema.name == input.name) {
        return Err(Validation::of_state(
            field.field("index_name"),
            "Attempting to create an index which already exists",
        )
        .into());
    }
    if definition.indexes.iter().any(Index::is_changing) {
        return Err(one_at_a_time());
    }
    let globals = definition.indexes.iter().filter(|index| index.schema.kind == IndexKind::Global).count();
    check_count(FIELD, IndexKind::Global, globals + 1)?;
    check_types(&definition.key_attributes(), &new.key_schema)?;
    let projections = definition.indexes.iter().map(|index| &index.schema.projection);
    check_projected_sum(FIELD, projections.chain([&new.projection]))?;
    let throughput = index_throughput(&field, definition.billing_mode, input, options)?;
    let id = definition.next_index_id;
    // An index has two counters, which are numbered with 16 bits.
    definition.next_index_id =
        id.checked_add(1).filter(|next| *next < 1 << 15).ok_or_else(|| Error::LimitExceeded {
            message: "Subscriber limit exceeded: the table has had too many indexes".into(),
        })?;
    definition.indexes.push(Index {
        schema: IndexSchema {
            id,
            name: input.name.clone(),
            kind: IndexKind::Global,
            key_schema: new.key_schema.clone(),
            projection: new.projection.clone(),
        },
        status: IndexStatus::Creating,
        throughput,
    });
    Ok(id)
}

/// An attribute has one type in all keys of a table and its indexes.
fn check_types(known: &[KeyAttribute], new: &IndexKeySchema) -> Result<(), Validation> {
    let clash = |new: &&KeyAttribute| {
        known.iter().any(|known| known.name == new.name && known.key_type != new.key_type)
    };
    match new.attributes().find(clash) {
        None => Ok(()),
        Some(_) => Err(redefined("attribute_definitions")),
    }
}

/// The index of that name, to be changed.
fn global<'d>(definition: &'d mut Definition, field: FieldPath, name: &str) -> Result<&'d mut Index> {
    let missing = Error::no_such_table_for_items(definition.name.as_str());
    let index = definition.indexes.iter_mut().find(|index| index.schema.name == name).ok_or(missing)?;
    match index.schema.kind {
        IndexKind::Global => Ok(index),
        IndexKind::Local => Err(Validation::of_state(
            field,
            format!(
                "One or more parameter values were invalid: Index {name} is a local secondary index, which cannot be \
                 changed or deleted on its own"
            ),
        )
        .into()),
    }
}

fn delete(definition: &mut Definition, field: FieldPath, name: &str) -> Result<u16> {
    let other_changing =
        definition.indexes.iter().any(|index| index.schema.name != name && index.is_changing());
    let table = definition.name.to_string();
    let index = global(definition, field, name)?;
    let in_use = |doing| Err(Error::IndexInUse { table, index: name.to_owned(), doing });
    match index.status {
        // While its space is made an index cannot be deleted; once it is being filled it can.
        IndexStatus::Creating => in_use("created"),
        IndexStatus::Deleting => in_use("deleted"),
        _ if other_changing => Err(one_at_a_time()),
        IndexStatus::Backfilling | IndexStatus::Active | IndexStatus::Updating => {
            index.status = IndexStatus::Deleting;
            Ok(index.schema.id)
        }
    }
}

impl ThroughputChange {
    fn check(field: FieldPath, update: &UpdateGlobalSecondaryIndex) -> Result<Self, Validation> {
        let asked = Asked {
            provisioned: update.provisioned_throughput,
            on_demand: update.on_demand_throughput,
            warm: update.warm_throughput,
        };
        let field = field.field("provisioned_throughput");
        if asked.is_nothing() {
            return Err(Validation::constraint(field, None, "Member must not be null"));
        }
        let to = update.provisioned_throughput.map(|given| provisioned(&field, given)).transpose()?;
        Ok(Self { name: update.name.clone(), to, asked })
    }

    fn apply(
        &self,
        definition: &mut Definition,
        field: FieldPath,
        now: Timestamp,
        options: &CapacityOptions,
    ) -> Result<()> {
        let name = &self.name;
        let (table, billing_mode) = (definition.name.to_string(), definition.billing_mode);
        let index = global(definition, field.clone(), name)?;
        let in_use = |doing| Err(Error::IndexInUse { table, index: name.clone(), doing });
        match index.status {
            IndexStatus::Creating => return in_use("created"),
            IndexStatus::Deleting => return in_use("deleted"),
            IndexStatus::Active => index.status = IndexStatus::Updating,
            // A change of throughput does not interrupt filling.
            IndexStatus::Backfilling | IndexStatus::Updating => {}
        }
        let described = format!("index {name}");
        if let Some(to) = self.to {
            let field = field.clone().field("provisioned_throughput");
            if billing_mode == BillingMode::PayPerRequest {
                return Err(invalid(
                    field,
                    format!(
                        "ProvisionedThroughput should not be specified for index: {name} when BillingMode is \
                         PAY_PER_REQUEST"
                    ),
                )
                .into());
            }
            if index.throughput.provisioned == Some(to) {
                return Err(unchanged_throughput(field, &described, to).into());
            }
            check_decrease(&index.throughput, to, now, options)?;
            index.throughput = std::mem::take(&mut index.throughput).with(to, now);
        }
        let subject = Subject { field: Some(field), name: &described, billing_mode, is_new: false };
        index.throughput =
            self.asked.change_limits(&subject, std::mem::take(&mut index.throughput), options)?;
        Ok(())
    }
}

/// What a switch of the table's billing mode means for its global indexes: on demand they have no throughput, and
/// provisioned each needs its own.
fn follow_billing_mode(definition: &mut Definition) -> Result<()> {
    let globals = definition
        .indexes
        .iter_mut()
        .filter(|index| index.schema.kind == IndexKind::Global && index.status != IndexStatus::Deleting);
    for index in globals {
        match definition.billing_mode {
            BillingMode::PayPerRequest => {
                index.throughput = std::mem::take(&mut index.throughput).on_demand();
            }
            BillingMode::Provisioned if index.throughput.provisioned.is_some() => {
                index.throughput.on_demand = OnDemandMaximum::default();
            }
            BillingMode::Provisioned => {
                return Err(invalid(
                    FIELD,
                    format!("ProvisionedThroughput must be specified for index: {}", index.schema.name),
                )
                .into());
            }
        }
    }
    Ok(())
}
