//! What CreateTable and UpdateTable say of keys and indexes: the callers' forms, and the checks on the way from them to
//! the model's (semantics 3.1, 3.4, 4.2, 4.5).

use super::throughput::{OnDemandInput, ThroughputInput, WarmInput};
use crate::error::check_name;
use crate::{FieldPath, Validation};
use cairn_model::{Echo, IndexKeySchema, IndexKind, KeyAttribute, KeySchema, KeyType, Projection, limits};

/// The type of a key attribute.
#[derive(Clone, Debug)]
pub struct AttributeDefinition {
    /// The attribute's name.
    pub name: String,
    /// Its type; none if the caller did not say.
    pub key_type: Option<KeyType>,
}

/// The role of a key attribute.
#[derive(Clone, Debug)]
pub struct KeySchemaElement {
    /// The attribute's name.
    pub name: String,
    /// Its role; none if the caller did not say.
    pub role: Option<KeyRole>,
}

/// What a key attribute is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The partition key.
    Hash,
    /// The sort key.
    Range,
}

/// A secondary index as a caller asks for it.
#[derive(Clone, Debug, Default)]
pub struct SecondaryIndexInput {
    /// The index's name.
    pub name: String,
    /// The attributes of its partition key, then those of its sort key.
    pub key_schema: Vec<KeySchemaElement>,
    /// What it holds; none if the caller did not say.
    pub projection: Option<ProjectionInput>,
    /// Required of a global index of a provisioned table, refused of one of an on-demand table. Local ones have none.
    pub provisioned_throughput: Option<ThroughputInput>,
    /// Limits on what is used of a global index of an on-demand table.
    pub on_demand_throughput: Option<OnDemandInput>,
    /// What a global index is to be ready for at once.
    pub warm_throughput: Option<WarmInput>,
}

/// What an index is to hold, as a caller says it.
#[derive(Clone, Debug, Default)]
pub struct ProjectionInput {
    /// The rule; none if the caller did not say.
    pub projection_type: Option<ProjectionType>,
    /// The attributes besides the keys.
    pub non_key_attributes: Vec<String>,
}

/// Which attributes an index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionType {
    /// All.
    All,
    /// The keys.
    KeysOnly,
    /// The keys and those named.
    Include,
}

/// Local indexes that a table may have.
const LOCAL_INDEXES_MAX: usize = 5;
/// Global indexes that a table may have.
const GLOBAL_INDEXES_MAX: usize = 20;
/// Attributes that make up the partition key, or the sort key, of a global index.
const KEY_PARTS_MAX: usize = 4;
/// Attributes that one index may hold besides the keys.
const NON_KEY_ATTRIBUTES_MAX: usize = 20;
/// The same, of all indexes of a table together.
const NON_KEY_ATTRIBUTES_IN_SUM_MAX: usize = 100;

/// A rule that the definitions of a table break together.
pub(super) fn invalid(field: impl Into<FieldPath>, text: impl std::fmt::Display) -> Validation {
    Validation::new(field, format!("One or more parameter values were invalid: {text}"))
}

/// The types that a request gives to key attributes.
pub(super) struct AttributeTypes<'d>(&'d [AttributeDefinition]);

impl<'d> AttributeTypes<'d> {
    /// Checks the definitions one by one.
    pub(super) fn check(definitions: &'d [AttributeDefinition]) -> Result<Self, Validation> {
        for (index, definition) in definitions.iter().enumerate() {
            let field = || FieldPath::from("attribute_definitions").index(index);
            check_key_attribute_name(field(), &definition.name)?;
            if definition.key_type.is_none() {
                return Err(Validation::constraint(
                    field().field("attribute_type"),
                    None,
                    "Member must satisfy enum value set: [B, N, S]",
                ));
            }
            if definitions.iter().take(index).any(|earlier| earlier.name == definition.name) {
                return Err(Validation::new(
                    field().field("attribute_name"),
                    format!("Attribute Name is duplicated: {}", definition.name),
                ));
            }
        }
        Ok(Self(definitions))
    }

    /// Checks that every definition is of one of `used`.
    pub(super) fn check_used(&self, used: &[KeyAttribute], has_indexes: bool) -> Result<(), Validation> {
        if self.0.len() == used.len() {
            return Ok(());
        }
        if has_indexes {
            let used = list(used.iter().map(|attribute| &attribute.name));
            let text = format!(
                "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{used}]",
                self.names()
            );
            return Err(invalid("attribute_definitions", text));
        }
        Err(invalid(
            "key_schema",
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        ))
    }

    fn names(&self) -> String {
        list(self.0.iter().map(|definition| &definition.name))
    }

    /// The attributes of a key with their types.
    fn typed(&self, elements: &[KeySchemaElement]) -> Option<Vec<KeyAttribute>> {
        let typed = |element: &KeySchemaElement| {
            let definition = self.0.iter().find(|definition| definition.name == element.name)?;
            Some(KeyAttribute { name: element.name.clone(), key_type: definition.key_type? })
        };
        elements.iter().map(typed).collect()
    }

    /// The same of the key of an index.
    fn typed_index(
        &self,
        field: FieldPath,
        elements: &[KeySchemaElement],
    ) -> Result<Vec<KeyAttribute>, Validation> {
        self.typed(elements).ok_or_else(|| {
            let keys = list(elements.iter().map(|element| &element.name));
            invalid(
                field,
                format!(
                    "Some index key attributes are not defined in AttributeDefinitions. Keys: [{keys}], \
                     AttributeDefinitions: [{}]",
                    self.names()
                ),
            )
        })
    }

    /// A table's key schema.
    pub(super) fn table_key(&self, elements: &[KeySchemaElement]) -> Result<KeySchema, Validation> {
        let field = FieldPath::from("key_schema");
        // Of a table's key, other than of an index's, both are told in the same words.
        let undefined = || {
            Validation::new(field.clone(), "Invalid KeySchema: Some index key attribute have no definition")
        };
        check_pair(&field, elements, undefined)?;
        let mut attributes = self.typed(elements).ok_or_else(undefined)?.into_iter();
        let partition = attributes.next().ok_or_else(|| too_short("key_schema", "[]"))?;
        Ok(KeySchema { partition, sort: attributes.next() })
    }

    /// A local index's key schema and projection.
    pub(super) fn local_index(
        &self,
        field: &FieldPath,
        table: &KeySchema,
        index: &SecondaryIndexInput,
    ) -> Result<(IndexKeySchema, Projection), Validation> {
        let key_field = || field.clone().field("key_schema");
        let name = &index.name;
        check_name(field.clone().field("index_name"), name)?;
        check_pair(&key_field(), &index.key_schema, || same_name(&key_field()))?;
        let attributes = self.typed_index(key_field(), &index.key_schema)?;
        let projection = projection(field, index.projection.as_ref())?;
        if table.sort.is_none() {
            return Err(invalid(
                field.clone(),
                "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
            ));
        }
        let [partition, sort] = attributes.as_slice() else {
            return Err(invalid(
                key_field(),
                format!("Index KeySchema does not have a range key for index: {name}"),
            ));
        };
        if *partition != table.partition {
            return Err(invalid(
                key_field(),
                format!(
                    "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. \
                     index hash key: {}, table hash key: {}",
                    partition.name, table.partition.name
                ),
            ));
        }
        let schema = IndexKeySchema { partition: vec![partition.clone()], sort: vec![sort.clone()] };
        Ok((schema, projection))
    }

    /// A global index's key schema and projection.
    pub(super) fn global_index(
        &self,
        field: &FieldPath,
        index: &SecondaryIndexInput,
    ) -> Result<(IndexKeySchema, Projection), Validation> {
        let key_field = || field.clone().field("key_schema");
        check_name(field.clone().field("index_name"), &index.name)?;
        let partitions = check_parts(&key_field(), &index.key_schema)?;
        let mut partition = self.typed_index(key_field(), &index.key_schema)?;
        let sort = partition.split_off(partitions.min(partition.len()));
        Ok((IndexKeySchema { partition, sort }, projection(field, index.projection.as_ref())?))
    }
}

pub(super) fn redefined(field: impl Into<FieldPath>) -> Validation {
    invalid(
        field,
        "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined.",
    )
}

/// `value` is the echo of the empty name or list.
fn too_short(field: impl Into<FieldPath>, value: &str) -> Validation {
    Validation::constraint(field, Some(value), "Member must have length greater than or equal to 1")
}

/// A key as an error repeats it.
fn echoed(elements: &[KeySchemaElement]) -> String {
    let element = |echo: &mut Echo, element: &KeySchemaElement| {
        let name = |echo: &mut Echo| echo.text(&element.name);
        let role = |echo: &mut Echo| {
            echo.text(match element.role {
                Some(KeyRole::Hash) => "HASH",
                Some(KeyRole::Range) => "RANGE",
                None => "null",
            });
        };
        echo.structure("KeySchemaElement", &[("attributeName", &name), ("keyType", &role)]);
    };
    Echo::of(|echo| echo.list(elements, element))
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Checks the elements of a key one by one.
fn check_elements(field: &FieldPath, elements: &[KeySchemaElement]) -> Result<(), Validation> {
    for (index, element) in elements.iter().enumerate() {
        let field = || field.clone().index(index);
        check_key_attribute_name(field(), &element.name)?;
        if element.role.is_none() {
            return Err(Validation::constraint(
                field().field("key_type"),
                None,
                "Member must satisfy enum value set: [HASH, RANGE]",
            ));
        }
    }
    if elements.is_empty() {
        return Err(too_short(field.clone(), "[]"));
    }
    Ok(())
}

fn check_first(field: &FieldPath, elements: &[KeySchemaElement]) -> Result<(), Validation> {
    match elements.first() {
        Some(first) if first.role != Some(KeyRole::Hash) => Err(Validation::new(
            field.clone().index(0).field("key_type"),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        )),
        _ => Ok(()),
    }
}

fn same_name(field: &FieldPath) -> Validation {
    Validation::new(
        field.clone(),
        "Both the Hash Key and the Range Key element in the KeySchema have the same name",
    )
}

/// Checks the key of a table or a local index: a partition key, and perhaps a sort key. `same_name` is the fault of both
/// being one attribute.
fn check_pair(
    field: &FieldPath,
    elements: &[KeySchemaElement],
    same_name: impl FnOnce() -> Validation,
) -> Result<(), Validation> {
    check_elements(field, elements)?;
    if elements.len() > 2 {
        return Err(Validation::constraint(
            field.clone(),
            Some(&echoed(elements)),
            "Member must have length less than or equal to 2",
        ));
    }
    check_first(field, elements)?;
    let [partition, sort] = elements else { return Ok(()) };
    if sort.role != Some(KeyRole::Range) {
        return Err(Validation::new(
            field.clone().index(1).field("key_type"),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ));
    }
    if sort.name == partition.name { Err(same_name()) } else { Ok(()) }
}

/// Checks the key of a global index, of up to four attributes a role, and says how many are the partition key's. The
/// texts for what only such keys can get wrong are ours.
fn check_parts(field: &FieldPath, elements: &[KeySchemaElement]) -> Result<usize, Validation> {
    check_elements(field, elements)?;
    check_first(field, elements)?;
    let partitions = elements.iter().take_while(|element| element.role == Some(KeyRole::Hash)).count();
    let sorts = elements.len() - partitions;
    if elements.iter().skip(partitions).any(|element| element.role != Some(KeyRole::Range)) {
        return Err(Validation::new(
            field.clone(),
            "Invalid KeySchema: All HASH KeySchemaElements must precede all RANGE KeySchemaElements",
        ));
    }
    for (role, parts) in [("HASH", partitions), ("RANGE", sorts)] {
        if parts > KEY_PARTS_MAX {
            return Err(Validation::new(
                field.clone(),
                format!("Invalid KeySchema: An index has at most {KEY_PARTS_MAX} {role} KeySchemaElements"),
            ));
        }
    }
    let twice = |(index, element): (usize, &KeySchemaElement)| {
        elements.iter().take(index).any(|earlier| earlier.name == element.name)
    };
    if elements.iter().enumerate().any(twice) { Err(same_name(field)) } else { Ok(partitions) }
}

/// Key attributes have names of 1 to 255 bytes (semantics 2.6).
fn check_key_attribute_name(field: FieldPath, name: &str) -> Result<(), Validation> {
    check_length(field.field("attribute_name"), name)
}

fn check_length(field: FieldPath, name: &str) -> Result<(), Validation> {
    match name.len() {
        0 => Err(too_short(field, "")),
        1..=limits::KEY_ATTRIBUTE_NAME_BYTES_MAX => Ok(()),
        _ => Err(Validation::constraint(
            field,
            Some(name),
            format_args!(
                "Member must have length less than or equal to {}",
                limits::KEY_ATTRIBUTE_NAME_BYTES_MAX
            ),
        )),
    }
}

fn projection(field: &FieldPath, given: Option<&ProjectionInput>) -> Result<Projection, Validation> {
    let field = field.clone().field("projection");
    let Some(given) = given else {
        return Err(Validation::constraint(field, None, "Member must not be null"));
    };
    let names = &given.non_key_attributes;
    if names.len() > NON_KEY_ATTRIBUTES_MAX {
        return Err(Validation::constraint(
            field.field("non_key_attributes"),
            Some(&Echo::of(|echo| echo.list(names, |echo, name| echo.text(name)))),
            format_args!("Member must have length less than or equal to {NON_KEY_ATTRIBUTES_MAX}"),
        ));
    }
    for (index, name) in names.iter().enumerate() {
        check_length(field.clone().field("non_key_attributes").index(index), name)?;
    }
    let only = |projection, name: &str| {
        if names.is_empty() {
            return Ok(projection);
        }
        Err(invalid(field.clone(), format!("ProjectionType is {name}, but NonKeyAttributes is specified")))
    };
    match given.projection_type {
        None => Err(invalid(field.clone(), "Unknown ProjectionType: null")),
        Some(ProjectionType::All) => only(Projection::All, "ALL"),
        Some(ProjectionType::KeysOnly) => only(Projection::KeysOnly, "KEYS_ONLY"),
        Some(ProjectionType::Include) if names.is_empty() => {
            Err(invalid(field, "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        Some(ProjectionType::Include) => Ok(Projection::Include(names.clone())),
    }
}

/// Checks how many attributes are projected by name, over all indexes of a table.
pub(super) fn check_projected_sum<'p>(
    field: &'static str,
    projections: impl Iterator<Item = &'p Projection>,
) -> Result<(), Validation> {
    let named = |projection: &Projection| match projection {
        Projection::Include(names) => names.len(),
        Projection::All | Projection::KeysOnly => 0,
    };
    if projections.map(named).sum::<usize>() <= NON_KEY_ATTRIBUTES_IN_SUM_MAX {
        return Ok(());
    }
    Err(invalid(
        field,
        format!(
            "Number of NonKeyAttributes over all indexes exceeds the per-table limit of \
             {NON_KEY_ATTRIBUTES_IN_SUM_MAX}"
        ),
    ))
}

/// A list of indexes that is there must hold some, and not too many.
pub(super) fn check_count(field: &'static str, kind: IndexKind, count: usize) -> Result<(), Validation> {
    let text = match (kind, count) {
        (IndexKind::Local, 0) => "List of LocalSecondaryIndexes is empty".to_owned(),
        (IndexKind::Global, 0) => "List of GlobalSecondaryIndexes is empty".to_owned(),
        (IndexKind::Local, count) if count > LOCAL_INDEXES_MAX => {
            format!("Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}")
        }
        (IndexKind::Global, count) if count > GLOBAL_INDEXES_MAX => {
            format!("GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")
        }
        _ => return Ok(()),
    };
    Err(invalid(field, text))
}
