//! From a request's structure to an operation, and from its output to the body of an answer.

use crate::shape::{Bindings, Structure};
use cairn_model::{Item, TypedAttributes, TypedItem};
use cairn_ops::{
    BuiltExpressions, CapacityParts, ConsumedCapacity, Error, ExpressionArguments, ItemCollectionMetrics,
    ItemCollections, Operation, ReturnConsumedCapacity, ReturnValues, ReturnValuesOnConditionCheckFailure,
    UnitKind, Validation,
};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A structure that asks for an operation.
pub(crate) trait Request: Structure {
    /// The operation.
    type Operation: Operation;

    /// What is checked before the members are checked by their rules.
    fn check_first(&self) -> Result<(), Validation> {
        Ok(())
    }

    /// About how many bytes the answer with an output will have, if it may be many.
    fn answer_bytes(_: &<Self::Operation as Operation>::Output) -> usize {
        0
    }

    /// How the operation's output is written.
    fn encoder(&self) -> Encoder<Self::Operation>;

    /// The operation; the members keep their rules.
    fn into_operation(self) -> Result<Self::Operation, Error>;
}

/// The bytes of items as they are stored, which are about as many as they have in JSON.
pub(crate) fn items_bytes<'i>(items: impl IntoIterator<Item = &'i Item>) -> usize {
    items.into_iter().map(Item::encoded_bytes).sum()
}

/// Writes an output.
pub(crate) type Encoder<O> = fn(<O as Operation>::Output) -> Encoded;

/// The body of an answer.
pub(crate) type Encoded = serde_json::Result<Vec<u8>>;

pub(crate) fn encode(answer: &impl Serialize) -> Encoded {
    serde_json::to_vec(answer)
}

pub(crate) const RETURN_CONSUMED_CAPACITY: &[&str] = &["INDEXES", "TOTAL", "NONE"];
pub(crate) const RETURN_ITEM_COLLECTION_METRICS: &[&str] = &["SIZE", "NONE"];
pub(crate) const RETURN_VALUES: &[&str] = &["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"];
pub(crate) const RETURN_VALUES_ON_FAILURE: &[&str] = &["ALL_OLD", "NONE"];

pub(crate) fn return_consumed_capacity(name: Option<&str>) -> ReturnConsumedCapacity {
    match name {
        Some("INDEXES") => ReturnConsumedCapacity::Indexes,
        Some("TOTAL") => ReturnConsumedCapacity::Total,
        _ => ReturnConsumedCapacity::None,
    }
}

pub(crate) fn return_values(name: Option<&str>) -> ReturnValues {
    match name {
        Some("ALL_OLD") => ReturnValues::AllOld,
        Some("UPDATED_OLD") => ReturnValues::UpdatedOld,
        Some("ALL_NEW") => ReturnValues::AllNew,
        Some("UPDATED_NEW") => ReturnValues::UpdatedNew,
        _ => ReturnValues::None,
    }
}

pub(crate) fn on_failure(name: Option<&str>) -> ReturnValuesOnConditionCheckFailure {
    match name {
        Some("ALL_OLD") => ReturnValuesOnConditionCheckFailure::AllOld,
        _ => ReturnValuesOnConditionCheckFailure::None,
    }
}

/// What a request's expressions work with.
pub(crate) fn arguments(
    names: Option<BTreeMap<String, String>>,
    values: Option<Bindings>,
    built: BuiltExpressions,
) -> ExpressionArguments {
    let BuiltExpressions { update, condition, key_condition, filter, projection } = &built;
    let any = update.is_some()
        || condition.is_some()
        || key_condition.is_some()
        || filter.is_some()
        || projection.is_some();
    ExpressionArguments { names, values: values.map(|values| values.0), built: any.then(|| Arc::new(built)) }
}

// ---- what many answers hold

/// An item in an answer.
pub(crate) struct ItemJson(pub(crate) Item);

impl Serialize for ItemJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TypedItem(&self.0).serialize(serializer)
    }
}

/// `ConsumedCapacity`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CapacityJson {
    table_name: String,
    #[serde(flatten)]
    units: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Units>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    local_secondary_indexes: BTreeMap<String, Units>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    global_secondary_indexes: BTreeMap<String, Units>,
}

/// `Capacity`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Units {
    capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_capacity_units: Option<f64>,
}

impl From<ConsumedCapacity> for CapacityJson {
    fn from(consumed: ConsumedCapacity) -> Self {
        let of = |kind, units| (consumed.transactional == Some(kind)).then_some(units);
        let units = |units| Units {
            capacity_units: units,
            read_capacity_units: of(UnitKind::Read, units),
            write_capacity_units: of(UnitKind::Write, units),
        };
        let by_index = |indexes: BTreeMap<String, f64>| {
            indexes.into_iter().map(|(index, used)| (index, units(used))).collect()
        };
        let total = units(consumed.capacity_units);
        let table = consumed.parts.as_ref().map(|parts| units(parts.table));
        let CapacityParts { local_secondary_indexes, global_secondary_indexes, .. } =
            consumed.parts.unwrap_or_default();
        Self {
            table_name: consumed.table,
            units: total,
            table,
            local_secondary_indexes: by_index(local_secondary_indexes),
            global_secondary_indexes: by_index(global_secondary_indexes),
        }
    }
}

/// The costs of a call on several tables.
pub(crate) fn capacities(consumed: Vec<ConsumedCapacity>) -> Vec<CapacityJson> {
    consumed.into_iter().map(CapacityJson::from).collect()
}

/// `ItemCollectionMetrics`.
pub(crate) struct CollectionJson(ItemCollectionMetrics);

impl From<ItemCollectionMetrics> for CollectionJson {
    fn from(metrics: ItemCollectionMetrics) -> Self {
        Self(metrics)
    }
}

impl Serialize for CollectionJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Members<'m> {
            item_collection_key: TypedAttributes<'m>,
            #[serde(rename = "SizeEstimateRangeGB")]
            size_estimate_range_gb: (f64, f64),
        }
        let members = Members {
            item_collection_key: TypedAttributes(&self.0.key),
            size_estimate_range_gb: self.0.size_estimate_range_gb(),
        };
        members.serialize(serializer)
    }
}

/// The collections of a call on several tables.
pub(crate) fn collections(collections: ItemCollections) -> BTreeMap<String, Vec<CollectionJson>> {
    let list = |metrics: Vec<ItemCollectionMetrics>| metrics.into_iter().map(CollectionJson).collect();
    collections.0.into_iter().map(|(table, metrics)| (table, list(metrics))).collect()
}
