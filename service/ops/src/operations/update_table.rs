//! UpdateTable (semantics 3.2, 3.6): throughput, billing mode, storage class, deletion protection.

use super::create_table::throughput_for;
use super::key_definitions::ThroughputInput;
use crate::catalog::Definition;
use crate::{Error, Operation, OperationKind, Result, Service, TableDescription, Validation};
use cairn_model::{BillingMode, TableClass, TableStatus};
use cairn_storage::{Consistency, Engine};
use jiff::Timestamp;

/// Changes a table's settings. Answers at once with status UPDATING; the change is in force.
#[derive(Clone, Debug, Default)]
pub struct UpdateTable {
    /// The table's name or ARN.
    pub table: String,
    /// The new billing mode.
    pub billing_mode: Option<BillingMode>,
    /// The new throughput.
    pub provisioned_throughput: Option<ThroughputInput>,
    /// The new storage class.
    pub table_class: Option<TableClass>,
    /// Whether DeleteTable is to be refused.
    pub deletion_protection: Option<bool>,
}

impl Operation for UpdateTable {
    const KIND: OperationKind = OperationKind::UpdateTable;
    type Output = TableDescription;

    async fn execute<E: Engine>(self, service: &Service<E>) -> Result<TableDescription> {
        let name = service.naming.table("table", self.table.clone())?.name;
        if self.billing_mode.is_none()
            && self.provisioned_throughput.is_none()
            && self.table_class.is_none()
            && self.deletion_protection.is_none()
        {
            return Err(Validation::new(
                "table",
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            )
            .into());
        }
        let now = (service.clock)();
        let (table, ()) =
            service.catalog.change(&name, move |definition| Ok((self.apply(definition, now)?, ()))).await?;
        service.catalog.finish_update(&table);
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        service.catalog.describe(&snapshot, &table, &service.naming).await
    }
}

impl UpdateTable {
    fn apply(&self, mut definition: Definition, now: Timestamp) -> Result<Definition> {
        let in_use = |doing| Err(Error::TableInUse { table: definition.name.to_string(), doing });
        match definition.status {
            TableStatus::Active => {}
            TableStatus::Creating => return in_use("created"),
            TableStatus::Updating => return in_use("updated"),
            TableStatus::Deleting => return in_use("deleted"),
        }
        definition.status = TableStatus::Updating;
        let billing_mode = self.billing_mode.unwrap_or(definition.billing_mode);
        let switched = billing_mode != definition.billing_mode;
        if self.provisioned_throughput.is_some() || switched {
            match throughput_for(billing_mode, self.provisioned_throughput)? {
                None => definition.throughput.provisioned = None,
                Some(units) if definition.throughput.provisioned == Some(units) => {
                    return Err(Validation::of_state(
                        "provisioned_throughput",
                        format!(
                            "The provisioned throughput for the table will not change. The requested value equals \
                             the current value. Current ReadCapacityUnits provisioned for the table: {read}. \
                             Requested ReadCapacityUnits: {read}. Current WriteCapacityUnits provisioned for the \
                             table: {write}. Requested WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB \
                             Developer Guide for current limits and how to request higher limits.",
                            read = units.read_capacity_units,
                            write = units.write_capacity_units,
                        ),
                    )
                    .into());
                }
                Some(units) => definition.throughput = definition.throughput.with(units, now),
            }
        }
        if switched && billing_mode == BillingMode::PayPerRequest {
            definition.on_demand_since = Some(now);
        }
        definition.billing_mode = billing_mode;
        if let Some(class) = self.table_class {
            definition.table_class = Some((class, now));
        }
        if let Some(protection) = self.deletion_protection {
            definition.deletion_protection = protection;
        }
        Ok(definition)
    }
}
