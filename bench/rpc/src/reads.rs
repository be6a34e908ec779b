//! Reading many items: queries of 100, whole scans and streams over gRPC, beside the engine's own scan of the same
//! data and beside a bare tonic server that sends as many bytes in the same messages, all in the same run. What is lost
//! to the first is Cairn and gRPC; what is lost to the second is Cairn.

use crate::cpu::Process;
use crate::rpc::{fill, item_of, wait_until_active};
use crate::{Error, Options};
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use cairn_model::{AttributeMap, AttributeValue, EncodedValue};
use cairn_storage::{Consistency, Direction, Engine, KeyRange, Snapshot, SpaceId};
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

const TABLE: &str = "bench-reads";
/// Items of one partition: what one query reads.
pub(crate) const PARTITION_ITEMS: u64 = 100;

/// How many items are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// One StreamScan of the table.
    Stream,
    /// One page of Scan after the other.
    Scan,
    /// Queries of one partition each, by all callers at once.
    Queries,
}

/// What a round of reading came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadFigures {
    items: usize,
    seconds: f64,
    /// Processor time that the server and this process spent meanwhile, in seconds.
    server_cpu: f64,
    client_cpu: f64,
}

/// The key of an item.
pub(crate) fn key(id: u64) -> AttributeMap {
    AttributeMap::from([
        ("partition".to_owned(), AttributeValue::N((id / PARTITION_ITEMS).into())),
        ("id".to_owned(), AttributeValue::N(id.into())),
    ])
}

/// A table of partitions of 100 items each.
pub(crate) async fn prepare(channels: &[Channel], options: &Options) -> Result<(), Error> {
    let Some(channel) = channels.first() else { return Ok(()) };
    let attribute = |name: &str| v1::AttributeDefinition {
        attribute_name: name.into(),
        attribute_type: v1::ScalarAttributeType::Number.into(),
    };
    let element = |name: &str, role: v1::KeyType| v1::KeySchemaElement {
        attribute_name: name.into(),
        key_type: role.into(),
    };
    let mut tables = TableServiceClient::new(channel.clone());
    tables
        .create_table(v1::CreateTableRequest {
            table: TABLE.into(),
            attribute_definitions: vec![attribute("partition"), attribute("id")],
            key_schema: vec![element("partition", v1::KeyType::Hash), element("id", v1::KeyType::Range)],
            billing_mode: v1::BillingMode::PayPerRequest.into(),
            ..Default::default()
        })
        .await?;
    wait_until_active(&mut tables, TABLE).await?;
    let bytes = options.item_bytes;
    let put = move |id| v1::PutItemRequest {
        table: TABLE.into(),
        item: Some(item_of(key(id), bytes, 'r')),
        ..Default::default()
    };
    fill(channels, options, put).await
}

/// One round of one way over gRPC, against the server of a process.
pub(crate) async fn round(
    channels: &[Channel],
    server: Process,
    way: Way,
    options: &Options,
    length: Duration,
) -> Result<ReadFigures, Error> {
    let Some(channel) = channels.first() else { return Err(Error::NoAddress) };
    let begun = Instant::now();
    let (server_before, client_before) = (server.seconds()?, Process::Own.seconds()?);
    let items = match way {
        Way::Stream => stream(channel).await?,
        Way::Scan => scan(channel).await?,
        Way::Queries => queries(channels, options, begun + length).await?,
    };
    Ok(ReadFigures {
        items,
        seconds: begun.elapsed().as_secs_f64(),
        server_cpu: server.seconds()? - server_before,
        client_cpu: Process::Own.seconds()? - client_before,
    })
}

fn client(channel: &Channel) -> ItemServiceClient<Channel> {
    ItemServiceClient::new(channel.clone()).max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX)
}

/// Reads the table page by page: items read.
async fn scan(channel: &Channel) -> Result<usize, Error> {
    let mut client = client(channel);
    let mut scanned = 0;
    let mut start = BTreeMap::new();
    loop {
        let request =
            v1::ScanRequest { table: TABLE.into(), exclusive_start_key: start, ..Default::default() };
        let page = client.scan(request).await?.into_inner();
        scanned += page.items.len();
        if page.last_evaluated_key.is_empty() {
            return Ok(scanned);
        }
        start = page.last_evaluated_key;
    }
}

/// Reads the table in one stream: items read.
async fn stream(channel: &Channel) -> Result<usize, Error> {
    let mut streamed = 0;
    let request = v1::StreamScanRequest { table: TABLE.into(), ..Default::default() };
    let mut parts = client(channel).stream_scan(request).await?.into_inner();
    while let Some(part) = parts.message().await? {
        streamed += part.items.len();
    }
    Ok(streamed)
}

/// Queries of one partition each, by all callers at once, until `end`: items read.
async fn queries(channels: &[Channel], options: &Options, end: Instant) -> Result<usize, Error> {
    let partitions = (options.items / PARTITION_ITEMS).max(1);
    let tasks: Vec<_> = (0..options.callers as u64)
        .zip(channels.iter().cycle())
        .map(|(caller, channel)| {
            let mut client = client(channel);
            tokio::spawn(async move {
                let mut read = 0usize;
                let mut partition = caller;
                while Instant::now() < end {
                    partition = (partition + 7_919) % partitions;
                    let value = EncodedValue::from(&AttributeValue::N(partition.into()));
                    let request = v1::QueryRequest {
                        table: TABLE.into(),
                        key_condition_expression: "#p = :p".into(),
                        bindings: Some(v1::ExpressionBindings {
                            names: [("#p".to_owned(), "partition".to_owned())].into(),
                            values: [(":p".to_owned(), value)].into(),
                        }),
                        ..Default::default()
                    };
                    read += client.query(request).await?.into_inner().items.len();
                }
                Ok::<_, tonic::Status>(read)
            })
        })
        .collect();
    let mut read = 0;
    for task in tasks {
        read += task.await??;
    }
    Ok(read)
}

/// The engine's own scan of the same items, once the server has stopped, in this process.
pub(crate) async fn engine_scan(data: &Path, rounds: usize) -> Result<Vec<ReadFigures>, Error> {
    let options = FjallOptions::new(data);
    let engine = tokio::task::spawn_blocking(move || FjallEngine::open(options)).await??;
    // The tables are numbered as they were made; the last one is the one of this file.
    let spaces = engine.spaces().await?;
    let space = spaces
        .into_iter()
        .filter(|space| matches!(space, SpaceId::Items(_)))
        .max()
        .unwrap_or(SpaceId::System);
    let mut figures = Vec::new();
    for round in 0..=rounds {
        let snapshot = engine.snapshot(Consistency::Strong).await?;
        let (begun, before) = (Instant::now(), Process::Own.seconds()?);
        let items = snapshot.scan(space, KeyRange::all(), Direction::Ascending, Count::default()).await?.0;
        // One round uncounted: the cache fills.
        if round > 0 {
            figures.push(ReadFigures {
                items,
                seconds: begun.elapsed().as_secs_f64(),
                server_cpu: Process::Own.seconds()? - before,
                client_cpu: 0.0,
            });
        }
    }
    engine.close().await?;
    Ok(figures)
}

#[derive(Default)]
struct Count(usize);

impl cairn_storage::Visit for Count {
    fn visit(&mut self, _: &[u8], _: bytes::Bytes) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

/// What several rounds came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSummary {
    /// In the median of the rounds.
    pub(crate) items_per_second: f64,
    /// Microseconds of the server's and of the client's processor time for an item, over all rounds: a round alone is
    /// short beside the clock's tick.
    pub(crate) server_us: f64,
    pub(crate) client_us: f64,
}

impl ReadSummary {
    pub(crate) fn of(rounds: &[ReadFigures]) -> Self {
        let mut speeds: Vec<f64> = rounds.iter().map(|round| round.items as f64 / round.seconds).collect();
        speeds.sort_by(f64::total_cmp);
        let items: usize = rounds.iter().map(|round| round.items).sum();
        let cpu =
            |figure: fn(&ReadFigures) -> f64| rounds.iter().map(figure).sum::<f64>() * 1e6 / items as f64;
        Self {
            items_per_second: speeds.get(speeds.len() / 2).copied().unwrap_or(f64::NAN),
            server_us: cpu(|round| round.server_cpu),
            client_us: cpu(|round| round.client_cpu),
        }
    }
}
