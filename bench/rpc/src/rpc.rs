//! Calls over gRPC, each caller's one after the other on a connection that it shares.

use crate::load::{Caller, Walk};
use crate::{Error, Options};
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use cairn_model::{AttributeMap, AttributeValue, EncodedValue, Item};
use std::net::SocketAddr;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

pub(crate) const TABLE: &str = "bench";

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Put,
    Get,
}

/// Connections to a server.
pub(crate) async fn connect(address: SocketAddr, count: usize) -> Result<Vec<Channel>, Error> {
    let mut channels = Vec::new();
    for _ in 0..count {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        channels.push(endpoint.connect().await?);
    }
    Ok(channels)
}

/// The key of an item.
pub(crate) fn key(id: u64) -> Item {
    AttributeMap::from([("id".to_owned(), AttributeValue::N(id.into()))]).into()
}

/// An item of a size.
pub(crate) fn item(id: u64, bytes: usize, filler: char) -> Item {
    item_of(AttributeMap::from([("id".to_owned(), AttributeValue::N(id.into()))]), bytes, filler)
}

/// An item of a size, with a key.
pub(crate) fn item_of(mut attributes: AttributeMap, bytes: usize, filler: char) -> Item {
    let text = bytes.saturating_sub(cairn_model::item_size(&attributes) + "body".len());
    attributes.insert("body".to_owned(), AttributeValue::S(std::iter::repeat_n(filler, text).collect()));
    // Encoded as a client would have it.
    Item::from_encoded(Item::from(attributes).encoded())
}

/// Waits until a table is there.
pub(crate) async fn wait_until_active(
    tables: &mut TableServiceClient<Channel>,
    table: &str,
) -> Result<(), Error> {
    loop {
        let described = tables.describe_table(v1::DescribeTableRequest { table: table.into() }).await?;
        if described.into_inner().table.is_some_and(|table| table.table_status() == v1::TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A table with every item in it.
pub(crate) async fn prepare(channels: &[Channel], options: &Options) -> Result<(), Error> {
    let Some(channel) = channels.first() else { return Ok(()) };
    let mut tables = TableServiceClient::new(channel.clone());
    tables
        .create_table(v1::CreateTableRequest {
            table: TABLE.into(),
            attribute_definitions: vec![v1::AttributeDefinition {
                attribute_name: "id".into(),
                attribute_type: v1::ScalarAttributeType::Number.into(),
            }],
            key_schema: vec![v1::KeySchemaElement {
                attribute_name: "id".into(),
                key_type: v1::KeyType::Hash.into(),
            }],
            billing_mode: v1::BillingMode::PayPerRequest.into(),
            ..Default::default()
        })
        .await?;
    wait_until_active(&mut tables, TABLE).await?;
    let bytes = options.item_bytes;
    fill(channels, options, move |id| put(id, bytes, 'a')).await
}

/// Puts every item, by all callers at once.
pub(crate) async fn fill(
    channels: &[Channel],
    options: &Options,
    put: impl Fn(u64) -> v1::PutItemRequest + Clone + Send + 'static,
) -> Result<(), Error> {
    let callers = options.callers.max(1) as u64;
    let tasks: Vec<_> = (0..callers)
        .zip(channels.iter().cycle())
        .map(|(caller, channel)| {
            let mut client = ItemServiceClient::new(channel.clone())
                .max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX);
            let (items, put) = (options.items, put.clone());
            tokio::spawn(async move {
                for id in (caller..items).step_by(callers as usize) {
                    client.put_item(put(id)).await?;
                }
                Ok::<_, tonic::Status>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// A PutItem.
pub(crate) fn put(id: u64, bytes: usize, filler: char) -> v1::PutItemRequest {
    v1::PutItemRequest { table: TABLE.into(), item: Some(item(id, bytes, filler)), ..Default::default() }
}

/// A strong GetItem.
pub(crate) fn get(id: u64) -> v1::GetItemRequest {
    let key = EncodedValue::from(&AttributeValue::N(id.into()));
    v1::GetItemRequest {
        table: TABLE.into(),
        key: [("id".to_owned(), key)].into(),
        read_consistency: v1::ReadConsistency::Strong.into(),
        ..Default::default()
    }
}

/// One who calls over gRPC.
pub(crate) struct RpcCaller {
    client: ItemServiceClient<Channel>,
    kind: Kind,
    walk: Walk,
    turn: u8,
    item_bytes: usize,
}

/// So many callers, on these connections.
pub(crate) fn callers(channels: &[Channel], kind: Kind, options: &Options) -> Vec<RpcCaller> {
    let callers = (0..options.callers).zip(channels.iter().cycle());
    callers
        .map(|(caller, channel)| RpcCaller {
            client: ItemServiceClient::new(channel.clone())
                .max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX),
            kind,
            walk: Walk::new(caller, options.items),
            turn: 0,
            item_bytes: options.item_bytes,
        })
        .collect()
}

impl Caller for RpcCaller {
    async fn call(&mut self) -> Result<(), Error> {
        let id = self.walk.next_id();
        match self.kind {
            Kind::Put => {
                self.turn = self.turn.wrapping_add(1);
                self.client.put_item(put(id, self.item_bytes, filler(self.turn))).await?;
            }
            Kind::Get => {
                let answer = self.client.get_item(get(id)).await?;
                if answer.into_inner().item.is_none() {
                    return Err(Error::Missing);
                }
            }
        }
        Ok(())
    }
}

/// Another text each turn: a put of what is there already costs no commit.
pub(crate) fn filler(turn: u8) -> char {
    char::from(b'a' + turn % 26)
}
