//! ListBackups. There are no backups yet; tools ask all the same.

use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_storage::Engine;

/// Lists the backups: there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListBackups {}

impl Operation for ListBackups {
    const KIND: OperationKind = OperationKind::ListBackups;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("dynamodb:ListBackups")]
    }

    async fn execute<E: Engine>(self, _: &Service<E>, _: &Permit) -> Result<()> {
        Ok(())
    }
}
