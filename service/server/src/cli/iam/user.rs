//! `cairn iam user`.

use super::super::client::{Client, ClientArgs};
use super::super::error::ClientError;
use super::super::output::Output;
use super::super::table::tag;
use super::view::UserView;
use super::{expected, identity};
use cairn_api::v1;
use clap::Subcommand;

/// Users: create, show, list, tag and delete them
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Create a user and print it; it may do nothing yet
    Create {
        /// The user's name
        #[arg(value_name = "NAME")]
        user: String,
        /// A managed policy that is to bound what the user may do
        #[arg(long, value_name = "POLICY")]
        boundary: Option<String>,
        /// A tag; may be given several times
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<v1::Tag>,
    },
    /// Print what a user is, with its groups and policies
    Get {
        /// The user's name [default: the caller]
        #[arg(value_name = "NAME")]
        user: Option<String>,
    },
    /// Print all users
    List,
    /// Delete a user, which must have no keys, policies and groups
    Delete {
        /// The user's name
        #[arg(value_name = "NAME")]
        user: String,
    },
    /// Put tags on a user; one with the key of another replaces it
    Tag {
        /// The user's name
        #[arg(value_name = "NAME")]
        user: String,
        /// The tags
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = tag)]
        tags: Vec<v1::Tag>,
    },
    /// Take tags off a user; keys that it has no tag of are ignored
    Untag {
        /// The user's name
        #[arg(value_name = "NAME")]
        user: String,
        /// The keys of the tags
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
    },
}

impl UserCommand {
    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        let mut client = client.connect().await?;
        match self {
            Self::Create { user, boundary, tags } => {
                let permissions_boundary_arn = identity::boundary_arn(&mut client, boundary).await?;
                let request = v1::CreateUserRequest { user_name: user, permissions_boundary_arn, tags };
                let answer = client.identities.create_user(request).await?.into_inner();
                print(output, UserView::of(expected(answer.user, "user")?))
            }
            Self::Get { user } => {
                let request = v1::GetUserRequest { user_name: user.unwrap_or_default() };
                let answer = client.identities.get_user(request).await?.into_inner();
                let user = UserView::of(expected(answer.user, "user")?);
                print(output, user.with(answer.policies.unwrap_or_default(), answer.group_names))
            }
            Self::List => {
                let users: Vec<_> = list(&mut client).await?.into_iter().map(UserView::of).collect();
                output.print(&users, || UserView::list(&users))
            }
            Self::Delete { user } => {
                client.identities.delete_user(v1::DeleteUserRequest { user_name: user }).await?;
                Ok(())
            }
            Self::Tag { user, tags } => {
                let identity = Some(identity::user(user));
                client.identities.tag_identity(v1::TagIdentityRequest { identity, tags }).await?;
                Ok(())
            }
            Self::Untag { user, keys } => {
                let identity = Some(identity::user(user));
                let request = v1::UntagIdentityRequest { identity, tag_keys: keys };
                client.identities.untag_identity(request).await?;
                Ok(())
            }
        }
    }
}

fn print(output: Output, user: UserView) -> Result<(), ClientError> {
    output.print(&user, || user.table())
}

async fn list(client: &mut Client) -> Result<Vec<v1::User>, ClientError> {
    let mut users = Vec::new();
    let mut request = v1::ListUsersRequest::default();
    loop {
        let page = client.identities.list_users(request.clone()).await?.into_inner();
        users.extend(page.users);
        if page.next_page_token.is_empty() {
            return Ok(users);
        }
        request.page_token = page.next_page_token;
    }
}
