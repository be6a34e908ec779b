//! DescribeContinuousBackups. There are no backups yet; tools ask all the same, of every table they look at.

use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service};
use cairn_storage::{Consistency, Engine};

/// Describes whether a table can be restored to a point in time: it cannot.
#[derive(Clone, Debug, Default)]
pub struct DescribeContinuousBackups {
    /// The table's name or ARN.
    pub table: String,
}

impl Operation for DescribeContinuousBackups {
    const KIND: OperationKind = OperationKind::DescribeContinuousBackups;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:DescribeContinuousBackups", "table", &self.table)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<()> {
        let table = permit.table()?;
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        match permit.find(service, &snapshot, table).await? {
            Some(_) => Ok(()),
            None => Err(Error::TableNotFound { table: table.reference.name.to_string() }),
        }
    }
}
