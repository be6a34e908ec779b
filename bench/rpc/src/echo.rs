//! The ceiling: a bare tonic server that gives every PutItem its item back and does nothing else.

use crate::Error;
use cairn_api::v1::{self, item_service_server::ItemService, item_service_server::ItemServiceServer};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Echo;

/// Serves on a free port and says which.
pub(crate) async fn serve() -> Result<(), Error> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    tonic::transport::Server::builder()
        .add_service(ItemServiceServer::new(Echo))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

type Answer<T> = Result<Response<T>, Status>;

fn nothing<T>() -> Answer<T> {
    Err(Status::unimplemented("this server only echoes PutItem"))
}

#[tonic::async_trait]
impl ItemService for Echo {
    async fn put_item(&self, request: Request<v1::PutItemRequest>) -> Answer<v1::PutItemResponse> {
        Ok(Response::new(v1::PutItemResponse { attributes: request.into_inner().item, ..Default::default() }))
    }

    async fn get_item(&self, _: Request<v1::GetItemRequest>) -> Answer<v1::GetItemResponse> {
        nothing()
    }

    async fn update_item(&self, _: Request<v1::UpdateItemRequest>) -> Answer<v1::UpdateItemResponse> {
        nothing()
    }

    async fn delete_item(&self, _: Request<v1::DeleteItemRequest>) -> Answer<v1::DeleteItemResponse> {
        nothing()
    }

    async fn batch_get_item(&self, _: Request<v1::BatchGetItemRequest>) -> Answer<v1::BatchGetItemResponse> {
        nothing()
    }

    async fn batch_write_item(
        &self,
        _: Request<v1::BatchWriteItemRequest>,
    ) -> Answer<v1::BatchWriteItemResponse> {
        nothing()
    }

    async fn query(&self, _: Request<v1::QueryRequest>) -> Answer<v1::QueryResponse> {
        nothing()
    }

    async fn scan(&self, _: Request<v1::ScanRequest>) -> Answer<v1::ScanResponse> {
        nothing()
    }

    type StreamQueryStream = tokio_stream::Empty<Result<v1::StreamQueryResponse, Status>>;

    async fn stream_query(&self, _: Request<v1::StreamQueryRequest>) -> Answer<Self::StreamQueryStream> {
        nothing()
    }

    type StreamScanStream = tokio_stream::Empty<Result<v1::StreamScanResponse, Status>>;

    async fn stream_scan(&self, _: Request<v1::StreamScanRequest>) -> Answer<Self::StreamScanStream> {
        nothing()
    }

    async fn transact_get_items(
        &self,
        _: Request<v1::TransactGetItemsRequest>,
    ) -> Answer<v1::TransactGetItemsResponse> {
        nothing()
    }

    async fn transact_write_items(
        &self,
        _: Request<v1::TransactWriteItemsRequest>,
    ) -> Answer<v1::TransactWriteItemsResponse> {
        nothing()
    }
}
