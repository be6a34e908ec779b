//! ListTables (semantics 3.7).

use crate::access::Access;
use crate::{FieldPath, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_model::TableName;
use cairn_storage::{Consistency, Engine};

/// Tables named in one answer, at most and unless the caller says less.
const PAGE_MAX: usize = 100;

/// Names the tables, in byte order.
#[derive(Clone, Debug, Default)]
pub struct ListTables {
    /// Begin strictly after this name, whether there is such a table or not.
    pub exclusive_start: Option<String>,
    /// Names to answer with, 1 to 100; 100 if not said.
    pub limit: Option<i32>,
    /// What the caller's protocol calls `limit`.
    pub limit_field: FieldPath,
}

/// Some names, and where to go on.
#[derive(Clone, Debug)]
pub struct ListTablesOutput {
    /// The names.
    pub names: Vec<TableName>,
    /// The last of them, if more follow.
    pub last_evaluated: Option<TableName>,
}

impl Operation for ListTables {
    const KIND: OperationKind = OperationKind::ListTables;
    type Output = ListTablesOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("dynamodb:ListTables")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<ListTablesOutput> {
        let limit = match self.limit {
            None => PAGE_MAX,
            Some(given) => usize::try_from(given)
                .ok()
                .filter(|limit| (1..=PAGE_MAX).contains(limit))
                .ok_or_else(|| {
                    let bound = if given < 1 {
                        "Member must have value greater than or equal to 1".to_owned()
                    } else {
                        format!("Member must have value less than or equal to {PAGE_MAX}")
                    };
                    Validation::constraint(self.limit_field.clone(), Some(&given.to_string()), bound)
                })?,
        };
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        let mut names = service.catalog.list(&snapshot, self.exclusive_start.as_deref(), limit + 1).await?;
        let more = names.len() > limit;
        names.truncate(limit);
        let last_evaluated = if more { names.last().cloned() } else { None };
        Ok(ListTablesOutput { names, last_evaluated })
    }
}
