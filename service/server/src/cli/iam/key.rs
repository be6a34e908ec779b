//! `cairn iam key`.

use super::super::client::ClientArgs;
use super::super::error::ClientError;
use super::super::output::Output;
use super::expected;
use super::view::{KeyView, NewKeyView};
use cairn_api::v1;
use clap::{Args, Subcommand};

/// Access keys: create, list, deactivate and delete them
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Create an access key and print it with its secret, which is shown this once
    Create(OwnerArgs),
    /// Print the access keys of a user, without their secrets
    List(OwnerArgs),
    /// Make an access key active again
    Activate(KeyArgs),
    /// Make an access key inactive: calls with it are refused until it is active again
    Deactivate(KeyArgs),
    /// Delete an access key
    Delete(KeyArgs),
}

#[derive(Args, Debug)]
pub(super) struct OwnerArgs {
    /// The user whose it is [default: the caller]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct KeyArgs {
    /// The access key's id
    #[arg(value_name = "ID")]
    key: String,
    #[command(flatten)]
    owner: OwnerArgs,
}

impl OwnerArgs {
    fn name(self) -> String {
        self.user.unwrap_or_default()
    }
}

impl KeyCommand {
    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        let mut identities = client.connect().await?.identities;
        let update = |key: KeyArgs, status: v1::AccessKeyStatus| v1::UpdateAccessKeyRequest {
            user_name: key.owner.name(),
            access_key_id: key.key,
            status: status.into(),
        };
        match self {
            Self::Create(owner) => {
                let request = v1::CreateAccessKeyRequest { user_name: owner.name() };
                let answer = identities.create_access_key(request).await?.into_inner();
                let key = NewKeyView::of(expected(answer.access_key, "access key")?);
                output.print_with_note(&key, || key.table(), &key.note())
            }
            Self::List(owner) => {
                let request = v1::ListAccessKeysRequest { user_name: owner.name() };
                let answer = identities.list_access_keys(request).await?.into_inner();
                let keys: Vec<_> = answer.access_keys.into_iter().map(KeyView::of).collect();
                output.print(&keys, || KeyView::list(&keys))
            }
            Self::Activate(key) => {
                identities.update_access_key(update(key, v1::AccessKeyStatus::Active)).await?;
                Ok(())
            }
            Self::Deactivate(key) => {
                identities.update_access_key(update(key, v1::AccessKeyStatus::Inactive)).await?;
                Ok(())
            }
            Self::Delete(key) => {
                let request =
                    v1::DeleteAccessKeyRequest { user_name: key.owner.name(), access_key_id: key.key };
                identities.delete_access_key(request).await?;
                Ok(())
            }
        }
    }
}
