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

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<TableDescription> {
        let table = permit.table()?;
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        let found = permit.find(service, &snapshot, table).await?;
        let table = found.ok_or_else(|| Error::no_such_table(table.reference.name.as_str()))?;
        service.catalog.describe(&table, &table.definition, &service.naming).await
    }
}
