//! Messages about queries and scans, to operations and back.

use crate::item_codec::{arguments, capacity, is_strong, return_consumed_capacity};
use crate::table_codec::known;
use cairn_api::v1;
use cairn_model::{AttributeMap, EncodedValue, Item};
use cairn_ops::{
    Error, PageOutput, Query, QuerySelection, Scan, ScanSelection, Select, StreamOptions, StreamPart,
    StreamQuery, StreamScan, StreamSummary,
};
use std::collections::BTreeMap;

fn select(value: i32) -> Result<Option<Select>, Error> {
    known("select", value, |select| match select {
        v1::Select::Unspecified => None,
        v1::Select::AllAttributes => Some(Select::AllAttributes),
        v1::Select::AllProjectedAttributes => Some(Select::AllProjectedAttributes),
        v1::Select::SpecificAttributes => Some(Select::SpecificAttributes),
        v1::Select::Count => Some(Select::Count),
    })
}

fn is_descending(order: i32) -> Result<bool, Error> {
    let descending =
        known("sort_order", order, |order: v1::SortOrder| Some(order == v1::SortOrder::Descending))?;
    Ok(descending.unwrap_or_default())
}

/// A key that is not given is an empty map.
fn start_key(key: &BTreeMap<String, EncodedValue>) -> Option<Item> {
    (!key.is_empty()).then(|| Item::from_values(key))
}

fn key_values(key: Option<AttributeMap>) -> BTreeMap<String, EncodedValue> {
    key.unwrap_or_default().iter().map(|(name, value)| (name.clone(), EncodedValue::from(value))).collect()
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn total(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

// The paged and the streamed reads have the same members, in messages that are types of their own.

macro_rules! query_selection {
    ($request:expr) => {
        QuerySelection {
            table: $request.table,
            index: $request.index,
            key_condition_expression: Some($request.key_condition_expression).filter(|text| !text.is_empty()),
            filter_expression: $request.filter_expression,
            projection_expression: $request.projection_expression,
            arguments: arguments($request.bindings),
            select: select($request.select)?,
            consistent: is_strong($request.read_consistency)?,
            descending: is_descending($request.sort_order)?,
        }
    };
}

macro_rules! scan_selection {
    ($request:expr) => {
        ScanSelection {
            table: $request.table,
            index: $request.index,
            filter_expression: $request.filter_expression,
            projection_expression: $request.projection_expression,
            arguments: arguments($request.bindings),
            select: select($request.select)?,
            consistent: is_strong($request.read_consistency)?,
            segment: $request.segment,
            total_segments: $request.total_segments,
        }
    };
}

macro_rules! stream_options {
    ($request:expr) => {
        StreamOptions {
            limit: $request.limit,
            resume_token: Some($request.resume_token),
            return_consumed_capacity: return_consumed_capacity($request.return_consumed_capacity)?,
        }
    };
}

pub(crate) fn to_query(request: v1::QueryRequest) -> Result<Query, Error> {
    Ok(Query {
        selection: query_selection!(request),
        limit: request.limit,
        exclusive_start_key: start_key(&request.exclusive_start_key),
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
    })
}

pub(crate) fn query_response(page: PageOutput) -> v1::QueryResponse {
    v1::QueryResponse {
        items: page.items,
        count: count(page.count),
        scanned_count: count(page.scanned_count),
        last_evaluated_key: key_values(page.last_evaluated_key),
        consumed_capacity: page.consumed_capacity.map(capacity),
    }
}

pub(crate) fn to_scan(request: v1::ScanRequest) -> Result<Scan, Error> {
    Ok(Scan {
        selection: scan_selection!(request),
        limit: request.limit,
        exclusive_start_key: start_key(&request.exclusive_start_key),
        return_consumed_capacity: return_consumed_capacity(request.return_consumed_capacity)?,
    })
}

pub(crate) fn scan_response(page: PageOutput) -> v1::ScanResponse {
    v1::ScanResponse {
        items: page.items,
        count: count(page.count),
        scanned_count: count(page.scanned_count),
        last_evaluated_key: key_values(page.last_evaluated_key),
        consumed_capacity: page.consumed_capacity.map(capacity),
    }
}

pub(crate) fn to_stream_query(request: v1::StreamQueryRequest) -> Result<StreamQuery, Error> {
    Ok(StreamQuery { selection: query_selection!(request), options: stream_options!(request) })
}

pub(crate) fn to_stream_scan(request: v1::StreamScanRequest) -> Result<StreamScan, Error> {
    Ok(StreamScan { selection: scan_selection!(request), options: stream_options!(request) })
}

fn summary(summary: StreamSummary) -> v1::StreamReadSummary {
    v1::StreamReadSummary {
        count: total(summary.count),
        scanned_count: total(summary.scanned_count),
        consumed_capacity: summary.consumed_capacity.map(capacity),
    }
}

pub(crate) fn stream_query_response(part: StreamPart) -> v1::StreamQueryResponse {
    v1::StreamQueryResponse {
        items: part.items,
        count: count(part.count),
        scanned_count: count(part.scanned_count),
        resume_token: part.resume_token.unwrap_or_default(),
        summary: part.summary.map(summary),
    }
}

pub(crate) fn stream_scan_response(part: StreamPart) -> v1::StreamScanResponse {
    v1::StreamScanResponse {
        items: part.items,
        count: count(part.count),
        scanned_count: count(part.scanned_count),
        resume_token: part.resume_token.unwrap_or_default(),
        summary: part.summary.map(summary),
    }
}
