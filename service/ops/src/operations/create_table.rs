//! CreateTable (semantics 3.1–3.4).

use crate::catalog::{Definition, Throughput};
use crate::operations::tag_resource::check_tags;
use crate::{FieldPath, Operation, OperationKind, Result, Service, TableDescription, Validation};
use cairn_model::{
    BillingMode, KeyAttribute, KeySchema, KeyType, ProvisionedThroughput, TableClass, TableStatus, Tag,
    limits,
};
use cairn_storage::Engine;

/// Makes a table. Answers at once with status CREATING; the table is ready when DescribeTable says ACTIVE.
#[derive(Clone, Debug, Default)]
pub struct CreateTable {
    /// The table's name.
    pub table: String,
    /// The types of the key attributes.
    pub attribute_definitions: Vec<AttributeDefinition>,
    /// The partition key, then the sort key if there is one.
    pub key_schema: Vec<KeySchemaElement>,
    /// How capacity is provided; provisioned if not said.
    pub billing_mode: Option<BillingMode>,
    /// Required of a provisioned table, refused of an on-demand one.
    pub provisioned_throughput: Option<ThroughputInput>,
    /// The storage class.
    pub table_class: Option<TableClass>,
    /// Whether DeleteTable is to be refused.
    pub deletion_protection: bool,
    /// Labels.
    pub tags: Vec<Tag>,
}

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

/// Provisioned throughput as a caller gives it.
#[derive(Clone, Copy, Debug)]
pub struct ThroughputInput {
    /// Read units a second.
    pub read_capacity_units: i64,
    /// Write units a second.
    pub write_capacity_units: i64,
}

impl Operation for CreateTable {
    const KIND: OperationKind = OperationKind::CreateTable;
    type Output = TableDescription;

    async fn execute<E: Engine>(self, service: &Service<E>) -> Result<TableDescription> {
        let name = service.naming.table("table", self.table)?.name;
        let key_schema = key_schema(&self.attribute_definitions, &self.key_schema)?;
        let billing_mode = self.billing_mode.unwrap_or(BillingMode::Provisioned);
        let provisioned = throughput_for(billing_mode, self.provisioned_throughput)?;
        check_tags("tags", &self.tags)?;
        let now = (service.clock)();
        let definition = Definition {
            number: 0,
            id: uuid::Uuid::new_v4().to_string(),
            name,
            status: TableStatus::Creating,
            created_at: now,
            key_schema,
            billing_mode,
            on_demand_since: (billing_mode == BillingMode::PayPerRequest).then_some(now),
            throughput: Throughput { provisioned, ..Throughput::default() },
            table_class: self.table_class.map(|class| (class, now)),
            deletion_protection: self.deletion_protection,
            tags: self.tags,
            indexes: Vec::new(),
        };
        let table = service.catalog.create(definition).await?;
        Ok(service.catalog.describe_empty(&table, &service.naming))
    }
}

fn key_schema(
    definitions: &[AttributeDefinition],
    elements: &[KeySchemaElement],
) -> Result<KeySchema, Validation> {
    let invalid = |text: String| {
        Validation::new("key_schema", format!("One or more parameter values were invalid: {text}"))
    };
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
                "One or more parameter values were invalid: Attributes cannot be redefined. Please check that your \
                 attribute has the same type as previously defined.",
            ));
        }
    }
    for (index, element) in elements.iter().enumerate() {
        let field = || FieldPath::from("key_schema").index(index);
        check_key_attribute_name(field(), &element.name)?;
        if element.role.is_none() {
            return Err(Validation::constraint(
                field().field("key_type"),
                None,
                "Member must satisfy enum value set: [HASH, RANGE]",
            ));
        }
    }
    let (partition, sort) = match elements {
        [] => {
            return Err(Validation::constraint(
                "key_schema",
                None,
                "Member must have length greater than or equal to 1",
            ));
        }
        [partition] => (partition, None),
        [partition, sort] => (partition, Some(sort)),
        _ => {
            return Err(Validation::constraint(
                "key_schema",
                None,
                "Member must have length less than or equal to 2",
            ));
        }
    };
    if partition.role != Some(KeyRole::Hash) {
        return Err(Validation::new(
            FieldPath::from("key_schema").index(0).field("key_type"),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ));
    }
    if let Some(sort) = sort {
        if sort.role != Some(KeyRole::Range) {
            return Err(Validation::new(
                FieldPath::from("key_schema").index(1).field("key_type"),
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
            ));
        }
        if sort.name == partition.name {
            return Err(Validation::new(
                "key_schema",
                "Both the Hash Key and the Range Key element in the KeySchema have the same name",
            ));
        }
    }
    let typed = |element: &KeySchemaElement| {
        definitions
            .iter()
            .find(|definition| definition.name == element.name)
            .and_then(|definition| definition.key_type)
            .map(|key_type| KeyAttribute { name: element.name.clone(), key_type })
            .ok_or_else(|| {
                invalid(format!(
                    "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], \
                     AttributeDefinitions: [{}]",
                    names(elements.iter().map(|element| &element.name)),
                    names(definitions.iter().map(|definition| &definition.name)),
                ))
            })
    };
    let schema = KeySchema { partition: typed(partition)?, sort: sort.map(typed).transpose()? };
    if definitions.len() != elements.len() {
        return Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions"
                .into(),
        ));
    }
    Ok(schema)
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Key attributes have names of 1 to 255 bytes (semantics 2.6).
fn check_key_attribute_name(field: FieldPath, name: &str) -> Result<(), Validation> {
    let constraint = |text: String| {
        Err(Validation::constraint(
            field.field("attribute_name"),
            Some(name).filter(|name| !name.is_empty()),
            text,
        ))
    };
    match name.len() {
        0 => constraint("Member must have length greater than or equal to 1".into()),
        1..=limits::KEY_ATTRIBUTE_NAME_BYTES_MAX => Ok(()),
        _ => constraint(format!(
            "Member must have length less than or equal to {}",
            limits::KEY_ATTRIBUTE_NAME_BYTES_MAX
        )),
    }
}

/// What throughput a table of that billing mode gets (semantics 3.2).
pub(super) fn throughput_for(
    billing_mode: BillingMode,
    given: Option<ThroughputInput>,
) -> Result<Option<ProvisionedThroughput>, Validation> {
    let invalid = |text: &str| {
        Validation::new(
            "provisioned_throughput",
            format!("One or more parameter values were invalid: {text}"),
        )
    };
    match (billing_mode, given) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (BillingMode::Provisioned, None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(given)) => {
            let units = |field: &'static str, units: i64| {
                u64::try_from(units).ok().filter(|units| *units >= 1).ok_or_else(|| {
                    Validation::constraint(
                        FieldPath::from("provisioned_throughput").field(field),
                        Some(&units.to_string()),
                        "Member must have value greater than or equal to 1",
                    )
                })
            };
            Ok(Some(ProvisionedThroughput {
                read_capacity_units: units("read_capacity_units", given.read_capacity_units)?,
                write_capacity_units: units("write_capacity_units", given.write_capacity_units)?,
            }))
        }
    }
}
