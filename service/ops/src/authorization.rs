//! Who may do what: the only way into an operation.
//!
//! [`Service::permit`] is the one place that makes a [`Permitted`] call, and [`Service::execute`] takes nothing else, so
//! a call that skipped the check cannot be built. What is asked is decided by policies alone (`cairn-policy`); what the
//! policies may want to know of the request is computed here, and only if one of them wants to know it.
//!
//! Permission comes before existence: a caller who may not touch a table is not told whether there is one.
//!
//! The tables that a call names are looked up here, once. The [`Permit`] carries them, and an operation gets at its tables
//! through the permit alone (`catalog/permitted.rs`), which finds them in the store as the call is carried out. If a table
//! is then another than the one that permission was given by, in anything that permission depends on, the call is judged
//! again ([`Permit::confirm`]).

use crate::access::{Access, Items, Target};
use crate::catalog::{Basis, Table};
use crate::{Demand, Error, FieldPath, Operation, Result, Service, Validation};
use cairn_auth::Principal;
use cairn_model::{TableName, TableReference};
use cairn_policy::{Context, ContextValue, Needs, PolicySet, Question, Verdict, evaluate};
use cairn_storage::Engine;
use jiff::Timestamp;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
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

/// The proof that a call was permitted, to whom, and by which definitions of its tables. Only [`Service::permit`] makes
/// one.
#[derive(Clone)]
pub struct Permit {
    caller: Caller,
    tables: Tables,
    /// What was asked for, if it is about tables: to be judged again by other definitions of them.
    asked: Option<Arc<dyn Asked>>,
}

/// The tables that a call names, each as often as it is called something else.
type Tables = SmallVec<[PermittedTable; 1]>;

/// A table that a call names.
#[derive(Clone)]
pub(crate) struct PermittedTable {
    /// Its name, and what the caller wrote.
    pub(crate) reference: TableReference,
    /// The definition that permission was given by; none if there was no such table.
    pub(crate) judged: Option<Arc<Table>>,
}

/// What a caller must be allowed, which can be asked for again.
pub(crate) trait Asked: Send + Sync {
    fn accesses(&self) -> Vec<Access<'_>>;
}

impl<O: Operation> Asked for O {
    fn accesses(&self) -> Vec<Access<'_>> {
        Operation::accesses(self)
    }
}

/// Needed for looking a table up without being permitted to: to find out whether one is.
pub(crate) struct Judging(());

/// For tests of what is looked up.
#[cfg(test)]
pub(crate) fn judging() -> Judging {
    Judging(())
}

#[derive(Debug, thiserror::Error)]
#[error("an operation looked for a table that it had not asked for")]
struct NotAskedFor;

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl Permit {
    /// Whose call it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The table of a call that is about one.
    ///
    /// # Errors
    /// If [`Operation::accesses`] names none.
    pub(crate) fn table(&self) -> Result<&PermittedTable> {
        self.tables.first().ok_or_else(|| Error::internal(NotAskedFor))
    }

    /// One of the tables of a call.
    ///
    /// # Errors
    /// If [`Operation::accesses`] does not name it.
    pub(crate) fn table_named(&self, name: &TableName) -> Result<&PermittedTable> {
        let mut tables = self.tables.iter();
        tables.find(|table| table.reference.name == *name).ok_or_else(|| Error::internal(NotAskedFor))
    }

    /// The table that a request with several calls `given`. It is read anew only of what was not looked at because the
    /// request has too much of it.
    pub(crate) fn reference<E: Engine>(
        &self,
        service: &Service<E>,
        field: impl FnOnce() -> FieldPath,
        given: &str,
    ) -> Result<TableReference, Validation> {
        match self.tables.iter().find(|table| table.reference.given == given) {
            Some(table) => Ok(table.reference.clone()),
            None => service.naming.table(field(), given.to_owned()),
        }
    }

    /// Permits the call by the definition of a table that was found in the store. Nothing is asked if permission depends
    /// on nothing that is different.
    ///
    /// # Errors
    /// The first action on the table that is not allowed any more.
    pub(crate) fn confirm<E: Engine>(
        &self,
        service: &Service<E>,
        table: &PermittedTable,
        found: Option<&Arc<Table>>,
    ) -> Result<()> {
        let is_same = match (&table.judged, found) {
            (Some(judged), Some(found)) => judged.basis() == found.basis(),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return Ok(());
        }
        let asked = self.asked.as_deref().ok_or_else(|| Error::internal(NotAskedFor))?;
        let policies = service.identities.policies(&self.caller.principal)?;
        let name = &table.reference.name;
        for access in &asked.accesses() {
            let Target::Table { named, .. } = access.target else { continue };
            let mut tables = self.tables.iter();
            if tables.any(|table| table.reference.given == named && table.reference.name == *name) {
                service.judge(&self.caller, &policies, access, Some((name, found)))?;
            }
        }
        Ok(())
    }

    /// Asks for the same again, of the policies and tables as they are now.
    ///
    /// # Errors
    /// Those of [`Service::permit`].
    pub(crate) async fn renewed<E: Engine>(&self, service: &Service<E>) -> Result<Self> {
        let asked = self.asked.clone().ok_or_else(|| Error::internal(NotAskedFor))?;
        service.permit_asked(self.caller.clone(), asked).await
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
        let accesses = Operation::accesses(&operation);
        let tables = self.authorize(&caller, &accesses).await.map_err(|error| O::KIND.word(error))?;
        drop(accesses);
        // Operations on items are cheap to clone: the items are shared.
        let asked = (!tables.is_empty()).then(|| Arc::new(operation.clone()) as Arc<dyn Asked>);
        Ok(Permitted { operation, permit: Permit { caller, tables, asked } })
    }

    /// Permits something that an operation comes to do besides what it is permitted.
    ///
    /// # Errors
    /// Those of [`permit`](Self::permit).
    pub(crate) async fn permit_asked(&self, caller: Caller, asked: Arc<dyn Asked>) -> Result<Permit> {
        let tables = self.authorize(&caller, &asked.accesses()).await?;
        Ok(Permit { caller, tables, asked: Some(asked) })
    }

    /// Refuses a call that its table has nothing for, by what is known without asking the store. A call that is let
    /// through is looked at again when it is known what it does.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub fn admit<O: Operation>(&self, call: &Permitted<O>) -> Result<()> {
        let table = call.permit.tables.first().and_then(|table| table.judged.as_deref());
        let Some((Demand { index, kind }, table)) = call.operation.demand().zip(table) else { return Ok(()) };
        Ok(table.capacity.admit(kind, table.capacity.drawn_on(index), None)?)
    }

    /// Does what is permitted.
    ///
    /// # Errors
    /// Those of the operation; [`Error::AccessDenied`] too, if permission depended on what has changed since.
    pub async fn execute<O: Operation>(&self, call: Permitted<O>) -> Result<O::Output> {
        call.operation.execute(self, &call.permit).await.map_err(|error| O::KIND.word(error))
    }

    /// Checks that the caller may do all of this, now, and says by which definitions of the tables.
    async fn authorize(&self, caller: &Caller, accesses: &[Access<'_>]) -> Result<Tables> {
        let policies = self.identities.policies(&caller.principal)?;
        let mut tables = Tables::new();
        for access in accesses {
            let Target::Table { field, named, .. } = access.target else {
                self.judge(caller, &policies, access, None)?;
                continue;
            };
            if self.naming.is_elsewhere(named) {
                return Err(Error::AccessDenied {
                    principal: caller.principal.arn().to_owned(),
                    action: access.action,
                    resource: named.to_owned(),
                    reason: format!("because no resource-based policy allows the {} action", access.action),
                });
            }
            let place = match tables.iter().position(|table| table.reference.given == named) {
                Some(place) => place,
                None => {
                    let reference =
                        self.naming.table_in(|| access.table_field(field), Cow::Borrowed(named))?;
                    let known = tables.iter().find(|table| table.reference.name == reference.name);
                    let judged = match known {
                        Some(known) => known.judged.clone(),
                        None => self.catalog.resolve(&reference.name, Judging(())).await?,
                    };
                    tables.push(PermittedTable { reference, judged });
                    tables.len() - 1
                }
            };
            let table = tables.get(place).map(|table| (&table.reference.name, table.judged.as_ref()));
            self.judge(caller, &policies, access, table)?;
        }
        Ok(tables)
    }

    /// Asks the policies about one access, given the table that it is to, by its name and as it is.
    fn judge(
        &self,
        caller: &Caller,
        policies: &PolicySet,
        access: &Access<'_>,
        table: Option<(&TableName, Option<&Arc<Table>>)>,
    ) -> Result<()> {
        let resource = match (&access.target, table) {
            (Target::Anything, _) => Cow::Borrowed("*"),
            (Target::Arn(arn), _) => Cow::Borrowed(&**arn),
            (Target::Identity { kind, name }, _) => {
                Cow::Owned(format!("arn:aws:iam::{}:{kind}/{name}", self.naming.account))
            }
            (Target::Caller, _) => Cow::Borrowed(caller.principal.arn()),
            (Target::Table { .. }, None) => return Err(Error::internal(NotAskedFor)),
            (Target::Table { index, .. }, Some((name, table))) => {
                let arn = match table {
                    Some(table) => Cow::Borrowed(table.capacity.arn()),
                    None => Cow::Owned(self.naming.arn(name)),
                };
                match index {
                    Some(index) => Cow::Owned([&*arn, "/index/", index].concat()),
                    None => arn,
                }
            }
        };
        let basis = table.and_then(|(_, table)| table).map(|table| table.basis());
        let resource_policy = basis.and_then(Basis::resource_policy);
        let needs = policies.needs(access.action);
        let needs = resource_policy.map_or(needs, |policy| needs.or(policy.needs(access.action)));
        let context = self.context(caller, access, needs, basis)?;
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
                reason: reason.clause(),
            }),
        }
    }
}

impl<E: Engine> Service<E> {
    /// The condition keys of an access, of which the costly ones are computed only if they are needed.
    pub(crate) fn context<'c>(
        &self,
        caller: &'c Caller,
        access: &'c Access<'c>,
        needs: Needs,
        table: Option<&Basis>,
    ) -> Result<AccessContext<'c>> {
        let leading_keys = if needs.leading_keys && !matches!(access.items, Items::None) {
            // Of a table or an index that is not there nothing can be known, and nothing is allowed on the strength of
            // it.
            let index = match access.target {
                Target::Table { index, .. } => index,
                _ => None,
            };
            let keys = match table.and_then(|table| table.partition(index)) {
                Some(partition) => access.leading_keys(&self.expressions, partition)?,
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
