//! Connections to the server, and the table there.

use crate::{Error, PARTITION_KEY, SORT_KEY};
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// The table of the flights.
pub(crate) const TABLE: &str = "flights";
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a table may take to be made, and the pause between two looks at it: the API tells a table's state, not the
/// change of it.
pub(crate) const TABLE_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The clients of a few connections.
#[derive(Clone)]
pub(crate) struct Clients {
    tables: TableServiceClient<Channel>,
    items: Vec<ItemServiceClient<Channel>>,
}

impl Clients {
    /// Connects that often, and once more for the table.
    pub(crate) async fn connect(address: SocketAddr, connections: usize) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.timeout(CALL_TIMEOUT);
        let tables = TableServiceClient::new(endpoint.connect().await?);
        let mut items = Vec::with_capacity(connections);
        for _ in 0..connections {
            let client = ItemServiceClient::new(endpoint.connect().await?);
            items.push(client.max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX));
        }
        Ok(Self { tables, items })
    }

    /// The client of a caller, by the caller's number.
    pub(crate) fn of(&self, caller: usize) -> Result<ItemServiceClient<Channel>, Status> {
        let client = caller.checked_rem(self.items.len()).and_then(|index| self.items.get(index));
        client.cloned().ok_or_else(|| Status::internal("no connection"))
    }

    /// Makes the table and waits until it is ready.
    pub(crate) async fn create_table(&self) -> Result<(), Error> {
        let key = [(PARTITION_KEY, v1::KeyType::Hash), (SORT_KEY, v1::KeyType::Range)];
        let request = v1::CreateTableRequest {
            table: TABLE.into(),
            attribute_definitions: key
                .map(|(name, _)| v1::AttributeDefinition {
                    attribute_name: name.into(),
                    attribute_type: v1::ScalarAttributeType::String.into(),
                })
                .into(),
            key_schema: key
                .map(|(name, role)| v1::KeySchemaElement {
                    attribute_name: name.into(),
                    key_type: role.into(),
                })
                .into(),
            billing_mode: v1::BillingMode::PayPerRequest.into(),
            ..Default::default()
        };
        self.tables.clone().create_table(request).await.map_err(of_table)?;
        let from = Instant::now();
        while self.describe_table().await?.table_status() != v1::TableStatus::Active {
            if from.elapsed() > TABLE_TIMEOUT {
                return Err(Error::NotReady);
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        Ok(())
    }

    /// The table as it stands.
    pub(crate) async fn describe_table(&self) -> Result<v1::TableDescription, Error> {
        let request = v1::DescribeTableRequest { table: TABLE.into() };
        let response = self.tables.clone().describe_table(request).await.map_err(of_table)?;
        Ok(response.into_inner().table.unwrap_or_default())
    }
}

fn of_table(status: Status) -> Error {
    Error::Table(Box::new(status))
}
