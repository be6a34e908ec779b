//! DescribeTimeToLive (semantics 14).

use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service, TimeToLiveDescription};
use cairn_storage::{Consistency, Engine};

/// Tells whether a table's items expire.
#[derive(Clone, Debug, Default)]
pub struct DescribeTimeToLive {
    /// The table's name or ARN.
    pub table: String,
}

impl Operation for DescribeTimeToLive {
    const KIND: OperationKind = OperationKind::DescribeTimeToLive;
    type Output = TimeToLiveDescription;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:DescribeTimeToLive", "table", &self.table)]
    }

    async fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> Result<TimeToLiveDescription> {
        let table = permit.table()?;
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        let found = permit.find(service, &snapshot, table).await?;
        let table = found.ok_or_else(|| Error::no_such_table(table.reference.name.as_str()))?;
        Ok(table.definition.describe_time_to_live())
    }
}
