//! GetResourcePolicy (semantics 18).

use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service};
use cairn_storage::{Consistency, Engine};

/// Tells a table's policy.
#[derive(Clone, Debug, Default)]
pub struct GetResourcePolicy {
    /// The table's ARN.
    pub resource_arn: String,
}

/// A table's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourcePolicyOutput {
    /// The IAM document, as it was written.
    pub policy: String,
    /// Names it.
    pub revision_id: String,
}

impl Operation for GetResourcePolicy {
    const KIND: OperationKind = OperationKind::GetResourcePolicy;
    type Output = ResourcePolicyOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:GetResourcePolicy", "resource_arn", &self.resource_arn)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<ResourcePolicyOutput> {
        let name = service.naming.resource("resource_arn", &self.resource_arn)?;
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        let table = permit
            .find(service, &snapshot, permit.table()?)
            .await?
            .ok_or_else(|| Error::no_such_table(name.as_str()).about(self.resource_arn.clone()))?;
        let policy = table.definition.resource_policy.clone();
        let policy = policy.ok_or(Error::PolicyNotFound { resource: self.resource_arn })?;
        Ok(ResourcePolicyOutput { policy: policy.text, revision_id: policy.revision_id })
    }
}
