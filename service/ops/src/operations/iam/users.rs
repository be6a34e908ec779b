//! CreateUser, GetUser, ListUsers, DeleteUser.

use super::{HeldPolicies, ListPage, asked_tags, to_tags, to_user, user_or_caller};
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_auth::{Holder, Listing, User};
use cairn_model::Tag;
use cairn_storage::Engine;

/// Makes a user, who may do nothing yet.
#[derive(Clone, Debug, Default)]
pub struct CreateUser {
    /// The name.
    pub user_name: String,
    /// The ARN of the managed policy that bounds what the user may do.
    pub permissions_boundary: Option<String>,
    /// Labels.
    pub tags: Vec<Tag>,
}

impl Operation for CreateUser {
    const KIND: OperationKind = OperationKind::CreateUser;
    type Output = User;

    fn accesses(&self) -> Vec<Access<'_>> {
        let to = |action| {
            Access::to_identity(action, "user", &self.user_name)
                .tagging(asked_tags(&self.tags))
                .with_key("iam:permissionsboundary", self.permissions_boundary.as_deref())
        };
        let tag = (!self.tags.is_empty()).then(|| to("iam:TagUser"));
        std::iter::once(to("iam:CreateUser")).chain(tag).collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<User> {
        let request = cairn_auth::CreateUser {
            name: self.user_name,
            tags: to_tags(self.tags)?,
            permissions_boundary: self.permissions_boundary,
        };
        Ok(service.identities.create_user(request).await?)
    }
}

/// Tells about a user.
#[derive(Clone, Debug, Default)]
pub struct GetUser {
    /// The name; none for the caller.
    pub user_name: Option<String>,
}

/// A user, with what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetUserOutput {
    /// The user.
    pub user: User,
    /// Its policies.
    pub policies: HeldPolicies,
    /// The names of the groups it is in.
    pub groups: Vec<String>,
}

impl Operation for GetUser {
    const KIND: OperationKind = OperationKind::GetUser;
    type Output = GetUserOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![to_user("iam:GetUser", self.user_name.as_deref())]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<GetUserOutput> {
        let name = user_or_caller(self.user_name, &permit.caller().principal)?;
        let user = service.identities.get_user(&name)?;
        let groups = service.identities.list_groups_of_user(&name)?;
        Ok(GetUserOutput {
            policies: HeldPolicies::of(service, &Holder::User(name))?,
            groups: groups.into_iter().map(|group| group.name).collect(),
            user,
        })
    }
}

/// Lists the users.
#[derive(Clone, Debug, Default)]
pub struct ListUsers {
    /// Which part.
    pub page: ListPage,
}

impl Operation for ListUsers {
    const KIND: OperationKind = OperationKind::ListUsers;
    type Output = Listing<User>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("iam:ListUsers")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Listing<User>> {
        Ok(service.identities.list_users(&self.page.check()?)?)
    }
}

/// Removes a user, on which nothing may hang any more.
#[derive(Clone, Debug, Default)]
pub struct DeleteUser {
    /// The name.
    pub user_name: String,
}

impl Operation for DeleteUser {
    const KIND: OperationKind = OperationKind::DeleteUser;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:DeleteUser", "user", &self.user_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        Ok(service.identities.delete_user(&self.user_name).await?)
    }
}
