//! CreateTable (semantics 3.1–3.4).

use super::key_definitions::{
    AttributeDefinition, AttributeTypes, KeySchemaElement, SecondaryIndexInput, ThroughputInput, check_count,
    check_projected_sum, invalid,
};
use crate::access::Access;
use crate::catalog::{Definition, FIRST_INDEX_ID, Index, ResourcePolicy, Throughput};
use crate::operations::put_resource_policy::check_resource_policy;
use crate::operations::tag_resource::check_tags;
use crate::{
    FieldPath, IndexStatus, Operation, OperationKind, Permit, Result, Service, TableDescription, Validation,
};
use cairn_model::{
    BillingMode, IndexKind, IndexSchema, KeySchema, ProvisionedThroughput, TableClass, TableStatus, Tag,
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
    /// Indexes with the table's partition key and another sort key. They can be made only here.
    pub local_secondary_indexes: Option<Vec<SecondaryIndexInput>>,
    /// Indexes with a key of their own.
    pub global_secondary_indexes: Option<Vec<SecondaryIndexInput>>,
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
    /// The table's own policy, in force from the start: an IAM document in JSON.
    pub resource_policy: Option<String>,
}

impl Operation for CreateTable {
    const KIND: OperationKind = OperationKind::CreateTable;
    type Output = TableDescription;

    fn accesses(&self) -> Vec<Access<'_>> {
        let table = || Access::to_table("dynamodb:CreateTable", "table", &self.table);
        let tags = || self.tags.iter().map(|tag| (&*tag.key, Some(&*tag.value))).collect();
        let mut accesses = vec![table().tagging(tags())];
        if !self.tags.is_empty() {
            accesses.push(Access { action: "dynamodb:TagResource", ..table() }.tagging(tags()));
        }
        if self.resource_policy.is_some() {
            accesses.push(Access { action: "dynamodb:PutResourcePolicy", ..table() });
        }
        accesses
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<TableDescription> {
        let name = service.naming.table("table", self.table.clone())?.name;
        let billing_mode = self.billing_mode.unwrap_or(BillingMode::Provisioned);
        let types = AttributeTypes::check(&self.attribute_definitions)?;
        let key_schema = types.table_key(&self.key_schema)?;
        let indexes = self.indexes(&types, &key_schema, billing_mode)?;
        let provisioned = throughput_for(billing_mode, self.provisioned_throughput)?;
        check_tags("tags", &self.tags)?;
        let arn = service.naming.arn(&name);
        let resource_policy = match self.resource_policy {
            None => None,
            Some(text) => {
                check_resource_policy("resource_policy", &text, &arn)?;
                Some(ResourcePolicy::new(text))
            }
        };
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
            resource_policy,
            next_index_id: FIRST_INDEX_ID + indexes.len() as u16,
            indexes,
        };
        types.check_used(&definition.key_attributes(), !definition.indexes.is_empty())?;
        let table = service.catalog.create(definition).await?;
        Ok(service.catalog.describe_empty(&table, &service.naming))
    }
}

impl CreateTable {
    /// The indexes that are asked for, with ids from the first on.
    fn indexes(
        &self,
        types: &AttributeTypes<'_>,
        table: &KeySchema,
        billing_mode: BillingMode,
    ) -> Result<Vec<Index>, Validation> {
        let mut indexes: Vec<Index> = Vec::new();
        let lists = [
            (IndexKind::Local, "local_secondary_indexes", &self.local_secondary_indexes),
            (IndexKind::Global, "global_secondary_indexes", &self.global_secondary_indexes),
        ];
        for (kind, list_field, list) in lists {
            let Some(list) = list else { continue };
            check_count(list_field, kind, list.len())?;
            for (position, input) in list.iter().enumerate() {
                let field = FieldPath::from(list_field).index(position);
                let (key_schema, projection) = match kind {
                    IndexKind::Local => types.local_index(&field, table, input)?,
                    IndexKind::Global => types.global_index(&field, input)?,
                };
                let provisioned = match kind {
                    IndexKind::Local => None,
                    IndexKind::Global => throughput_for_index(&field, billing_mode, input)?,
                };
                if indexes.iter().any(|earlier| earlier.schema.name == input.name) {
                    return Err(invalid(
                        field.field("index_name"),
                        format!("Duplicate index name: {}", input.name),
                    ));
                }
                // At most 25, which the counts were checked for.
                let id = FIRST_INDEX_ID + indexes.len() as u16;
                indexes.push(Index {
                    schema: IndexSchema { id, name: input.name.clone(), kind, key_schema, projection },
                    status: IndexStatus::Creating,
                    throughput: Throughput { provisioned, ..Throughput::default() },
                });
            }
        }
        let projections = indexes.iter().map(|index| &index.schema.projection);
        check_projected_sum("global_secondary_indexes", projections)?;
        Ok(indexes)
    }
}

/// What throughput a table of that billing mode gets (semantics 3.2).
pub(super) fn throughput_for(
    billing_mode: BillingMode,
    given: Option<ThroughputInput>,
) -> Result<Option<ProvisionedThroughput>, Validation> {
    let field = || FieldPath::from("provisioned_throughput");
    match (billing_mode, given) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(
            field(),
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (BillingMode::Provisioned, None) => Err(invalid(
            field(),
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(given)) => provisioned(&field(), given).map(Some),
    }
}

/// What throughput a global index of a table of that billing mode gets (semantics 3.2).
pub(super) fn throughput_for_index(
    field: &FieldPath,
    billing_mode: BillingMode,
    index: &SecondaryIndexInput,
) -> Result<Option<ProvisionedThroughput>, Validation> {
    let field = field.clone().field("provisioned_throughput");
    match (billing_mode, index.provisioned_throughput) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(
            field,
            format!(
                "ProvisionedThroughput should not be specified for index: {} when BillingMode is PAY_PER_REQUEST",
                index.name
            ),
        )),
        (BillingMode::Provisioned, None) => {
            Err(invalid(field, format!("ProvisionedThroughput must be specified for index: {}", index.name)))
        }
        (BillingMode::Provisioned, Some(given)) => provisioned(&field, given).map(Some),
    }
}

/// Throughput as it is kept: at least one unit of each kind.
pub(super) fn provisioned(
    field: &FieldPath,
    given: ThroughputInput,
) -> Result<ProvisionedThroughput, Validation> {
    let units = |member: &'static str, units: i64| {
        u64::try_from(units).ok().filter(|units| *units >= 1).ok_or_else(|| {
            Validation::constraint(
                field.clone().field(member),
                Some(&units.to_string()),
                "Member must have value greater than or equal to 1",
            )
        })
    };
    Ok(ProvisionedThroughput {
        read_capacity_units: units("read_capacity_units", given.read_capacity_units)?,
        write_capacity_units: units("write_capacity_units", given.write_capacity_units)?,
    })
}
