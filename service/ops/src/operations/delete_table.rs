//! DeleteTable (semantics 3.3, 3.5).

use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service, TableDescription, Validation};
use cairn_storage::Engine;

/// Removes a table and its items, whatever is being done with it: what was under way is given up. Answers with status
/// DELETING, when the table is gone, within milliseconds.
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
                // DynamoDB refuses a table that is CREATING or UPDATING (semantics 3.5). Here it could not be said
                // how long that lasts, on a disk that is full for example, and there would be no other way out.
                if definition.deletion_protection {
                    return Err(Validation::of_state(
                        "table",
                        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                         protection first.",
                    )
                    .into());
                }
                // Asking again while it is under way changes nothing and is no error.
                Ok(())
            })
            .await?;
        let description = service.catalog.describe_empty(&table.definition, &service.naming);
        Ok(TableDescription { created_at: None, key_schema: None, key_attributes: Vec::new(), ..description })
    }
}
