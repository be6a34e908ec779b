//! `cairn table policy`: the policies of tables.

use super::client::Client;
use super::error::ClientError;
use super::input::Input;
use super::output::{Output, new_table, print_text, text_cell};
use super::table::arn;
use cairn_api::v1;
use clap::Subcommand;
use serde::Serialize;

/// A table's own policy: put, print and delete it
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Give a table a policy, in place of the one before, and print its revision
    Put {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// The IAM document: JSON, @FILE, or - for standard input
        #[arg(value_name = "DOCUMENT")]
        document: Input,
        /// The revision that the policy must have; NO_POLICY if there must be none
        #[arg(long, value_name = "REVISION")]
        expected_revision: Option<String>,
        /// Let the policy take from you the permission to change it
        #[arg(long)]
        confirm_remove_self_access: bool,
    },
    /// Print a table's policy and its revision
    ///
    /// As a table, the policy alone is printed, as it was written.
    Get {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
    },
    /// Take a table's policy away
    Delete {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// The revision that the policy must have
        #[arg(long, value_name = "REVISION")]
        expected_revision: Option<String>,
    },
}

/// A table's policy, or its revision alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyView {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    revision_id: String,
}

impl PolicyCommand {
    pub(super) async fn run(self, client: &mut Client, output: Output) -> Result<(), ClientError> {
        match self {
            Self::Put { table, document, expected_revision, confirm_remove_self_access } => {
                let request = v1::PutResourcePolicyRequest {
                    policy: document.text("DOCUMENT")?,
                    resource_arn: arn(client, table).await?,
                    expected_revision_id: expected_revision,
                    confirm_remove_self_resource_access: confirm_remove_self_access,
                };
                let answer = client.tables.put_resource_policy(request).await?.into_inner();
                let view = PolicyView { policy: None, revision_id: answer.revision_id };
                output.print(&view, || {
                    let mut table = new_table();
                    table.add_row(["Revision", &view.revision_id].map(text_cell));
                    table
                })
            }
            Self::Get { table } => {
                let request = v1::GetResourcePolicyRequest { resource_arn: arn(client, table).await? };
                let answer = client.tables.get_resource_policy(request).await?.into_inner();
                if !output.is_json() {
                    return print_text(&answer.policy);
                }
                output
                    .print_json(&PolicyView { policy: Some(answer.policy), revision_id: answer.revision_id })
            }
            Self::Delete { table, expected_revision } => {
                let request = v1::DeleteResourcePolicyRequest {
                    resource_arn: arn(client, table).await?,
                    expected_revision_id: expected_revision,
                };
                client.tables.delete_resource_policy(request).await?;
                Ok(())
            }
        }
    }
}
