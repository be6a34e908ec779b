//! StreamQuery and StreamScan: all the pages of a Query or Scan, one after another, as fast as the caller takes them.
//!
//! Each part carries a token with which another call goes on after it. A part may be empty: while a filter discards
//! everything, that tells the caller that the read is alive and how far it has come.

use super::query::{Prepared, QuerySelection, settle};
use super::scan::{PreparedScan, ScanSelection};
use crate::access::Access;
use crate::capacity::CapacityParts;
use crate::page::{Page, PageLimits, Reading};
use crate::{
    ConsumedCapacity, Demand, Error, Operation, OperationKind, Permit, Result, ReturnConsumedCapacity,
    Service, Table, UnitKind, Validation, key_range,
};
use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::Item;
use cairn_storage::Engine;
use futures::Stream;
use futures::stream::{self, BoxStream};
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Items in one part, at most: a part is sent as soon as it is read, and none keeps the reader from its next page.
const PART_ITEMS_MAX: usize = 1_000;

/// How often a stream that waits for capacity looks at its table, at least.
const PACE_LOOK: Duration = Duration::from_secs(1);

/// Reads a partition, part by part.
#[derive(Clone, Debug, Default)]
pub struct StreamQuery {
    /// What to read.
    pub selection: QuerySelection,
    /// How a stream goes on and ends.
    pub options: StreamOptions,
}

/// Reads a table, an index or a segment, part by part.
#[derive(Clone, Debug, Default)]
pub struct StreamScan {
    /// What to read.
    pub selection: ScanSelection,
    /// How a stream goes on and ends.
    pub options: StreamOptions,
}

/// How a stream goes on and ends.
#[derive(Clone, Debug, Default)]
pub struct StreamOptions {
    /// Items to answer with, at least 1; all if not said.
    pub limit: Option<i64>,
    /// Where an earlier stream of the same selection ended.
    pub resume_token: Option<Bytes>,
    /// Whether the summary tells the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// A part of a streamed read.
#[derive(Clone, Debug, Default)]
pub struct StreamPart {
    /// What passed the filter; none if only counts were asked for.
    pub items: Vec<Item>,
    /// How many passed.
    pub count: usize,
    /// How many were evaluated.
    pub scanned_count: usize,
    /// With which another stream goes on after this part; none if nothing is left.
    pub resume_token: Option<Bytes>,
    /// In the last part, which holds nothing else: what the whole stream came to.
    pub summary: Option<StreamSummary>,
}

/// What a stream came to.
#[derive(Clone, Debug, Default)]
pub struct StreamSummary {
    /// How many items passed the filter.
    pub count: u64,
    /// How many were evaluated.
    pub scanned_count: u64,
    /// What they cost, if that was asked for.
    pub consumed_capacity: Option<ConsumedCapacity>,
}

/// The parts of a streamed read. Nothing is read before it is asked for.
pub type Parts = BoxStream<'static, Result<StreamPart>>;

impl Operation for StreamQuery {
    const KIND: OperationKind = OperationKind::StreamQuery;
    type Output = Parts;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: self.selection.index.as_deref(), kind: UnitKind::Read })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![self.selection.access().costing(self.options.return_consumed_capacity)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<Parts> {
        let prepared = self.selection.check(service, permit, None)?;
        start(service.clone(), permit.clone(), Selected::Query(prepared), self.options).await
    }
}

impl Operation for StreamScan {
    const KIND: OperationKind = OperationKind::StreamScan;
    type Output = Parts;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: self.selection.index.as_deref(), kind: UnitKind::Read })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![self.selection.access().costing(self.options.return_consumed_capacity)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<Parts> {
        let prepared = self.selection.check(service, permit, None)?;
        start(service.clone(), permit.clone(), Selected::Scan(prepared), self.options).await
    }
}

/// What is read, page after page.
enum Selected {
    Query(Prepared),
    Scan(PreparedScan),
}

impl Selected {
    fn prepared(&self) -> &Prepared {
        match self {
            Self::Query(prepared) => prepared,
            Self::Scan(scan) => &scan.selection,
        }
    }

    fn reading(&self, table: Arc<Table>) -> Result<Reading> {
        match self {
            Self::Query(prepared) => Ok(prepared.reading(table)?.0),
            Self::Scan(scan) => scan.reading(table),
        }
    }
}

/// A read under way.
struct Progress<E: Engine> {
    service: Service<E>,
    /// What was permitted at the stream's beginning, and has to be permitted still at each of its parts.
    permit: Permit,
    report: ReturnConsumedCapacity,
    selected: Selected,
    /// Items that may still be answered with.
    remaining: usize,
    /// The storage key after which to go on.
    after: Option<Bytes>,
    /// The token of the part sent last.
    resume_token: Option<Bytes>,
    summary: StreamSummary,
    /// What the stream has cost.
    units: CapacityParts,
    stage: Stage,
}

enum Stage {
    /// Nothing is read yet, and there was capacity for a page.
    Admitted,
    /// There may be no capacity for the next page.
    Reading,
    /// Everything is read; the summary is to be sent.
    Read,
    Done,
}

async fn start<E: Engine>(
    service: Service<E>,
    permit: Permit,
    selected: Selected,
    options: StreamOptions,
) -> Result<Parts> {
    let remaining = match options.limit {
        None => usize::MAX,
        Some(limit) => usize::try_from(limit).ok().filter(|limit| *limit >= 1).ok_or_else(|| {
            Validation::constraint(
                "limit",
                Some(&limit.to_string()),
                "Member must have value greater than or equal to 1",
            )
        })?,
    };
    let mut progress = Progress {
        service,
        permit,
        report: options.return_consumed_capacity,
        selected,
        remaining,
        after: None,
        resume_token: None,
        summary: StreamSummary::default(),
        units: CapacityParts::default(),
        stage: Stage::Admitted,
    };
    // What is wrong with the request is answered at once, and not in the midst of the parts.
    let table = progress.permit.current(&progress.service, progress.permit.table()?).await?;
    let reading = progress.selected.reading(table)?;
    if let Some(token) = options.resume_token.filter(|token| !token.is_empty()) {
        progress.after = Some(read_token(&reading, &token)?);
    }
    reading.admit()?;
    Ok(Box::pin(parts(progress)))
}

fn parts<E: Engine>(progress: Progress<E>) -> impl Stream<Item = Result<StreamPart>> + Send {
    stream::try_unfold(progress, async |mut progress| {
        let part = match progress.stage {
            Stage::Admitted | Stage::Reading => progress.next().await?,
            Stage::Read => progress.summarize(),
            Stage::Done => return Ok(None),
        };
        Ok::<_, Error>(Some((part, progress)))
    })
}

impl<E: Engine> Progress<E> {
    /// What is left to read of the table, unless there is no capacity for a page of it.
    fn reading(&self, table: Arc<Table>) -> Result<Reading> {
        let mut reading = self.selected.reading(table)?;
        if let Some(after) = &self.after {
            reading.start_after(after.clone());
        }
        if !matches!(self.stage, Stage::Admitted) {
            reading.admit()?;
        }
        Ok(reading)
    }

    /// Reads a page, once there is capacity for it: what a stream reads is paced by its table, where pages asked for one
    /// by one would be refused. Whoever stops waiting for the stream ends that.
    async fn page(&mut self) -> Result<(Reading, Page)> {
        let consistency = self.selected.prepared().consistency();
        let limits =
            PageLimits { evaluated_max: usize::MAX, returned_max: self.remaining.min(PART_ITEMS_MAX) };
        loop {
            // A stream ends that its caller may not read any more.
            self.permit = self.permit.renewed(&self.service).await?;
            let (permit, service) = (&self.permit, &self.service);
            let reading = |table| self.reading(table);
            match permit.page(service, permit.table()?, consistency, limits, reading).await {
                // Looked at again before long: throughput may be increased, or the table be deleted, meanwhile.
                Err(Error::Throttled(throttled)) => {
                    tokio::time::sleep(throttled.retry_after.min(PACE_LOOK)).await;
                }
                page => return page,
            }
        }
    }

    /// One page, from a snapshot of its own: a slow caller holds no old data in place.
    async fn next(&mut self) -> Result<StreamPart> {
        let (reading, page) = self.page().await?;
        self.stage = Stage::Reading;
        self.remaining -= page.count;
        self.units.add(settle(self.selected.prepared(), &reading, &page).parts);
        self.summary.count += page.count as u64;
        self.summary.scanned_count += page.scanned_count as u64;
        if page.last.is_none() || self.remaining == 0 {
            self.stage = Stage::Read;
        }
        self.resume_token = page.last.as_ref().map(|last| token(&reading, &last.storage_key));
        self.after = page.last.map(|last| last.storage_key);
        Ok(StreamPart {
            items: page.items,
            count: page.count,
            scanned_count: page.scanned_count,
            resume_token: self.resume_token.clone(),
            summary: None,
        })
    }

    fn summarize(&mut self) -> StreamPart {
        self.stage = Stage::Done;
        let table = &self.selected.prepared().reference.given;
        let consumed_capacity = self.report.report(table, std::mem::take(&mut self.units));
        let summary = StreamSummary { consumed_capacity, ..self.summary.clone() };
        StreamPart { resume_token: self.resume_token.take(), summary: Some(summary), ..StreamPart::default() }
    }
}

const TOKEN_VERSION: u8 = 1;
const FINGERPRINT_BYTES: usize = 8;

/// A token: a version, a fingerprint of what is read, and the storage key it has come to.
fn token(reading: &Reading, storage_key: &[u8]) -> Bytes {
    let mut token = BytesMut::with_capacity(1 + FINGERPRINT_BYTES + storage_key.len());
    token.put_u8(TOKEN_VERSION);
    token.put_u64(fingerprint(reading));
    token.put_slice(storage_key);
    token.freeze()
}

/// The storage key in a token of the same read.
fn read_token(reading: &Reading, token: &[u8]) -> Result<Bytes, Validation> {
    let wrong =
        || Validation::new("resume_token", "The resume token is not one of a stream with the same selection");
    let (version, rest) = token.split_first().ok_or_else(wrong)?;
    let (found, storage_key) = rest.split_first_chunk::<FINGERPRINT_BYTES>().ok_or_else(wrong)?;
    let fits = *version == TOKEN_VERSION
        && u64::from_be_bytes(*found) == fingerprint(reading)
        && key_range::contains(&reading.range, storage_key);
    if fits { Ok(Bytes::copy_from_slice(storage_key)) } else { Err(wrong()) }
}

/// What must be the same for a token to go on: the table, the index, the keys and the direction. A key outside the
/// range is refused besides, so the range itself need not be in it.
fn fingerprint(reading: &Reading) -> u64 {
    let mut what = BytesMut::new();
    what.put_u64(reading.table.definition.number);
    what.put_u16(reading.index.as_ref().map_or(0, |index| index.id));
    what.put_u8(u8::from(reading.direction == cairn_storage::Direction::Descending));
    xxh3_64(&what)
}
