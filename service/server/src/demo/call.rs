//! A call of the tour: a request of the API, and how it is made.

use super::answer::{Answer, Outcome, Refusal};
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// How long a call may take, a change of a table included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two looks at a table that is changing: the API tells the state, not the change of it.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(2);

/// One request, or a few of the same until a table is as wanted.
#[derive(Clone, Debug)]
pub(super) enum Call {
    CreateTable(v1::CreateTableRequest),
    DescribeTable(v1::DescribeTableRequest),
    /// DescribeTable, again and again.
    AwaitTable(v1::DescribeTableRequest, Until),
    ListTables(v1::ListTablesRequest),
    UpdateTable(v1::UpdateTableRequest),
    DeleteTable(v1::DeleteTableRequest),
    TagResource(v1::TagResourceRequest),
    UntagResource(v1::UntagResourceRequest),
    ListTagsOfResource(v1::ListTagsOfResourceRequest),
    GetItem(v1::GetItemRequest),
    PutItem(v1::PutItemRequest),
    UpdateItem(v1::UpdateItemRequest),
    DeleteItem(v1::DeleteItemRequest),
    Query(v1::QueryRequest),
    TransactWriteItems(v1::TransactWriteItemsRequest),
}

/// What a changing table is awaited to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// ACTIVE.
    Active,
    /// No longer found.
    Gone,
}

macro_rules! from_request {
    ($($request:ident => $call:ident),* $(,)?) => {$(
        impl From<v1::$request> for Call {
            fn from(request: v1::$request) -> Self {
                Self::$call(request)
            }
        }
    )*};
}

from_request! {
    CreateTableRequest => CreateTable,
    DescribeTableRequest => DescribeTable,
    ListTablesRequest => ListTables,
    UpdateTableRequest => UpdateTable,
    DeleteTableRequest => DeleteTable,
    TagResourceRequest => TagResource,
    UntagResourceRequest => UntagResource,
    ListTagsOfResourceRequest => ListTagsOfResource,
    GetItemRequest => GetItem,
    PutItemRequest => PutItem,
    UpdateItemRequest => UpdateItem,
    DeleteItemRequest => DeleteItem,
    QueryRequest => Query,
    TransactWriteItemsRequest => TransactWriteItems,
}

impl Call {
    /// The method's name in the API.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::CreateTable(_) => "CreateTable",
            Self::DescribeTable(_) | Self::AwaitTable(..) => "DescribeTable",
            Self::ListTables(_) => "ListTables",
            Self::UpdateTable(_) => "UpdateTable",
            Self::DeleteTable(_) => "DeleteTable",
            Self::TagResource(_) => "TagResource",
            Self::UntagResource(_) => "UntagResource",
            Self::ListTagsOfResource(_) => "ListTagsOfResource",
            Self::GetItem(_) => "GetItem",
            Self::PutItem(_) => "PutItem",
            Self::UpdateItem(_) => "UpdateItem",
            Self::DeleteItem(_) => "DeleteItem",
            Self::Query(_) => "Query",
            Self::TransactWriteItems(_) => "TransactWriteItems",
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Reply {
    /// The part of it that can be foretold.
    pub(super) outcome: Outcome,
    /// The text of a refusal, for people.
    pub(super) message: Option<String>,
    /// From sending the request to having the answer.
    pub(super) took: Duration,
}

/// The clients of one connection.
#[derive(Clone)]
pub(super) struct Clients {
    tables: TableServiceClient<Channel>,
    items: ItemServiceClient<Channel>,
}

impl Clients {
    /// Connects.
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.timeout(TIMEOUT).connect().await?;
        Ok(Self {
            tables: TableServiceClient::new(channel.clone()),
            items: ItemServiceClient::new(channel).max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX),
        })
    }

    /// Makes a call.
    pub(super) async fn make(&mut self, call: Call) -> Reply {
        let from = Instant::now();
        let answer = self.send(call).await;
        let took = from.elapsed();
        match answer {
            Ok(answer) => Reply { outcome: Ok(answer), message: None, took },
            Err(status) => Reply {
                outcome: Err(Refusal::from(&status)),
                message: Some(status.message().to_owned()),
                took,
            },
        }
    }

    async fn send(&mut self, call: Call) -> Result<Answer, Status> {
        Ok(match call {
            Call::CreateTable(request) => self.tables.create_table(request).await?.into_inner().into(),
            Call::DescribeTable(request) => self.tables.describe_table(request).await?.into_inner().into(),
            Call::AwaitTable(request, until) => self.await_table(request, until).await?.into(),
            Call::ListTables(request) => self.tables.list_tables(request).await?.into_inner().into(),
            Call::UpdateTable(request) => self.tables.update_table(request).await?.into_inner().into(),
            Call::DeleteTable(request) => self.tables.delete_table(request).await?.into_inner().into(),
            Call::TagResource(request) => self.tables.tag_resource(request).await?.into_inner().into(),
            Call::UntagResource(request) => self.tables.untag_resource(request).await?.into_inner().into(),
            Call::ListTagsOfResource(request) => {
                self.tables.list_tags_of_resource(request).await?.into_inner().into()
            }
            Call::GetItem(request) => self.items.get_item(request).await?.into_inner().try_into()?,
            Call::PutItem(request) => self.items.put_item(request).await?.into_inner().try_into()?,
            Call::UpdateItem(request) => self.items.update_item(request).await?.into_inner().try_into()?,
            Call::DeleteItem(request) => self.items.delete_item(request).await?.into_inner().try_into()?,
            Call::Query(request) => self.items.query(request).await?.into_inner().try_into()?,
            Call::TransactWriteItems(request) => {
                self.items.transact_write_items(request).await?.into_inner().into()
            }
        })
    }

    /// Looks at a table until it is as wanted or cannot be looked at, and gives the last look at it.
    async fn await_table(
        &mut self,
        request: v1::DescribeTableRequest,
        until: Until,
    ) -> Result<v1::DescribeTableResponse, Status> {
        let from = Instant::now();
        loop {
            let response = self.tables.describe_table(request.clone()).await?.into_inner();
            let status = response.table.as_ref().map(v1::TableDescription::table_status);
            let reached = until == Until::Active && status == Some(v1::TableStatus::Active);
            if reached || from.elapsed() > TIMEOUT {
                return Ok(response);
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}
