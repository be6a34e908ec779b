//! `cairn iam policy`, `attach`, `detach` and `boundary`.

use super::super::client::{Client, ClientArgs};
use super::super::error::ClientError;
use super::super::input::Input;
use super::super::output::{Output, print_text};
use super::expected;
use super::identity::{IdentityArgs, policy_arn};
use super::view::PolicyView;
use cairn_api::v1;
use clap::{ArgGroup, Args, Subcommand};

/// Policies: managed ones, and those inside a user, group or role
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Create a managed policy and print it
    Create {
        /// The policy's name
        #[arg(value_name = "NAME")]
        policy: String,
        /// The IAM document
        #[arg(value_name = "DOCUMENT")]
        document: Input,
        /// For people
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Print a managed policy with its document and what it is attached to
    Get {
        /// The policy's ARN or name
        #[arg(value_name = "POLICY")]
        policy: String,
    },
    /// Print all managed policies
    List {
        /// Leave out those that are built in
        #[arg(long)]
        local: bool,
        /// Leave out those that are attached to nothing
        #[arg(long)]
        attached: bool,
    },
    /// Replace the document of a managed policy and print it
    Update {
        /// The policy's ARN or name
        #[arg(value_name = "POLICY")]
        policy: String,
        /// The new IAM document
        #[arg(value_name = "DOCUMENT")]
        document: Input,
    },
    /// Delete a managed policy, which must be attached to nothing
    Delete {
        /// The policy's ARN or name
        #[arg(value_name = "POLICY")]
        policy: String,
    },
    /// Give a user, group or role a policy of its own; one of the same name is replaced
    PutInline {
        /// The policy's name
        #[arg(value_name = "NAME")]
        policy: String,
        /// The IAM document
        #[arg(value_name = "DOCUMENT")]
        document: Input,
        #[command(flatten)]
        identity: IdentityArgs,
    },
    /// Print the document of an inline policy, as it was written
    GetInline {
        /// The policy's name
        #[arg(value_name = "NAME")]
        policy: String,
        #[command(flatten)]
        identity: IdentityArgs,
    },
    /// Take an inline policy away
    DeleteInline {
        /// The policy's name
        #[arg(value_name = "NAME")]
        policy: String,
        #[command(flatten)]
        identity: IdentityArgs,
    },
}

/// A managed policy and a user, group or role: attach or detach it
#[derive(Args, Debug)]
pub(super) struct AttachArgs {
    /// The policy's ARN or name
    #[arg(value_name = "POLICY")]
    policy: String,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// Bound what a user or the sessions of a role may do by a managed policy, or take the bounds away
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("bounds").required(true).args(["policy", "none"]))]
pub(super) struct BoundaryArgs {
    /// The policy's ARN or name
    #[arg(value_name = "POLICY")]
    policy: Option<String>,
    /// Take the bounds away
    #[arg(long)]
    none: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

impl PolicyCommand {
    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        match self {
            Self::Create { policy, document, description } => {
                let policy_document = document.text("DOCUMENT")?;
                let request = v1::CreatePolicyRequest { policy_name: policy, policy_document, description };
                let answer = client.connect().await?.identities.create_policy(request).await?.into_inner();
                print(output, PolicyView::of(expected(answer.policy, "policy")?))
            }
            Self::Get { policy } => {
                let mut client = client.connect().await?;
                let request = v1::GetPolicyRequest { policy_arn: policy_arn(&mut client, policy).await? };
                let answer = client.identities.get_policy(request).await?.into_inner();
                let policy = PolicyView::of(expected(answer.policy, "policy")?);
                print(output, policy.with(answer.policy_document, answer.attached_to))
            }
            Self::List { local, attached } => {
                let policies = list(&mut client.connect().await?, local, attached).await?;
                let policies: Vec<_> = policies.into_iter().map(PolicyView::of).collect();
                output.print(&policies, || PolicyView::list(&policies))
            }
            Self::Update { policy, document } => {
                let policy_document = document.text("DOCUMENT")?;
                let mut client = client.connect().await?;
                let policy_arn = policy_arn(&mut client, policy).await?;
                let request = v1::UpdatePolicyRequest { policy_arn, policy_document };
                let answer = client.identities.update_policy(request).await?.into_inner();
                print(output, PolicyView::of(expected(answer.policy, "policy")?))
            }
            Self::Delete { policy } => {
                let mut client = client.connect().await?;
                let request = v1::DeletePolicyRequest { policy_arn: policy_arn(&mut client, policy).await? };
                client.identities.delete_policy(request).await?;
                Ok(())
            }
            Self::PutInline { policy, document, identity } => {
                let request = v1::PutInlinePolicyRequest {
                    identity: Some(identity.message()),
                    policy_name: policy,
                    policy_document: document.text("DOCUMENT")?,
                };
                client.connect().await?.identities.put_inline_policy(request).await?;
                Ok(())
            }
            Self::GetInline { policy, identity } => {
                let request =
                    v1::GetInlinePolicyRequest { identity: Some(identity.message()), policy_name: policy };
                let answer = client.connect().await?.identities.get_inline_policy(request).await?;
                print_text(&answer.into_inner().policy_document)
            }
            Self::DeleteInline { policy, identity } => {
                let request =
                    v1::DeleteInlinePolicyRequest { identity: Some(identity.message()), policy_name: policy };
                client.connect().await?.identities.delete_inline_policy(request).await?;
                Ok(())
            }
        }
    }
}

impl AttachArgs {
    pub(super) async fn attach(self, client: &ClientArgs) -> Result<(), ClientError> {
        let mut client = client.connect().await?;
        let request = v1::AttachPolicyRequest {
            policy_arn: policy_arn(&mut client, self.policy).await?,
            identity: Some(self.identity.message()),
        };
        client.identities.attach_policy(request).await?;
        Ok(())
    }

    pub(super) async fn detach(self, client: &ClientArgs) -> Result<(), ClientError> {
        let mut client = client.connect().await?;
        let request = v1::DetachPolicyRequest {
            policy_arn: policy_arn(&mut client, self.policy).await?,
            identity: Some(self.identity.message()),
        };
        client.identities.detach_policy(request).await?;
        Ok(())
    }
}

impl BoundaryArgs {
    pub(super) async fn run(self, client: &ClientArgs) -> Result<(), ClientError> {
        let mut client = client.connect().await?;
        let identity = Some(self.identity.message());
        match self.policy {
            Some(policy) => {
                let policy_arn = policy_arn(&mut client, policy).await?;
                let request = v1::PutPermissionsBoundaryRequest { identity, policy_arn };
                client.identities.put_permissions_boundary(request).await?;
            }
            None => {
                let request = v1::DeletePermissionsBoundaryRequest { identity };
                client.identities.delete_permissions_boundary(request).await?;
            }
        }
        Ok(())
    }
}

fn print(output: Output, policy: PolicyView) -> Result<(), ClientError> {
    output.print(&policy, || policy.table())
}

async fn list(
    client: &mut Client,
    local_only: bool,
    attached_only: bool,
) -> Result<Vec<v1::Policy>, ClientError> {
    let mut policies = Vec::new();
    let mut request = v1::ListPoliciesRequest { local_only, attached_only, ..Default::default() };
    loop {
        let page = client.identities.list_policies(request.clone()).await?.into_inner();
        policies.extend(page.policies);
        if page.next_page_token.is_empty() {
            return Ok(policies);
        }
        request.page_token = page.next_page_token;
    }
}
