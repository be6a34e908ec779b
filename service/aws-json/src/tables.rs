//! The operations on tables and their tags.

use crate::items::TABLE;
use crate::request::{Encoded, Encoder, Request, encode};
use crate::shape::{ANY, Form, REQUIRED, Rule, Unserved, shape};
use cairn_model::{BillingMode, IndexKind, KeyAttribute, KeyType, Projection, TableClass, Tag};
use cairn_ops::{
    AttributeDefinition, CreateTable, DeleteGlobalSecondaryIndex, DeleteTable, DescribeTable, Error,
    GlobalSecondaryIndexUpdate, IndexDescription, IndexStatus, KeyRole, KeySchemaElement, ListTables,
    ListTablesOutput, ListTagsOfResource, ListTagsOfResourceOutput, ProjectionInput, ProjectionType,
    SecondaryIndexInput, TableDescription, TagResource, ThroughputDescription, ThroughputInput,
    UntagResource, UpdateGlobalSecondaryIndex, UpdateTable, Validation,
};
use jiff::Timestamp;
use serde::Serialize;

const KEY_ATTRIBUTE: Rule = REQUIRED.length(1, 255);
const KEY_SCHEMA: Rule = REQUIRED.length_from(1);
const INDEX_NAME: Rule = REQUIRED.length(3, 255).form(Form::Name);
const UNITS: Rule = REQUIRED.range_from(1);
const RESOURCE_ARN: Rule = REQUIRED.length(1, 1283);
const TAG_KEY: Rule = ANY.length(1, 128);
const NON_KEY_ATTRIBUTE: Rule = ANY.length(1, 255);
const BILLING_MODE: Rule = ANY.one_of(&["PROVISIONED", "PAY_PER_REQUEST"]);
const TABLE_CLASS: Rule = ANY.one_of(&["STANDARD", "STANDARD_INFREQUENT_ACCESS"]);

shape! {
    CreateTableInput {
        "AttributeDefinitions" definitions: Vec<AttributeDefinitionInput>;
        "TableName" table: String = TABLE;
        "KeySchema" key_schema: Vec<KeySchemaElementInput> = ANY.length_from(1);
        "LocalSecondaryIndexes" local_indexes: Vec<LocalSecondaryIndexInput>;
        "GlobalSecondaryIndexes" global_indexes: Vec<GlobalSecondaryIndexInput>;
        "BillingMode" billing_mode: String = BILLING_MODE;
        "ProvisionedThroughput" throughput: ProvisionedThroughputInput;
        "StreamSpecification" stream: StreamSpecificationInput;
        "SSESpecification" encryption: EncryptionInput;
        "Tags" tags: Vec<TagInput>;
        "TableClass" table_class: String = TABLE_CLASS;
        "DeletionProtectionEnabled" deletion_protection: bool;
        "WarmThroughput" warm_throughput: Unserved;
        "ResourcePolicy" resource_policy: Unserved;
        "OnDemandThroughput" on_demand_throughput: Unserved;
        "GlobalTableSourceArn" global_table_source: Unserved;
        "GlobalTableSettingsReplicationMode" replication_mode: Unserved;
        "VectorIndexes" vector_indexes: Unserved;
    }
}

shape! {
    UpdateTableInput {
        "AttributeDefinitions" definitions: Vec<AttributeDefinitionInput>;
        "TableName" table: String = TABLE;
        "BillingMode" billing_mode: String = BILLING_MODE;
        "ProvisionedThroughput" throughput: ProvisionedThroughputInput;
        "GlobalSecondaryIndexUpdates" index_updates: Vec<GlobalSecondaryIndexUpdateInput>;
        "StreamSpecification" stream: Unserved;
        "SSESpecification" encryption: Unserved;
        "ReplicaUpdates" replicas: Unserved;
        "TableClass" table_class: String = TABLE_CLASS;
        "DeletionProtectionEnabled" deletion_protection: bool;
        "MultiRegionConsistency" multi_region_consistency: Unserved;
        "GlobalTableWitnessUpdates" witnesses: Unserved;
        "OnDemandThroughput" on_demand_throughput: Unserved;
        "WarmThroughput" warm_throughput: Unserved;
        "GlobalTableSettingsReplicationMode" replication_mode: Unserved;
        "DisassociationProtectionEnabled" disassociation_protection: Unserved;
        "VectorIndexUpdates" vector_indexes: Unserved;
    }
}

shape! {
    AttributeDefinitionInput {
        "AttributeName" name: String = KEY_ATTRIBUTE;
        "AttributeType" key_type: String = REQUIRED.one_of(&["B", "N", "S"]);
    }
}

shape! {
    KeySchemaElementInput {
        "AttributeName" name: String = KEY_ATTRIBUTE;
        "KeyType" role: String = REQUIRED.one_of(&["HASH", "RANGE"]);
    }
}

shape! {
    LocalSecondaryIndexInput {
        "IndexName" name: String = INDEX_NAME;
        "KeySchema" key_schema: Vec<KeySchemaElementInput> = KEY_SCHEMA;
        "Projection" projection: ProjectionShape = REQUIRED;
    }
}

shape! {
    GlobalSecondaryIndexInput {
        "IndexName" name: String = INDEX_NAME;
        "KeySchema" key_schema: Vec<KeySchemaElementInput> = KEY_SCHEMA;
        "Projection" projection: ProjectionShape = REQUIRED;
        "ProvisionedThroughput" throughput: ProvisionedThroughputInput;
        "OnDemandThroughput" on_demand_throughput: Unserved;
        "WarmThroughput" warm_throughput: Unserved;
    }
}

shape! {
    GlobalSecondaryIndexUpdateInput {
        "Update" update: UpdateGlobalSecondaryIndexInput;
        "Create" create: GlobalSecondaryIndexInput;
        "Delete" delete: DeleteGlobalSecondaryIndexInput;
    }
}

shape! {
    UpdateGlobalSecondaryIndexInput {
        "IndexName" name: String = INDEX_NAME;
        "ProvisionedThroughput" throughput: ProvisionedThroughputInput;
        "OnDemandThroughput" on_demand_throughput: Unserved;
        "WarmThroughput" warm_throughput: Unserved;
    }
}

shape! {
    DeleteGlobalSecondaryIndexInput {
        "IndexName" name: String = INDEX_NAME;
    }
}

shape! {
    ProjectionShape {
        "ProjectionType" projection_type: String = ANY.one_of(&["ALL", "INCLUDE", "KEYS_ONLY"]);
        "NonKeyAttributes" names: Vec<String> = ANY.length(1, 20).each(&NON_KEY_ATTRIBUTE);
    }
}

shape! {
    ProvisionedThroughputInput {
        "ReadCapacityUnits" read: i64 = UNITS;
        "WriteCapacityUnits" write: i64 = UNITS;
    }
}

shape! {
    StreamSpecificationInput {
        "StreamEnabled" enabled: bool = REQUIRED;
        "StreamViewType" view: String = ANY.one_of(&["NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"]);
    }
}

shape! {
    EncryptionInput {
        "Enabled" enabled: bool;
        "SSEType" kind: String = ANY.one_of(&["AES256", "KMS"]);
        "KMSMasterKeyId" key: String;
    }
}

shape! {
    TagInput {
        "Key" key: String = REQUIRED.length(1, 128);
        "Value" value: String = REQUIRED.length(0, 256);
    }
}

shape! {
    DescribeTableInput {
        "TableName" table: String = TABLE;
    }
}

shape! {
    DeleteTableInput {
        "TableName" table: String = TABLE;
    }
}

shape! {
    ListTablesInput {
        "ExclusiveStartTableName" start: String = ANY.length(3, 255).form(Form::Name);
        "Limit" limit: i32 = ANY.range(1, 100);
    }
}

shape! {
    TagResourceInput {
        "ResourceArn" arn: String = RESOURCE_ARN;
        "Tags" tags: Vec<TagInput> = REQUIRED;
    }
}

shape! {
    UntagResourceInput {
        "ResourceArn" arn: String = RESOURCE_ARN;
        "TagKeys" keys: Vec<String> = REQUIRED.each(&TAG_KEY);
    }
}

shape! {
    ListTagsOfResourceInput {
        "ResourceArn" arn: String = RESOURCE_ARN;
        "NextToken" token: String;
    }
}

// ---- to operations

fn unserved<T>(feature: &'static str, asked: &Option<T>) -> Result<(), Error> {
    if asked.is_some() { Err(Error::NotImplemented { feature }) } else { Ok(()) }
}

fn billing_mode(name: Option<&str>) -> Option<BillingMode> {
    match name? {
        "PROVISIONED" => Some(BillingMode::Provisioned),
        "PAY_PER_REQUEST" => Some(BillingMode::PayPerRequest),
        _ => None,
    }
}

fn table_class(name: Option<&str>) -> Option<TableClass> {
    match name? {
        "STANDARD" => Some(TableClass::Standard),
        "STANDARD_INFREQUENT_ACCESS" => Some(TableClass::StandardInfrequentAccess),
        _ => None,
    }
}

fn throughput(given: Option<ProvisionedThroughputInput>) -> Option<ThroughputInput> {
    given.map(|given| ThroughputInput {
        read_capacity_units: given.read.unwrap_or_default(),
        write_capacity_units: given.write.unwrap_or_default(),
    })
}

fn definitions(given: Option<Vec<AttributeDefinitionInput>>) -> Vec<AttributeDefinition> {
    let read = |definition: AttributeDefinitionInput| AttributeDefinition {
        name: definition.name.unwrap_or_default(),
        key_type: match definition.key_type.as_deref() {
            Some("S") => Some(KeyType::S),
            Some("N") => Some(KeyType::N),
            Some("B") => Some(KeyType::B),
            _ => None,
        },
    };
    given.unwrap_or_default().into_iter().map(read).collect()
}

fn key_schema(given: Option<Vec<KeySchemaElementInput>>) -> Vec<KeySchemaElement> {
    let read = |element: KeySchemaElementInput| KeySchemaElement {
        name: element.name.unwrap_or_default(),
        role: match element.role.as_deref() {
            Some("HASH") => Some(KeyRole::Hash),
            Some("RANGE") => Some(KeyRole::Range),
            _ => None,
        },
    };
    given.unwrap_or_default().into_iter().map(read).collect()
}

fn projection(given: Option<ProjectionShape>) -> Option<ProjectionInput> {
    given.map(|given| ProjectionInput {
        projection_type: match given.projection_type.as_deref() {
            Some("ALL") => Some(ProjectionType::All),
            Some("KEYS_ONLY") => Some(ProjectionType::KeysOnly),
            Some("INCLUDE") => Some(ProjectionType::Include),
            _ => None,
        },
        non_key_attributes: given.names.unwrap_or_default(),
    })
}

fn tags(given: Option<Vec<TagInput>>) -> Vec<Tag> {
    let read = |tag: TagInput| Tag { key: tag.key.unwrap_or_default(), value: tag.value.unwrap_or_default() };
    given.unwrap_or_default().into_iter().map(read).collect()
}

fn local_index(index: LocalSecondaryIndexInput) -> SecondaryIndexInput {
    SecondaryIndexInput {
        name: index.name.unwrap_or_default(),
        key_schema: key_schema(index.key_schema),
        projection: projection(index.projection),
        provisioned_throughput: None,
    }
}

fn global_index(index: GlobalSecondaryIndexInput) -> Result<SecondaryIndexInput, Error> {
    unserved("OnDemandThroughput", &index.on_demand_throughput)?;
    unserved("WarmThroughput", &index.warm_throughput)?;
    Ok(SecondaryIndexInput {
        name: index.name.unwrap_or_default(),
        key_schema: key_schema(index.key_schema),
        projection: projection(index.projection),
        provisioned_throughput: throughput(index.throughput),
    })
}

fn index_update(given: GlobalSecondaryIndexUpdateInput) -> Result<GlobalSecondaryIndexUpdate, Error> {
    let update = |update: UpdateGlobalSecondaryIndexInput| {
        unserved("OnDemandThroughput", &update.on_demand_throughput)?;
        unserved("WarmThroughput", &update.warm_throughput)?;
        Ok::<_, Error>(UpdateGlobalSecondaryIndex {
            name: update.name.unwrap_or_default(),
            provisioned_throughput: throughput(update.throughput),
        })
    };
    Ok(GlobalSecondaryIndexUpdate {
        create: given.create.map(global_index).transpose()?,
        update: given.update.map(update).transpose()?,
        delete: given
            .delete
            .map(|delete| DeleteGlobalSecondaryIndex { name: delete.name.unwrap_or_default() }),
    })
}

impl Request for CreateTableInput {
    type Operation = CreateTable;

    fn check_first(&self) -> Result<(), Validation> {
        let required = |name: &str, missing: bool| {
            if !missing {
                return Ok(());
            }
            let text = format!("The parameter '{name}' is required but was not present in the request");
            Err(Validation::new("table", text))
        };
        required("TableName", self.table.is_none())?;
        required("AttributeDefinitions", self.definitions.is_none())?;
        required("KeySchema", self.key_schema.is_none())
    }

    fn encoder(&self) -> Encoder<CreateTable> {
        described_as_change
    }

    fn into_operation(self) -> Result<CreateTable, Error> {
        if self.stream.is_some_and(|stream| stream.enabled == Some(true)) {
            return Err(Error::NotImplemented { feature: "StreamSpecification" });
        }
        if self.encryption.is_some_and(|encryption| encryption.enabled == Some(true)) {
            return Err(Error::NotImplemented { feature: "SSESpecification" });
        }
        unserved("WarmThroughput", &self.warm_throughput)?;
        unserved("ResourcePolicy", &self.resource_policy)?;
        unserved("OnDemandThroughput", &self.on_demand_throughput)?;
        unserved("GlobalTableSourceArn", &self.global_table_source)?;
        unserved("GlobalTableSettingsReplicationMode", &self.replication_mode)?;
        unserved("VectorIndexes", &self.vector_indexes)?;
        let global = self.global_indexes.map(|indexes| indexes.into_iter().map(global_index).collect());
        Ok(CreateTable {
            table: self.table.unwrap_or_default(),
            attribute_definitions: definitions(self.definitions),
            key_schema: key_schema(self.key_schema),
            local_secondary_indexes: self
                .local_indexes
                .map(|indexes| indexes.into_iter().map(local_index).collect()),
            global_secondary_indexes: global.transpose()?,
            billing_mode: billing_mode(self.billing_mode.as_deref()),
            provisioned_throughput: throughput(self.throughput),
            table_class: table_class(self.table_class.as_deref()),
            deletion_protection: self.deletion_protection.unwrap_or_default(),
            tags: tags(self.tags),
        })
    }
}

impl Request for UpdateTableInput {
    type Operation = UpdateTable;

    fn encoder(&self) -> Encoder<UpdateTable> {
        described_as_change
    }

    fn into_operation(self) -> Result<UpdateTable, Error> {
        unserved("StreamSpecification", &self.stream)?;
        unserved("SSESpecification", &self.encryption)?;
        unserved("ReplicaUpdates", &self.replicas)?;
        unserved("MultiRegionConsistency", &self.multi_region_consistency)?;
        unserved("GlobalTableWitnessUpdates", &self.witnesses)?;
        unserved("OnDemandThroughput", &self.on_demand_throughput)?;
        unserved("WarmThroughput", &self.warm_throughput)?;
        unserved("GlobalTableSettingsReplicationMode", &self.replication_mode)?;
        unserved("DisassociationProtectionEnabled", &self.disassociation_protection)?;
        unserved("VectorIndexUpdates", &self.vector_indexes)?;
        let updates = self.index_updates.unwrap_or_default().into_iter();
        Ok(UpdateTable {
            table: self.table.unwrap_or_default(),
            attribute_definitions: definitions(self.definitions),
            global_secondary_index_updates: updates.map(index_update).collect::<Result<_, _>>()?,
            billing_mode: billing_mode(self.billing_mode.as_deref()),
            provisioned_throughput: throughput(self.throughput),
            table_class: table_class(self.table_class.as_deref()),
            deletion_protection: self.deletion_protection,
        })
    }
}

impl Request for DescribeTableInput {
    type Operation = DescribeTable;

    fn encoder(&self) -> Encoder<DescribeTable> {
        |table| encode(&DescribeTableAnswer { table: table.into() })
    }

    fn into_operation(self) -> Result<DescribeTable, Error> {
        Ok(DescribeTable { table: self.table.unwrap_or_default() })
    }
}

impl Request for DeleteTableInput {
    type Operation = DeleteTable;

    fn encoder(&self) -> Encoder<DeleteTable> {
        described_as_change
    }

    fn into_operation(self) -> Result<DeleteTable, Error> {
        Ok(DeleteTable { table: self.table.unwrap_or_default() })
    }
}

impl Request for ListTablesInput {
    type Operation = ListTables;

    fn encoder(&self) -> Encoder<ListTables> {
        |output: ListTablesOutput| {
            encode(&ListTablesAnswer {
                table_names: output.names.into_iter().map(String::from).collect(),
                last_evaluated_table_name: output.last_evaluated.map(String::from),
            })
        }
    }

    fn into_operation(self) -> Result<ListTables, Error> {
        Ok(ListTables { exclusive_start: self.start, limit: self.limit, limit_field: "limit".into() })
    }
}

/// The tag operations answer nothing, not even an empty object.
fn nothing(_: ()) -> Encoded {
    Ok(Vec::new())
}

impl Request for TagResourceInput {
    type Operation = TagResource;

    fn encoder(&self) -> Encoder<TagResource> {
        nothing
    }

    fn into_operation(self) -> Result<TagResource, Error> {
        Ok(TagResource { resource_arn: self.arn.unwrap_or_default(), tags: tags(self.tags) })
    }
}

impl Request for UntagResourceInput {
    type Operation = UntagResource;

    fn encoder(&self) -> Encoder<UntagResource> {
        nothing
    }

    fn into_operation(self) -> Result<UntagResource, Error> {
        Ok(UntagResource { resource_arn: self.arn.unwrap_or_default(), keys: self.keys.unwrap_or_default() })
    }
}

impl Request for ListTagsOfResourceInput {
    type Operation = ListTagsOfResource;

    fn encoder(&self) -> Encoder<ListTagsOfResource> {
        |output: ListTagsOfResourceOutput| {
            let tag = |tag: Tag| TagJson { key: tag.key, value: tag.value };
            encode(&ListTagsAnswer {
                tags: output.tags.into_iter().map(tag).collect(),
                next_token: output.next_token,
            })
        }
    }

    fn into_operation(self) -> Result<ListTagsOfResource, Error> {
        Ok(ListTagsOfResource {
            resource_arn: self.arn.unwrap_or_default(),
            limit: None,
            next_token: self.token,
        })
    }
}

// ---- answers

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeTableAnswer {
    table: TableJson,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeAnswer {
    table_description: TableJson,
}

/// What CreateTable, UpdateTable and DeleteTable answer.
fn described_as_change(table: TableDescription) -> Encoded {
    encode(&ChangeAnswer { table_description: table.into() })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListTablesAnswer {
    table_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_table_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsAnswer {
    tags: Vec<TagJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagJson {
    key: String,
    value: String,
}

/// `TableDescription`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TableJson {
    attribute_definitions: Vec<DefinitionJson>,
    table_name: String,
    key_schema: Vec<KeyElementJson>,
    table_status: String,
    creation_date_time: f64,
    provisioned_throughput: ThroughputJson,
    table_size_bytes: u64,
    item_count: u64,
    table_arn: String,
    table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode_summary: Option<BillingJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    local_secondary_indexes: Vec<IndexJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    global_secondary_indexes: Vec<IndexJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_class_summary: Option<ClassJson>,
    deletion_protection_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DefinitionJson {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElementJson {
    attribute_name: String,
    key_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ThroughputJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_increase_date_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_decrease_date_time: Option<f64>,
    number_of_decreases_today: u64,
    read_capacity_units: u64,
    write_capacity_units: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BillingJson {
    billing_mode: BillingMode,
    last_update_to_pay_per_request_date_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClassJson {
    table_class: TableClass,
    last_update_date_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProjectionJson {
    projection_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    non_key_attributes: Vec<String>,
}

/// A local index's description; of a global one, with what only such have.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct IndexJson {
    index_name: String,
    key_schema: Vec<KeyElementJson>,
    projection: ProjectionJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilling: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_throughput: Option<ThroughputJson>,
    index_size_bytes: u64,
    item_count: u64,
    index_arn: String,
}

/// Seconds since the epoch, to the millisecond.
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

fn key_elements<'a>(
    partition: impl IntoIterator<Item = &'a KeyAttribute>,
    sort: impl IntoIterator<Item = &'a KeyAttribute>,
) -> Vec<KeyElementJson> {
    let element = |key_type: &'static str| {
        move |attribute: &KeyAttribute| KeyElementJson { attribute_name: attribute.name.clone(), key_type }
    };
    let partition = partition.into_iter().map(element("HASH"));
    partition.chain(sort.into_iter().map(element("RANGE"))).collect()
}

impl From<ThroughputDescription> for ThroughputJson {
    fn from(throughput: ThroughputDescription) -> Self {
        Self {
            last_increase_date_time: throughput.last_increase.map(seconds),
            last_decrease_date_time: throughput.last_decrease.map(seconds),
            number_of_decreases_today: throughput.decreases_today,
            read_capacity_units: throughput.read_capacity_units,
            write_capacity_units: throughput.write_capacity_units,
        }
    }
}

impl From<Projection> for ProjectionJson {
    fn from(projection: Projection) -> Self {
        let (projection_type, non_key_attributes) = match projection {
            Projection::All => ("ALL", Vec::new()),
            Projection::KeysOnly => ("KEYS_ONLY", Vec::new()),
            Projection::Include(names) => ("INCLUDE", names),
        };
        Self { projection_type, non_key_attributes }
    }
}

impl From<IndexDescription> for IndexJson {
    fn from(index: IndexDescription) -> Self {
        let is_global = index.kind == IndexKind::Global;
        let status = match index.status {
            IndexStatus::Creating | IndexStatus::Backfilling => "CREATING",
            IndexStatus::Active => "ACTIVE",
            IndexStatus::Updating => "UPDATING",
            IndexStatus::Deleting => "DELETING",
        };
        Self {
            index_name: index.name,
            key_schema: key_elements(&index.key_schema.partition, &index.key_schema.sort),
            projection: index.projection.into(),
            index_status: is_global.then_some(status),
            backfilling: index.backfilling.filter(|_| is_global),
            provisioned_throughput: is_global.then(|| index.throughput.into()),
            index_size_bytes: index.size_bytes,
            item_count: index.item_count,
            index_arn: index.arn,
        }
    }
}

impl From<TableDescription> for TableJson {
    fn from(table: TableDescription) -> Self {
        let definition = |attribute: &KeyAttribute| DefinitionJson {
            attribute_name: attribute.name.clone(),
            attribute_type: attribute.key_type.to_string(),
        };
        let (local, global): (Vec<_>, Vec<_>) =
            table.indexes.into_iter().partition(|index| index.kind == IndexKind::Local);
        Self {
            attribute_definitions: table.key_attributes.iter().map(definition).collect(),
            key_schema: key_elements([&table.key_schema.partition], &table.key_schema.sort),
            table_name: table.name,
            table_status: table.status.to_string(),
            creation_date_time: seconds(table.created_at),
            provisioned_throughput: table.throughput.into(),
            table_size_bytes: table.size_bytes,
            item_count: table.item_count,
            table_arn: table.arn,
            table_id: table.id,
            // Absent on a table that was always provisioned (semantics 3.2).
            billing_mode_summary: table.on_demand_since.map(|since| BillingJson {
                billing_mode: table.billing_mode,
                last_update_to_pay_per_request_date_time: seconds(since),
            }),
            local_secondary_indexes: local.into_iter().map(IndexJson::from).collect(),
            global_secondary_indexes: global.into_iter().map(IndexJson::from).collect(),
            table_class_summary: table.table_class.map(|(class, since)| ClassJson {
                table_class: class,
                last_update_date_time: seconds(since),
            }),
            deletion_protection_enabled: table.deletion_protection,
        }
    }
}
