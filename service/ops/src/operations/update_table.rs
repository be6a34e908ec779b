//! UpdateTable (semantics 3.2, 3.6): throughput, billing mode, storage class, deletion protection, global indexes.

use super::index_updates::{GlobalSecondaryIndexUpdate, IndexUpdates};
use super::key_definitions::AttributeDefinition;
use super::table_settings::EncryptionInput;
use super::throughput::{
    Asked, OnDemandInput, Subject, ThroughputInput, WarmInput, throughput_for, unchanged_throughput,
};
use crate::access::Access;
use crate::capacity::{CapacityOptions, check_decrease, check_limits, check_on_demand_switch};
use crate::catalog::{Definition, OnDemandMaximum};
use crate::{Error, Operation, OperationKind, Permit, Result, Service, TableDescription, Validation};
use cairn_model::{BillingMode, TableClass, TableStatus};
use cairn_storage::Engine;
use jiff::Timestamp;
use std::sync::Arc;

/// Changes a table's settings. Answers with status UPDATING and the throughput that it had before, although the change is
/// in force, save that a new index is filled beside the table's traffic; or, where
/// [`wait_for_tables`](crate::ServiceOptions::wait_for_tables) is set, with the table as it is when that is done or has
/// taken ten seconds.
#[derive(Clone, Debug, Default)]
pub struct UpdateTable {
    /// The table's name or ARN.
    pub table: String,
    /// The types of the key attributes of an index to be made. What no index of the request is keyed by is ignored.
    pub attribute_definitions: Vec<AttributeDefinition>,
    /// Indexes to make, change or delete: at most one to make or delete.
    pub global_secondary_index_updates: Vec<GlobalSecondaryIndexUpdate>,
    /// The new billing mode.
    pub billing_mode: Option<BillingMode>,
    /// The new throughput.
    pub provisioned_throughput: Option<ThroughputInput>,
    /// New limits on what is used of an on-demand table.
    pub on_demand_throughput: Option<OnDemandInput>,
    /// What the table is to be ready for at once: more than before.
    pub warm_throughput: Option<WarmInput>,
    /// The new storage class.
    pub table_class: Option<TableClass>,
    /// Whether DeleteTable is to be refused.
    pub deletion_protection: Option<bool>,
    /// How it is to be encrypted.
    pub encryption: Option<EncryptionInput>,
}

impl Operation for UpdateTable {
    const KIND: OperationKind = OperationKind::UpdateTable;
    type Output = TableDescription;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:UpdateTable", "table", &self.table)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<TableDescription> {
        if self.billing_mode.is_none()
            && self.asked().is_nothing()
            && self.table_class.is_none()
            && self.deletion_protection.is_none()
            && self.encryption.is_none()
            && self.global_secondary_index_updates.is_empty()
        {
            return Err(Validation::new(
                "table",
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            )
            .into());
        }
        let now = (service.clock)();
        let indexes = IndexUpdates::check(&self.attribute_definitions, &self.global_secondary_index_updates)?;
        let others = service.catalog.provisioned_units_beside(&permit.table()?.reference.name).await?;
        let accounting = service.accounting.clone();
        let (this, indexes) = (Arc::new(self), Arc::new(indexes));
        let changed = permit
            .update(service, move |before| {
                let options = &accounting.options;
                let (after, changed_index) = this.apply(&indexes, before.clone(), now, options)?;
                check_limits(Some(&before), &after, others, options)?;
                let shown = after.clone().with_throughput_of(&before);
                Ok((after, shown, changed_index))
            })
            .await?;
        if !service.wait_for_tables {
            return service.catalog.describe(&changed.table, &changed.shown, &service.naming).await;
        }
        if let Some(work) = changed.work {
            service.catalog.await_work(work).await?;
        }
        service.describe_now(&changed.table, &changed.table.definition).await
    }
}

impl UpdateTable {
    fn asked(&self) -> Asked {
        Asked {
            provisioned: self.provisioned_throughput,
            on_demand: self.on_demand_throughput,
            warm: self.warm_throughput,
        }
    }

    /// The table's definition after the change, and the index that is to be made or removed because of it.
    fn apply(
        &self,
        indexes: &IndexUpdates,
        mut definition: Definition,
        now: Timestamp,
        options: &CapacityOptions,
    ) -> Result<(Definition, Option<u16>)> {
        let in_use = |doing| Err(Error::TableInUse { table: definition.name.to_string(), doing });
        match definition.status {
            TableStatus::Active => {}
            TableStatus::Creating => return in_use("created"),
            TableStatus::Updating => return in_use("updated"),
            TableStatus::Deleting => return in_use("deleted"),
        }
        definition.status = TableStatus::Updating;
        definition.failure = None;
        let billing_mode = self.billing_mode.unwrap_or(definition.billing_mode);
        let switched = billing_mode != definition.billing_mode;
        if self.provisioned_throughput.is_some() || switched {
            match throughput_for(billing_mode, self.provisioned_throughput)? {
                None => definition.throughput = definition.throughput.on_demand(),
                Some(units) if definition.throughput.provisioned == Some(units) => {
                    return Err(unchanged_throughput("provisioned_throughput", "table", units).into());
                }
                Some(units) => {
                    check_decrease(&definition.throughput, units, now, options)?;
                    definition.throughput = definition.throughput.with(units, now);
                }
            }
        }
        if switched {
            match billing_mode {
                BillingMode::PayPerRequest => {
                    check_on_demand_switch(&mut definition.on_demand_switches, now, options)?;
                    definition.on_demand_since = Some(now);
                }
                BillingMode::Provisioned => definition.throughput.on_demand = OnDemandMaximum::default(),
            }
        }
        let subject = Subject { field: None, name: "table", billing_mode, is_new: false };
        definition.throughput = self.asked().change_limits(&subject, definition.throughput, options)?;
        definition.billing_mode = billing_mode;
        let changed_index = indexes.apply(&mut definition, switched, now, options)?;
        if let Some(class) = self.table_class {
            definition.table_class = Some((class, now));
        }
        if let Some(protection) = self.deletion_protection {
            definition.deletion_protection = protection;
        }
        if let Some(encryption) = &self.encryption {
            definition.encryption = encryption.check()?;
        }
        Ok((definition, changed_index))
    }
}
