//! CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey.

use super::{required, to_user, user_or_caller};
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_auth::{AccessKey, KeyStatus, NewAccessKey};
use cairn_storage::Engine;

/// Makes an access key. Its secret is told in the answer and never again.
#[derive(Clone, Debug, Default)]
pub struct CreateAccessKey {
    /// The user whose it is to be; none for the caller.
    pub user_name: Option<String>,
}

impl Operation for CreateAccessKey {
    const KIND: OperationKind = OperationKind::CreateAccessKey;
    type Output = NewAccessKey;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![to_user("iam:CreateAccessKey", self.user_name.as_deref())]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<NewAccessKey> {
        let user = user_or_caller(self.user_name, &permit.caller().principal)?;
        Ok(service.identities.create_access_key(&user).await?)
    }
}

/// Lists the access keys of a user, without their secrets.
#[derive(Clone, Debug, Default)]
pub struct ListAccessKeys {
    /// The user; none for the caller.
    pub user_name: Option<String>,
}

impl Operation for ListAccessKeys {
    const KIND: OperationKind = OperationKind::ListAccessKeys;
    type Output = Vec<AccessKey>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![to_user("iam:ListAccessKeys", self.user_name.as_deref())]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<Vec<AccessKey>> {
        let user = user_or_caller(self.user_name, &permit.caller().principal)?;
        Ok(service.identities.list_access_keys(&user)?)
    }
}

/// Turns an access key off or on.
#[derive(Clone, Debug, Default)]
pub struct UpdateAccessKey {
    /// The user whose it is; none for the caller.
    pub user_name: Option<String>,
    /// The key's id.
    pub access_key_id: String,
    /// What it is to be; required.
    pub status: Option<KeyStatus>,
}

impl Operation for UpdateAccessKey {
    const KIND: OperationKind = OperationKind::UpdateAccessKey;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![to_user("iam:UpdateAccessKey", self.user_name.as_deref())]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<()> {
        let status = required("status", self.status)?;
        let user = user_or_caller(self.user_name, &permit.caller().principal)?;
        Ok(service.identities.update_access_key(&user, &self.access_key_id, status).await?)
    }
}

/// Removes an access key.
#[derive(Clone, Debug, Default)]
pub struct DeleteAccessKey {
    /// The user whose it is; none for the caller.
    pub user_name: Option<String>,
    /// The key's id.
    pub access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const KIND: OperationKind = OperationKind::DeleteAccessKey;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![to_user("iam:DeleteAccessKey", self.user_name.as_deref())]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<()> {
        let user = user_or_caller(self.user_name, &permit.caller().principal)?;
        Ok(service.identities.delete_access_key(&user, &self.access_key_id).await?)
    }
}
