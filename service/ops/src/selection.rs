//! What a Query or Scan selects, checked: which index, which parts, from where (semantics 4.2, 8.4, 8.7).

use crate::catalog::{IndexStatus, Table};
use crate::error::At;
use crate::words::reads;
use crate::{Error, FieldPath, Result, Subject, Validation};
use bytes::Bytes;
use cairn_expression::Condition;
use cairn_model::{
    AttributeMap, DecodeBudget, IndexKind, IndexSchema, Item, KeyAttribute, KeyError, KeySchema, KeyValue,
    PrimaryKey, Projection, index_entry_key,
};

/// Which parts of the items an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// All attributes.
    AllAttributes,
    /// All that the index holds.
    AllProjectedAttributes,
    /// Those of the projection expression.
    SpecificAttributes,
    /// None: only how many items there are.
    Count,
}

impl Select {
    /// DynamoDB's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AllAttributes => "ALL_ATTRIBUTES",
            Self::AllProjectedAttributes => "ALL_PROJECTED_ATTRIBUTES",
            Self::SpecificAttributes => "SPECIFIC_ATTRIBUTES",
            Self::Count => "COUNT",
        }
    }

    /// Checks the selection against the rest of the request, before any table is looked at. `projection` is the
    /// parameter that names attributes, if one does.
    pub(crate) fn check(
        select: Option<Self>,
        projection: Option<&'static str>,
        has_index: bool,
    ) -> Result<(), Validation> {
        let refuse =
            |text: String| Err(Validation { subject: Subject::Selection, ..Validation::new("select", text) });
        match (select, projection) {
            (Some(Self::SpecificAttributes), None) => refuse(reads::NO_PROJECTION.into()),
            (Some(Self::SpecificAttributes) | None, _) => Ok(()),
            (Some(other), Some(projection)) => refuse(reads::projection_beside(other, projection)),
            (Some(Self::AllProjectedAttributes), None) if !has_index => {
                refuse(reads::PROJECTED_OF_TABLE.into())
            }
            (Some(_), None) => Ok(()),
        }
    }
}

/// The index of that name, ready to be read.
pub(crate) fn readable_index(table: &Table, name: &str, consistent: bool) -> Result<IndexSchema> {
    let missing = || Validation::new("index", format!("The table does not have the specified index: {name}"));
    let index =
        table.index(name).filter(|index| index.status != IndexStatus::Deleting).ok_or_else(missing)?;
    if consistent && index.schema.kind == IndexKind::Global {
        return Err(Validation::new(
            "read_consistency",
            "Consistent reads are not supported on global secondary indexes",
        )
        .into());
    }
    match index.status {
        IndexStatus::Creating | IndexStatus::Backfilling => Err(Error::from(Validation::of_state(
            "index",
            format!("Cannot read from backfilling global secondary index: {name}"),
        ))),
        IndexStatus::Active | IndexStatus::Updating | IndexStatus::Deleting => Ok(index.schema.clone()),
    }
}

/// Checks that an index holds the attributes that the filter of a query looks at (semantics 4.2). The filter of a scan
/// finds none of those that it does not hold.
pub(crate) fn check_filter_is_projected(
    index: &IndexSchema,
    table: &KeySchema,
    filter: &Condition,
) -> Result<(), Validation> {
    let missing = not_held(index, table, filter.attributes());
    if missing.is_empty() {
        return Ok(());
    }
    Err(Validation::new(
        "filter_expression",
        format!(
            "One or more parameter values were invalid: Secondary index {} does not project one or more filter \
             attributes: [{}]",
            index.name,
            missing.join(", ")
        ),
    ))
}

/// Checks that a global index holds what is asked of it (semantics 4.2). `wanted` are the attributes of the projection.
pub(crate) fn check_projected<'a>(
    index: &IndexSchema,
    table: &KeySchema,
    select: Option<Select>,
    wanted: impl IntoIterator<Item = &'a str>,
) -> Result<(), Validation> {
    if index.kind == IndexKind::Local {
        return Ok(());
    }
    let name = &index.name;
    if select == Some(Select::AllAttributes) && index.projection != Projection::All {
        return Err(Validation::new(
            "select",
            format!(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global \
                 secondary index {name} because its projection type is not ALL"
            ),
        ));
    }
    let missing = not_held(index, table, wanted);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Validation::new(
        "projection_expression",
        format!(
            "One or more parameter values were invalid: Global secondary index {name} does not project [{}]",
            missing.join(", ")
        ),
    ))
}

/// Whether reading a local index has to fetch items from the table, because something is asked for that the index does
/// not hold (semantics 4.2). `wanted` are the attributes of the projection.
pub(crate) fn fetches<'a>(
    index: &IndexSchema,
    table: &KeySchema,
    select: Option<Select>,
    wanted: impl IntoIterator<Item = &'a str>,
) -> bool {
    index.kind == IndexKind::Local
        && index.projection != Projection::All
        && (select == Some(Select::AllAttributes) || !not_held(index, table, wanted).is_empty())
}

/// Those of the attributes that an index does not hold.
fn not_held<'a>(
    index: &IndexSchema,
    table: &KeySchema,
    attributes: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    attributes.into_iter().filter(|attribute| !index.holds(table, attribute)).collect()
}

/// A position given by a caller: where to begin, after it.
pub(crate) struct Position {
    /// The partition key's parts in what is read: the table, or the index.
    pub(crate) partition: Vec<KeyValue>,
    /// The storage key there.
    pub(crate) storage_key: Bytes,
}

const FIELD: &str = "exclusive_start_key";

/// Checks and places a start key: exactly the key attributes of the table, and of the index if one is read.
pub(crate) fn position(
    table: &KeySchema,
    index: Option<&IndexSchema>,
    key: Item,
) -> Result<Position, Validation> {
    let key = key.into_attributes(&mut DecodeBudget::item()).map_err(|error| error.at(FIELD))?;
    let is_key =
        |name: &str| table.contains(name) || index.is_some_and(|index| index.key_schema.contains(name));
    let of_index = index.is_some();
    let invalid = |detail: String| Validation {
        subject: Subject::StartKey { of_index },
        ..Validation::new(FIELD, detail)
    };
    let mismatch = || invalid(reads::START_KEY_SCHEMA.to_owned());
    if let Some(extra) = key.keys().find(|name| !is_key(name)) {
        return Err(Validation { field: FieldPath::from(FIELD).key(extra), ..mismatch() });
    }
    let table_part: AttributeMap = key
        .iter()
        .filter(|(name, _)| table.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let primary = table.key_of_argument(&table_part).map_err(|error| match error {
        KeyError::SchemaMismatch { .. } => mismatch(),
        other => invalid(other.to_string()),
    })?;
    let Some(index) = index else { return Ok(of_table(&primary)) };
    let parts = |attributes: &[KeyAttribute], role| {
        attributes
            .iter()
            .map(|attribute| {
                let value = key.get(&attribute.name).ok_or_else(mismatch)?;
                attribute.key_value(role, value).map_err(|_| mismatch())
            })
            .collect::<Result<Vec<_>, Validation>>()
    };
    let partition = parts(&index.key_schema.partition, cairn_model::KeyRole::Partition)?;
    let sort = parts(&index.key_schema.sort, cairn_model::KeyRole::Sort)?;
    let storage_key = index_entry_key(index.id, &partition, &sort, &primary.storage_key());
    Ok(Position { partition, storage_key })
}

fn of_table(primary: &PrimaryKey) -> Position {
    Position { partition: vec![primary.partition.clone()], storage_key: primary.storage_key() }
}
