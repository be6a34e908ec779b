//! The cases' calls over gRPC.

mod bearer;
mod error;
mod items;
mod request;
mod streams;
mod tables;
mod value;

use crate::iam::IamClient;
use crate::protocol::{CallError, Credentials, Protocol};
pub(crate) use bearer::Bearer;
use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
pub(crate) use error::call_error;
use request::Members;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// Calls a server over gRPC.
pub struct GrpcProtocol {
    channel: Channel,
    iam: IamClient,
}

impl GrpcProtocol {
    /// Connects to a server.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn connect(address: SocketAddr) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::new(format!("http://{address}"))?.connect().await?;
        Ok(Self { channel, iam: IamClient::new(address) })
    }
}

/// Takes the request apart, sends it, and puts the answer together.
async fn exchange<R, A, F: Future<Output = Result<Response<A>, Status>>>(
    request: &Value,
    read: impl FnOnce(&mut Members) -> Result<R, String>,
    send: impl FnOnce(R) -> F,
    write: impl FnOnce(A) -> Result<Value, String>,
) -> Result<Value, CallError> {
    let request = Members::read(request.clone(), read).map_err(CallError::Fault)?;
    let answer = send(request).await.map_err(|status| call_error(&status))?.into_inner();
    write(answer).map_err(CallError::Fault)
}

/// The description that a call about a table answers, under the name that the call gives it.
fn described(name: &'static str, table: Option<v1::TableDescription>) -> Result<Value, String> {
    let table = table.ok_or("the answer has no description")?;
    Ok(json!({name: tables::description(table)}))
}

impl Protocol for GrpcProtocol {
    async fn call_as(
        &self,
        caller: Option<&Credentials>,
        operation: &str,
        request: &Value,
    ) -> Result<Value, CallError> {
        if let Some(method) = self.iam.method(operation) {
            return self.iam.call(caller, &method, request).await;
        }
        let bearer = Bearer::new(caller).map_err(CallError::Fault)?;
        let mut items = ItemServiceClient::with_interceptor(self.channel.clone(), bearer.clone())
            .max_encoding_message_size(usize::MAX)
            .max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX);
        let mut tables = TableServiceClient::with_interceptor(self.channel.clone(), bearer);
        let count_only = request.get("Select").and_then(Value::as_str) == Some("COUNT");
        // One call and one answer: how the request is read, and how the answer is written.
        macro_rules! unary {
            ($client:ident.$method:ident, $read:expr, $write:expr) => {
                exchange(request, $read, |request| $client.$method(request), $write).await
            };
        }
        // A write of one item, whose answers differ in their types alone.
        macro_rules! write_item {
            ($method:ident, $read:expr) => {
                unary!(items.$method, $read, |answer| {
                    let metrics = answer.item_collection_metrics.as_ref();
                    items::write_answer(answer.attributes.as_ref(), answer.consumed_capacity, metrics)
                })
            };
        }
        // A request that names a table and says no more.
        macro_rules! of_table {
            ($method:ident, $request:ident, $write:expr) => {{
                let read = |request: &mut Members| Ok(v1::$request { table: request.text("TableName")? });
                unary!(tables.$method, read, $write)
            }};
        }
        macro_rules! stream {
            ($method:ident, $read:expr) => {{
                let read = Members::read(request.clone(), $read);
                let (request, messages) = read.map_err(CallError::Fault)?;
                streams::answer(items.$method(request).await, messages, count_only).await
            }};
        }
        match operation {
            "GetItem" => unary!(items.get_item, items::get, items::get_answer),
            "PutItem" => write_item!(put_item, items::put),
            "UpdateItem" => write_item!(update_item, items::update),
            "DeleteItem" => write_item!(delete_item, items::delete),
            "Query" => unary!(items.query, items::query, |page| items::page_answer(page, count_only)),
            "Scan" => {
                let write = |page| items::page_answer(items::scan_page(page), count_only);
                unary!(items.scan, items::scan, write)
            }
            "StreamQuery" => stream!(stream_query, streams::query),
            "StreamScan" => stream!(stream_scan, streams::scan),
            "BatchGetItem" => unary!(items.batch_get_item, items::batch_get, items::batch_get_answer),
            "BatchWriteItem" => unary!(items.batch_write_item, items::batch_write, items::batch_write_answer),
            "TransactGetItems" => {
                unary!(items.transact_get_items, items::transact_get, items::transact_get_answer)
            }
            "TransactWriteItems" => {
                unary!(items.transact_write_items, items::transact_write, items::transact_write_answer)
            }
            "CreateTable" => unary!(tables.create_table, tables::create, |answer| {
                described("TableDescription", answer.table)
            }),
            "UpdateTable" => unary!(tables.update_table, tables::update, |answer| {
                described("TableDescription", answer.table)
            }),
            "DeleteTable" => of_table!(delete_table, DeleteTableRequest, |answer| {
                described("TableDescription", answer.table)
            }),
            "DescribeTable" => {
                of_table!(describe_table, DescribeTableRequest, |answer| described("Table", answer.table))
            }
            "DescribeLimits" => {
                let read = |_: &mut Members| Ok(v1::DescribeLimitsRequest {});
                unary!(tables.describe_limits, read, |answer| Ok(tables::limits(answer)))
            }
            "ListTables" => {
                unary!(tables.list_tables, tables::list, |answer| Ok(tables::list_answer(answer)))
            }
            "TagResource" => unary!(tables.tag_resource, tables::tag, |_| Ok(json!({}))),
            "UntagResource" => unary!(tables.untag_resource, tables::untag, |_| Ok(json!({}))),
            "ListTagsOfResource" => unary!(tables.list_tags_of_resource, tables::list_tags, |answer| {
                Ok(tables::list_tags_answer(answer))
            }),
            "PutResourcePolicy" => unary!(tables.put_resource_policy, tables::put_policy, |answer| {
                Ok(json!({"RevisionId": answer.revision_id}))
            }),
            "GetResourcePolicy" => unary!(tables.get_resource_policy, tables::get_policy, |answer| {
                Ok(json!({"Policy": answer.policy, "RevisionId": answer.revision_id}))
            }),
            "DeleteResourcePolicy" => {
                unary!(tables.delete_resource_policy, tables::delete_policy, |answer| {
                    Ok(tables::delete_policy_answer(answer))
                })
            }
            "UpdateTimeToLive" => unary!(tables.update_time_to_live, tables::time_to_live, |answer| {
                Ok(tables::time_to_live_answer(answer))
            }),
            "DescribeTimeToLive" => {
                of_table!(describe_time_to_live, DescribeTimeToLiveRequest, |answer| {
                    Ok(tables::time_to_live_description(answer))
                })
            }
            other => Err(CallError::Fault(format!("there is no operation {other}"))),
        }
    }
}
