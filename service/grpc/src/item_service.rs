//! `cairn.v1.ItemService`.

use crate::Grpc;
use crate::item_codec::{
    capacity, failed_condition, to_delete, to_get, to_put, to_update, wants_failure_in_response,
};
use crate::status::status;
use cairn_api::v1::{self, item_service_server::ItemService};
use cairn_ops::{Error, OperationKind};
use cairn_storage::Engine;
use std::pin::Pin;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What this version does not do yet.
fn not_implemented<T>(operation: OperationKind) -> Answer<T> {
    Err(status(operation, &Error::NotImplemented { feature: operation.name() }))
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
        let in_response = wants_failure_in_response(request.get_ref().condition_failure_report);
        self.call_or(
            request,
            to_put,
            |output| v1::PutItemResponse {
                attributes: output.attributes,
                consumed_capacity: output.consumed_capacity.map(capacity),
                ..Default::default()
            },
            |error| {
                let condition_failure = failed_condition(error, in_response)?;
                Ok(v1::PutItemResponse { condition_failure: Some(condition_failure), ..Default::default() })
            },
        )
        .await
    }

    async fn update_item(&self, request: Request<v1::UpdateItemRequest>) -> Answer<v1::UpdateItemResponse> {
        let in_response = wants_failure_in_response(request.get_ref().condition_failure_report);
        self.call_or(
            request,
            to_update,
            |output| v1::UpdateItemResponse {
                attributes: output.attributes,
                consumed_capacity: output.consumed_capacity.map(capacity),
                ..Default::default()
            },
            |error| {
                let condition_failure = failed_condition(error, in_response)?;
                Ok(v1::UpdateItemResponse {
                    condition_failure: Some(condition_failure),
                    ..Default::default()
                })
            },
        )
        .await
    }

    async fn delete_item(&self, request: Request<v1::DeleteItemRequest>) -> Answer<v1::DeleteItemResponse> {
        let in_response = wants_failure_in_response(request.get_ref().condition_failure_report);
        self.call_or(
            request,
            to_delete,
            |output| v1::DeleteItemResponse {
                attributes: output.attributes,
                consumed_capacity: output.consumed_capacity.map(capacity),
                ..Default::default()
            },
            |error| {
                let condition_failure = failed_condition(error, in_response)?;
                Ok(v1::DeleteItemResponse {
                    condition_failure: Some(condition_failure),
                    ..Default::default()
                })
            },
        )
        .await
    }

    async fn batch_get_item(&self, _: Request<v1::BatchGetItemRequest>) -> Answer<v1::BatchGetItemResponse> {
        not_implemented(OperationKind::BatchGetItem)
    }

    async fn batch_write_item(
        &self,
        _: Request<v1::BatchWriteItemRequest>,
    ) -> Answer<v1::BatchWriteItemResponse> {
        not_implemented(OperationKind::BatchWriteItem)
    }

    async fn query(&self, _: Request<v1::QueryRequest>) -> Answer<v1::QueryResponse> {
        not_implemented(OperationKind::Query)
    }

    async fn scan(&self, _: Request<v1::ScanRequest>) -> Answer<v1::ScanResponse> {
        not_implemented(OperationKind::Scan)
    }

    type StreamQueryStream = Messages<v1::StreamQueryResponse>;

    async fn stream_query(&self, _: Request<v1::StreamQueryRequest>) -> Answer<Self::StreamQueryStream> {
        not_implemented(OperationKind::StreamQuery)
    }

    type StreamScanStream = Messages<v1::StreamScanResponse>;

    async fn stream_scan(&self, _: Request<v1::StreamScanRequest>) -> Answer<Self::StreamScanStream> {
        not_implemented(OperationKind::StreamScan)
    }

    async fn transact_get_items(
        &self,
        _: Request<v1::TransactGetItemsRequest>,
    ) -> Answer<v1::TransactGetItemsResponse> {
        not_implemented(OperationKind::TransactGetItems)
    }

    async fn transact_write_items(
        &self,
        _: Request<v1::TransactWriteItemsRequest>,
    ) -> Answer<v1::TransactWriteItemsResponse> {
        not_implemented(OperationKind::TransactWriteItems)
    }
}
