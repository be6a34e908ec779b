//! `cairn table ttl`: the expiry of a table's items.

use super::client::Client;
use super::error::ClientError;
use super::output::{Output, new_table, text_cell};
use cairn_api::v1;
use clap::Subcommand;
use serde::Serialize;

/// Time to live: turn the expiry of a table's items on or off, and print which it is
#[derive(Debug, Subcommand)]
pub(super) enum TtlCommand {
    /// Let items expire
    ///
    /// An item is deleted some time after the second that its attribute says, usually within a minute.
    Enable {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// The attribute with the time, a number of seconds since the epoch
        #[arg(value_name = "ATTRIBUTE")]
        attribute: String,
    },
    /// Let items expire no more
    Disable {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// The attribute that items expire by
        #[arg(value_name = "ATTRIBUTE")]
        attribute: String,
    },
    /// Print whether items expire, and by which attribute
    Describe {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
    },
}

/// Whether items expire.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TtlView {
    time_to_live_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_name: Option<String>,
}

impl TtlView {
    fn of(found: v1::TimeToLiveDescription) -> Self {
        let status = found.time_to_live_status().as_str_name();
        Self {
            time_to_live_status: status.trim_start_matches("TIME_TO_LIVE_STATUS_").to_owned(),
            attribute_name: Some(found.attribute_name).filter(|name| !name.is_empty()),
        }
    }
}

impl TtlCommand {
    pub(super) async fn run(self, client: &mut Client, output: Output) -> Result<(), ClientError> {
        let table = match self {
            Self::Enable { table, attribute } => {
                update(client, &table, true, attribute).await?;
                table
            }
            Self::Disable { table, attribute } => {
                update(client, &table, false, attribute).await?;
                table
            }
            Self::Describe { table } => table,
        };
        let request = v1::DescribeTimeToLiveRequest { table };
        let answer = client.tables.describe_time_to_live(request).await?.into_inner();
        let found = answer.time_to_live_description;
        let view = TtlView::of(found.ok_or(ClientError::Incomplete("description of the time to live"))?);
        output.print(&view, || {
            let mut table = new_table();
            table.add_row(["Status", &view.time_to_live_status].map(text_cell));
            if let Some(attribute) = &view.attribute_name {
                table.add_row(["Attribute", attribute].map(text_cell));
            }
            table
        })
    }
}

async fn update(
    client: &mut Client,
    table: &str,
    enabled: bool,
    attribute_name: String,
) -> Result<(), ClientError> {
    let specification = v1::TimeToLiveSpecification { enabled: Some(enabled), attribute_name };
    let request = v1::UpdateTimeToLiveRequest {
        table: table.to_owned(),
        time_to_live_specification: Some(specification),
    };
    client.tables.update_time_to_live(request).await?;
    Ok(())
}
