//! From a body to a call on the stack, and from what that comes to to the body of an answer.

use crate::backups::{DescribeContinuousBackupsInput, ListBackupsInput};
use crate::batches::{BatchGetItemInput, BatchWriteItemInput};
use crate::error::Failure;
use crate::items::{DeleteItemInput, GetItemInput, PutItemInput, UpdateItemInput};
use crate::json::Json;
use crate::policies::{DeleteResourcePolicyInput, GetResourcePolicyInput, PutResourcePolicyInput};
use crate::reads::{QueryInput, ScanInput};
use crate::request::{Encoder, Request, encode};
use crate::tables::{
    CreateTableInput, DeleteTableInput, DescribeLimitsInput, DescribeTableInput, ListTablesInput,
    ListTagsOfResourceInput, TagResourceInput, UntagResourceInput, UpdateTableInput,
};
use crate::target::{Target, UnknownTarget};
use crate::time_to_live::{DescribeTimeToLiveInput, UpdateTimeToLiveInput};
use crate::transactions::{TransactGetItemsInput, TransactWriteItemsInput};
use bytes::Bytes;
use cairn_ops::{Caller, Error, Operation, OperationKind, unknown_operation};
use cairn_stack::{AuthenticateLayer, Call, CallBytes, Stack, offload};
use cairn_storage::Engine;
use http::request::Parts;
use serde::Serialize;

/// The protocol over one stack.
pub(crate) struct Entrance<E: Engine> {
    pub(crate) stack: Stack<E>,
    /// Knows who sent a request, which may be signed as a whole.
    pub(crate) authenticate: AuthenticateLayer<E>,
}

/// A request that has arrived.
pub(crate) struct Received<'r> {
    /// Its head, with what was found out about it in its extensions.
    pub(crate) head: &'r Parts,
    /// Who sent it.
    pub(crate) caller: &'r Caller,
    /// What its body says, decompressed.
    pub(crate) body: Bytes,
    /// What it holds of the memory for requests and answers.
    pub(crate) bytes: &'r CallBytes,
}

impl<E: Engine> Entrance<E> {
    /// Does what a request asks for.
    pub(crate) async fn perform(&self, target: Target, request: Received<'_>) -> Result<Vec<u8>, Failure> {
        use OperationKind as Kind;
        let kind = match target {
            Target::DescribeEndpoints => return describe_endpoints(request),
            Target::Operation(kind) => kind,
        };
        match kind {
            Kind::CreateTable => self.call::<CreateTableInput>(request).await,
            Kind::DescribeTable => self.call::<DescribeTableInput>(request).await,
            Kind::ListTables => self.call::<ListTablesInput>(request).await,
            Kind::UpdateTable => self.call::<UpdateTableInput>(request).await,
            Kind::DeleteTable => self.call::<DeleteTableInput>(request).await,
            Kind::DescribeLimits => self.call::<DescribeLimitsInput>(request).await,
            Kind::TagResource => self.call::<TagResourceInput>(request).await,
            Kind::UntagResource => self.call::<UntagResourceInput>(request).await,
            Kind::ListTagsOfResource => self.call::<ListTagsOfResourceInput>(request).await,
            Kind::PutResourcePolicy => self.call::<PutResourcePolicyInput>(request).await,
            Kind::GetResourcePolicy => self.call::<GetResourcePolicyInput>(request).await,
            Kind::DeleteResourcePolicy => self.call::<DeleteResourcePolicyInput>(request).await,
            Kind::UpdateTimeToLive => self.call::<UpdateTimeToLiveInput>(request).await,
            Kind::DescribeTimeToLive => self.call::<DescribeTimeToLiveInput>(request).await,
            Kind::DescribeContinuousBackups => self.call::<DescribeContinuousBackupsInput>(request).await,
            Kind::ListBackups => self.call::<ListBackupsInput>(request).await,
            Kind::GetItem => self.call::<GetItemInput>(request).await,
            Kind::PutItem => self.call::<PutItemInput>(request).await,
            Kind::UpdateItem => self.call::<UpdateItemInput>(request).await,
            Kind::DeleteItem => self.call::<DeleteItemInput>(request).await,
            Kind::BatchGetItem => self.call::<BatchGetItemInput>(request).await,
            Kind::BatchWriteItem => self.call::<BatchWriteItemInput>(request).await,
            Kind::Query => self.call::<QueryInput>(request).await,
            Kind::Scan => self.call::<ScanInput>(request).await,
            Kind::TransactGetItems => self.call::<TransactGetItemsInput>(request).await,
            Kind::TransactWriteItems => self.call::<TransactWriteItemsInput>(request).await,
            // This protocol has no such operations: AWS has no streamed reads, and identities at another endpoint.
            Kind::StreamQuery
            | Kind::StreamScan
            | Kind::CreateUser
            | Kind::GetUser
            | Kind::ListUsers
            | Kind::DeleteUser
            | Kind::CreateGroup
            | Kind::GetGroup
            | Kind::ListGroups
            | Kind::DeleteGroup
            | Kind::AddUserToGroup
            | Kind::RemoveUserFromGroup
            | Kind::CreateRole
            | Kind::GetRole
            | Kind::ListRoles
            | Kind::UpdateRole
            | Kind::DeleteRole
            | Kind::AssumeRole
            | Kind::CreateAccessKey
            | Kind::ListAccessKeys
            | Kind::UpdateAccessKey
            | Kind::DeleteAccessKey
            | Kind::CreatePolicy
            | Kind::GetPolicy
            | Kind::ListPolicies
            | Kind::UpdatePolicy
            | Kind::DeletePolicy
            | Kind::AttachPolicy
            | Kind::DetachPolicy
            | Kind::PutInlinePolicy
            | Kind::GetInlinePolicy
            | Kind::DeleteInlinePolicy
            | Kind::PutPermissionsBoundary
            | Kind::DeletePermissionsBoundary
            | Kind::TagIdentity
            | Kind::UntagIdentity
            | Kind::SimulatePolicy
            | Kind::GetCallerIdentity => Err(UnknownTarget::Operation(unknown_operation(kind.name())).into()),
        }
    }

    /// Reads a request, has its operation done, and writes the answer. The one place that makes a call.
    async fn call<R: Request>(&self, request: Received<'_>) -> Result<Vec<u8>, Failure> {
        let Received { caller, body, bytes, .. } = request;
        let (operation, write) = offload(body.len(), move || prepare::<R>(&body)).await??;
        bytes.reserve_answer(R::Operation::KIND).await?;
        // A caller over HTTP does not say how long it waits.
        let output = self.stack.call(Call { caller: caller.clone(), operation, deadline: None }).await?;
        let answer = offload(R::answer_bytes(&output), move || write(output)).await?;
        Ok(answer.map_err(Error::internal)?)
    }
}

/// The operation that a body asks for, and how its output is written.
fn prepare<R: Request>(body: &[u8]) -> Result<(R::Operation, Encoder<R::Operation>), Failure> {
    let asked: R = read(body)?;
    asked.check_first().map_err(Error::from)?;
    asked.problems().result().map_err(Error::from)?;
    let write = asked.encoder();
    let operation = asked.into_operation().map_err(|error| R::Operation::KIND.word(error))?;
    Ok((operation, write))
}

fn read<R: Request>(body: &[u8]) -> Result<R, Failure> {
    let mut json = Json::new(body)?;
    let request = R::read(&mut json)?;
    json.finish()?;
    Ok(request)
}

/// How long a client may go by what DescribeEndpoints told it.
const ENDPOINT_CACHE_MINUTES: u32 = 1_440;

/// The address that the client reached us at: any other might not be one.
fn describe_endpoints(request: Received<'_>) -> Result<Vec<u8>, Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Endpoints<'a> {
        endpoints: [Endpoint<'a>; 1],
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Endpoint<'a> {
        address: &'a str,
        cache_period_in_minutes: u32,
    }
    let mut json = Json::new(&request.body)?;
    json.object("class com.amazonaws.dynamodb.v20120810.DescribeEndpointsRequest", |json, _| json.skip())?;
    json.finish()?;
    let endpoint = Endpoint {
        address: crate::http::host(request.head),
        cache_period_in_minutes: ENDPOINT_CACHE_MINUTES,
    };
    Ok(encode(&Endpoints { endpoints: [endpoint] }).map_err(Error::internal)?)
}
