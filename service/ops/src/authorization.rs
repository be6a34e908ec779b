//! Who may do what: the only way into an operation.
//!
//! [`Service::permit`] is the one place that makes a [`Permitted`] call, and [`Service::execute`] takes nothing else, so
//! a call that skipped the check cannot be built. What is asked is decided by policies alone (`cairn-policy`); what the
//! policies may want to know of the request is computed here, and only if one of them wants to know it.
//!
//! Permission comes before existence: a caller who may not touch a table is not told whether there is one.

use crate::access::{Access, Items, Target, partition_of};
use crate::catalog::Table;
use crate::{Error, Operation, Result, Service};
use cairn_auth::Principal;
use cairn_model::{IndexSchema, TableName};
use cairn_policy::{Context, ContextValue, Needs, PolicySet, Question, Verdict, evaluate};
use cairn_storage::{Consistency, Engine};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Who calls, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// Where it calls from.
    pub connection: Connection,
}

/// What is known of the connection that a call came on.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The other side's address: `aws:SourceIp`.
    pub source_ip: Option<IpAddr>,
    /// Whether it is encrypted: `aws:SecureTransport`.
    pub is_secure: bool,
    /// What the client says it is: `aws:UserAgent`.
    pub user_agent: Option<Arc<str>>,
}

/// The proof that a call was permitted, and to whom. Only [`Service::permit`] makes one.
#[derive(Debug)]
pub struct Permit {
    caller: Caller,
}

impl Permit {
    /// Whose call it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// An operation that its caller may do.
#[derive(Debug)]
pub struct Permitted<O> {
    operation: O,
    permit: Permit,
}

impl<O> Permitted<O> {
    /// What is permitted.
    pub fn operation(&self) -> &O {
        &self.operation
    }

    /// Whose call it is.
    pub fn caller(&self) -> &Caller {
        &self.permit.caller
    }
}

impl<E: Engine> Service<E> {
    /// Permits an operation, if the policies that speak for the caller, and those of the resources, allow every action
    /// that it asks for.
    ///
    /// # Errors
    /// The first action that is not allowed; a caller who is not known any more; or a request that is not one, found on
    /// the way.
    pub async fn permit<O: Operation>(&self, caller: Caller, operation: O) -> Result<Permitted<O>> {
        self.authorize(&caller, operation.accesses()).await.map_err(|error| O::KIND.word(error))?;
        Ok(Permitted { operation, permit: Permit { caller } })
    }

    /// Does what is permitted.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn execute<O: Operation>(&self, call: Permitted<O>) -> Result<O::Output> {
        call.operation.execute(self, &call.permit).await.map_err(|error| O::KIND.word(error))
    }

    /// Checks that the caller may do all of this, now.
    pub(crate) async fn authorize(&self, caller: &Caller, accesses: Vec<Access<'_>>) -> Result<()> {
        let policies = self.identities.policies(&caller.principal)?;
        for access in &accesses {
            self.authorize_one(caller, &policies, access).await?;
        }
        Ok(())
    }

    async fn authorize_one(&self, caller: &Caller, policies: &PolicySet, access: &Access<'_>) -> Result<()> {
        let (resource, table, index) = match &access.target {
            Target::Anything => (Cow::Borrowed("*"), None, None),
            Target::Arn(arn) => (Cow::Borrowed(&**arn), None, None),
            Target::Identity { kind, name } => {
                (Cow::Owned(format!("arn:aws:iam::{}:{kind}/{name}", self.naming.account)), None, None)
            }
            Target::Caller => (Cow::Borrowed(caller.principal.arn()), None, None),
            Target::Table { field, named, index } => {
                let name = self.naming.table(access.table_field(*field), (*named).to_owned())?.name;
                let mut arn = self.naming.arn(&name);
                if let Some(index) = index {
                    arn.push_str("/index/");
                    arn.push_str(index);
                }
                (Cow::Owned(arn), Some(name), *index)
            }
        };
        let table = match table {
            Some(name) => self.table_for_authorization(&name).await?,
            None => None,
        };
        let resource_policy = table.as_deref().and_then(Table::resource_policy);
        let needs = policies.needs(access.action);
        let needs = resource_policy.map_or(needs, |policy| needs.or(policy.needs(access.action)));
        let context = self.context(caller, access, needs, table.as_deref(), index)?;
        let verdict = evaluate(
            &Question {
                principal: caller.principal.facts(),
                action: access.action,
                resource: &resource,
                resource_account: &self.naming.account,
                context: &context,
            },
            policies,
            resource_policy,
        );
        match verdict {
            Verdict::Allowed { .. } => Ok(()),
            Verdict::Denied { reason } => Err(Error::AccessDenied {
                principal: caller.principal.arn().to_owned(),
                action: access.action,
                resource: resource.into_owned(),
                reason: reason.to_string(),
            }),
        }
    }
}

impl<E: Engine> Service<E> {
    /// A table as policies see it: its key schema, and the policy it carries. None if there is none.
    async fn table_for_authorization(&self, name: &TableName) -> Result<Option<Arc<Table>>> {
        match self.catalog.known(name) {
            Some(table) => Ok(Some(table)),
            None => self.catalog.find(&self.engine.snapshot(Consistency::Strong).await?, name).await,
        }
    }

    /// The condition keys of an access, of which the costly ones are computed only if they are needed.
    pub(crate) fn context<'c>(
        &self,
        caller: &'c Caller,
        access: &'c Access<'c>,
        needs: Needs,
        table: Option<&Table>,
        index: Option<&str>,
    ) -> Result<AccessContext<'c>> {
        let leading_keys = if needs.leading_keys && !matches!(access.items, Items::None) {
            // Of a table or an index that is not there nothing can be known, and nothing is allowed on the strength of
            // it.
            let keys = match table.and_then(|table| partition(table, index)) {
                Some((table, index)) => {
                    let partition = partition_of(table.key_schema(), index);
                    access.leading_keys(&self.expressions, partition)?
                }
                None => None,
            };
            keys.map_or(LeadingKeys::Unknown, LeadingKeys::Known)
        } else {
            LeadingKeys::None
        };
        let attributes = if needs.attributes { access.attributes(&self.expressions)? } else { None };
        Ok(AccessContext {
            caller,
            access,
            region: self.naming.region.clone(),
            now: (self.clock)(),
            leading_keys,
            attributes,
        })
    }
}

/// The table, and the index of that name if one is asked for.
fn partition<'t>(table: &'t Table, index: Option<&str>) -> Option<(&'t Table, Option<&'t IndexSchema>)> {
    match index {
        None => Some((table, None)),
        Some(name) => table.index(name).map(|index| (table, Some(&index.schema))),
    }
}

/// What is known of the partition keys that a request addresses.
enum LeadingKeys {
    /// It addresses none.
    None,
    /// It does, but they cannot be told.
    Unknown,
    /// These, by attribute of the partition key.
    Known(Vec<Vec<String>>),
}

/// The condition keys of one access.
pub(crate) struct AccessContext<'c> {
    caller: &'c Caller,
    access: &'c Access<'c>,
    region: Arc<str>,
    now: Timestamp,
    leading_keys: LeadingKeys,
    attributes: Option<BTreeSet<String>>,
}

impl AccessContext<'_> {
    fn leading_key(&self, attribute: usize) -> Option<ContextValue<'_>> {
        match &self.leading_keys {
            LeadingKeys::None => None,
            LeadingKeys::Unknown => Some(ContextValue::Unknown),
            LeadingKeys::Known(keys) => keys.get(attribute).map(many),
        }
    }
}

fn one<'v>(value: impl Into<Cow<'v, str>>) -> Option<ContextValue<'v>> {
    Some(ContextValue::One(value.into()))
}

fn many<'v>(values: impl IntoIterator<Item = &'v String>) -> ContextValue<'v> {
    ContextValue::Many(values.into_iter().map(|value| Cow::Borrowed(value.as_str())).collect())
}

impl Context for AccessContext<'_> {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        let connection = &self.caller.connection;
        match key {
            "dynamodb:leadingkeys" => self.leading_key(0),
            "dynamodb:secondpartitionkeyvalues" => self.leading_key(1),
            "dynamodb:thirdpartitionkeyvalues" => self.leading_key(2),
            "dynamodb:fourthpartitionkeyvalues" => self.leading_key(3),
            "dynamodb:attributes" => self.attributes.as_ref().map(many),
            "dynamodb:select" => one(self.access.select?.name()),
            "dynamodb:returnvalues" => one(self.access.return_values?.name()),
            "dynamodb:returnconsumedcapacity" => one(self.access.return_consumed_capacity?.name()),
            "dynamodb:enclosingoperation" => one(self.access.enclosing_operation?),
            "aws:sourceip" => one(connection.source_ip?.to_string()),
            "aws:securetransport" => one(if connection.is_secure { "true" } else { "false" }),
            "aws:useragent" => one(connection.user_agent.as_deref()?),
            "aws:currenttime" => one(self.now.to_string()),
            "aws:epochtime" => one(self.now.as_second().to_string()),
            "aws:requestedregion" => one(&*self.region),
            "aws:tagkeys" if !self.access.tags.is_empty() => {
                let keys = self.access.tags.iter().map(|(key, _)| Cow::Borrowed(*key));
                Some(ContextValue::Many(keys.collect()))
            }
            _ if self.access.key.is_some_and(|(name, _)| name == key) => one(self.access.key?.1),
            _ => match key.strip_prefix("aws:requesttag/") {
                Some(tag) => {
                    let mut tags = self.access.tags.iter();
                    one(tags.find(|(key, _)| key.eq_ignore_ascii_case(tag))?.1?)
                }
                None => self.caller.principal.context_key(key),
            },
        }
    }
}
