//! The operations, one file each.

mod batch_get_item;
mod batch_write_item;
mod create_table;
mod delete_item;
mod delete_resource_policy;
mod delete_table;
mod describe_continuous_backups;
mod describe_limits;
mod describe_table;
mod describe_time_to_live;
mod get_item;
mod get_resource_policy;
mod iam;
mod index_updates;
mod key_definitions;
mod list_backups;
mod list_tables;
mod list_tags_of_resource;
mod put_item;
mod put_resource_policy;
mod query;
mod scan;
mod stream_read;
mod table_settings;
mod tag_resource;
mod throughput;
mod transact_get_items;
mod transact_write_items;
mod untag_resource;
mod update_item;
mod update_table;
mod update_time_to_live;

pub use batch_get_item::{BatchGetItem, BatchGetItemOutput, KeysAndAttributes};
pub use batch_write_item::{BatchWriteItem, BatchWriteItemOutput, WriteRequest};
pub use create_table::CreateTable;
pub use delete_item::{DeleteItem, DeleteItemOutput};
pub use delete_resource_policy::DeleteResourcePolicy;
pub use delete_table::DeleteTable;
pub use describe_continuous_backups::DescribeContinuousBackups;
pub use describe_limits::{DescribeLimits, DescribeLimitsOutput};
pub use describe_table::DescribeTable;
pub use describe_time_to_live::DescribeTimeToLive;
pub use get_item::{GetItem, GetItemOutput};
pub use get_resource_policy::{GetResourcePolicy, ResourcePolicyOutput};
pub use iam::*;
pub use index_updates::{DeleteGlobalSecondaryIndex, GlobalSecondaryIndexUpdate, UpdateGlobalSecondaryIndex};
pub use key_definitions::{
    AttributeDefinition, KeyRole, KeySchemaElement, ProjectionInput, ProjectionType, SecondaryIndexInput,
};
pub use list_backups::ListBackups;
pub use list_tables::{ListTables, ListTablesOutput};
pub use list_tags_of_resource::{ListTagsOfResource, ListTagsOfResourceOutput};
pub use put_item::{PutItem, PutItemOutput};
pub use put_resource_policy::PutResourcePolicy;
pub use query::{PageOutput, Query, QuerySelection};
pub use scan::{Scan, ScanSelection};
pub use stream_read::{Parts, StreamOptions, StreamPart, StreamQuery, StreamScan, StreamSummary};
pub(crate) use table_settings::DEFAULT_KEY;
pub use table_settings::{EncryptionInput, StreamInput};
pub use tag_resource::TagResource;
pub use throughput::{OnDemandInput, ThroughputInput, WarmInput};
pub use transact_get_items::{TransactGet, TransactGetItems, TransactGetItemsOutput};
pub use transact_write_items::{
    TransactAction, TransactWriteItem, TransactWriteItems, TransactWriteItemsOutput,
};
pub use untag_resource::UntagResource;
pub use update_item::{UpdateItem, UpdateItemOutput};
pub use update_table::UpdateTable;
pub use update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLive};
