//! The operations on tables and their tags.

use crate::descriptions::TableJson;
use crate::items::TABLE;
use crate::request::{Encoded, Encoder, Request, encode};
use crate::shape::{ANY, Form, REQUIRED, Rule, Unserved, shape};
use cairn_model::{BillingMode, KeyType, TableClass, Tag};
use cairn_ops::{
    AttributeDefinition, CreateTable, DeleteGlobalSecondaryIndex, DeleteTable, DescribeLimits,
    DescribeLimitsOutput, DescribeTable, EncryptionInput, Error, GlobalSecondaryIndexUpdate, KeyRole,
    KeySchemaElement, ListTables, ListTablesOutput, ListTagsOfResource, ListTagsOfResourceOutput,
    OnDemandInput, ProjectionInput, ProjectionType, SecondaryIndexInput, StreamInput, TableDescription,
    TagResource, ThroughputInput, UntagResource, UpdateGlobalSecondaryIndex, UpdateTable, Validation,
    WarmInput,
};
use serde::Serialize;

const KEY_ATTRIBUTE: Rule = REQUIRED.length(1, 255);
const KEY_SCHEMA: Rule = REQUIRED.length_from(1);
const INDEX_NAME: Rule = REQUIRED.length(3, 255).form(Form::Name);
const UNITS: Rule = REQUIRED.range_from(1);
pub(crate) const RESOURCE_ARN: Rule = REQUIRED.length(1, 1283);
const TAG_KEY: Rule = ANY.length(1, 128);
const NON_KEY_ATTRIBUTE: Rule = ANY.length(1, 255);
const BILLING_MODE: Rule = ANY.one_of(&["PROVISIONED", "PAY_PER_REQUEST"]);
const TABLE_CLASS: Rule = ANY.one_of(&["STANDARD", "STANDARD_INFREQUENT_ACCESS"]);

shape! {
    CreateTableInput {
        "AttributeDefinitions" definitions: Vec<AttributeDefinitionInput>;
        "TableName" table: String = TABLE;
        "KeySchema" key_schema: Vec<KeySchemaElementInput> = ANY.length_from(1);
        "GlobalSecondaryIndexes" global_indexes: Vec<GlobalSecondaryIndexInput>;
        "LocalSecondaryIndexes" local_indexes: Vec<LocalSecondaryIndexInput>;
        "BillingMode" billing_mode: String = BILLING_MODE;
        "ProvisionedThroughput" throughput: ProvisionedThroughputInput;
        "StreamSpecification" stream: StreamSpecificationInput;
        "SSESpecification" encryption: EncryptionInputShape;
        "Tags" tags: Vec<TagInput>;
        "TableClass" table_class: String = TABLE_CLASS;
        "DeletionProtectionEnabled" deletion_protection: bool;
        "WarmThroughput" warm_throughput: WarmThroughputInput;
        "ResourcePolicy" resource_policy: String;
        "OnDemandThroughput" on_demand_throughput: OnDemandThroughputInput;
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
        "SSESpecification" encryption: EncryptionInputShape;
        "ReplicaUpdates" replicas: Unserved;
        "TableClass" table_class: String = TABLE_CLASS;
        "DeletionProtectionEnabled" deletion_protection: bool;
        "MultiRegionConsistency" multi_region_consistency: Unserved;
        "GlobalTableWitnessUpdates" witnesses: Unserved;
        "OnDemandThroughput" on_demand_throughput: OnDemandThroughputInput;
        "WarmThroughput" warm_throughput: WarmThroughputInput;
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
        "OnDemandThroughput" on_demand_throughput: OnDemandThroughputInput;
        "WarmThroughput" warm_throughput: WarmThroughputInput;
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
        "OnDemandThroughput" on_demand_throughput: OnDemandThroughputInput;
        "WarmThroughput" warm_throughput: WarmThroughputInput;
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
    OnDemandThroughputInput {
        "MaxReadRequestUnits" read: i64;
        "MaxWriteRequestUnits" write: i64;
    }
}

shape! {
    WarmThroughputInput {
        "ReadUnitsPerSecond" read: i64;
        "WriteUnitsPerSecond" write: i64;
    }
}

shape! {
    StreamSpecificationInput {
        "StreamEnabled" enabled: bool = REQUIRED;
        "StreamViewType" view: String = ANY.one_of(&["NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"]);
    }
}

shape! {
    EncryptionInputShape {
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
    DescribeLimitsInput {}
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

fn on_demand(given: Option<OnDemandThroughputInput>) -> Option<OnDemandInput> {
    given.map(|given| OnDemandInput {
        max_read_request_units: given.read,
        max_write_request_units: given.write,
    })
}

fn warm(given: Option<WarmThroughputInput>) -> Option<WarmInput> {
    given.map(|given| WarmInput { read_units_per_second: given.read, write_units_per_second: given.write })
}

fn stream(given: StreamSpecificationInput) -> StreamInput {
    StreamInput { enabled: given.enabled.unwrap_or_default(), has_view: given.view.is_some() }
}

fn encryption(given: EncryptionInputShape) -> EncryptionInput {
    EncryptionInput {
        enabled: given.enabled.unwrap_or_default(),
        is_service_key: given.kind.as_deref() == Some("AES256"),
        key: given.key,
    }
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
        ..SecondaryIndexInput::default()
    }
}

fn global_index(index: GlobalSecondaryIndexInput) -> SecondaryIndexInput {
    SecondaryIndexInput {
        name: index.name.unwrap_or_default(),
        key_schema: key_schema(index.key_schema),
        projection: projection(index.projection),
        provisioned_throughput: throughput(index.throughput),
        on_demand_throughput: on_demand(index.on_demand_throughput),
        warm_throughput: warm(index.warm_throughput),
    }
}

fn index_update(given: GlobalSecondaryIndexUpdateInput) -> GlobalSecondaryIndexUpdate {
    let update = |update: UpdateGlobalSecondaryIndexInput| UpdateGlobalSecondaryIndex {
        name: update.name.unwrap_or_default(),
        provisioned_throughput: throughput(update.throughput),
        on_demand_throughput: on_demand(update.on_demand_throughput),
        warm_throughput: warm(update.warm_throughput),
    };
    let delete = |delete: DeleteGlobalSecondaryIndexInput| DeleteGlobalSecondaryIndex {
        name: delete.name.unwrap_or_default(),
    };
    GlobalSecondaryIndexUpdate {
        create: given.create.map(global_index),
        update: given.update.map(update),
        delete: given.delete.map(delete),
    }
}

impl Request for CreateTableInput {
    type Operation = CreateTable;

    fn check_first(&self) -> Result<(), Validation> {
        let required = |name, missing| if missing { Err(CreateTable::lacks(name)) } else { Ok(()) };
        required("TableName", self.table.is_none())?;
        required("AttributeDefinitions", self.definitions.is_none())?;
        required("KeySchema", self.key_schema.is_none())
    }

    fn encoder(&self) -> Encoder<CreateTable> {
        described_as_change
    }

    fn into_operation(self) -> Result<CreateTable, Error> {
        unserved("GlobalTableSourceArn", &self.global_table_source)?;
        unserved("GlobalTableSettingsReplicationMode", &self.replication_mode)?;
        unserved("VectorIndexes", &self.vector_indexes)?;
        Ok(CreateTable {
            table: self.table.unwrap_or_default(),
            attribute_definitions: definitions(self.definitions),
            key_schema: key_schema(self.key_schema),
            local_secondary_indexes: self
                .local_indexes
                .map(|indexes| indexes.into_iter().map(local_index).collect()),
            global_secondary_indexes: self
                .global_indexes
                .map(|indexes| indexes.into_iter().map(global_index).collect()),
            billing_mode: billing_mode(self.billing_mode.as_deref()),
            provisioned_throughput: throughput(self.throughput),
            on_demand_throughput: on_demand(self.on_demand_throughput),
            warm_throughput: warm(self.warm_throughput),
            table_class: table_class(self.table_class.as_deref()),
            deletion_protection: self.deletion_protection.unwrap_or_default(),
            stream: self.stream.map(stream),
            encryption: self.encryption.map(encryption),
            tags: tags(self.tags),
            resource_policy: self.resource_policy,
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
        unserved("ReplicaUpdates", &self.replicas)?;
        unserved("MultiRegionConsistency", &self.multi_region_consistency)?;
        unserved("GlobalTableWitnessUpdates", &self.witnesses)?;
        unserved("GlobalTableSettingsReplicationMode", &self.replication_mode)?;
        unserved("DisassociationProtectionEnabled", &self.disassociation_protection)?;
        unserved("VectorIndexUpdates", &self.vector_indexes)?;
        let updates = self.index_updates.unwrap_or_default().into_iter();
        Ok(UpdateTable {
            table: self.table.unwrap_or_default(),
            attribute_definitions: definitions(self.definitions),
            global_secondary_index_updates: updates.map(index_update).collect(),
            billing_mode: billing_mode(self.billing_mode.as_deref()),
            provisioned_throughput: throughput(self.throughput),
            on_demand_throughput: on_demand(self.on_demand_throughput),
            warm_throughput: warm(self.warm_throughput),
            table_class: table_class(self.table_class.as_deref()),
            deletion_protection: self.deletion_protection,
            encryption: self.encryption.map(encryption),
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

impl Request for DescribeLimitsInput {
    type Operation = DescribeLimits;

    fn encoder(&self) -> Encoder<DescribeLimits> {
        |DescribeLimitsOutput { account_max, table_max, capacity_limits }| {
            encode(&DescribeLimitsAnswer {
                account_max_read_capacity_units: account_max.read,
                account_max_write_capacity_units: account_max.write,
                table_max_read_capacity_units: table_max.read,
                table_max_write_capacity_units: table_max.write,
                capacity_limits: capacity_limits.name(),
            })
        }
    }

    fn into_operation(self) -> Result<DescribeLimits, Error> {
        Ok(DescribeLimits {})
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
struct DescribeLimitsAnswer {
    account_max_read_capacity_units: u64,
    account_max_write_capacity_units: u64,
    table_max_read_capacity_units: u64,
    table_max_write_capacity_units: u64,
    /// Not DynamoDB's: clients of AWS leave out members that they do not know.
    capacity_limits: &'static str,
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
