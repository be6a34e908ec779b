//! How commands name a user, group or role, and a managed policy.

use super::super::client::Client;
use super::super::error::ClientError;
use cairn_api::v1;
use clap::{ArgGroup, Args};

/// The policies that are built in: their ARNs name no account.
const BUILT_IN: [&str; 3] = ["CairnReadOnly", "CairnReadWrite", "CairnAdministrator"];

/// One user, group or role.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("identity").required(true).args(["user", "group", "role"]))]
pub(super) struct IdentityArgs {
    /// The user of this name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The group of this name
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// The role of this name
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
}

impl IdentityArgs {
    pub(super) fn message(self) -> v1::Identity {
        use v1::identity::Identity;
        let identity = self
            .user
            .map(Identity::UserName)
            .or(self.group.map(Identity::GroupName))
            .or(self.role.map(Identity::RoleName));
        v1::Identity { identity }
    }
}

pub(super) fn user(user_name: String) -> v1::Identity {
    v1::Identity { identity: Some(v1::identity::Identity::UserName(user_name)) }
}

pub(super) fn role(role_name: String) -> v1::Identity {
    v1::Identity { identity: Some(v1::identity::Identity::RoleName(role_name)) }
}

/// The ARN of a managed policy that is given by ARN or name.
pub(super) async fn policy_arn(client: &mut Client, policy: String) -> Result<String, ClientError> {
    if policy.starts_with("arn:") {
        return Ok(policy);
    }
    if BUILT_IN.contains(&&*policy) {
        return Ok(format!("arn:aws:iam::aws:policy/{policy}"));
    }
    let account = super::caller(client).await?.account;
    Ok(format!("arn:aws:iam::{account}:policy/{policy}"))
}

/// As [`policy_arn`], of one that may be left out.
pub(super) async fn boundary_arn(client: &mut Client, policy: Option<String>) -> Result<String, ClientError> {
    match policy {
        None => Ok(String::new()),
        Some(policy) => policy_arn(client, policy).await,
    }
}
