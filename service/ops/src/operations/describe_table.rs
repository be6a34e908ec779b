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
        service.catalog.describe(&table, &table.definition, &service.naming).await
    }
}
