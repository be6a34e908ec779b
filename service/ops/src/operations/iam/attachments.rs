//! AttachPolicy, DetachPolicy, PutInlinePolicy, GetInlinePolicy, DeleteInlinePolicy, PutPermissionsBoundary,
//! DeletePermissionsBoundary: which policies speak for an identity.

use super::{required, to_holder, user_or_role};
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_auth::Holder;
use cairn_storage::Engine;

/// Attaches a managed policy.
#[derive(Clone, Debug, Default)]
pub struct AttachPolicy {
    /// What to attach it to; required.
    pub identity: Option<Holder>,
    /// The policy's ARN.
    pub policy_arn: String,
}

impl Operation for AttachPolicy {
    const KIND: OperationKind = OperationKind::AttachPolicy;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = ["iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy"];
        let access = to_holder(self.identity.as_ref(), actions.map(Some));
        access.map(|access| access.with_key("iam:policyarn", Some(&self.policy_arn))).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = required("identity", self.identity)?;
        Ok(service.identities.attach_policy(&holder, &self.policy_arn).await?)
    }
}

/// Detaches a managed policy.
#[derive(Clone, Debug, Default)]
pub struct DetachPolicy {
    /// What to detach it from; required.
    pub identity: Option<Holder>,
    /// The policy's ARN.
    pub policy_arn: String,
}

impl Operation for DetachPolicy {
    const KIND: OperationKind = OperationKind::DetachPolicy;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = ["iam:DetachUserPolicy", "iam:DetachGroupPolicy", "iam:DetachRolePolicy"];
        let access = to_holder(self.identity.as_ref(), actions.map(Some));
        access.map(|access| access.with_key("iam:policyarn", Some(&self.policy_arn))).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = required("identity", self.identity)?;
        Ok(service.identities.detach_policy(&holder, &self.policy_arn).await?)
    }
}

/// Gives an identity a policy of its own; one of the same name is replaced.
#[derive(Clone, Debug, Default)]
pub struct PutInlinePolicy {
    /// Whose it is to be; required.
    pub identity: Option<Holder>,
    /// The policy's name.
    pub policy_name: String,
    /// An IAM document in JSON.
    pub document: String,
}

impl Operation for PutInlinePolicy {
    const KIND: OperationKind = OperationKind::PutInlinePolicy;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = ["iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:PutRolePolicy"];
        to_holder(self.identity.as_ref(), actions.map(Some)).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = required("identity", self.identity)?;
        Ok(service.identities.put_inline_policy(&holder, &self.policy_name, &self.document).await?)
    }
}

/// Tells an inline policy.
#[derive(Clone, Debug, Default)]
pub struct GetInlinePolicy {
    /// Whose it is; required.
    pub identity: Option<Holder>,
    /// The policy's name.
    pub policy_name: String,
}

impl Operation for GetInlinePolicy {
    const KIND: OperationKind = OperationKind::GetInlinePolicy;
    /// The document, as it was written.
    type Output = String;

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = ["iam:GetUserPolicy", "iam:GetGroupPolicy", "iam:GetRolePolicy"];
        to_holder(self.identity.as_ref(), actions.map(Some)).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<String> {
        let holder = required("identity", self.identity)?;
        Ok(service.identities.get_inline_policy(&holder, &self.policy_name)?)
    }
}

/// Takes an inline policy away.
#[derive(Clone, Debug, Default)]
pub struct DeleteInlinePolicy {
    /// Whose it is; required.
    pub identity: Option<Holder>,
    /// The policy's name.
    pub policy_name: String,
}

impl Operation for DeleteInlinePolicy {
    const KIND: OperationKind = OperationKind::DeleteInlinePolicy;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = ["iam:DeleteUserPolicy", "iam:DeleteGroupPolicy", "iam:DeleteRolePolicy"];
        to_holder(self.identity.as_ref(), actions.map(Some)).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = required("identity", self.identity)?;
        Ok(service.identities.delete_inline_policy(&holder, &self.policy_name).await?)
    }
}

/// Bounds what a user or the sessions of a role may do by a managed policy.
#[derive(Clone, Debug, Default)]
pub struct PutPermissionsBoundary {
    /// The user or role; required.
    pub identity: Option<Holder>,
    /// The policy's ARN.
    pub policy_arn: String,
}

impl Operation for PutPermissionsBoundary {
    const KIND: OperationKind = OperationKind::PutPermissionsBoundary;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = [Some("iam:PutUserPermissionsBoundary"), None, Some("iam:PutRolePermissionsBoundary")];
        let access = to_holder(self.identity.as_ref(), actions);
        let boundary = Some(&*self.policy_arn);
        access.map(|access| access.with_key("iam:permissionsboundary", boundary)).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = user_or_role(self.identity)?;
        Ok(service.identities.put_permissions_boundary(&holder, &self.policy_arn).await?)
    }
}

/// Takes a permissions boundary away.
#[derive(Clone, Debug, Default)]
pub struct DeletePermissionsBoundary {
    /// The user or role; required.
    pub identity: Option<Holder>,
}

impl Operation for DeletePermissionsBoundary {
    const KIND: OperationKind = OperationKind::DeletePermissionsBoundary;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions =
            [Some("iam:DeleteUserPermissionsBoundary"), None, Some("iam:DeleteRolePermissionsBoundary")];
        to_holder(self.identity.as_ref(), actions).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = user_or_role(self.identity)?;
        Ok(service.identities.delete_permissions_boundary(&holder).await?)
    }
}
