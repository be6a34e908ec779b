//! Messages about identities, to operations and back. What holds a secret goes into a response and nowhere else.

use crate::table_codec::{known, page, tags, time};
use cairn_api::v1;
use cairn_auth::{
    AccessKey, AssumedRole, Group, Holder, KeyStatus, ManagedPolicy, NewAccessKey, Role, Tags, User,
};
use cairn_ops::{
    AssumeRole, AttachPolicy, CreateAccessKey, CreatePolicy, CreateRole, CreateUser, DeleteAccessKey,
    DeleteInlinePolicy, DeletePermissionsBoundary, DetachPolicy, Error, GetGroup, GetGroupOutput,
    GetInlinePolicy, GetPolicyOutput, GetRoleOutput, GetUserOutput, HeldPolicies, ListPage, ListPolicies,
    PutInlinePolicy, PutPermissionsBoundary, SimulatePolicy, SimulationContext, SimulationResult,
    TagIdentity, UntagIdentity, UpdateAccessKey, UpdateRole,
};
use cairn_policy::{
    ContextValue, DenyReason, Effect, Explanation, PolicyType, StatementExplanation, StatementOutcome,
    Verdict,
};

/// A text that is there: a message cannot tell an empty one from none.
pub(crate) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

pub(crate) fn list_page(size: i32, token: String) -> ListPage {
    let (limit, next_token) = page(size, token);
    ListPage { limit, next_token }
}

fn count<T: TryFrom<usize>>(count: usize, most: T) -> T {
    T::try_from(count).unwrap_or(most)
}

fn holder(identity: Option<v1::Identity>) -> Option<Holder> {
    use v1::identity::Identity;
    Some(match identity?.identity? {
        Identity::UserName(name) => Holder::User(name),
        Identity::GroupName(name) => Holder::Group(name),
        Identity::RoleName(name) => Holder::Role(name),
    })
}

fn identity(holder: Holder) -> v1::Identity {
    use v1::identity::Identity;
    let identity = match holder {
        Holder::User(name) => Identity::UserName(name),
        Holder::Group(name) => Identity::GroupName(name),
        Holder::Role(name) => Identity::RoleName(name),
    };
    v1::Identity { identity: Some(identity) }
}

fn tag_messages(tags: Tags) -> Vec<v1::Tag> {
    tags.into_iter().map(|(key, value)| v1::Tag { key, value }).collect()
}

pub(crate) fn user(user: User) -> v1::User {
    v1::User {
        user_name: user.name,
        user_id: user.id,
        arn: user.arn,
        create_time: Some(time(user.created)),
        permissions_boundary_arn: user.permissions_boundary.unwrap_or_default(),
        tags: tag_messages(user.tags),
    }
}

pub(crate) fn group(group: Group) -> v1::Group {
    v1::Group {
        group_name: group.name,
        group_id: group.id,
        arn: group.arn,
        create_time: Some(time(group.created)),
    }
}

pub(crate) fn role(role: Role) -> v1::Role {
    v1::Role {
        role_name: role.name,
        role_id: role.id,
        arn: role.arn,
        create_time: Some(time(role.created)),
        assume_role_policy_document: role.trust_policy,
        max_session_duration_seconds: i32::try_from(role.max_session_seconds).unwrap_or(i32::MAX),
        description: role.description,
        permissions_boundary_arn: role.permissions_boundary.unwrap_or_default(),
        tags: tag_messages(role.tags),
    }
}

pub(crate) fn policy(policy: ManagedPolicy) -> v1::Policy {
    v1::Policy {
        policy_name: policy.name,
        policy_id: policy.id,
        arn: policy.arn,
        // What is built in has no times that would say anything.
        create_time: (!policy.built_in).then(|| time(policy.created)),
        update_time: (!policy.built_in).then(|| time(policy.updated)),
        description: policy.description,
        attachment_count: count(policy.attachments, i32::MAX),
        built_in: policy.built_in,
    }
}

fn held(policies: HeldPolicies) -> v1::IdentityPolicies {
    let attached = policies.attached.into_iter();
    v1::IdentityPolicies {
        attached_policies: attached
            .map(|policy| v1::AttachedPolicy { policy_name: policy.name, policy_arn: policy.arn })
            .collect(),
        inline_policy_names: policies.inline,
    }
}

pub(crate) fn create_user(request: v1::CreateUserRequest) -> Result<CreateUser, Error> {
    Ok(CreateUser {
        user_name: request.user_name,
        permissions_boundary: given(request.permissions_boundary_arn),
        tags: tags(request.tags),
    })
}

pub(crate) fn get_user_response(output: GetUserOutput) -> v1::GetUserResponse {
    v1::GetUserResponse {
        user: Some(user(output.user)),
        policies: Some(held(output.policies)),
        group_names: output.groups,
    }
}

pub(crate) fn get_group(request: v1::GetGroupRequest) -> Result<GetGroup, Error> {
    let page = list_page(request.page_size, request.page_token);
    Ok(GetGroup { group_name: request.group_name, page })
}

pub(crate) fn get_group_response(output: GetGroupOutput) -> v1::GetGroupResponse {
    v1::GetGroupResponse {
        group: Some(group(output.group)),
        policies: Some(held(output.policies)),
        user_names: output.users.items,
        next_page_token: output.users.next.unwrap_or_default(),
    }
}

pub(crate) fn create_role(request: v1::CreateRoleRequest) -> Result<CreateRole, Error> {
    Ok(CreateRole {
        role_name: request.role_name,
        trust_policy: request.assume_role_policy_document,
        max_session_seconds: request.max_session_duration_seconds,
        description: request.description,
        permissions_boundary: given(request.permissions_boundary_arn),
        tags: tags(request.tags),
    })
}

pub(crate) fn get_role_response(output: GetRoleOutput) -> v1::GetRoleResponse {
    v1::GetRoleResponse { role: Some(role(output.role)), policies: Some(held(output.policies)) }
}

pub(crate) fn update_role(request: v1::UpdateRoleRequest) -> Result<UpdateRole, Error> {
    Ok(UpdateRole {
        role_name: request.role_name,
        trust_policy: request.assume_role_policy_document,
        max_session_seconds: request.max_session_duration_seconds,
        description: request.description,
    })
}

pub(crate) fn assume_role(request: v1::AssumeRoleRequest) -> Result<AssumeRole, Error> {
    Ok(AssumeRole {
        role_arn: request.role_arn,
        session_name: request.role_session_name,
        duration_seconds: request.duration_seconds,
        policy: given(request.policy),
        external_id: given(request.external_id),
        source_identity: given(request.source_identity),
    })
}

pub(crate) fn assume_role_response(assumed: AssumedRole) -> v1::AssumeRoleResponse {
    let assumed_role_id = match assumed.principal.context_key("aws:userid") {
        Some(ContextValue::One(id)) => id.into_owned(),
        _ => String::new(),
    };
    v1::AssumeRoleResponse {
        credentials: Some(v1::SessionCredentials {
            access_key_id: assumed.access_key_id,
            secret_access_key: assumed.secret_access_key.expose().to_owned(),
            session_token: assumed.session_token.expose().to_owned(),
            expire_time: Some(time(assumed.expires_at)),
        }),
        assumed_role_arn: assumed.principal.arn().to_owned(),
        assumed_role_id,
    }
}

fn key_status(status: KeyStatus) -> v1::AccessKeyStatus {
    match status {
        KeyStatus::Active => v1::AccessKeyStatus::Active,
        KeyStatus::Inactive => v1::AccessKeyStatus::Inactive,
    }
}

pub(crate) fn create_access_key(request: v1::CreateAccessKeyRequest) -> Result<CreateAccessKey, Error> {
    Ok(CreateAccessKey { user_name: given(request.user_name) })
}

pub(crate) fn create_access_key_response(new: NewAccessKey) -> v1::CreateAccessKeyResponse {
    let access_key = v1::AccessKey {
        user_name: new.access_key.user_name,
        access_key_id: new.access_key.id,
        secret_access_key: new.secret.expose().to_owned(),
        status: key_status(new.access_key.status).into(),
        create_time: Some(time(new.access_key.created)),
    };
    v1::CreateAccessKeyResponse { access_key: Some(access_key) }
}

pub(crate) fn list_access_keys_response(keys: Vec<AccessKey>) -> v1::ListAccessKeysResponse {
    let keys = keys.into_iter().map(|key| v1::AccessKeyMetadata {
        user_name: key.user_name,
        access_key_id: key.id,
        status: key_status(key.status).into(),
        create_time: Some(time(key.created)),
        last_used_time: key.last_used.map(time),
    });
    v1::ListAccessKeysResponse { access_keys: keys.collect() }
}

pub(crate) fn update_access_key(request: v1::UpdateAccessKeyRequest) -> Result<UpdateAccessKey, Error> {
    let status = known("status", request.status, |status| match status {
        v1::AccessKeyStatus::Unspecified => None,
        v1::AccessKeyStatus::Active => Some(KeyStatus::Active),
        v1::AccessKeyStatus::Inactive => Some(KeyStatus::Inactive),
    })?;
    Ok(UpdateAccessKey { user_name: given(request.user_name), access_key_id: request.access_key_id, status })
}

pub(crate) fn delete_access_key(request: v1::DeleteAccessKeyRequest) -> Result<DeleteAccessKey, Error> {
    Ok(DeleteAccessKey { user_name: given(request.user_name), access_key_id: request.access_key_id })
}

pub(crate) fn create_policy(request: v1::CreatePolicyRequest) -> Result<CreatePolicy, Error> {
    Ok(CreatePolicy {
        policy_name: request.policy_name,
        document: request.policy_document,
        description: request.description,
    })
}

pub(crate) fn get_policy_response(output: GetPolicyOutput) -> v1::GetPolicyResponse {
    v1::GetPolicyResponse {
        policy_document: output.policy.document.clone(),
        policy: Some(policy(output.policy)),
        attached_to: output.attached_to.into_iter().map(identity).collect(),
    }
}

pub(crate) fn list_policies(request: v1::ListPoliciesRequest) -> Result<ListPolicies, Error> {
    Ok(ListPolicies {
        page: list_page(request.page_size, request.page_token),
        local_only: request.local_only,
        attached_only: request.attached_only,
    })
}

pub(crate) fn attach_policy(request: v1::AttachPolicyRequest) -> Result<AttachPolicy, Error> {
    Ok(AttachPolicy { identity: holder(request.identity), policy_arn: request.policy_arn })
}

pub(crate) fn detach_policy(request: v1::DetachPolicyRequest) -> Result<DetachPolicy, Error> {
    Ok(DetachPolicy { identity: holder(request.identity), policy_arn: request.policy_arn })
}

pub(crate) fn put_inline_policy(request: v1::PutInlinePolicyRequest) -> Result<PutInlinePolicy, Error> {
    Ok(PutInlinePolicy {
        identity: holder(request.identity),
        policy_name: request.policy_name,
        document: request.policy_document,
    })
}

pub(crate) fn get_inline_policy(request: v1::GetInlinePolicyRequest) -> Result<GetInlinePolicy, Error> {
    Ok(GetInlinePolicy { identity: holder(request.identity), policy_name: request.policy_name })
}

pub(crate) fn delete_inline_policy(
    request: v1::DeleteInlinePolicyRequest,
) -> Result<DeleteInlinePolicy, Error> {
    Ok(DeleteInlinePolicy { identity: holder(request.identity), policy_name: request.policy_name })
}

pub(crate) fn put_permissions_boundary(
    request: v1::PutPermissionsBoundaryRequest,
) -> Result<PutPermissionsBoundary, Error> {
    Ok(PutPermissionsBoundary { identity: holder(request.identity), policy_arn: request.policy_arn })
}

pub(crate) fn delete_permissions_boundary(
    request: v1::DeletePermissionsBoundaryRequest,
) -> Result<DeletePermissionsBoundary, Error> {
    Ok(DeletePermissionsBoundary { identity: holder(request.identity) })
}

pub(crate) fn tag_identity(request: v1::TagIdentityRequest) -> Result<TagIdentity, Error> {
    Ok(TagIdentity { identity: holder(request.identity), tags: tags(request.tags) })
}

pub(crate) fn untag_identity(request: v1::UntagIdentityRequest) -> Result<UntagIdentity, Error> {
    Ok(UntagIdentity { identity: holder(request.identity), keys: request.tag_keys })
}

pub(crate) fn simulate_policy(request: v1::SimulatePolicyRequest) -> Result<SimulatePolicy, Error> {
    let context = request.context_entries.into_iter();
    Ok(SimulatePolicy {
        principal_arn: given(request.principal_arn),
        policies: request.policy_documents,
        permissions_boundary: request.permissions_boundary_policy_document,
        session_policy: request.session_policy_document,
        actions: request.action_names,
        resources: request.resource_arns,
        resource_policy: request.resource_policy,
        context: context.map(|entry| SimulationContext { key: entry.key, values: entry.values }).collect(),
    })
}

pub(crate) fn simulate_policy_response(results: Vec<SimulationResult>) -> v1::SimulatePolicyResponse {
    v1::SimulatePolicyResponse { results: results.into_iter().map(simulation_result).collect() }
}

fn simulation_result(result: SimulationResult) -> v1::SimulationResult {
    let Explanation { verdict, statements, other_actions, missing_keys } = result.explanation;
    let (decision, reason) = match verdict {
        Verdict::Allowed { .. } => (v1::PolicyDecision::Allowed, String::new()),
        Verdict::Denied { reason } => {
            let explicit = matches!(reason, DenyReason::Explicit { .. });
            let decision =
                if explicit { v1::PolicyDecision::ExplicitDeny } else { v1::PolicyDecision::ImplicitDeny };
            (decision, reason.to_string())
        }
    };
    let mut message = v1::SimulationResult {
        action_name: result.action,
        resource_arn: result.resource,
        decision: decision.into(),
        reason,
        other_statement_count: count(other_actions, i32::MAX),
        missing_context_keys: missing_keys,
        ..Default::default()
    };
    for explained in statements {
        match mismatch(&explained.outcome) {
            None => message.matched_statements.push(statement(explained)),
            Some((mismatch, condition)) => {
                message.unmatched_statements.push(v1::UnmatchedStatement {
                    statement: Some(statement(explained)),
                    mismatch: mismatch.into(),
                    condition,
                });
            }
        }
    }
    message
}

fn mismatch(outcome: &StatementOutcome) -> Option<(v1::StatementMismatch, String)> {
    Some(match outcome {
        StatementOutcome::Matched => return None,
        StatementOutcome::Principal => (v1::StatementMismatch::Principal, String::new()),
        StatementOutcome::Resource => (v1::StatementMismatch::Resource, String::new()),
        StatementOutcome::Condition { operator, key } => {
            (v1::StatementMismatch::Condition, format!("{operator}[{key:?}]"))
        }
    })
}

fn statement(explained: StatementExplanation) -> v1::PolicyStatement {
    let policy_type = match explained.in_ {
        PolicyType::Identity => v1::PolicyType::Identity,
        PolicyType::Boundary => v1::PolicyType::PermissionsBoundary,
        PolicyType::Session => v1::PolicyType::Session,
        PolicyType::Resource => v1::PolicyType::Resource,
        // No role is assumed in a simulation.
        PolicyType::Trust => v1::PolicyType::Unspecified,
    };
    let effect = match explained.effect {
        Effect::Allow => v1::PolicyEffect::Allow,
        Effect::Deny => v1::PolicyEffect::Deny,
    };
    v1::PolicyStatement {
        policy: explained.statement.policy.to_string(),
        policy_type: policy_type.into(),
        index: count(explained.statement.statement, i32::MAX),
        sid: explained.statement.sid.as_deref().unwrap_or_default().to_owned(),
        effect: effect.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_policy::{MatchedStatement, PolicyName};

    fn explained(outcome: StatementOutcome, effect: Effect) -> StatementExplanation {
        let statement = MatchedStatement {
            policy: PolicyName::from("user/ada/own"),
            statement: 2,
            sid: Some("Own".into()),
        };
        StatementExplanation { statement, in_: PolicyType::Identity, effect, outcome }
    }

    #[test]
    fn a_simulation_tells_what_matches_apart_from_what_does_not_and_why() {
        let condition =
            StatementOutcome::Condition { operator: "StringEquals".into(), key: "aws:username".into() };
        let denied = SimulationResult {
            action: "dynamodb:GetItem".into(),
            resource: "*".into(),
            explanation: Explanation {
                verdict: Verdict::Denied {
                    reason: DenyReason::NoIdentityPolicy { action: "dynamodb:GetItem".into() },
                },
                statements: vec![
                    explained(condition, Effect::Allow),
                    explained(StatementOutcome::Matched, Effect::Deny),
                ],
                other_actions: 3,
                missing_keys: vec!["aws:username".into()],
            },
        };
        let message = simulation_result(denied);
        assert_eq!(message.decision(), v1::PolicyDecision::ImplicitDeny);
        assert_eq!(message.reason, "no identity-based policy allows the dynamodb:GetItem action");
        assert_eq!(message.other_statement_count, 3);
        let [matched] = &*message.matched_statements else { panic!("one matches") };
        assert_eq!((&*matched.sid, matched.index), ("Own", 2));
        assert_eq!(matched.effect(), v1::PolicyEffect::Deny);
        let [unmatched] = &*message.unmatched_statements else { panic!("one does not") };
        assert_eq!(unmatched.condition, "StringEquals[\"aws:username\"]");
        assert_eq!(unmatched.mismatch(), v1::StatementMismatch::Condition);
    }

    #[test]
    fn an_identity_that_is_not_said_is_none_and_an_unknown_status_is_refused() {
        assert_eq!(holder(Some(v1::Identity { identity: None })), None);
        let request = v1::UpdateAccessKeyRequest { status: 9, ..Default::default() };
        assert!(matches!(update_access_key(request), Err(Error::Validation(_))));
        let unsaid = update_access_key(v1::UpdateAccessKeyRequest::default()).unwrap();
        assert_eq!((unsaid.status, unsaid.user_name), (None, None));
    }
}
