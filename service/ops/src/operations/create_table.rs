//! CreateTable (semantics 3.1–3.4).

use super::key_definitions::{
    AttributeDefinition, AttributeTypes, KeySchemaElement, SecondaryIndexInput, check_count,
    check_projected_sum, invalid,
};
use super::table_settings::{EncryptionInput, StreamInput};
use super::throughput::{
    Asked, OnDemandInput, Subject, ThroughputInput, WarmInput, throughput_for, throughput_for_index,
};
use crate::access::Access;
use crate::capacity::{CapacityOptions, check_limits};
use crate::catalog::{Definition, FIRST_INDEX_ID, Index, ResourcePolicy, Throughput};
use crate::error::check_name;
use crate::operations::put_resource_policy::check_resource_policy;
use crate::operations::tag_resource::check_tags;
use crate::{
    Error, FieldPath, IndexStatus, Operation, OperationKind, Permit, Result, Service, TableDescription,
    Validation,
};
use cairn_model::{BillingMode, IndexKind, IndexSchema, KeySchema, TableClass, TableStatus, Tag};
use cairn_storage::{Consistency, Engine};
use std::collections::{BTreeMap, BTreeSet};

/// Creates a table. Answers with status CREATING although the table is ready by then, within milliseconds; or with ACTIVE
/// where [`wait_for_tables`](crate::ServiceOptions::wait_for_tables) is set.
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
    /// Limits on what is used of an on-demand table.
    pub on_demand_throughput: Option<OnDemandInput>,
    /// What the table is to be ready for at once.
    pub warm_throughput: Option<WarmInput>,
    /// The storage class.
    pub table_class: Option<TableClass>,
    /// Whether DeleteTable is to be refused.
    pub deletion_protection: bool,
    /// Whether it is to have a stream.
    pub stream: Option<StreamInput>,
    /// How it is to be encrypted.
    pub encryption: Option<EncryptionInput>,
    /// Labels.
    pub tags: Vec<Tag>,
    /// The table's own policy, in force from the start: an IAM document in JSON.
    pub resource_policy: Option<String>,
}

impl CreateTable {
    /// What a request is told without a member that it needs (semantics 20.4). Whether a member is there is for its
    /// protocol to know.
    pub fn lacks(member: &str) -> Validation {
        Validation::new(
            "table",
            format!("The parameter '{member}' is required but was not present in the request"),
        )
    }
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

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<TableDescription> {
        let name = permit.table()?.reference.name.clone();
        let billing_mode = self.billing_mode.unwrap_or(BillingMode::Provisioned);
        let types = AttributeTypes::check(&self.attribute_definitions)?;
        let key_schema = types.table_key(&self.key_schema)?;
        let options = &service.accounting.options;
        let indexes = self.indexes(&types, &key_schema, billing_mode, options)?;
        let provisioned = throughput_for(billing_mode, self.provisioned_throughput)?;
        let asked = Asked {
            provisioned: self.provisioned_throughput,
            on_demand: self.on_demand_throughput,
            warm: self.warm_throughput,
        };
        let subject = Subject { field: None, name: "table", billing_mode, is_new: true };
        let throughput = asked.of_new(&subject, provisioned, options)?;
        self.stream.unwrap_or_default().check()?;
        let encryption = self.encryption.as_ref().map_or(Ok(false), EncryptionInput::check)?;
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
            revision: 0,
            id: uuid::Uuid::new_v4().to_string(),
            name,
            status: TableStatus::Creating,
            created_at: now,
            key_schema,
            billing_mode,
            on_demand_since: (billing_mode == BillingMode::PayPerRequest).then_some(now),
            on_demand_switches: Vec::new(),
            throughput,
            table_class: self.table_class.map(|class| (class, now)),
            deletion_protection: self.deletion_protection,
            tags: self.tags,
            resource_policy,
            next_index_id: FIRST_INDEX_ID + indexes.len() as u16,
            time_to_live: None,
            encryption,
            failure: None,
            indexes,
        };
        types.check_used(&definition.key_attributes(), !definition.indexes.is_empty())?;
        let others = service.catalog.provisioned_units_beside(&definition.name).await?;
        check_limits(None, &definition, others, options)?;
        let table = match service.catalog.create(definition).await {
            // Told only to those who may create it by the policy of the one that is there.
            Err(error @ Error::TableAlreadyExists { .. }) => {
                let snapshot = service.engine.snapshot(Consistency::Strong).await?;
                permit.find(service, &snapshot, permit.table()?).await?;
                return Err(error);
            }
            created => created?,
        };
        let mut description = match service.wait_for_tables {
            true => service.describe_now(&table, &table.definition).await?,
            false => service.catalog.describe_empty(&table.definition, &service.naming),
        };
        // What was not asked for is told by DescribeTable.
        description.warm = description.warm.filter(|_| self.warm_throughput.is_some());
        let globals = self.global_secondary_indexes.iter().flatten();
        let warmed: Vec<_> = globals.filter(|index| index.warm_throughput.is_some()).collect();
        for index in &mut description.indexes {
            let is_asked = warmed.iter().any(|warmed| warmed.name == index.name);
            index.warm = index.warm.filter(|_| is_asked);
        }
        Ok(description)
    }
}

impl CreateTable {
    /// The indexes that are asked for, with ids from the first on.
    fn indexes(
        &self,
        types: &AttributeTypes<'_>,
        table: &KeySchema,
        billing_mode: BillingMode,
        options: &CapacityOptions,
    ) -> Result<Vec<Index>, Validation> {
        let mut indexes: Vec<Index> = Vec::new();
        self.check_index_names()?;
        let lists = [
            (IndexKind::Local, "local_secondary_indexes", &self.local_secondary_indexes),
            (IndexKind::Global, "global_secondary_indexes", &self.global_secondary_indexes),
        ];
        for (kind, list_field, list) in lists {
            let Some(list) = list else { continue };
            check_count(list_field, kind, list.len())?;
            let mut checked = BTreeMap::new();
            for (position, input) in by_name(list) {
                let field = FieldPath::from(list_field).index(position);
                let (key_schema, projection) = match kind {
                    IndexKind::Local => types.local_index(&field, table, input)?,
                    IndexKind::Global => types.global_index(&field, input)?,
                };
                let throughput = match kind {
                    IndexKind::Local => Throughput::default(),
                    IndexKind::Global => index_throughput(&field, billing_mode, input, options)?,
                };
                checked.insert(position, (key_schema, projection, throughput));
            }
            for ((key_schema, projection, throughput), input) in checked.into_values().zip(list) {
                // At most 25, which the counts were checked for.
                let id = FIRST_INDEX_ID + indexes.len() as u16;
                indexes.push(Index {
                    schema: IndexSchema { id, name: input.name.clone(), kind, key_schema, projection },
                    status: IndexStatus::Creating,
                    throughput,
                });
            }
        }
        let projections = indexes.iter().map(|index| &index.schema.projection);
        check_projected_sum("global_secondary_indexes", projections)?;
        Ok(indexes)
    }

    /// Checks index names. Faults of global indexes precede those of local ones.
    fn check_index_names(&self) -> Result<(), Validation> {
        let lists = [
            ("global_secondary_indexes", &self.global_secondary_indexes),
            ("local_secondary_indexes", &self.local_secondary_indexes),
        ];
        let mut names = BTreeSet::new();
        for (list_field, list) in lists {
            for (position, SecondaryIndexInput { name, .. }) in by_name(list.as_deref().unwrap_or_default()) {
                let field = FieldPath::from(list_field).index(position).field("index_name");
                check_name(field.clone(), name)?;
                if !names.insert(name) {
                    return Err(invalid(field, format!("Duplicate index name: {name}")));
                }
            }
        }
        Ok(())
    }
}

/// Indexes with their positions, sorted by name: of several faults the alphabetically first index is reported.
fn by_name(list: &[SecondaryIndexInput]) -> Vec<(usize, &SecondaryIndexInput)> {
    let mut indexes: Vec<_> = list.iter().enumerate().collect();
    indexes.sort_by_key(|(_, index)| &index.name);
    indexes
}

/// The throughput of a new global index.
pub(super) fn index_throughput(
    field: &FieldPath,
    billing_mode: BillingMode,
    input: &SecondaryIndexInput,
    options: &CapacityOptions,
) -> Result<Throughput, Validation> {
    let given = input.provisioned_throughput;
    let provisioned = throughput_for_index(field, billing_mode, &input.name, given)?;
    let asked =
        Asked { provisioned: given, on_demand: input.on_demand_throughput, warm: input.warm_throughput };
    let name = format!("index {}", input.name);
    asked.of_new(
        &Subject { field: Some(field.clone()), name: &name, billing_mode, is_new: true },
        provisioned,
        options,
    )
}
