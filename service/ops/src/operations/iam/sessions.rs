//! AssumeRole and GetCallerIdentity: the actions of `sts`.

use super::seconds;
use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service};
use cairn_auth::{AssumedRole, CallerIdentity};
use cairn_policy::Needs;
use cairn_storage::Engine;

/// Begins a session of a role. Its credentials are told in the answer and never again.
#[derive(Clone, Debug, Default)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// What the session is to be known by.
    pub session_name: String,
    /// How long it is to last; an hour if not said.
    pub duration_seconds: Option<i32>,
    /// An IAM document in JSON that narrows what the session may do.
    pub policy: Option<String>,
    /// What a trust policy may ask for as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// On whose behalf: `aws:SourceIdentity`.
    pub source_identity: Option<String>,
}

impl Operation for AssumeRole {
    const KIND: OperationKind = OperationKind::AssumeRole;
    type Output = AssumedRole;

    /// Nothing here: a trust policy that names the caller is enough, and one that names its account is not. Both sides
    /// are weighed together where the role is, before anything is said of it.
    fn accesses(&self) -> Vec<Access<'_>> {
        Vec::new()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<AssumedRole> {
        let request = cairn_auth::AssumeRole {
            role_arn: self.role_arn,
            session_name: self.session_name,
            duration_seconds: seconds("duration_seconds", self.duration_seconds)?,
            policy: self.policy,
            external_id: self.external_id,
            source_identity: self.source_identity,
        };
        let caller = permit.caller();
        let role_arn = request.role_arn.clone();
        let access = Access::to_arn("sts:AssumeRole", &*role_arn);
        let context = service.context(caller, &access, Needs::default(), None)?;
        let assumed = service.identities.assume_role(&caller.principal, request, &context);
        assumed.map_err(|error| Error::from(error).in_document("policy"))
    }
}

/// Says who is calling. Nobody is kept from knowing it.
#[derive(Clone, Copy, Debug, Default)]
pub struct GetCallerIdentity;

impl Operation for GetCallerIdentity {
    const KIND: OperationKind = OperationKind::GetCallerIdentity;
    type Output = CallerIdentity;

    fn accesses(&self) -> Vec<Access<'_>> {
        Vec::new()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<CallerIdentity> {
        Ok(service.identities.get_caller_identity(&permit.caller().principal))
    }
}
