//! DeleteResourcePolicy (semantics 18).

use super::put_resource_policy::{check_revision, check_settled};
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_storage::Engine;

/// Takes a table's policy away. It is no error if there is none, unless one is expected.
#[derive(Clone, Debug, Default)]
pub struct DeleteResourcePolicy {
    /// The table's ARN.
    pub resource_arn: String,
    /// The revision that the policy must have.
    pub expected_revision_id: Option<String>,
}

impl Operation for DeleteResourcePolicy {
    const KIND: OperationKind = OperationKind::DeleteResourcePolicy;
    /// The revision that is gone.
    type Output = Option<String>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:DeleteResourcePolicy", "resource_arn", &self.resource_arn)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<Option<String>> {
        service.naming.resource("resource_arn", &self.resource_arn)?;
        let Self { resource_arn, expected_revision_id } = self;
        let arn = resource_arn.clone();
        let (_, revision) = permit
            .change(service, move |mut definition| {
                check_settled(&definition)?;
                check_revision(&arn, expected_revision_id.as_deref(), definition.resource_policy.as_ref())?;
                let gone = definition.resource_policy.take();
                Ok((definition, gone.map(|policy| policy.revision_id)))
            })
            .await
            .map_err(|error| error.about(resource_arn))?;
        Ok(revision)
    }
}
