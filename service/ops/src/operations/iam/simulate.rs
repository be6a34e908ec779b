//! SimulatePolicy: whether calls would be allowed, and why. Nothing is done.

use crate::access::Access;
use crate::authorization::Asked;
use crate::{Error, FieldPath, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_auth::{Holder, Principal};
use cairn_policy::{
    Context, ContextValue, Explanation, Policy, PolicyKind, PolicyName, PolicySet, PrincipalFacts, Question,
    explain,
};
use cairn_storage::{Consistency, Engine};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Actions on resources in one request, at most.
const PAIRS_MAX: usize = 100;
/// Policies beside the principal's own, at most.
const DOCUMENTS_MAX: usize = 10;
/// Condition keys, at most.
const CONTEXT_KEYS_MAX: usize = 100;
/// Characters of a resource's ARN, at most.
const RESOURCE_CHARS_MAX: usize = 2_048;

/// The condition keys that have many values even where one is given.
const MULTI_VALUED: [&str; 6] = [
    "aws:tagkeys",
    "dynamodb:attributes",
    "dynamodb:leadingkeys",
    "dynamodb:secondpartitionkeyvalues",
    "dynamodb:thirdpartitionkeyvalues",
    "dynamodb:fourthpartitionkeyvalues",
];

/// Tells whether calls would be allowed, and why.
#[derive(Clone, Debug, Default)]
pub struct SimulatePolicy {
    /// The user or role whose policies speak; none if only the documents do.
    pub principal_arn: Option<String>,
    /// Policies that speak beside the principal's own.
    pub policies: Vec<String>,
    /// A permissions boundary in place of the principal's.
    pub permissions_boundary: Option<String>,
    /// A policy that narrows the session.
    pub session_policy: Option<String>,
    /// The actions.
    pub actions: Vec<String>,
    /// The resources; none for `*`.
    pub resources: Vec<String>,
    /// The policy of each resource; if not said, a table's own.
    pub resource_policy: Option<String>,
    /// The condition keys besides the principal's own.
    pub context: Vec<SimulationContext>,
}

/// A condition key with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulationContext {
    /// The key, in whatever case.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
}

/// What the policies come to for one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationResult {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// The verdict, and all that speaks for and against it.
    pub explanation: Explanation,
}

impl Operation for SimulatePolicy {
    const KIND: OperationKind = OperationKind::SimulatePolicy;
    /// One for each action on each resource, action by action.
    type Output = Vec<SimulationResult>;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![match &self.principal_arn {
            Some(arn) => Access::to_arn("iam:SimulatePrincipalPolicy", &**arn),
            None => Access::to_anything("iam:SimulateCustomPolicy"),
        }]
    }

    async fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> Result<Vec<SimulationResult>> {
        self.check()?;
        let given = self.resource_policy.as_deref();
        let given = given.map(|text| read(text, PolicyKind::Resource, "resource_policy")).transpose()?;
        let principal =
            self.principal_arn.as_deref().map(|arn| service.identities.principal_for(arn)).transpose()?;
        let set = self.policy_set(service)?;
        let facts = match &principal {
            Some(principal) => principal.facts().clone(),
            None => PrincipalFacts { account: service.naming.account.to_string(), ..Default::default() },
        };
        let context = SimulatedContext::new(principal, self.context);
        let resources = if self.resources.is_empty() { vec!["*".to_owned()] } else { self.resources };
        let mut resource_policies = Vec::with_capacity(resources.len());
        for resource in &resources {
            resource_policies.push(match &given {
                Some(policy) => Some(policy.clone()),
                None => table_policy(service, permit, resource).await?,
            });
        }
        let mut results = Vec::with_capacity(self.actions.len() * resources.len());
        for action in &self.actions {
            for (resource, resource_policy) in resources.iter().zip(&resource_policies) {
                let question = Question {
                    principal: &facts,
                    action,
                    resource,
                    resource_account: account(resource).unwrap_or(&service.naming.account),
                    context: &context,
                };
                results.push(SimulationResult {
                    action: action.clone(),
                    resource: resource.clone(),
                    explanation: explain(&question, &set, resource_policy.as_ref()),
                });
            }
        }
        Ok(results)
    }
}

impl SimulatePolicy {
    fn check(&self) -> Result<(), Validation> {
        if self.actions.is_empty() {
            return Err(Validation::new("action_names", "At least one action is required"));
        }
        let too_many = |field: &'static str, what: &str, max: usize| {
            Validation::new(field, format!("At most {max} {what} can be simulated in one call"))
        };
        if self.actions.len().saturating_mul(self.resources.len().max(1)) > PAIRS_MAX {
            return Err(too_many("resource_arns", "actions on resources", PAIRS_MAX));
        }
        if self.policies.len() > DOCUMENTS_MAX {
            return Err(too_many("policy_documents", "policies", DOCUMENTS_MAX));
        }
        if self.context.len() > CONTEXT_KEYS_MAX {
            return Err(too_many("context_entries", "condition keys", CONTEXT_KEYS_MAX));
        }
        for (at, action) in self.actions.iter().enumerate() {
            let letters = |text: &str| {
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            if !action.split_once(':').is_some_and(|(service, name)| letters(service) && letters(name)) {
                return Err(Validation::constraint(
                    FieldPath::from("action_names").index(at),
                    Some(action),
                    "Member must be the name of one action, as in dynamodb:GetItem",
                ));
            }
        }
        for (at, resource) in self.resources.iter().enumerate() {
            let is_arn = resource.starts_with("arn:") && resource.chars().count() <= RESOURCE_CHARS_MAX;
            if resource != "*" && !is_arn {
                return Err(Validation::constraint(
                    FieldPath::from("resource_arns").index(at),
                    Some(resource),
                    "Member must be an ARN, or *",
                ));
            }
        }
        Ok(())
    }

    /// The policies that speak: the principal's own as they are now, and those of the request.
    fn policy_set<E: Engine>(&self, service: &Service<E>) -> Result<PolicySet> {
        let mut gathered = Gathered { service, identity: Vec::new(), boundary: None };
        if let Some(arn) = &self.principal_arn {
            gathered.principal(arn)?;
        }
        for (at, text) in self.policies.iter().enumerate() {
            let field = FieldPath::from("policy_documents").index(at);
            let name = PolicyName::from(field.to_proto());
            gathered.identity.push((name, read(text, PolicyKind::Managed, field)?));
        }
        if let Some(text) = &self.permissions_boundary {
            const FIELD: &str = "permissions_boundary_policy_document";
            gathered.boundary = Some((FIELD.into(), read(text, PolicyKind::Managed, FIELD)?));
        }
        let session = self.session_policy.as_deref();
        let session =
            session.map(|text| read(text, PolicyKind::Session, "session_policy_document")).transpose()?;
        Ok(PolicySet::new(gathered.identity, gathered.boundary, session))
    }
}

fn read(text: &str, kind: PolicyKind, field: impl Into<FieldPath>) -> Result<Policy> {
    Policy::parse(text, kind).map_err(|error| Error::MalformedPolicyDocument { field: field.into(), error })
}

/// The policies of a principal, by the names that people know them by.
struct Gathered<'s, E: Engine> {
    service: &'s Service<E>,
    identity: Vec<(PolicyName, Policy)>,
    boundary: Option<(PolicyName, Policy)>,
}

impl<E: Engine> Gathered<'_, E> {
    fn principal(&mut self, arn: &str) -> Result<()> {
        let identities = &self.service.identities;
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let boundary = match resource.split_once('/') {
            Some(("user", name)) => {
                self.holder(&Holder::User(name.to_owned()))?;
                for group in identities.list_groups_of_user(name)? {
                    self.holder(&Holder::Group(group.name))?;
                }
                identities.get_user(name)?.permissions_boundary
            }
            Some(("role" | "assumed-role", name)) => {
                let name = name.split_once('/').map_or(name, |(role, _)| role);
                self.holder(&Holder::Role(name.to_owned()))?;
                identities.get_role(name)?.permissions_boundary
            }
            // The root has no policies.
            _ => None,
        };
        if let Some(arn) = boundary {
            self.boundary = Some((PolicyName::from(&*arn), self.managed(&arn)?));
        }
        Ok(())
    }

    fn holder(&mut self, holder: &Holder) -> Result<()> {
        let identities = &self.service.identities;
        for attached in identities.list_attached_policies(holder)? {
            // Attached to the user and to a group of it: one policy all the same.
            if self.identity.iter().any(|(name, _)| **name == *attached.arn) {
                continue;
            }
            let policy = self.managed(&attached.arn)?;
            self.identity.push((attached.arn.into(), policy));
        }
        let (kind, owner, policy_kind) = match holder {
            Holder::User(name) => ("user", name, PolicyKind::InlineUser),
            Holder::Group(name) => ("group", name, PolicyKind::InlineGroup),
            Holder::Role(name) => ("role", name, PolicyKind::InlineRole),
        };
        for name in identities.list_inline_policies(holder)? {
            let text = identities.get_inline_policy(holder, &name)?;
            let policy = Policy::parse(&text, policy_kind).map_err(Error::internal)?;
            self.identity.push((format!("{kind}/{owner}/{name}").into(), policy));
        }
        Ok(())
    }

    fn managed(&self, arn: &str) -> Result<Policy> {
        let policy = self.service.identities.get_policy(arn)?;
        Policy::parse(&policy.document, PolicyKind::Managed).map_err(Error::internal)
    }
}

/// The policy that the table of an ARN, or of its index, has. Who may not read it is told so: a verdict without it could
/// be the wrong one.
async fn table_policy<E: Engine>(
    service: &Service<E>,
    permit: &Permit,
    resource: &str,
) -> Result<Option<Policy>> {
    let (table, _) = resource.split_once("/index/").unwrap_or((resource, ""));
    if service.naming.resource("resource_arns", table).is_err() {
        return Ok(None);
    }
    let asked = PolicyOfTable { table: table.to_owned() };
    let permit = service.permit_asked(permit.caller().clone(), Arc::new(asked)).await?;
    let snapshot = service.engine.snapshot(Consistency::Strong).await?;
    let table = permit.find(service, &snapshot, permit.table()?).await?;
    Ok(table.and_then(|table| table.basis().resource_policy().cloned()))
}

/// What a simulation reads of a table.
struct PolicyOfTable {
    table: String,
}

impl Asked for PolicyOfTable {
    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:GetResourcePolicy", "resource_arns", &self.table)]
    }
}

/// The account in an ARN.
fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty() && *account != "*")
}

/// The condition keys of a call that nobody makes: those that are given, then those of the principal.
struct SimulatedContext {
    principal: Option<Principal>,
    given: BTreeMap<String, Vec<String>>,
    multi_valued: BTreeSet<&'static str>,
}

impl SimulatedContext {
    fn new(principal: Option<Principal>, entries: Vec<SimulationContext>) -> Self {
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in entries {
            let mut key = entry.key.to_ascii_lowercase();
            if key == "dynamodb:firstpartitionkeyvalues" {
                key = "dynamodb:leadingkeys".to_owned();
            }
            given.entry(key).or_default().extend(entry.values);
        }
        Self { principal, given, multi_valued: MULTI_VALUED.into() }
    }
}

impl Context for SimulatedContext {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        match self.given.get(key).map(|values| (&**values, self.multi_valued.contains(key))) {
            Some(([value], false)) => Some(ContextValue::One(Cow::Borrowed(value))),
            Some((values, _)) => {
                Some(ContextValue::Many(values.iter().map(|value| Cow::Borrowed(&**value)).collect()))
            }
            None => self.principal.as_ref()?.context_key(key),
        }
    }
}
