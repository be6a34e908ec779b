//! `cairn.v1.ItemService`.

use crate::Grpc;
use crate::batch_codec::{batch_got, batch_written, to_batch_get, to_batch_write};
use crate::item_codec::{
    capacity, collection, failed_condition, to_delete, to_get, to_put, to_update, wants_failure_in_response,
};
use crate::read_codec::{
    query_response, scan_response, stream_query_response, stream_scan_response, to_query, to_scan,
    to_stream_query, to_stream_scan,
};
use crate::status::status;
use crate::transaction_codec::{
    to_transact_get, to_transact_write, transact_failed, transact_got, transact_written,
};
use cairn_api::v1::{self, item_service_server::ItemService};
use cairn_ops::{OperationKind, Parts, StreamPart};
use cairn_storage::Engine;
use std::pin::Pin;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The parts of a streamed read as messages. A part is read when the connection has room for it and not before.
fn messages<T: 'static>(
    operation: OperationKind,
    parts: Parts,
    encode: impl Fn(StreamPart) -> T + Send + 'static,
) -> Messages<T> {
    Box::pin(parts.map(move |part| part.map(&encode).map_err(|error| status(operation, &error))))
}

/// A write of one item. The messages of the three have the same members, and are types of their own.
macro_rules! write_one {
    ($grpc:expr, $request:expr, $decode:expr, $response:ident) => {{
        let in_response = wants_failure_in_response($request.get_ref().condition_failure_report);
        let written = $grpc.call_or(
            $request,
            $decode,
            |output| v1::$response {
                attributes: output.attributes,
                consumed_capacity: output.consumed_capacity.map(capacity),
                item_collection_metrics: output.item_collection_metrics.map(collection),
                ..Default::default()
            },
            |error| {
                let condition_failure = Some(failed_condition(error, in_response)?);
                Ok(v1::$response { condition_failure, ..Default::default() })
            },
        );
        written.await
    }};
}

#[tonic::async_trait]
impl<E: Engine> ItemService for Grpc<E> {
    async fn get_item(&self, request: Request<v1::GetItemRequest>) -> Answer<v1::GetItemResponse> {
        self.call(request, to_get, |output| v1::GetItemResponse {
            item: output.item,
            consumed_capacity: output.consumed_capacity.map(capacity),
        })
        .await
    }

    async fn put_item(&self, request: Request<v1::PutItemRequest>) -> Answer<v1::PutItemResponse> {
        write_one!(self, request, to_put, PutItemResponse)
    }

    async fn update_item(&self, request: Request<v1::UpdateItemRequest>) -> Answer<v1::UpdateItemResponse> {
        write_one!(self, request, to_update, UpdateItemResponse)
    }

    async fn delete_item(&self, request: Request<v1::DeleteItemRequest>) -> Answer<v1::DeleteItemResponse> {
        write_one!(self, request, to_delete, DeleteItemResponse)
    }

    async fn batch_get_item(
        &self,
        request: Request<v1::BatchGetItemRequest>,
    ) -> Answer<v1::BatchGetItemResponse> {
        self.call(request, to_batch_get, batch_got).await
    }

    async fn batch_write_item(
        &self,
        request: Request<v1::BatchWriteItemRequest>,
    ) -> Answer<v1::BatchWriteItemResponse> {
        self.call(request, to_batch_write, batch_written).await
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Answer<v1::QueryResponse> {
        self.call(request, to_query, query_response).await
    }

    async fn scan(&self, request: Request<v1::ScanRequest>) -> Answer<v1::ScanResponse> {
        self.call(request, to_scan, scan_response).await
    }

    type StreamQueryStream = Messages<v1::StreamQueryResponse>;

    async fn stream_query(
        &self,
        request: Request<v1::StreamQueryRequest>,
    ) -> Answer<Self::StreamQueryStream> {
        self.call(request, to_stream_query, |parts| {
            messages(OperationKind::StreamQuery, parts, stream_query_response)
        })
        .await
    }

    type StreamScanStream = Messages<v1::StreamScanResponse>;

    async fn stream_scan(&self, request: Request<v1::StreamScanRequest>) -> Answer<Self::StreamScanStream> {
        self.call(request, to_stream_scan, |parts| {
            messages(OperationKind::StreamScan, parts, stream_scan_response)
        })
        .await
    }

    async fn transact_get_items(
        &self,
        request: Request<v1::TransactGetItemsRequest>,
    ) -> Answer<v1::TransactGetItemsResponse> {
        self.call(request, to_transact_get, transact_got).await
    }

    async fn transact_write_items(
        &self,
        request: Request<v1::TransactWriteItemsRequest>,
    ) -> Answer<v1::TransactWriteItemsResponse> {
        let in_response = wants_failure_in_response(request.get_ref().condition_failure_report);
        self.call_or(request, to_transact_write, transact_written, |error| {
            transact_failed(error, in_response)
        })
        .await
    }
}
