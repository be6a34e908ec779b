//! A table as callers are told about it.

use super::{Catalog, Table, ThroughputDescription};
use crate::Result;
use crate::table_reference::Naming;
use cairn_model::{BillingMode, KeySchema, TableClass, TableStatus};
use cairn_storage::Engine;
use jiff::Timestamp;

/// What DescribeTable and its like tell about a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDescription {
    /// The table's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its UUID.
    pub id: String,
    /// Where it is in its life.
    pub status: TableStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its primary key.
    pub key_schema: KeySchema,
    /// How its capacity is provided.
    pub billing_mode: BillingMode,
    /// When it was last switched to on-demand, if ever.
    pub on_demand_since: Option<Timestamp>,
    /// Its provisioned throughput; noughts on demand.
    pub throughput: ThroughputDescription,
    /// Its storage class and when that was set, if it ever was.
    pub table_class: Option<(TableClass, Timestamp)>,
    /// Whether DeleteTable is refused.
    pub deletion_protection: bool,
    /// How many items it has, exactly.
    pub item_count: u64,
    /// Their size in bytes as DynamoDB counts it, exactly.
    pub size_bytes: u64,
}

impl<E: Engine> Catalog<E> {
    /// A table's description, with totals from a snapshot.
    pub(crate) async fn describe(
        &self,
        snapshot: &E::Snapshot,
        table: &Table,
        naming: &Naming,
    ) -> Result<TableDescription> {
        let (item_count, size_bytes) = self.totals(snapshot, table).await?;
        Ok(TableDescription { item_count, size_bytes, ..self.describe_empty(table, naming) })
    }

    /// The description of a table that has no items.
    pub(crate) fn describe_empty(&self, table: &Table, naming: &Naming) -> TableDescription {
        let definition = &table.definition;
        TableDescription {
            name: definition.name.to_string(),
            arn: naming.arn(&definition.name),
            id: definition.id.clone(),
            status: definition.status,
            created_at: definition.created_at,
            key_schema: definition.key_schema.clone(),
            billing_mode: definition.billing_mode,
            on_demand_since: definition.on_demand_since,
            throughput: definition.throughput.describe((self.clock)()),
            table_class: definition.table_class,
            deletion_protection: definition.deletion_protection,
            item_count: 0,
            size_bytes: 0,
        }
    }
}
