//! CreateGroup, GetGroup, ListGroups, DeleteGroup, AddUserToGroup, RemoveUserFromGroup.

use super::{HeldPolicies, ListPage};
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service};
use cairn_auth::{Group, Holder, Listing};
use cairn_storage::Engine;

/// Makes a group, in which nobody is yet.
#[derive(Clone, Debug, Default)]
pub struct CreateGroup {
    /// The name.
    pub group_name: String,
}

impl Operation for CreateGroup {
    const KIND: OperationKind = OperationKind::CreateGroup;
    type Output = Group;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:CreateGroup", "group", &self.group_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Group> {
        Ok(service.identities.create_group(&self.group_name).await?)
    }
}

/// Tells about a group, and who is in it.
#[derive(Clone, Debug, Default)]
pub struct GetGroup {
    /// The name.
    pub group_name: String,
    /// Which part of its users.
    pub page: ListPage,
}

/// A group, with what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetGroupOutput {
    /// The group.
    pub group: Group,
    /// Its policies.
    pub policies: HeldPolicies,
    /// The names of some of the users in it.
    pub users: Listing<String>,
}

impl Operation for GetGroup {
    const KIND: OperationKind = OperationKind::GetGroup;
    type Output = GetGroupOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:GetGroup", "group", &self.group_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<GetGroupOutput> {
        let page = self.page.check()?;
        let group = service.identities.get_group(&self.group_name)?;
        let users = service.identities.list_group_members(&self.group_name, &page)?;
        Ok(GetGroupOutput {
            policies: HeldPolicies::of(service, &Holder::Group(self.group_name))?,
            users: Listing {
                items: users.items.into_iter().map(|user| user.name).collect(),
                next: users.next,
            },
            group,
        })
    }
}

/// Lists the groups.
#[derive(Clone, Debug, Default)]
pub struct ListGroups {
    /// Which part.
    pub page: ListPage,
}

impl Operation for ListGroups {
    const KIND: OperationKind = OperationKind::ListGroups;
    type Output = Listing<Group>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("iam:ListGroups")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<Listing<Group>> {
        Ok(service.identities.list_groups(&self.page.check()?)?)
    }
}

/// Removes a group, on which nothing may hang any more.
#[derive(Clone, Debug, Default)]
pub struct DeleteGroup {
    /// The name.
    pub group_name: String,
}

impl Operation for DeleteGroup {
    const KIND: OperationKind = OperationKind::DeleteGroup;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:DeleteGroup", "group", &self.group_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        Ok(service.identities.delete_group(&self.group_name).await?)
    }
}

/// Puts a user into a group.
#[derive(Clone, Debug, Default)]
pub struct AddUserToGroup {
    /// The group.
    pub group_name: String,
    /// The user.
    pub user_name: String,
}

impl Operation for AddUserToGroup {
    const KIND: OperationKind = OperationKind::AddUserToGroup;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:AddUserToGroup", "group", &self.group_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        Ok(service.identities.add_user_to_group(&self.user_name, &self.group_name).await?)
    }
}

/// Takes a user out of a group.
#[derive(Clone, Debug, Default)]
pub struct RemoveUserFromGroup {
    /// The group.
    pub group_name: String,
    /// The user.
    pub user_name: String,
}

impl Operation for RemoveUserFromGroup {
    const KIND: OperationKind = OperationKind::RemoveUserFromGroup;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_identity("iam:RemoveUserFromGroup", "group", &self.group_name)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        Ok(service.identities.remove_user_from_group(&self.user_name, &self.group_name).await?)
    }
}
