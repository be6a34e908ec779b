//! The load: so many callers, each with one call under way, for so long.

use crate::{Error, Options};
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use cairn_model::{AttributeMap, AttributeValue, EncodedValue, Item};
use hdrhistogram::Histogram;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};

const TABLE: &str = "bench";

/// What a round calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Put,
    Get,
}

/// What a round came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
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

fn key(id: u64) -> EncodedValue {
    EncodedValue::from(&AttributeValue::N(id.into()))
}

fn item(id: u64, bytes: usize, filler: char) -> Item {
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
    let callers = options.callers.max(1) as u64;
    let tasks: Vec<_> = (0..callers)
        .zip(channels.iter().cycle())
        .map(|(caller, channel)| {
            let mut client = ItemServiceClient::new(channel.clone());
            let (items, bytes) = (options.items, options.item_bytes);
            tokio::spawn(async move {
                for id in (caller..items).step_by(callers as usize) {
                    client.put_item(put(id, bytes, 'a')).await?;
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

fn put(id: u64, bytes: usize, filler: char) -> v1::PutItemRequest {
    v1::PutItemRequest { table: TABLE.into(), item: Some(item(id, bytes, filler)), ..Default::default() }
}

/// One round.
pub(crate) async fn round(
    channels: &[Channel],
    kind: Kind,
    options: &Options,
    length: Duration,
) -> Result<Figures, Error> {
    let begun = Instant::now();
    let end = begun + length;
    let tasks: Vec<_> = (0..options.callers as u64)
        .zip(channels.iter().cycle())
        .map(|(caller, channel)| {
            let mut client = ItemServiceClient::new(channel.clone());
            let (items, bytes) = (options.items.max(1), options.item_bytes);
            tokio::spawn(async move {
                let mut latencies = Latencies::new();
                // A walk over the items that looks random and is the same each time.
                let mut id = caller.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let mut turn = 0u8;
                loop {
                    id = id.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let chosen = (id >> 16) % items;
                    let sent = Instant::now();
                    if sent >= end {
                        return Ok::<_, tonic::Status>(latencies);
                    }
                    match kind {
                        Kind::Put => {
                            turn = turn.wrapping_add(1);
                            // Another text each time: a put of what is there already costs no commit.
                            let filler = char::from(b'a' + turn % 26);
                            client.put_item(put(chosen, bytes, filler)).await?;
                        }
                        Kind::Get => {
                            let request = v1::GetItemRequest {
                                table: TABLE.into(),
                                key: [("id".to_owned(), key(chosen))].into(),
                                read_consistency: v1::ReadConsistency::Strong.into(),
                                ..Default::default()
                            };
                            let answer = client.get_item(request).await?;
                            if answer.into_inner().item.is_none() {
                                return Err(tonic::Status::data_loss("an item is missing"));
                            }
                        }
                    }
                    latencies.record(sent.elapsed());
                }
            })
        })
        .collect();
    let mut all = Latencies::new();
    for task in tasks {
        all.add(task.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Figures {
        calls_per_second: all.0.len() as f64 / seconds,
        p50_us: all.0.value_at_quantile(0.5),
        p99_us: all.0.value_at_quantile(0.99),
    })
}

/// Latencies in microseconds.
struct Latencies(Histogram<u64>);

impl Latencies {
    fn new() -> Self {
        Self(Histogram::new(3).unwrap_or_else(|_| unreachable!("three significant digits are allowed")))
    }

    fn record(&mut self, latency: Duration) {
        // It grows as it must; a latency that fits no histogram is none.
        let _ = self.0.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: Self) {
        // Both grow as they must.
        let _ = self.0.add(other.0);
    }
}

/// The round in the middle by calls per second.
pub(crate) fn median(mut rounds: Vec<Figures>) -> Figures {
    rounds.sort_by(|a, b| a.calls_per_second.total_cmp(&b.calls_per_second));
    let middle = rounds.len() / 2;
    rounds.get(middle).copied().unwrap_or(Figures { calls_per_second: f64::NAN, p50_us: 0, p99_us: 0 })
}
