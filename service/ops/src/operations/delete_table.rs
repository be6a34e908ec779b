//! DeleteTable (semantics 3.3, 3.5).

use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service, TableDescription, Validation};
use cairn_model::TableStatus;
use cairn_storage::Engine;

/// Removes a table and its items. Answers at once with status DELETING; the name is free when DescribeTable no longer
/// finds it.
#[derive(Clone, Debug, Default)]
pub struct DeleteTable {
    /// The table's name or ARN.
    pub table: String,
}

impl Operation for DeleteTable {
    const KIND: OperationKind = OperationKind::DeleteTable;
    type Output = TableDescription;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:DeleteTable", "table", &self.table)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<TableDescription> {
        let table = permit
            .delete(service, |definition| {
                let in_use = |doing| Err(Error::TableInUse { table: definition.name.to_string(), doing });
                match definition.status {
                    TableStatus::Creating => in_use("created"),
                    TableStatus::Updating => in_use("updated"),
                    // A space that is being made for the table would outlive it.
                    TableStatus::Active if definition.awaits_expiry_space() => in_use("updated"),
                    _ if definition.deletion_protection => Err(Validation::of_state(
                        "table",
                        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                         protection first.",
                    )
                    .into()),
                    // Asking again while it is under way changes nothing and is no error.
                    TableStatus::Active | TableStatus::Deleting => Ok(()),
                }
            })
            .await?;
        Ok(service.catalog.describe_empty(&table, &service.naming))
    }
}
