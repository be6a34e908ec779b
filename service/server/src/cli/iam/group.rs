//! `cairn iam group`.

use super::super::client::{Client, ClientArgs};
use super::super::error::ClientError;
use super::super::output::Output;
use super::expected;
use super::view::GroupView;
use cairn_api::v1;
use clap::Subcommand;

/// Groups: create, show, list and delete them, and say who is in them
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Create a group and print it
    Create {
        /// The group's name
        #[arg(value_name = "NAME")]
        group: String,
    },
    /// Print what a group is, with its users and policies
    Get {
        /// The group's name
        #[arg(value_name = "NAME")]
        group: String,
    },
    /// Print all groups
    List,
    /// Delete a group, which must have no users and policies
    Delete {
        /// The group's name
        #[arg(value_name = "NAME")]
        group: String,
    },
    /// Put users into a group
    Add {
        /// The group's name
        #[arg(value_name = "NAME")]
        group: String,
        /// The users
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
    },
    /// Take users out of a group
    Remove {
        /// The group's name
        #[arg(value_name = "NAME")]
        group: String,
        /// The users
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
    },
}

impl GroupCommand {
    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        let mut client = client.connect().await?;
        match self {
            Self::Create { group } => {
                let request = v1::CreateGroupRequest { group_name: group };
                let answer = client.identities.create_group(request).await?.into_inner();
                print(output, GroupView::of(expected(answer.group, "group")?))
            }
            Self::Get { group } => print(output, get(&mut client, group).await?),
            Self::List => {
                let groups: Vec<_> = list(&mut client).await?.into_iter().map(GroupView::of).collect();
                output.print(&groups, || GroupView::list(&groups))
            }
            Self::Delete { group } => {
                client.identities.delete_group(v1::DeleteGroupRequest { group_name: group }).await?;
                Ok(())
            }
            Self::Add { group, users } => {
                for user_name in users {
                    let request = v1::AddUserToGroupRequest { group_name: group.clone(), user_name };
                    client.identities.add_user_to_group(request).await?;
                }
                Ok(())
            }
            Self::Remove { group, users } => {
                for user_name in users {
                    let request = v1::RemoveUserFromGroupRequest { group_name: group.clone(), user_name };
                    client.identities.remove_user_from_group(request).await?;
                }
                Ok(())
            }
        }
    }
}

fn print(output: Output, group: GroupView) -> Result<(), ClientError> {
    output.print(&group, || group.table())
}

async fn get(client: &mut Client, group_name: String) -> Result<GroupView, ClientError> {
    let mut users = Vec::new();
    let mut request = v1::GetGroupRequest { group_name, ..Default::default() };
    loop {
        let page = client.identities.get_group(request.clone()).await?.into_inner();
        users.extend(page.user_names);
        if page.next_page_token.is_empty() {
            let group = GroupView::of(expected(page.group, "group")?);
            return Ok(group.with(page.policies.unwrap_or_default(), users));
        }
        request.page_token = page.next_page_token;
    }
}

async fn list(client: &mut Client) -> Result<Vec<v1::Group>, ClientError> {
    let mut groups = Vec::new();
    let mut request = v1::ListGroupsRequest::default();
    loop {
        let page = client.identities.list_groups(request.clone()).await?.into_inner();
        groups.extend(page.groups);
        if page.next_page_token.is_empty() {
            return Ok(groups);
        }
        request.page_token = page.next_page_token;
    }
}
