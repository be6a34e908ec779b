//! The ceiling: a bare tonic server that gives every PutItem its item back, answers reads with an item that it has at
//! hand, as often as asked and in messages as large as Cairn's, and does nothing else. And a bare hyper server that gives
//! every HTTP/1.1 request its body back.

use crate::{Error, Options, reads, rpc};
use cairn_api::v1::{self, item_service_server::ItemService, item_service_server::ItemServiceServer};
use cairn_model::{AttributeValue, DecodeBudget, EncodedValue, Item};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Echo {
    /// What reads are answered with.
    item: Item,
    /// Items in the table that it pretends to have.
    items: usize,
    /// Items in a page.
    page_items: usize,
}

/// Bytes of items that end a page, and items that end a part of a stream: as Cairn has them.
const PAGE_BYTES: usize = 1024 * 1024;
const PART_ITEMS_MAX: usize = 1_000;

/// Where the echo servers are.
#[derive(Clone, Copy, Debug, serde::Deserialize, serde::Serialize)]
pub(crate) struct Addresses {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// Serves on free ports and says which.
pub(crate) async fn serve(options: &Options) -> Result<(), Error> {
    let item_bytes = options.item_bytes.max(1);
    // The item with which the bytes are reached still belongs to the page.
    let page_items = PAGE_BYTES.div_ceil(item_bytes);
    let item = rpc::item_of(reads::key(options.items), options.item_bytes, 'r');
    let echo = Echo { item, items: options.items as usize, page_items };
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let http = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let addresses = Addresses { grpc: listener.local_addr()?, http: http.local_addr()? };
    println!("{}", serde_json::to_string(&addresses).map_err(std::io::Error::from)?);
    tokio::spawn(serve_http(http));
    tonic::transport::Server::builder()
        .add_service(ItemServiceServer::new(echo).max_encoding_message_size(usize::MAX))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

/// Gives every request its body back.
async fn serve_http(listener: TcpListener) {
    let echo = service_fn(async |request: http::Request<Incoming>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(http::Response::new(Full::new(body)))
    });
    while let Ok((stream, _)) = listener.accept().await {
        // Failing to say so costs only time.
        let _ = stream.set_nodelay(true);
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), echo));
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn nothing<T>() -> Answer<T> {
    Err(Status::unimplemented("this server only echoes"))
}

impl Echo {
    fn items(&self, count: usize) -> Vec<Item> {
        vec![self.item.clone(); count]
    }
}

/// How many items a page's start key says were before it.
fn read_before(key: &BTreeMap<String, EncodedValue>) -> usize {
    let number = key.get("id").and_then(|id| id.decode(&mut DecodeBudget::item()).ok());
    match number {
        Some(AttributeValue::N(number)) => number.to_string().parse().unwrap_or(usize::MAX),
        _ => 0,
    }
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
        Ok(Response::new(v1::QueryResponse {
            items: self.items(reads::PARTITION_ITEMS as usize),
            count: reads::PARTITION_ITEMS as i32,
            scanned_count: reads::PARTITION_ITEMS as i32,
            ..Default::default()
        }))
    }

    async fn scan(&self, request: Request<v1::ScanRequest>) -> Answer<v1::ScanResponse> {
        let before = read_before(&request.get_ref().exclusive_start_key);
        let count = self.page_items.min(self.items.saturating_sub(before));
        let read = before.saturating_add(count);
        let last = EncodedValue::from(&AttributeValue::N((read as u64).into()));
        Ok(Response::new(v1::ScanResponse {
            items: self.items(count),
            count: count as i32,
            scanned_count: count as i32,
            last_evaluated_key: (read < self.items).then(|| ("id".to_owned(), last)).into_iter().collect(),
            ..Default::default()
        }))
    }

    type StreamQueryStream = tokio_stream::Empty<Result<v1::StreamQueryResponse, Status>>;

    async fn stream_query(&self, _: Request<v1::StreamQueryRequest>) -> Answer<Self::StreamQueryStream> {
        nothing()
    }

    type StreamScanStream =
        Pin<Box<dyn tokio_stream::Stream<Item = Result<v1::StreamScanResponse, Status>> + Send>>;

    async fn stream_scan(&self, _: Request<v1::StreamScanRequest>) -> Answer<Self::StreamScanStream> {
        let item = self.item.clone();
        let part = self.page_items.min(PART_ITEMS_MAX);
        let (parts, rest) = (self.items / part, self.items % part);
        let counts = std::iter::repeat_n(part, parts).chain((rest > 0).then_some(rest));
        let messages = counts.map(move |count| {
            Ok(v1::StreamScanResponse {
                items: vec![item.clone(); count],
                count: count as i32,
                scanned_count: count as i32,
                ..Default::default()
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
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
