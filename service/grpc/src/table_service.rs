//! `cairn.v1.TableService`.

use crate::Grpc;
use crate::table_codec::{
    description, limits, list_tables, list_tables_response, list_tags, list_tags_response, put_policy, tags,
    time_to_live, time_to_live_description, time_to_live_specification, to_create, to_update,
};
use cairn_api::v1::{self, table_service_server::TableService};
use cairn_ops::{
    DeleteResourcePolicy, DeleteTable, DescribeLimits, DescribeTable, DescribeTimeToLive, GetResourcePolicy,
    TagResource, UntagResource,
};
use cairn_storage::Engine;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl<E: Engine> TableService for Grpc<E> {
    async fn create_table(
        &self,
        request: Request<v1::CreateTableRequest>,
    ) -> Answer<v1::CreateTableResponse> {
        self.call(request, to_create, |table| v1::CreateTableResponse { table: Some(description(table)) })
            .await
    }

    async fn describe_table(
        &self,
        request: Request<v1::DescribeTableRequest>,
    ) -> Answer<v1::DescribeTableResponse> {
        self.call(
            request,
            |request| Ok(DescribeTable { table: request.table }),
            |table| v1::DescribeTableResponse { table: Some(description(table)) },
        )
        .await
    }

    async fn list_tables(&self, request: Request<v1::ListTablesRequest>) -> Answer<v1::ListTablesResponse> {
        self.call(request, list_tables, list_tables_response).await
    }

    async fn update_table(
        &self,
        request: Request<v1::UpdateTableRequest>,
    ) -> Answer<v1::UpdateTableResponse> {
        self.call(request, to_update, |table| v1::UpdateTableResponse { table: Some(description(table)) })
            .await
    }

    async fn describe_limits(
        &self,
        request: Request<v1::DescribeLimitsRequest>,
    ) -> Answer<v1::DescribeLimitsResponse> {
        self.call(request, |_| Ok(DescribeLimits {}), limits).await
    }

    async fn delete_table(
        &self,
        request: Request<v1::DeleteTableRequest>,
    ) -> Answer<v1::DeleteTableResponse> {
        self.call(
            request,
            |request| Ok(DeleteTable { table: request.table }),
            |table| v1::DeleteTableResponse { table: Some(description(table)) },
        )
        .await
    }

    async fn tag_resource(
        &self,
        request: Request<v1::TagResourceRequest>,
    ) -> Answer<v1::TagResourceResponse> {
        self.call(
            request,
            |request| Ok(TagResource { resource_arn: request.resource_arn, tags: tags(request.tags) }),
            |()| v1::TagResourceResponse {},
        )
        .await
    }

    async fn untag_resource(
        &self,
        request: Request<v1::UntagResourceRequest>,
    ) -> Answer<v1::UntagResourceResponse> {
        self.call(
            request,
            |request| Ok(UntagResource { resource_arn: request.resource_arn, keys: request.tag_keys }),
            |()| v1::UntagResourceResponse {},
        )
        .await
    }

    async fn list_tags_of_resource(
        &self,
        request: Request<v1::ListTagsOfResourceRequest>,
    ) -> Answer<v1::ListTagsOfResourceResponse> {
        self.call(request, list_tags, list_tags_response).await
    }

    async fn put_resource_policy(
        &self,
        request: Request<v1::PutResourcePolicyRequest>,
    ) -> Answer<v1::PutResourcePolicyResponse> {
        self.call(request, put_policy, |revision_id| v1::PutResourcePolicyResponse { revision_id }).await
    }

    async fn get_resource_policy(
        &self,
        request: Request<v1::GetResourcePolicyRequest>,
    ) -> Answer<v1::GetResourcePolicyResponse> {
        self.call(
            request,
            |request| Ok(GetResourcePolicy { resource_arn: request.resource_arn }),
            |found| v1::GetResourcePolicyResponse { policy: found.policy, revision_id: found.revision_id },
        )
        .await
    }

    async fn delete_resource_policy(
        &self,
        request: Request<v1::DeleteResourcePolicyRequest>,
    ) -> Answer<v1::DeleteResourcePolicyResponse> {
        self.call(
            request,
            |request| {
                Ok(DeleteResourcePolicy {
                    resource_arn: request.resource_arn,
                    expected_revision_id: request.expected_revision_id,
                })
            },
            |gone| v1::DeleteResourcePolicyResponse { revision_id: gone.unwrap_or_default() },
        )
        .await
    }

    async fn update_time_to_live(
        &self,
        request: Request<v1::UpdateTimeToLiveRequest>,
    ) -> Answer<v1::UpdateTimeToLiveResponse> {
        self.call(request, time_to_live, |asked| v1::UpdateTimeToLiveResponse {
            time_to_live_specification: Some(time_to_live_specification(asked)),
        })
        .await
    }

    async fn describe_time_to_live(
        &self,
        request: Request<v1::DescribeTimeToLiveRequest>,
    ) -> Answer<v1::DescribeTimeToLiveResponse> {
        self.call(
            request,
            |request| Ok(DescribeTimeToLive { table: request.table }),
            |found| v1::DescribeTimeToLiveResponse {
                time_to_live_description: Some(time_to_live_description(found)),
            },
        )
        .await
    }
}
