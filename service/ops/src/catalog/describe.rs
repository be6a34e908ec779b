//! A table as callers are told about it.

use super::permitted::is_missing_space;
use super::{
    Catalog, ChangeFailure, Definition, Index, IndexStatus, OnDemandMaximum, Table, Throughput,
    ThroughputDescription,
};
use crate::Result;
use crate::capacity::UnitPair;
use crate::table_reference::Naming;
use cairn_model::{
    BillingMode, IndexKeySchema, IndexKind, KeyAttribute, KeySchema, Projection, TableClass, TableStatus,
};
use cairn_storage::{Consistency, Engine};
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
    /// When it was made; none in the answer to its deletion.
    pub created_at: Option<Timestamp>,
    /// Its primary key; none in the answer to its deletion.
    pub key_schema: Option<KeySchema>,
    /// The types of all attributes that are part of a key, of the table or of an index. None in the answer to its
    /// deletion.
    pub key_attributes: Vec<KeyAttribute>,
    /// How its capacity is provided.
    pub billing_mode: BillingMode,
    /// When it was last switched to on-demand, if ever.
    pub on_demand_since: Option<Timestamp>,
    /// Its provisioned throughput; noughts on demand.
    pub throughput: ThroughputDescription,
    /// The most that may be used on demand.
    pub on_demand: OnDemandMaximum,
    /// Units a second that it is ready for at once; none in the answer to its creation unless asked for.
    pub warm: Option<UnitPair>,
    /// The ARN of the key it is encrypted under, if it was asked to be encrypted. What encrypts it is the disk of
    /// whoever runs the service, and the ARN stands for that.
    pub encryption_key: Option<String>,
    /// The last change that was given up and undone, until there is another change.
    pub failure: Option<ChangeFailure>,
    /// Its storage class and when that was set, if it ever was.
    pub table_class: Option<(TableClass, Timestamp)>,
    /// Whether DeleteTable is refused.
    pub deletion_protection: bool,
    /// How many items it has, exactly.
    pub item_count: u64,
    /// Their size in bytes as DynamoDB counts it, exactly.
    pub size_bytes: u64,
    /// Its secondary indexes, in the order they were made. None while the table is being deleted.
    pub indexes: Vec<IndexDescription>,
}

/// What DescribeTable and its like tell about an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDescription {
    /// The index's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Local or global.
    pub kind: IndexKind,
    /// What it is keyed by.
    pub key_schema: IndexKeySchema,
    /// What it holds.
    pub projection: Projection,
    /// Where it is in its life; `Backfilling` is CREATING to callers, with [`backfilling`](Self::backfilling).
    pub status: IndexStatus,
    /// While an index added to a table is being made: whether items are being entered by now (semantics 4.4).
    pub backfilling: Option<bool>,
    /// Its provisioned throughput; noughts on demand, and for a local index, which uses the table's.
    pub throughput: ThroughputDescription,
    /// The most that may be used on demand; nothing for a local index.
    pub on_demand: OnDemandMaximum,
    /// Units a second that it is ready for at once; of no meaning for a local index, and none in the answer to the
    /// creation of its table unless asked for.
    pub warm: Option<UnitPair>,
    /// How many entries it has, exactly; 0 while it is being made.
    pub item_count: u64,
    /// Their size in bytes as DynamoDB counts it, exactly; 0 while it is being made.
    pub size_bytes: u64,
}

impl<E: Engine> Catalog<E> {
    /// The description of a table that its definition, or another one, makes, with totals of now. One whose spaces are
    /// not there yet, or not any more, has none.
    pub(crate) async fn describe(
        &self,
        table: &Table,
        shown: &Definition,
        naming: &Naming,
    ) -> Result<TableDescription> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        match self.describe_with_totals(&snapshot, table, shown, naming).await {
            Err(error) if is_missing_space(&error) => Ok(self.describe_empty(shown, naming)),
            described => described,
        }
    }

    async fn describe_with_totals(
        &self,
        snapshot: &E::Snapshot,
        table: &Table,
        shown: &Definition,
        naming: &Naming,
    ) -> Result<TableDescription> {
        let mut description = self.describe_empty(shown, naming);
        (description.item_count, description.size_bytes) = self.totals(snapshot, table).await?;
        for (index, described) in shown.indexes.iter().zip(&mut description.indexes) {
            (described.item_count, described.size_bytes) = self.index_totals(snapshot, table, index).await?;
        }
        Ok(description)
    }

    /// The description of a table that has no items.
    pub(crate) fn describe_empty(&self, definition: &Definition, naming: &Naming) -> TableDescription {
        TableDescription {
            name: definition.name.to_string(),
            arn: naming.arn(&definition.name),
            id: definition.id.clone(),
            status: definition.status,
            created_at: Some(definition.created_at),
            key_schema: Some(definition.key_schema.clone()),
            billing_mode: definition.billing_mode,
            on_demand_since: definition.on_demand_since,
            throughput: definition.throughput.describe((self.clock)()),
            on_demand: definition.throughput.on_demand,
            warm: Some(self.ready(definition, &definition.throughput)),
            encryption_key: definition.encryption.then(|| naming.key_arn()),
            failure: definition.failure.clone(),
            table_class: definition.table_class,
            deletion_protection: definition.deletion_protection,
            item_count: 0,
            size_bytes: 0,
            key_attributes: definition.key_attributes(),
            indexes: match definition.status {
                TableStatus::Deleting => Vec::new(),
                _ => definition
                    .indexes
                    .iter()
                    .map(|index| self.describe_empty_index(definition, index, naming))
                    .collect(),
            },
        }
    }

    fn ready(&self, definition: &Definition, throughput: &Throughput) -> UnitPair {
        throughput.ready(definition.billing_mode, self.accounting.options.on_demand_initial)
    }

    fn describe_empty_index(
        &self,
        definition: &Definition,
        index: &Index,
        naming: &Naming,
    ) -> IndexDescription {
        IndexDescription {
            name: index.schema.name.clone(),
            arn: format!("{}/index/{}", naming.arn(&definition.name), index.schema.name),
            kind: index.schema.kind,
            key_schema: index.schema.key_schema.clone(),
            projection: index.schema.projection.clone(),
            status: index.status,
            // Indexes made with their table never tell.
            backfilling: match index.status {
                IndexStatus::Creating if definition.status != TableStatus::Creating => Some(false),
                IndexStatus::Backfilling => Some(true),
                _ => None,
            },
            throughput: index.throughput.describe((self.clock)()),
            on_demand: index.throughput.on_demand,
            warm: Some(self.ready(definition, &index.throughput)),
            item_count: 0,
            size_bytes: 0,
        }
    }
}
