//! `cairn iam role` and `cairn iam assume-role`.

use super::super::client::{Client, ClientArgs};
use super::super::error::ClientError;
use super::super::input::Input;
use super::super::output::Output;
use super::super::table::tag;
use super::view::{RoleView, SessionView};
use super::{expected, identity};
use cairn_api::v1;
use clap::{ArgGroup, Args, Subcommand};

/// Roles: create, show, list, change, tag and delete them
#[derive(Debug, Subcommand)]
pub(super) enum RoleCommand {
    /// Create a role and print it; its sessions may do nothing yet
    Create {
        /// The role's name
        #[arg(value_name = "NAME")]
        role: String,
        /// The trust policy: who may assume the role
        #[arg(long, value_name = "DOCUMENT")]
        trust: Input,
        /// The longest a session may be, 3600 to 43200 seconds [default: 3600]
        #[arg(long, value_name = "SECONDS")]
        max_session: Option<i32>,
        /// For people
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// A managed policy that is to bound what sessions may do
        #[arg(long, value_name = "POLICY")]
        boundary: Option<String>,
        /// A tag; may be given several times
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<v1::Tag>,
    },
    /// Print what a role is, with its policies
    Get {
        /// The role's name
        #[arg(value_name = "NAME")]
        role: String,
    },
    /// Print all roles
    List,
    Update(UpdateArgs),
    /// Delete a role, which must have no policies
    Delete {
        /// The role's name
        #[arg(value_name = "NAME")]
        role: String,
    },
    /// Put tags on a role; one with the key of another replaces it
    Tag {
        /// The role's name
        #[arg(value_name = "NAME")]
        role: String,
        /// The tags
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = tag)]
        tags: Vec<v1::Tag>,
    },
    /// Take tags off a role; keys that it has no tag of are ignored
    Untag {
        /// The role's name
        #[arg(value_name = "NAME")]
        role: String,
        /// The keys of the tags
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
    },
}

/// Change a role and print it
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").multiple(true).required(true)
    .args(["trust", "max_session", "description"]))]
pub(super) struct UpdateArgs {
    /// The role's name
    #[arg(value_name = "NAME")]
    role: String,
    /// The new trust policy
    #[arg(long, value_name = "DOCUMENT")]
    trust: Option<Input>,
    /// The longest a session may be, 3600 to 43200 seconds
    #[arg(long, value_name = "SECONDS")]
    max_session: Option<i32>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// Begin a session of a role and print its credentials
#[derive(Args, Debug)]
pub(super) struct AssumeArgs {
    /// The role's ARN
    #[arg(value_name = "ARN")]
    role: String,
    /// What the session is to be known by
    #[arg(long, value_name = "NAME")]
    session: String,
    /// How long the session is to last, 900 seconds or more [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    duration: Option<i32>,
    /// A policy that narrows what the session may do
    #[arg(long, value_name = "DOCUMENT")]
    policy: Option<Input>,
    /// What the trust policy may ask for as sts:ExternalId
    #[arg(long, value_name = "ID", default_value = "")]
    external_id: String,
    /// On whose behalf the session is, for good
    #[arg(long, value_name = "NAME", default_value = "")]
    source_identity: String,
}

impl RoleCommand {
    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        match self {
            Self::Create { role, trust, max_session, description, boundary, tags } => {
                let trust = trust.text("--trust")?;
                let mut client = client.connect().await?;
                let request = v1::CreateRoleRequest {
                    role_name: role,
                    assume_role_policy_document: trust,
                    max_session_duration_seconds: max_session,
                    description,
                    permissions_boundary_arn: identity::boundary_arn(&mut client, boundary).await?,
                    tags,
                };
                let answer = client.identities.create_role(request).await?.into_inner();
                print(output, RoleView::of(expected(answer.role, "role")?))
            }
            Self::Get { role } => {
                let request = v1::GetRoleRequest { role_name: role };
                let answer = client.connect().await?.identities.get_role(request).await?.into_inner();
                let role = RoleView::of(expected(answer.role, "role")?);
                print(output, role.with(answer.policies.unwrap_or_default()))
            }
            Self::List => {
                let roles = list(&mut client.connect().await?).await?;
                let roles: Vec<_> = roles.into_iter().map(RoleView::of).collect();
                output.print(&roles, || RoleView::list(&roles))
            }
            Self::Update(update) => {
                let request = v1::UpdateRoleRequest {
                    role_name: update.role,
                    assume_role_policy_document: update
                        .trust
                        .map(|trust| trust.text("--trust"))
                        .transpose()?,
                    max_session_duration_seconds: update.max_session,
                    description: update.description,
                };
                let answer = client.connect().await?.identities.update_role(request).await?.into_inner();
                print(output, RoleView::of(expected(answer.role, "role")?))
            }
            Self::Delete { role } => {
                let request = v1::DeleteRoleRequest { role_name: role };
                client.connect().await?.identities.delete_role(request).await?;
                Ok(())
            }
            Self::Tag { role, tags } => {
                let request = v1::TagIdentityRequest { identity: Some(identity::role(role)), tags };
                client.connect().await?.identities.tag_identity(request).await?;
                Ok(())
            }
            Self::Untag { role, keys } => {
                let identity = Some(identity::role(role));
                let request = v1::UntagIdentityRequest { identity, tag_keys: keys };
                client.connect().await?.identities.untag_identity(request).await?;
                Ok(())
            }
        }
    }
}

impl AssumeArgs {
    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        let policy = self.policy.map(|policy| policy.text("--policy")).transpose()?;
        let request = v1::AssumeRoleRequest {
            role_arn: self.role,
            role_session_name: self.session,
            duration_seconds: self.duration,
            policy: policy.unwrap_or_default(),
            external_id: self.external_id,
            source_identity: self.source_identity,
        };
        let answer = client.connect().await?.identities.assume_role(request).await?.into_inner();
        let session = expected(SessionView::of(answer), "credentials")?;
        output.print_with_note(&session, || session.table(), &session.note())
    }
}

fn print(output: Output, role: RoleView) -> Result<(), ClientError> {
    output.print(&role, || role.table())
}

async fn list(client: &mut Client) -> Result<Vec<v1::Role>, ClientError> {
    let mut roles = Vec::new();
    let mut request = v1::ListRolesRequest::default();
    loop {
        let page = client.identities.list_roles(request.clone()).await?.into_inner();
        roles.extend(page.roles);
        if page.next_page_token.is_empty() {
            return Ok(roles);
        }
        request.page_token = page.next_page_token;
    }
}
