//! The operations on tables' own policies.

use crate::request::{Encoded, Encoder, Request, encode};
use crate::shape::{ANY, REQUIRED, Rule, shape};
use crate::tables::RESOURCE_ARN;
use cairn_ops::{DeleteResourcePolicy, Error, GetResourcePolicy, PutResourcePolicy, ResourcePolicyOutput};
use serde::Serialize;

const REVISION: Rule = ANY.length(1, 255);

shape! {
    PutResourcePolicyInput {
        "ResourceArn" arn: String = RESOURCE_ARN;
        "Policy" policy: String = REQUIRED;
        "ExpectedRevisionId" expected_revision: String = REVISION;
        "ConfirmRemoveSelfResourceAccess" confirm_remove_self: bool;
    }
}

shape! {
    GetResourcePolicyInput {
        "ResourceArn" arn: String = RESOURCE_ARN;
    }
}

shape! {
    DeleteResourcePolicyInput {
        "ResourceArn" arn: String = RESOURCE_ARN;
        "ExpectedRevisionId" expected_revision: String = REVISION;
    }
}

impl Request for PutResourcePolicyInput {
    type Operation = PutResourcePolicy;

    fn encoder(&self) -> Encoder<PutResourcePolicy> {
        |revision| revised(Some(revision))
    }

    fn into_operation(self) -> Result<PutResourcePolicy, Error> {
        Ok(PutResourcePolicy {
            resource_arn: self.arn.unwrap_or_default(),
            policy: self.policy.unwrap_or_default(),
            expected_revision_id: self.expected_revision,
            confirm_remove_self_resource_access: self.confirm_remove_self.unwrap_or_default(),
        })
    }
}

impl Request for GetResourcePolicyInput {
    type Operation = GetResourcePolicy;

    fn encoder(&self) -> Encoder<GetResourcePolicy> {
        |ResourcePolicyOutput { policy, revision_id }| encode(&PolicyAnswer { policy, revision_id })
    }

    fn into_operation(self) -> Result<GetResourcePolicy, Error> {
        Ok(GetResourcePolicy { resource_arn: self.arn.unwrap_or_default() })
    }
}

impl Request for DeleteResourcePolicyInput {
    type Operation = DeleteResourcePolicy;

    fn encoder(&self) -> Encoder<DeleteResourcePolicy> {
        revised
    }

    fn into_operation(self) -> Result<DeleteResourcePolicy, Error> {
        Ok(DeleteResourcePolicy {
            resource_arn: self.arn.unwrap_or_default(),
            expected_revision_id: self.expected_revision,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAnswer {
    policy: String,
    revision_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RevisionAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<String>,
}

/// What a change of a policy answers: the revision that it made, or took away if there was one.
fn revised(revision_id: Option<String>) -> Encoded {
    encode(&RevisionAnswer { revision_id })
}
