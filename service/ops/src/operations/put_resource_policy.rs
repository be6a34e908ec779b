//! PutResourcePolicy (semantics 18), and the rules for tables' policies.

use crate::access::Access;
use crate::catalog::{Definition, ResourcePolicy};
use crate::{Caller, Error, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_model::TableStatus;
use cairn_policy::{Needs, Policy, PolicyKind, Question, Verdict, evaluate};
use cairn_storage::Engine;

/// The revision that a policy is expected to have which must not be there.
const NO_POLICY: &str = "NO_POLICY";

/// What a caller must keep the permission for.
const ACTION: &str = "dynamodb:PutResourcePolicy";

/// Gives a table its own policy, in place of the one before.
#[derive(Clone, Debug, Default)]
pub struct PutResourcePolicy {
    /// The table's ARN.
    pub resource_arn: String,
    /// An IAM document in JSON.
    pub policy: String,
    /// The revision that the policy must have, `NO_POLICY` if there must be none.
    pub expected_revision_id: Option<String>,
    /// The policy may take from the caller the permission to change it.
    pub confirm_remove_self_resource_access: bool,
}

impl Operation for PutResourcePolicy {
    const KIND: OperationKind = OperationKind::PutResourcePolicy;
    /// The policy's revision.
    type Output = String;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table(ACTION, "resource_arn", &self.resource_arn)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<String> {
        let name = service.naming.resource("resource_arn", &self.resource_arn)?;
        let policy = check_resource_policy("policy", &self.policy, &service.naming.arn(&name))?;
        if !self.confirm_remove_self_resource_access {
            check_self_access(service, permit.caller(), &self.resource_arn, &policy)?;
        }
        let Self { resource_arn, expected_revision_id, .. } = self;
        let arn = resource_arn.clone();
        let new = ResourcePolicy::new(self.policy);
        let (_, revision) = permit
            .change(service, move |mut definition| {
                check_settled(&definition)?;
                let present = definition.resource_policy.as_ref();
                check_revision(&arn, expected_revision_id.as_deref(), present)?;
                // The very text that is there keeps its revision.
                let put = present.filter(|present| present.text == new.text).unwrap_or(&new).clone();
                let revision = put.revision_id.clone();
                definition.resource_policy = Some(put);
                Ok((definition, revision))
            })
            .await
            .map_err(|error| error.about(resource_arn))?;
        Ok(revision)
    }
}

/// Reads a table's policy: it must be an IAM document that names principals, and speak of this table and its indexes
/// only.
pub(super) fn check_resource_policy(
    field: &'static str,
    text: &str,
    table_arn: &str,
) -> Result<Policy, Validation> {
    if text.is_empty() {
        let constraint = "Member must have length greater than or equal to 1";
        return Err(Validation::constraint(field, Some(text), constraint));
    }
    Policy::parse(text, PolicyKind::Resource)
        .and_then(|policy| policy.check_resources_within(table_arn).map(|()| policy))
        .map_err(|error| Validation::new(field, format!("Invalid policy document: {error}")))
}

/// Refuses a policy that would not let its author change it again. The root always may.
fn check_self_access<E: Engine>(
    service: &Service<E>,
    caller: &Caller,
    table_arn: &str,
    policy: &Policy,
) -> Result<()> {
    let facts = caller.principal.facts();
    if facts.is_root {
        return Ok(());
    }
    let policies = service.identities.policies(&caller.principal)?;
    let access = Access::to_table(ACTION, "resource_arn", table_arn);
    // What an item's policies look at is nothing that this action has.
    let context = service.context(caller, &access, Needs::default(), None)?;
    let question = Question {
        principal: facts,
        action: ACTION,
        resource: table_arn,
        resource_account: &service.naming.account,
        context: &context,
    };
    match evaluate(&question, &policies, Some(policy)) {
        Verdict::Allowed { .. } => Ok(()),
        Verdict::Denied { .. } => Err(Validation::new(
            "policy",
            format!(
                "One or more parameter values were invalid: With this policy the caller may no longer perform \
                 {ACTION} on the resource. Confirm the removal of the caller's own access to put it all the same"
            ),
        )
        .into()),
    }
}

/// Refuses to change the policy of a table that is not there yet or not any more.
pub(super) fn check_settled(definition: &Definition) -> Result<()> {
    let doing = match definition.status {
        TableStatus::Creating => "created",
        TableStatus::Deleting => "deleted",
        TableStatus::Active | TableStatus::Updating => return Ok(()),
    };
    Err(Error::TableInUse { table: definition.name.to_string(), doing })
}

/// Compares the policy that is there with the one that a caller expects.
pub(super) fn check_revision(
    resource: &str,
    expected: Option<&str>,
    present: Option<&ResourcePolicy>,
) -> Result<()> {
    match (expected, present) {
        (None, _) | (Some(NO_POLICY), None) => Ok(()),
        (Some(_), None) => Err(Error::PolicyNotFound { resource: resource.into() }),
        (Some(expected), Some(present)) if expected == present.revision_id => Ok(()),
        (Some(_), Some(_)) => Err(Error::PolicyRevisionConflict { resource: resource.into() }),
    }
}
