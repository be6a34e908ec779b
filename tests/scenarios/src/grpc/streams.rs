//! Streamed reads. A call answers what all messages of its stream hold together.

use super::error::call_error;
use super::items::{self, put_capacity};
use super::request::Members;
use super::value::item_json;
use crate::protocol::CallError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use cairn_api::v1;
use serde_json::{Map, Value};
use tonic::{Response, Status, Streaming};

type Read<T> = Result<T, String>;

/// A request, and after how many messages the caller ends the stream; `None`: never.
type Opening<R> = (R, Option<usize>);

pub(super) fn query(request: &mut Members) -> Read<Opening<v1::StreamQueryRequest>> {
    let messages = request.plain("$messages")?;
    let limit = request.plain("Limit")?;
    let resume_token = resume_token(request)?;
    let query = items::query(request)?;
    let request = v1::StreamQueryRequest {
        table: query.table,
        index: query.index,
        key_condition_expression: query.key_condition_expression,
        filter_expression: query.filter_expression,
        projection_expression: query.projection_expression,
        bindings: query.bindings,
        select: query.select,
        read_consistency: query.read_consistency,
        sort_order: query.sort_order,
        limit,
        resume_token,
        return_consumed_capacity: query.return_consumed_capacity,
    };
    Ok((request, messages))
}

pub(super) fn scan(request: &mut Members) -> Read<Opening<v1::StreamScanRequest>> {
    let messages = request.plain("$messages")?;
    let limit = request.plain("Limit")?;
    let resume_token = resume_token(request)?;
    let scan = items::scan(request)?;
    let request = v1::StreamScanRequest {
        table: scan.table,
        index: scan.index,
        filter_expression: scan.filter_expression,
        projection_expression: scan.projection_expression,
        bindings: scan.bindings,
        select: scan.select,
        read_consistency: scan.read_consistency,
        limit,
        resume_token,
        return_consumed_capacity: scan.return_consumed_capacity,
        segment: scan.segment,
        total_segments: scan.total_segments,
    };
    Ok((request, messages))
}

fn resume_token(request: &mut Members) -> Read<Bytes> {
    // A stream has no start key, which the members of a page would take.
    if request.take("ExclusiveStartKey").is_some() {
        return Err("ExclusiveStartKey cannot be said of a stream".into());
    }
    let token = request.text("ResumeToken")?;
    let token =
        BASE64_STANDARD.decode(&token).map_err(|error| format!("ResumeToken is not base64: {error}"))?;
    Ok(token.into())
}

/// What a stream has in one message.
pub(super) struct Part {
    items: Vec<cairn_model::Item>,
    count: i32,
    scanned_count: i32,
    resume_token: Bytes,
    summary: Option<v1::StreamReadSummary>,
}

impl From<v1::StreamQueryResponse> for Part {
    fn from(part: v1::StreamQueryResponse) -> Self {
        let v1::StreamQueryResponse { items, count, scanned_count, resume_token, summary } = part;
        Self { items, count, scanned_count, resume_token, summary }
    }
}

impl From<v1::StreamScanResponse> for Part {
    fn from(part: v1::StreamScanResponse) -> Self {
        let v1::StreamScanResponse { items, count, scanned_count, resume_token, summary } = part;
        Self { items, count, scanned_count, resume_token, summary }
    }
}

/// Reads a stream to its end, or so many messages of it, and puts the answer together.
pub(super) async fn answer<P: Into<Part>>(
    stream: Result<Response<Streaming<P>>, Status>,
    messages: Option<usize>,
    count_only: bool,
) -> Result<Value, CallError> {
    let failed = |status: Status| call_error(&status);
    let mut stream = stream.map_err(failed)?.into_inner();
    let mut read = StreamedRead::default();
    while messages.is_none_or(|messages| read.messages < messages) {
        match stream.message().await.map_err(failed)? {
            Some(part) => read.take(part.into()).map_err(CallError::Fault)?,
            None => return read.answer(true, count_only).map_err(CallError::Fault),
        }
    }
    read.answer(false, count_only).map_err(CallError::Fault)
}

/// What has been read of a stream.
#[derive(Default)]
struct StreamedRead {
    messages: usize,
    items: Vec<Value>,
    count: i64,
    scanned_count: i64,
    resume_token: Bytes,
    summary: Option<v1::StreamReadSummary>,
}

impl StreamedRead {
    fn take(&mut self, part: Part) -> Read<()> {
        if self.summary.is_some() {
            return Err("a message follows the summary of a stream".into());
        }
        if part.summary.is_some() && !part.items.is_empty() {
            return Err("the message with the summary of a stream has items".into());
        }
        self.messages += 1;
        for item in &part.items {
            self.items.push(item_json(item)?);
        }
        self.count += i64::from(part.count);
        self.scanned_count += i64::from(part.scanned_count);
        self.resume_token = part.resume_token;
        self.summary = part.summary;
        Ok(())
    }

    fn answer(self, has_ended: bool, count_only: bool) -> Read<Value> {
        let mut out = Map::new();
        if !count_only || !self.items.is_empty() {
            out.insert("Items".into(), self.items.into());
        }
        out.insert("Count".into(), self.count.into());
        out.insert("ScannedCount".into(), self.scanned_count.into());
        if !self.resume_token.is_empty() {
            out.insert("ResumeToken".into(), BASE64_STANDARD.encode(self.resume_token).into());
        }
        match self.summary {
            Some(summary) if (summary.count, summary.scanned_count) == (self.count, self.scanned_count) => {
                put_capacity(&mut out, summary.consumed_capacity);
            }
            Some(summary) => return Err(format!("the summary of a stream is not its sum: {summary:?}")),
            None if has_ended => return Err("a stream ended without a summary".into()),
            None => {}
        }
        Ok(out.into())
    }
}
