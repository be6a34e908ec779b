//! Reading many items: queries of 100, whole scans and streams over gRPC, beside the engine's own scan of the same
//! data in the same run.

use crate::load::{item_of, wait_until_active};
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
const PARTITION_ITEMS: u64 = 100;

/// Items a second, each way of reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadFigures {
    pub(crate) queries: f64,
    pub(crate) scan: f64,
    pub(crate) stream: f64,
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
    let callers = options.callers.max(1) as u64;
    let tasks: Vec<_> = (0..callers)
        .zip(channels.iter().cycle())
        .map(|(caller, channel)| {
            let mut client = ItemServiceClient::new(channel.clone());
            let (items, bytes) = (options.items, options.item_bytes);
            tokio::spawn(async move {
                for id in (caller..items).step_by(callers as usize) {
                    let key = AttributeMap::from([
                        ("partition".to_owned(), AttributeValue::N((id / PARTITION_ITEMS).into())),
                        ("id".to_owned(), AttributeValue::N(id.into())),
                    ]);
                    let request = v1::PutItemRequest {
                        table: TABLE.into(),
                        item: Some(item_of(key, bytes, 'r')),
                        ..Default::default()
                    };
                    client.put_item(request).await?;
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

/// One round of each way over gRPC.
pub(crate) async fn round(
    channels: &[Channel],
    options: &Options,
    length: Duration,
) -> Result<ReadFigures, Error> {
    let Some(channel) = channels.first() else { return Err(Error::NoAddress) };
    let client = || ItemServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);

    let begun = Instant::now();
    let mut scanned = 0usize;
    let mut start = BTreeMap::new();
    loop {
        let request =
            v1::ScanRequest { table: TABLE.into(), exclusive_start_key: start, ..Default::default() };
        let page = client().scan(request).await?.into_inner();
        scanned += page.items.len();
        if page.last_evaluated_key.is_empty() {
            break;
        }
        start = page.last_evaluated_key;
    }
    let scan = scanned as f64 / begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let mut streamed = 0usize;
    let request = v1::StreamScanRequest { table: TABLE.into(), ..Default::default() };
    let mut parts = client().stream_scan(request).await?.into_inner();
    while let Some(part) = parts.message().await? {
        streamed += part.items.len();
    }
    let stream = streamed as f64 / begun.elapsed().as_secs_f64();

    Ok(ReadFigures { queries: queries(channels, options, length).await?, scan, stream })
}

/// Queries of one partition each, by all callers at once: items a second.
async fn queries(channels: &[Channel], options: &Options, length: Duration) -> Result<f64, Error> {
    let begun = Instant::now();
    let end = begun + length;
    let partitions = (options.items / PARTITION_ITEMS).max(1);
    let tasks: Vec<_> = (0..options.callers as u64)
        .zip(channels.iter().cycle())
        .map(|(caller, channel)| {
            let mut client = ItemServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
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
    Ok(read as f64 / begun.elapsed().as_secs_f64())
}

/// The engine's own scan of the same items, once the server has stopped: items a second, in the median of some rounds.
pub(crate) async fn engine_scan(data: &Path, rounds: usize) -> Result<f64, Error> {
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
        let begun = Instant::now();
        let count = snapshot.scan(space, KeyRange::all(), Direction::Ascending, Count::default()).await?.0;
        // One round uncounted: the cache fills.
        if round > 0 {
            figures.push(count as f64 / begun.elapsed().as_secs_f64());
        }
    }
    engine.close().await?;
    figures.sort_by(f64::total_cmp);
    Ok(figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN))
}

#[derive(Default)]
struct Count(usize);

impl cairn_storage::Visit for Count {
    fn visit(&mut self, _: &[u8], _: bytes::Bytes) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

/// The middle of each figure over the rounds.
pub(crate) fn median(rounds: &[ReadFigures]) -> ReadFigures {
    let middle = |figure: fn(&ReadFigures) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    };
    ReadFigures {
        queries: middle(|round| round.queries),
        scan: middle(|round| round.scan),
        stream: middle(|round| round.stream),
    }
}
