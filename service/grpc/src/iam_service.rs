//! `cairn.v1.IamService`.

use crate::Grpc;
use crate::iam_codec::{self as codec, given, list_page};
use cairn_api::v1::{self, iam_service_server::IamService};
use cairn_ops as ops;
use cairn_storage::Engine;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl<E: Engine> IamService for Grpc<E> {
    async fn create_user(&self, request: Request<v1::CreateUserRequest>) -> Answer<v1::CreateUserResponse> {
        self.call(request, codec::create_user, |user| v1::CreateUserResponse {
            user: Some(codec::user(user)),
        })
        .await
    }

    async fn get_user(&self, request: Request<v1::GetUserRequest>) -> Answer<v1::GetUserResponse> {
        self.call(
            request,
            |request| Ok(ops::GetUser { user_name: given(request.user_name) }),
            codec::get_user_response,
        )
        .await
    }

    async fn list_users(&self, request: Request<v1::ListUsersRequest>) -> Answer<v1::ListUsersResponse> {
        self.call(
            request,
            |request| Ok(ops::ListUsers { page: list_page(request.page_size, request.page_token) }),
            |users| v1::ListUsersResponse {
                users: users.items.into_iter().map(codec::user).collect(),
                next_page_token: users.next.unwrap_or_default(),
            },
        )
        .await
    }

    async fn delete_user(&self, request: Request<v1::DeleteUserRequest>) -> Answer<v1::DeleteUserResponse> {
        self.call(
            request,
            |request| Ok(ops::DeleteUser { user_name: request.user_name }),
            |()| v1::DeleteUserResponse {},
        )
        .await
    }

    async fn create_group(
        &self,
        request: Request<v1::CreateGroupRequest>,
    ) -> Answer<v1::CreateGroupResponse> {
        self.call(
            request,
            |request| Ok(ops::CreateGroup { group_name: request.group_name }),
            |group| v1::CreateGroupResponse { group: Some(codec::group(group)) },
        )
        .await
    }

    async fn get_group(&self, request: Request<v1::GetGroupRequest>) -> Answer<v1::GetGroupResponse> {
        self.call(request, codec::get_group, codec::get_group_response).await
    }

    async fn list_groups(&self, request: Request<v1::ListGroupsRequest>) -> Answer<v1::ListGroupsResponse> {
        self.call(
            request,
            |request| Ok(ops::ListGroups { page: list_page(request.page_size, request.page_token) }),
            |groups| v1::ListGroupsResponse {
                groups: groups.items.into_iter().map(codec::group).collect(),
                next_page_token: groups.next.unwrap_or_default(),
            },
        )
        .await
    }

    async fn delete_group(
        &self,
        request: Request<v1::DeleteGroupRequest>,
    ) -> Answer<v1::DeleteGroupResponse> {
        self.call(
            request,
            |request| Ok(ops::DeleteGroup { group_name: request.group_name }),
            |()| v1::DeleteGroupResponse {},
        )
        .await
    }

    async fn add_user_to_group(
        &self,
        request: Request<v1::AddUserToGroupRequest>,
    ) -> Answer<v1::AddUserToGroupResponse> {
        self.call(
            request,
            |request| {
                Ok(ops::AddUserToGroup { group_name: request.group_name, user_name: request.user_name })
            },
            |()| v1::AddUserToGroupResponse {},
        )
        .await
    }

    async fn remove_user_from_group(
        &self,
        request: Request<v1::RemoveUserFromGroupRequest>,
    ) -> Answer<v1::RemoveUserFromGroupResponse> {
        self.call(
            request,
            |request| {
                Ok(ops::RemoveUserFromGroup { group_name: request.group_name, user_name: request.user_name })
            },
            |()| v1::RemoveUserFromGroupResponse {},
        )
        .await
    }

    async fn create_role(&self, request: Request<v1::CreateRoleRequest>) -> Answer<v1::CreateRoleResponse> {
        self.call(request, codec::create_role, |role| v1::CreateRoleResponse {
            role: Some(codec::role(role)),
        })
        .await
    }

    async fn get_role(&self, request: Request<v1::GetRoleRequest>) -> Answer<v1::GetRoleResponse> {
        self.call(
            request,
            |request| Ok(ops::GetRole { role_name: request.role_name }),
            codec::get_role_response,
        )
        .await
    }

    async fn list_roles(&self, request: Request<v1::ListRolesRequest>) -> Answer<v1::ListRolesResponse> {
        self.call(
            request,
            |request| Ok(ops::ListRoles { page: list_page(request.page_size, request.page_token) }),
            |roles| v1::ListRolesResponse {
                roles: roles.items.into_iter().map(codec::role).collect(),
                next_page_token: roles.next.unwrap_or_default(),
            },
        )
        .await
    }

    async fn update_role(&self, request: Request<v1::UpdateRoleRequest>) -> Answer<v1::UpdateRoleResponse> {
        self.call(request, codec::update_role, |role| v1::UpdateRoleResponse {
            role: Some(codec::role(role)),
        })
        .await
    }

    async fn delete_role(&self, request: Request<v1::DeleteRoleRequest>) -> Answer<v1::DeleteRoleResponse> {
        self.call(
            request,
            |request| Ok(ops::DeleteRole { role_name: request.role_name }),
            |()| v1::DeleteRoleResponse {},
        )
        .await
    }

    async fn assume_role(&self, request: Request<v1::AssumeRoleRequest>) -> Answer<v1::AssumeRoleResponse> {
        self.call(request, codec::assume_role, codec::assume_role_response).await
    }

    async fn create_access_key(
        &self,
        request: Request<v1::CreateAccessKeyRequest>,
    ) -> Answer<v1::CreateAccessKeyResponse> {
        self.call(request, codec::create_access_key, codec::create_access_key_response).await
    }

    async fn list_access_keys(
        &self,
        request: Request<v1::ListAccessKeysRequest>,
    ) -> Answer<v1::ListAccessKeysResponse> {
        self.call(
            request,
            |request| Ok(ops::ListAccessKeys { user_name: given(request.user_name) }),
            codec::list_access_keys_response,
        )
        .await
    }

    async fn update_access_key(
        &self,
        request: Request<v1::UpdateAccessKeyRequest>,
    ) -> Answer<v1::UpdateAccessKeyResponse> {
        self.call(request, codec::update_access_key, |()| v1::UpdateAccessKeyResponse {}).await
    }

    async fn delete_access_key(
        &self,
        request: Request<v1::DeleteAccessKeyRequest>,
    ) -> Answer<v1::DeleteAccessKeyResponse> {
        self.call(request, codec::delete_access_key, |()| v1::DeleteAccessKeyResponse {}).await
    }

    async fn create_policy(
        &self,
        request: Request<v1::CreatePolicyRequest>,
    ) -> Answer<v1::CreatePolicyResponse> {
        self.call(request, codec::create_policy, |policy| v1::CreatePolicyResponse {
            policy: Some(codec::policy(policy)),
        })
        .await
    }

    async fn get_policy(&self, request: Request<v1::GetPolicyRequest>) -> Answer<v1::GetPolicyResponse> {
        self.call(
            request,
            |request| Ok(ops::GetPolicy { policy_arn: request.policy_arn }),
            codec::get_policy_response,
        )
        .await
    }

    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Answer<v1::ListPoliciesResponse> {
        self.call(request, codec::list_policies, |policies| v1::ListPoliciesResponse {
            policies: policies.items.into_iter().map(codec::policy).collect(),
            next_page_token: policies.next.unwrap_or_default(),
        })
        .await
    }

    async fn update_policy(
        &self,
        request: Request<v1::UpdatePolicyRequest>,
    ) -> Answer<v1::UpdatePolicyResponse> {
        self.call(
            request,
            |request| {
                Ok(ops::UpdatePolicy { policy_arn: request.policy_arn, document: request.policy_document })
            },
            |policy| v1::UpdatePolicyResponse { policy: Some(codec::policy(policy)) },
        )
        .await
    }

    async fn delete_policy(
        &self,
        request: Request<v1::DeletePolicyRequest>,
    ) -> Answer<v1::DeletePolicyResponse> {
        self.call(
            request,
            |request| Ok(ops::DeletePolicy { policy_arn: request.policy_arn }),
            |()| v1::DeletePolicyResponse {},
        )
        .await
    }

    async fn attach_policy(
        &self,
        request: Request<v1::AttachPolicyRequest>,
    ) -> Answer<v1::AttachPolicyResponse> {
        self.call(request, codec::attach_policy, |()| v1::AttachPolicyResponse {}).await
    }

    async fn detach_policy(
        &self,
        request: Request<v1::DetachPolicyRequest>,
    ) -> Answer<v1::DetachPolicyResponse> {
        self.call(request, codec::detach_policy, |()| v1::DetachPolicyResponse {}).await
    }

    async fn put_inline_policy(
        &self,
        request: Request<v1::PutInlinePolicyRequest>,
    ) -> Answer<v1::PutInlinePolicyResponse> {
        self.call(request, codec::put_inline_policy, |()| v1::PutInlinePolicyResponse {}).await
    }

    async fn get_inline_policy(
        &self,
        request: Request<v1::GetInlinePolicyRequest>,
    ) -> Answer<v1::GetInlinePolicyResponse> {
        self.call(request, codec::get_inline_policy, |policy_document| v1::GetInlinePolicyResponse {
            policy_document,
        })
        .await
    }

    async fn delete_inline_policy(
        &self,
        request: Request<v1::DeleteInlinePolicyRequest>,
    ) -> Answer<v1::DeleteInlinePolicyResponse> {
        self.call(request, codec::delete_inline_policy, |()| v1::DeleteInlinePolicyResponse {}).await
    }

    async fn put_permissions_boundary(
        &self,
        request: Request<v1::PutPermissionsBoundaryRequest>,
    ) -> Answer<v1::PutPermissionsBoundaryResponse> {
        self.call(request, codec::put_permissions_boundary, |()| v1::PutPermissionsBoundaryResponse {}).await
    }

    async fn delete_permissions_boundary(
        &self,
        request: Request<v1::DeletePermissionsBoundaryRequest>,
    ) -> Answer<v1::DeletePermissionsBoundaryResponse> {
        self.call(request, codec::delete_permissions_boundary, |()| v1::DeletePermissionsBoundaryResponse {})
            .await
    }

    async fn tag_identity(
        &self,
        request: Request<v1::TagIdentityRequest>,
    ) -> Answer<v1::TagIdentityResponse> {
        self.call(request, codec::tag_identity, |()| v1::TagIdentityResponse {}).await
    }

    async fn untag_identity(
        &self,
        request: Request<v1::UntagIdentityRequest>,
    ) -> Answer<v1::UntagIdentityResponse> {
        self.call(request, codec::untag_identity, |()| v1::UntagIdentityResponse {}).await
    }

    async fn simulate_policy(
        &self,
        request: Request<v1::SimulatePolicyRequest>,
    ) -> Answer<v1::SimulatePolicyResponse> {
        self.call(request, codec::simulate_policy, codec::simulate_policy_response).await
    }

    async fn get_caller_identity(
        &self,
        request: Request<v1::GetCallerIdentityRequest>,
    ) -> Answer<v1::GetCallerIdentityResponse> {
        self.call(
            request,
            |_| Ok(ops::GetCallerIdentity),
            |caller| v1::GetCallerIdentityResponse {
                account: caller.account,
                arn: caller.arn,
                user_id: caller.user_id,
            },
        )
        .await
    }
}
