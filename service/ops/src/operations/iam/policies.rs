//! CreatePolicy, GetPolicy, ListPolicies, UpdatePolicy, DeletePolicy: managed policies.

use super::ListPage;
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_auth::{Holder, Listing, ManagedPolicy, PolicyScope};
use cairn_storage::Engine;

/// Makes a managed policy.
#[derive(Clone, Debug, Default)]
pub struct CreatePolicy {
    /// The name.
    pub policy_name: String,
    /// An IAM document in JSON.
    pub document: String,
    /// For people.
    pub description: String,
}

impl Operation for CreatePolicy {
    const KIND: OperationKind = OperationKind::CreatePolicy;
    type Output = ManagedPolicy;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:CreatePolicy", "policy", &self.policy_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<ManagedPolicy> {
        let request = cairn_auth::CreatePolicy {
            name: self.policy_name,
            description: self.description,
            document: self.document,
        };
        Ok(service.identities.create_policy(request).await?)
    }
}

/// Tells a managed policy.
#[derive(Clone, Debug, Default)]
pub struct GetPolicy {
    /// The policy's ARN.
    pub policy_arn: String,
}

/// A managed policy, and what it is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetPolicyOutput {
    /// The policy.
    pub policy: ManagedPolicy,
    /// Users, then groups, then roles.
    pub attached_to: Vec<Holder>,
}

impl Operation for GetPolicy {
    const KIND: OperationKind = OperationKind::GetPolicy;
    type Output = GetPolicyOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_arn("iam:GetPolicy", &*self.policy_arn)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<GetPolicyOutput> {
        let policy = service.identities.get_policy(&self.policy_arn)?;
        let entities = service.identities.list_entities_for_policy(&self.policy_arn)?;
        let users = entities.users.into_iter().map(Holder::User);
        let groups = entities.groups.into_iter().map(Holder::Group);
        let roles = entities.roles.into_iter().map(Holder::Role);
        Ok(GetPolicyOutput { policy, attached_to: users.chain(groups).chain(roles).collect() })
    }
}

/// Lists the managed policies.
#[derive(Clone, Debug, Default)]
pub struct ListPolicies {
    /// Which part.
    pub page: ListPage,
    /// Whether to leave out those that are built in.
    pub local_only: bool,
    /// Whether to leave out those that are attached to nothing. A page may then be shorter than asked.
    pub attached_only: bool,
}

impl Operation for ListPolicies {
    const KIND: OperationKind = OperationKind::ListPolicies;
    type Output = Listing<ManagedPolicy>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("iam:ListPolicies")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Listing<ManagedPolicy>> {
        let scope = if self.local_only { PolicyScope::Local } else { PolicyScope::All };
        let mut policies = service.identities.list_policies(scope, &self.page.check()?)?;
        policies.items.retain(|policy| !self.attached_only || policy.attachments > 0);
        Ok(policies)
    }
}

/// Replaces the document of a managed policy, for whatever it is attached to.
#[derive(Clone, Debug, Default)]
pub struct UpdatePolicy {
    /// The policy's ARN.
    pub policy_arn: String,
    /// An IAM document in JSON.
    pub document: String,
}

impl Operation for UpdatePolicy {
    const KIND: OperationKind = OperationKind::UpdatePolicy;
    type Output = ManagedPolicy;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_arn("iam:CreatePolicyVersion", &*self.policy_arn)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<ManagedPolicy> {
        Ok(service.identities.update_policy(&self.policy_arn, &self.document, None).await?)
    }
}

/// Removes a managed policy, which may be attached to nothing any more.
#[derive(Clone, Debug, Default)]
pub struct DeletePolicy {
    /// The policy's ARN.
    pub policy_arn: String,
}

impl Operation for DeletePolicy {
    const KIND: OperationKind = OperationKind::DeletePolicy;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_arn("iam:DeletePolicy", &*self.policy_arn)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        Ok(service.identities.delete_policy(&self.policy_arn).await?)
    }
}
