//! CreateRole, GetRole, ListRoles, UpdateRole, DeleteRole.

use super::{HeldPolicies, ListPage, asked_tags, seconds, to_tags};
use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_auth::{Holder, Listing, Role};
use cairn_model::Tag;
use cairn_storage::Engine;

/// What requests call the trust policy.
const TRUST_POLICY: &str = "assume_role_policy_document";

/// What requests call the longest session.
const MAX_SESSION: &str = "max_session_duration_seconds";

/// Makes a role, whose sessions may do nothing yet.
#[derive(Clone, Debug, Default)]
pub struct CreateRole {
    /// The name.
    pub role_name: String,
    /// Who may assume it: an IAM document in JSON.
    pub trust_policy: String,
    /// The longest a session may be; an hour if not said.
    pub max_session_seconds: Option<i32>,
    /// For people.
    pub description: String,
    /// The ARN of the managed policy that bounds what sessions may do.
    pub permissions_boundary: Option<String>,
    /// Labels.
    pub tags: Vec<Tag>,
}

impl Operation for CreateRole {
    const KIND: OperationKind = OperationKind::CreateRole;
    type Output = Role;

    fn accesses(&self) -> Vec<Access<'_>> {
        let to = |action| {
            Access::to_identity(action, "role", &self.role_name)
                .tagging(asked_tags(&self.tags))
                .with_key("iam:permissionsboundary", self.permissions_boundary.as_deref())
        };
        let tag = (!self.tags.is_empty()).then(|| to("iam:TagRole"));
        std::iter::once(to("iam:CreateRole")).chain(tag).collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Role> {
        let request = cairn_auth::CreateRole {
            name: self.role_name,
            description: self.description,
            trust_policy: self.trust_policy,
            max_session_seconds: seconds(MAX_SESSION, self.max_session_seconds)?,
            tags: to_tags(self.tags)?,
            permissions_boundary: self.permissions_boundary,
        };
        let created = service.identities.create_role(request).await;
        created.map_err(|error| Error::from(error).in_document(TRUST_POLICY))
    }
}

/// Tells about a role.
#[derive(Clone, Debug, Default)]
pub struct GetRole {
    /// The name.
    pub role_name: String,
}

/// A role, with what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetRoleOutput {
    /// The role.
    pub role: Role,
    /// Its policies.
    pub policies: HeldPolicies,
}

impl Operation for GetRole {
    const KIND: OperationKind = OperationKind::GetRole;
    type Output = GetRoleOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:GetRole", "role", &self.role_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<GetRoleOutput> {
        let role = service.identities.get_role(&self.role_name)?;
        Ok(GetRoleOutput { policies: HeldPolicies::of(service, &Holder::Role(self.role_name))?, role })
    }
}

/// Lists the roles.
#[derive(Clone, Debug, Default)]
pub struct ListRoles {
    /// Which part.
    pub page: ListPage,
}

impl Operation for ListRoles {
    const KIND: OperationKind = OperationKind::ListRoles;
    type Output = Listing<Role>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("iam:ListRoles")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Listing<Role>> {
        Ok(service.identities.list_roles(&self.page.check()?)?)
    }
}

/// Changes a role; what is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateRole {
    /// The name.
    pub role_name: String,
    /// Who may assume it: an IAM document in JSON.
    pub trust_policy: Option<String>,
    /// The longest a session may be.
    pub max_session_seconds: Option<i32>,
    /// For people.
    pub description: Option<String>,
}

impl UpdateRole {
    fn changes_settings(&self) -> bool {
        self.max_session_seconds.is_some() || self.description.is_some()
    }
}

impl Operation for UpdateRole {
    const KIND: OperationKind = OperationKind::UpdateRole;
    type Output = Role;

    fn accesses(&self) -> Vec<Access<'_>> {
        let to = |action| Access::to_identity(action, "role", &self.role_name);
        let trust = self.trust_policy.as_ref().map(|_| to("iam:UpdateAssumeRolePolicy"));
        // What changes nothing is refused, and by nobody who may not ask.
        let settings = (self.changes_settings() || trust.is_none()).then(|| to("iam:UpdateRole"));
        trust.into_iter().chain(settings).collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Role> {
        if self.trust_policy.is_none() && !self.changes_settings() {
            return Err(Validation::new("role_name", "At least one change of the role is required").into());
        }
        let update = cairn_auth::UpdateRole {
            description: self.description,
            max_session_seconds: seconds(MAX_SESSION, self.max_session_seconds)?,
        };
        // The document may turn out not to be one: first, so that then nothing is changed.
        if let Some(document) = &self.trust_policy {
            let updated = service.identities.update_trust_policy(&self.role_name, document).await;
            updated.map_err(|error| Error::from(error).in_document(TRUST_POLICY))?;
        }
        Ok(service.identities.update_role(&self.role_name, update).await?)
    }
}

/// Removes a role, on which nothing may hang any more.
#[derive(Clone, Debug, Default)]
pub struct DeleteRole {
    /// The name.
    pub role_name: String,
}

impl Operation for DeleteRole {
    const KIND: OperationKind = OperationKind::DeleteRole;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:DeleteRole", "role", &self.role_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        Ok(service.identities.delete_role(&self.role_name).await?)
    }
}
