//! What a call asks to be allowed: which action on which resource, and what policies may ask about it (IAM: actions,
//! ARNs, and the condition keys of fine-grained access control).
//!
//! An operation says it in terms of its own request ([`Operation::accesses`](crate::Operation::accesses)) and looks
//! nothing up; what a policy wants to know beyond that is computed from it here, and only if a policy wants to know.

use crate::error::At;
use crate::expressions::Expressions;
use crate::{
    ExpressionArguments, FieldPath, Result, ReturnConsumedCapacity, ReturnValues,
    ReturnValuesOnConditionCheckFailure, Select, Validation,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cairn_expression::{ExpressionCache, KeyCondition, KeyTest};
use cairn_model::{AttributeValue, DecodeBudget, Item, KeyAttribute};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// An action on a resource, which the caller's policies must allow.
#[derive(Debug)]
pub struct Access<'o> {
    /// The action, as in `dynamodb:GetItem`.
    pub(crate) action: &'static str,
    /// What it is done to.
    pub(crate) target: Target<'o>,
    /// The part of the request that this is about, if the request has several.
    pub(crate) place: Option<FieldPath>,
    /// Which items are addressed.
    pub(crate) items: Items<'o>,
    /// What is mentioned of them.
    pub(crate) expressions: Mentions<'o>,
    /// `dynamodb:Select`, of what reads items.
    pub(crate) select: Option<Select>,
    /// `dynamodb:ReturnValues`, of what writes items.
    pub(crate) return_values: Option<ReturnValues>,
    /// `dynamodb:ReturnConsumedCapacity`, of what can tell it.
    pub(crate) return_consumed_capacity: Option<ReturnConsumedCapacity>,
    /// `dynamodb:EnclosingOperation`, of the parts of a transaction.
    pub(crate) enclosing_operation: Option<&'static str>,
    /// `aws:TagKeys` and `aws:RequestTag/…`, of what sets or removes tags.
    pub(crate) tags: Vec<(&'o str, Option<&'o str>)>,
    /// A condition key of this action alone, in lower case, with its value.
    pub(crate) key: Option<(&'static str, &'o str)>,
}

/// What an action is done to.
#[derive(Debug)]
pub(crate) enum Target<'o> {
    /// Nothing in particular: `*`.
    Anything,
    /// A resource by its ARN, which is not a table's.
    Arn(Cow<'o, str>),
    /// A `user`, `group`, `role` or `policy` of the account by its name.
    Identity { kind: &'static str, name: &'o str },
    /// The caller itself.
    Caller,
    /// A table as the caller named it, in the member `field` or, if there is none, by the key of the part it is in; or
    /// one of the table's indexes.
    Table { field: Option<&'static str>, named: &'o str, index: Option<&'o str> },
}

/// Which items of a table a call addresses: what `dynamodb:LeadingKeys` is made of.
#[derive(Debug)]
pub(crate) enum Items<'o> {
    /// It is not about items.
    None,
    /// These: a key or a whole item each, and where in the request it is.
    Listed(Vec<(FieldPath, &'o Item)>),
    /// Those of the partition that the key condition names.
    OfPartition,
    /// All there are.
    All,
}

/// The expressions of a request as texts, and what their placeholders stand for; those that are built already come with
/// the arguments.
#[derive(Debug, Default)]
pub(crate) struct Mentions<'o> {
    pub(crate) update: Option<&'o str>,
    pub(crate) condition: Option<&'o str>,
    pub(crate) key_condition: Option<&'o str>,
    pub(crate) filter: Option<&'o str>,
    pub(crate) projection: Option<&'o str>,
    pub(crate) arguments: Option<&'o ExpressionArguments>,
}

impl<'o> Access<'o> {
    fn new(action: &'static str, target: Target<'o>) -> Self {
        Self {
            action,
            target,
            place: None,
            items: Items::None,
            expressions: Mentions::default(),
            select: None,
            return_values: None,
            return_consumed_capacity: None,
            enclosing_operation: None,
            tags: Vec::new(),
            key: None,
        }
    }

    /// An action on nothing in particular.
    pub(crate) fn to_anything(action: &'static str) -> Self {
        Self::new(action, Target::Anything)
    }

    /// An action on the resource with an ARN.
    pub(crate) fn to_arn(action: &'static str, arn: impl Into<Cow<'o, str>>) -> Self {
        Self::new(action, Target::Arn(arn.into()))
    }

    /// An action on a `user`, `group`, `role` or `policy` of the account.
    pub(crate) fn to_identity(action: &'static str, kind: &'static str, name: &'o str) -> Self {
        Self::new(action, Target::Identity { kind, name })
    }

    /// An action on the caller itself.
    pub(crate) fn to_caller(action: &'static str) -> Self {
        Self::new(action, Target::Caller)
    }

    /// An action on the table that a member of the request names.
    pub(crate) fn to_table(action: &'static str, field: &'static str, named: &'o str) -> Self {
        Self::new(action, Target::Table { field: Some(field), named, index: None })
    }

    /// An action on the items of the table in `table`, or of one of its indexes.
    pub(crate) fn to_items(
        action: &'static str,
        table: &'o str,
        index: Option<&'o str>,
        items: Items<'o>,
    ) -> Self {
        Self { items, ..Self::new(action, Target::Table { field: Some("table"), named: table, index }) }
    }

    /// The same, of one part of a request.
    pub(crate) fn at(self, place: FieldPath) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The same, of one part of a request, whose key in the request is the table's name.
    pub(crate) fn keyed_by_table(mut self, place: FieldPath) -> Self {
        if let Target::Table { field, .. } = &mut self.target {
            *field = None;
        }
        self.at(place)
    }

    /// Where the request names the table.
    pub(crate) fn table_field(&self, field: Option<&'static str>) -> FieldPath {
        match (&self.place, field) {
            (Some(place), Some(field)) => place.clone().field(field),
            (Some(place), None) => place.clone(),
            (None, field) => field.unwrap_or("table").into(),
        }
    }

    pub(crate) fn mentioning(self, expressions: Mentions<'o>) -> Self {
        Self { expressions, ..self }
    }

    /// Of an access that answers with items. What is not said is what is meant: the parts of a projection, else all.
    pub(crate) fn selecting(self, select: Option<Select>) -> Self {
        let implied = match &self.target {
            _ if self.expressions.projects() => Select::SpecificAttributes,
            Target::Table { index: Some(_), .. } => Select::AllProjectedAttributes,
            _ => Select::AllAttributes,
        };
        Self { select: Some(select.unwrap_or(implied)), ..self }
    }

    /// Of an access that may answer with the item it writes. An item that is told of when a condition fails is told of
    /// all the same, so a policy that keeps callers from `ALL_OLD` keeps them from that too.
    pub(crate) fn returning(
        self,
        values: ReturnValues,
        on_failure: ReturnValuesOnConditionCheckFailure,
    ) -> Self {
        let tells_all = on_failure == ReturnValuesOnConditionCheckFailure::AllOld;
        let values = if tells_all && values != ReturnValues::AllNew { ReturnValues::AllOld } else { values };
        Self { return_values: Some(values), ..self }
    }

    pub(crate) fn costing(self, report: ReturnConsumedCapacity) -> Self {
        Self { return_consumed_capacity: Some(report), ..self }
    }

    pub(crate) fn within(self, enclosing_operation: &'static str) -> Self {
        Self { enclosing_operation: Some(enclosing_operation), ..self }
    }

    pub(crate) fn tagging(self, tags: Vec<(&'o str, Option<&'o str>)>) -> Self {
        Self { tags, ..self }
    }

    /// Of an action that has a condition key of its own, if the request says what it is.
    pub(crate) fn with_key(self, key: &'static str, value: Option<&'o str>) -> Self {
        Self { key: value.map(|value| (key, value)), ..self }
    }

    fn placed(&self, validation: Validation) -> Validation {
        match &self.place {
            Some(place) => validation.below(place.clone()),
            None => validation,
        }
    }

    /// The values of the partition key of every item that is addressed, one list for each of its attributes: a table
    /// has one, a global index up to four. None if that cannot be known, as of all the items of a table.
    ///
    /// # Errors
    /// What is wrong with the request, as the operation itself would say it.
    pub(crate) fn leading_keys(
        &self,
        expressions: &ExpressionCache,
        partition: &[KeyAttribute],
    ) -> Result<Option<Vec<Vec<String>>>, Validation> {
        let mut leading: Vec<Vec<String>> = vec![Vec::new(); partition.len()];
        match &self.items {
            Items::None => {}
            Items::All => return Ok(None),
            Items::Listed(items) => {
                for (field, item) in items {
                    let item = (*item)
                        .clone()
                        .into_attributes(&mut DecodeBudget::item())
                        .map_err(|error| error.at(field.clone()))?;
                    for (values, attribute) in leading.iter_mut().zip(partition) {
                        match item.get(&attribute.name).and_then(text) {
                            Some(text) => values.push(text),
                            None => return Ok(None),
                        }
                    }
                }
            }
            Items::OfPartition => {
                let Some(condition) = self.key_condition(expressions)? else { return Ok(None) };
                for (values, attribute) in leading.iter_mut().zip(partition) {
                    let clauses = condition.clauses().iter();
                    let mut equalities = clauses.filter_map(|clause| match &clause.test {
                        KeyTest::Eq(value) if *clause.attribute == *attribute.name => text(value),
                        _ => None,
                    });
                    match equalities.next() {
                        Some(text) => values.push(text),
                        None => return Ok(None),
                    }
                }
            }
        }
        Ok(Some(leading))
    }

    fn key_condition(&self, cache: &ExpressionCache) -> Result<Option<KeyCondition>, Validation> {
        let started = self.expressions.start(cache);
        started
            .and_then(|mut expressions| expressions.key_condition(self.expressions.key_condition))
            .map_err(|error| self.placed(error))
    }

    /// The top-level attributes that the request mentions: `dynamodb:Attributes`. None if it is not about items.
    ///
    /// # Errors
    /// What is wrong with the request, as the operation itself would say it.
    pub(crate) fn attributes(&self, cache: &ExpressionCache) -> Result<Option<BTreeSet<String>>, Validation> {
        let mut names = BTreeSet::new();
        match &self.items {
            Items::None => return Ok(None),
            Items::All | Items::OfPartition => {}
            Items::Listed(items) => {
                for (field, item) in items {
                    let item = (*item).clone().into_attributes(&mut DecodeBudget::item());
                    names.extend(item.map_err(|error| error.at(field.clone()))?.into_keys());
                }
            }
        }
        self.expressions.attributes(cache, &mut names).map_err(|error| self.placed(error))?;
        Ok(Some(names))
    }
}

impl Mentions<'_> {
    fn any(&self) -> bool {
        [self.update, self.condition, self.key_condition, self.filter, self.projection]
            .iter()
            .any(Option::is_some)
    }

    /// Whether there is a projection, as text or built.
    fn projects(&self) -> bool {
        let built = self.arguments.and_then(|arguments| arguments.built(|built| built.projection.as_ref()));
        self.projection.is_some() || built.is_some()
    }

    fn start<'c>(&self, cache: &'c ExpressionCache) -> Result<Expressions<'c>, Validation> {
        self.arguments.cloned().unwrap_or_default().check(cache, self.any())
    }

    fn attributes(&self, cache: &ExpressionCache, names: &mut BTreeSet<String>) -> Result<(), Validation> {
        let mut expressions = self.start(cache)?;
        let mut enter = |attributes: BTreeSet<&str>| names.extend(attributes.into_iter().map(str::to_owned));
        if let Some(update) = expressions.update(self.update)? {
            enter(update.attributes());
        }
        if let Some(condition) = expressions.condition(self.condition)? {
            enter(condition.attributes());
        }
        if let Some(condition) = expressions.key_condition(self.key_condition)? {
            enter(condition.attributes());
        }
        if let Some(filter) = expressions.filter(self.filter)? {
            enter(filter.attributes());
        }
        if let Some(projection) = expressions.projection(self.projection)? {
            enter(projection.attributes());
        }
        Ok(())
    }
}

/// A key's value as a policy compares it: a number in its canonical form, bytes in base64. Nothing else is a key.
fn text(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(text.clone()),
        AttributeValue::N(number) => Some(number.to_string()),
        AttributeValue::B(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}
