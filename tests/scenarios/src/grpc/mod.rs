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
        let mut item_client = ItemServiceClient::with_interceptor(self.channel.clone(), bearer.clone())
            .max_encoding_message_size(usize::MAX)
            .max_decoding_message_size(usize::MAX);
        let mut table_client = TableServiceClient::with_interceptor(self.channel.clone(), bearer);
        let count_only = request.get("Select").and_then(Value::as_str) == Some("COUNT");
        match operation {
            "GetItem" => exchange(request, items::get, |r| item_client.get_item(r), items::get_answer).await,
            "PutItem" => {
                exchange(
                    request,
                    items::put,
                    |r| item_client.put_item(r),
                    |answer| {
                        let metrics = answer.item_collection_metrics.as_ref();
                        items::write_answer(answer.attributes.as_ref(), answer.consumed_capacity, metrics)
                    },
                )
                .await
            }
            "UpdateItem" => {
                exchange(
                    request,
                    items::update,
                    |r| item_client.update_item(r),
                    |answer| {
                        let metrics = answer.item_collection_metrics.as_ref();
                        items::write_answer(answer.attributes.as_ref(), answer.consumed_capacity, metrics)
                    },
                )
                .await
            }
            "DeleteItem" => {
                exchange(
                    request,
                    items::delete,
                    |r| item_client.delete_item(r),
                    |answer| {
                        let metrics = answer.item_collection_metrics.as_ref();
                        items::write_answer(answer.attributes.as_ref(), answer.consumed_capacity, metrics)
                    },
                )
                .await
            }
            "Query" => {
                exchange(
                    request,
                    items::query,
                    |r| item_client.query(r),
                    |page| items::page_answer(page, count_only),
                )
                .await
            }
            "Scan" => {
                exchange(
                    request,
                    items::scan,
                    |r| item_client.scan(r),
                    |page| items::page_answer(items::scan_page(page), count_only),
                )
                .await
            }
            "StreamQuery" => {
                let read = Members::read(request.clone(), streams::query);
                let (request, messages) = read.map_err(CallError::Fault)?;
                streams::answer(item_client.stream_query(request).await, messages, count_only).await
            }
            "StreamScan" => {
                let read = Members::read(request.clone(), streams::scan);
                let (request, messages) = read.map_err(CallError::Fault)?;
                streams::answer(item_client.stream_scan(request).await, messages, count_only).await
            }
            "BatchGetItem" => {
                exchange(
                    request,
                    items::batch_get,
                    |r| item_client.batch_get_item(r),
                    items::batch_get_answer,
                )
                .await
            }
            "BatchWriteItem" => {
                exchange(
                    request,
                    items::batch_write,
                    |r| item_client.batch_write_item(r),
                    items::batch_write_answer,
                )
                .await
            }
            "TransactGetItems" => {
                exchange(
                    request,
                    items::transact_get,
                    |r| item_client.transact_get_items(r),
                    items::transact_get_answer,
                )
                .await
            }
            "TransactWriteItems" => {
                exchange(
                    request,
                    items::transact_write,
                    |r| item_client.transact_write_items(r),
                    items::transact_write_answer,
                )
                .await
            }
            "CreateTable" => {
                exchange(
                    request,
                    tables::create,
                    |r| table_client.create_table(r),
                    |answer| described("TableDescription", answer.table),
                )
                .await
            }
            "UpdateTable" => {
                exchange(
                    request,
                    tables::update,
                    |r| table_client.update_table(r),
                    |answer| described("TableDescription", answer.table),
                )
                .await
            }
            "DeleteTable" => {
                let read = |r: &mut Members| Ok(v1::DeleteTableRequest { table: r.text("TableName")? });
                exchange(
                    request,
                    read,
                    |r| table_client.delete_table(r),
                    |answer| described("TableDescription", answer.table),
                )
                .await
            }
            "DescribeTable" => {
                let read = |r: &mut Members| Ok(v1::DescribeTableRequest { table: r.text("TableName")? });
                exchange(
                    request,
                    read,
                    |r| table_client.describe_table(r),
                    |answer| described("Table", answer.table),
                )
                .await
            }
            "DescribeLimits" => {
                exchange(
                    request,
                    |_| Ok(v1::DescribeLimitsRequest {}),
                    |r| table_client.describe_limits(r),
                    |answer| Ok(tables::limits(answer)),
                )
                .await
            }
            "ListTables" => {
                exchange(
                    request,
                    tables::list,
                    |r| table_client.list_tables(r),
                    |answer| Ok(tables::list_answer(answer)),
                )
                .await
            }
            "TagResource" => {
                exchange(request, tables::tag, |r| table_client.tag_resource(r), |_| Ok(json!({}))).await
            }
            "UntagResource" => {
                exchange(request, tables::untag, |r| table_client.untag_resource(r), |_| Ok(json!({}))).await
            }
            "ListTagsOfResource" => {
                exchange(
                    request,
                    tables::list_tags,
                    |r| table_client.list_tags_of_resource(r),
                    |answer| Ok(tables::list_tags_answer(answer)),
                )
                .await
            }
            "PutResourcePolicy" => {
                exchange(
                    request,
                    tables::put_policy,
                    |r| table_client.put_resource_policy(r),
                    |answer| Ok(json!({"RevisionId": answer.revision_id})),
                )
                .await
            }
            "GetResourcePolicy" => {
                let read = |r: &mut Members| {
                    Ok(v1::GetResourcePolicyRequest { resource_arn: r.text("ResourceArn")? })
                };
                exchange(
                    request,
                    read,
                    |r| table_client.get_resource_policy(r),
                    |answer| Ok(json!({"Policy": answer.policy, "RevisionId": answer.revision_id})),
                )
                .await
            }
            "DeleteResourcePolicy" => {
                exchange(
                    request,
                    tables::delete_policy,
                    |r| table_client.delete_resource_policy(r),
                    |answer| Ok(tables::delete_policy_answer(answer)),
                )
                .await
            }
            "UpdateTimeToLive" => {
                exchange(
                    request,
                    tables::time_to_live,
                    |r| table_client.update_time_to_live(r),
                    |answer| Ok(tables::time_to_live_answer(answer)),
                )
                .await
            }
            "DescribeTimeToLive" => {
                let read =
                    |r: &mut Members| Ok(v1::DescribeTimeToLiveRequest { table: r.text("TableName")? });
                exchange(
                    request,
                    read,
                    |r| table_client.describe_time_to_live(r),
                    |answer| Ok(tables::time_to_live_description(answer)),
                )
                .await
            }
            other => Err(CallError::Fault(format!("there is no operation {other}"))),
        }
    }
}
