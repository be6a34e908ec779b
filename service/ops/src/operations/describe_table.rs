//! DescribeTable.

use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service, TableDescription};
use cairn_storage::{Consistency, Engine};

/// Tells about a table.
#[derive(Clone, Debug, Default)]
pub struct DescribeTable {
    /// The table's name or ARN.
    pub table: String,
}

impl Operation for DescribeTable {
    const KIND: OperationKind = OperationKind::DescribeTable;
    type Output = TableDescription;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:DescribeTable", "table", &self.table)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<TableDescription> {
        let name = service.naming.table("table", self.table)?.name;
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        let table = service
            .catalog
            .find(&snapshot, &name)
            .await?
            .ok_or_else(|| Error::no_such_table(name.as_str()))?;
        // A table whose space is being made or is gone has no totals yet, or any more.
        match service.catalog.describe(&snapshot, &table, &service.naming).await {
            Err(Error::Internal { source }) if is_missing_space(&*source) => {
                Ok(service.catalog.describe_empty(&table, &service.naming))
            }
            described => described,
        }
    }
}

fn is_missing_space(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(cairn_storage::Error::SpaceNotFound(_)))
}
