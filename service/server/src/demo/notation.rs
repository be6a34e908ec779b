//! The notation that the parts of the tour are written in: values, requests and expectations in few words.

use super::answer::{Answer, Outcome, Refusal, Table};
use super::call::{Call, Until};
use super::tour::Step;
use cairn_api::v1::transact_write_item::Action;
use cairn_api::v1::{self, CancellationCode, ErrorReason, TableStatus};
use cairn_model::{AttributeMap, AttributeValue, EncodedValue};
use std::collections::BTreeMap;
use tonic::Code;

// ---- values

/// A string.
pub(super) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number.
pub(super) fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.into())
}

/// A boolean.
pub(super) fn flag(value: bool) -> AttributeValue {
    AttributeValue::Bool(value)
}

/// A list.
pub(super) fn list<const N: usize>(elements: [AttributeValue; N]) -> AttributeValue {
    AttributeValue::L(elements.into())
}

/// A map.
pub(super) fn map<const N: usize>(members: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(item(members))
}

/// A set of strings.
pub(super) fn strings<const N: usize>(members: [&str; N]) -> AttributeValue {
    AttributeValue::Ss(members.into_iter().map(str::to_owned).collect())
}

/// An item, or a key.
pub(super) fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> AttributeMap {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn encoded(attributes: &AttributeMap) -> BTreeMap<String, EncodedValue> {
    attributes.iter().map(|(name, value)| (name.clone(), value.into())).collect()
}

// ---- requests about tables

/// The ARN of a table of the demonstration, which has the default region and account.
fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:local:000000000000:table/{table}")
}

/// The definitions of key attributes.
fn definitions(key: &[(&str, v1::ScalarAttributeType)]) -> Vec<v1::AttributeDefinition> {
    key.iter()
        .map(|(name, of_type)| v1::AttributeDefinition {
            attribute_name: (*name).to_owned(),
            attribute_type: (*of_type).into(),
        })
        .collect()
}

/// A key: a partition key and, if there is a second attribute, a sort key.
fn key_schema(key: &[(&str, v1::ScalarAttributeType)]) -> Vec<v1::KeySchemaElement> {
    key.iter()
        .zip([v1::KeyType::Hash, v1::KeyType::Range])
        .map(|((name, _), role)| v1::KeySchemaElement {
            attribute_name: (*name).to_owned(),
            key_type: role.into(),
        })
        .collect()
}

/// A table on demand; the first attribute is its partition key, the second, if any, its sort key.
pub(super) fn create_table<const N: usize>(
    table: &str,
    key: [(&str, v1::ScalarAttributeType); N],
) -> v1::CreateTableRequest {
    v1::CreateTableRequest {
        table: table.to_owned(),
        attribute_definitions: definitions(&key),
        key_schema: key_schema(&key),
        billing_mode: v1::BillingMode::PayPerRequest.into(),
        ..Default::default()
    }
}

/// The same table with a global secondary index of nothing but keys: the index's own and the table's.
pub(super) fn indexed<const N: usize>(
    mut request: v1::CreateTableRequest,
    index: &str,
    key: [(&str, v1::ScalarAttributeType); N],
) -> v1::CreateTableRequest {
    for definition in definitions(&key) {
        if !request.attribute_definitions.contains(&definition) {
            request.attribute_definitions.push(definition);
        }
    }
    request.global_secondary_indexes.push(v1::GlobalSecondaryIndex {
        index_name: index.to_owned(),
        key_schema: key_schema(&key),
        projection: Some(v1::Projection {
            projection_type: v1::ProjectionType::KeysOnly.into(),
            ..Default::default()
        }),
        ..Default::default()
    });
    request
}

/// The same table with throughput set in advance, in read and write capacity units a second.
pub(super) fn provisioned(
    request: v1::CreateTableRequest,
    (read, write): (i64, i64),
) -> v1::CreateTableRequest {
    v1::CreateTableRequest {
        billing_mode: v1::BillingMode::Provisioned.into(),
        provisioned_throughput: Some(v1::ProvisionedThroughput {
            read_capacity_units: read,
            write_capacity_units: write,
        }),
        ..request
    }
}

/// A change of throughput, in read and write capacity units a second.
pub(super) fn update_throughput(table: &str, (read, write): (i64, i64)) -> v1::UpdateTableRequest {
    v1::UpdateTableRequest {
        table: table.to_owned(),
        provisioned_throughput: Some(v1::ProvisionedThroughput {
            read_capacity_units: read,
            write_capacity_units: write,
        }),
        ..Default::default()
    }
}

pub(super) fn describe_table(table: &str) -> v1::DescribeTableRequest {
    v1::DescribeTableRequest { table: table.to_owned() }
}

/// DescribeTable until the table is ACTIVE.
pub(super) fn await_active(table: &str) -> Call {
    Call::AwaitTable(describe_table(table), Until::Active)
}

/// DescribeTable until the table is not found.
pub(super) fn await_gone(table: &str) -> Call {
    Call::AwaitTable(describe_table(table), Until::Gone)
}

pub(super) fn delete_table(table: &str) -> v1::DeleteTableRequest {
    v1::DeleteTableRequest { table: table.to_owned() }
}

pub(super) fn tag<const N: usize>(table: &str, tags: [(&str, &str); N]) -> v1::TagResourceRequest {
    let tags = tags.map(|(key, value)| v1::Tag { key: key.to_owned(), value: value.to_owned() });
    v1::TagResourceRequest { resource_arn: arn(table), tags: tags.into() }
}

pub(super) fn untag<const N: usize>(table: &str, keys: [&str; N]) -> v1::UntagResourceRequest {
    v1::UntagResourceRequest { resource_arn: arn(table), tag_keys: keys.map(str::to_owned).into() }
}

pub(super) fn list_tags(table: &str) -> v1::ListTagsOfResourceRequest {
    v1::ListTagsOfResourceRequest { resource_arn: arn(table), ..Default::default() }
}

// ---- requests about items

/// A strong read.
pub(super) fn get(table: &str, key: &AttributeMap) -> v1::GetItemRequest {
    v1::GetItemRequest {
        table: table.to_owned(),
        key: encoded(key),
        read_consistency: v1::ReadConsistency::Strong.into(),
        ..Default::default()
    }
}

pub(super) fn put(table: &str, item: &AttributeMap) -> v1::PutItemRequest {
    v1::PutItemRequest { table: table.to_owned(), item: Some(item.clone().into()), ..Default::default() }
}

pub(super) fn update(table: &str, key: &AttributeMap, expression: &str) -> v1::UpdateItemRequest {
    v1::UpdateItemRequest {
        table: table.to_owned(),
        key: encoded(key),
        update_expression: Some(expression.to_owned()),
        ..Default::default()
    }
}

pub(super) fn delete(table: &str, key: &AttributeMap) -> v1::DeleteItemRequest {
    v1::DeleteItemRequest { table: table.to_owned(), key: encoded(key), ..Default::default() }
}

/// The items of an index under one partition key, the greatest sort key first.
pub(super) fn query_descending(table: &str, index: &str, key_condition: &str) -> v1::QueryRequest {
    v1::QueryRequest {
        table: table.to_owned(),
        index: Some(index.to_owned()),
        key_condition_expression: key_condition.to_owned(),
        sort_order: v1::SortOrder::Descending.into(),
        ..Default::default()
    }
}

/// All of these writes, or none.
pub(super) fn transact<const N: usize>(actions: [Action; N]) -> v1::TransactWriteItemsRequest {
    v1::TransactWriteItemsRequest {
        transact_items: actions.map(|action| v1::TransactWriteItem { action: Some(action) }).into(),
        ..Default::default()
    }
}

/// Requests that can be an action of a transaction.
pub(super) trait Transact {
    /// The same write, which answers nothing.
    fn in_transaction(self) -> Action;
}

impl Transact for v1::PutItemRequest {
    fn in_transaction(self) -> Action {
        Action::Put(v1::TransactPut {
            return_values_on_condition_check_failure: self.return_values_on_condition_check_failure,
            table: self.table,
            item: self.item,
            condition_expression: self.condition_expression,
            bindings: self.bindings,
        })
    }
}

impl Transact for v1::UpdateItemRequest {
    fn in_transaction(self) -> Action {
        Action::Update(v1::TransactUpdate {
            return_values_on_condition_check_failure: self.return_values_on_condition_check_failure,
            table: self.table,
            key: self.key,
            update_expression: self.update_expression.unwrap_or_default(),
            condition_expression: self.condition_expression,
            bindings: self.bindings,
        })
    }
}

impl Transact for v1::DeleteItemRequest {
    fn in_transaction(self) -> Action {
        Action::Delete(v1::TransactDelete {
            return_values_on_condition_check_failure: self.return_values_on_condition_check_failure,
            table: self.table,
            key: self.key,
            condition_expression: self.condition_expression,
            bindings: self.bindings,
        })
    }
}

/// Requests whose expressions have placeholders, and which may tell their cost.
pub(super) trait Bind: Sized {
    fn bindings(&mut self) -> &mut v1::ExpressionBindings;
    fn ask_for_cost(&mut self);

    /// The attribute name that a placeholder as `#n` stands for.
    fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.bindings().names.insert(placeholder.to_owned(), name.to_owned());
        self
    }

    /// The value that a placeholder as `:v` stands for.
    fn value(mut self, placeholder: &str, value: &AttributeValue) -> Self {
        self.bindings().values.insert(placeholder.to_owned(), value.into());
        self
    }

    /// With the capacity units it consumes.
    fn with_cost(mut self) -> Self {
        self.ask_for_cost();
        self
    }
}

/// Requests that write, perhaps on a condition.
pub(super) trait Write: Sized {
    /// Only if this is true of the item as it is.
    fn only_if(self, condition: &str) -> Self;
    /// Answering with these attributes.
    fn returning(self, values: v1::ReturnValues) -> Self;
    /// Showing the item that the condition is false for.
    fn showing_failure(self) -> Self;
}

macro_rules! bind {
    ($($request:ident),*) => {$(
        impl Bind for v1::$request {
            fn bindings(&mut self) -> &mut v1::ExpressionBindings {
                self.bindings.get_or_insert_default()
            }

            fn ask_for_cost(&mut self) {
                self.set_return_consumed_capacity(v1::ReturnConsumedCapacity::Total);
            }
        }
    )*};
}

macro_rules! write {
    ($($request:ident),*) => {$(
        impl Write for v1::$request {
            fn only_if(mut self, condition: &str) -> Self {
                self.condition_expression = Some(condition.to_owned());
                self
            }

            fn returning(mut self, values: v1::ReturnValues) -> Self {
                self.set_return_values(values);
                self
            }

            fn showing_failure(mut self) -> Self {
                self.set_return_values_on_condition_check_failure(
                    v1::ReturnValuesOnConditionCheckFailure::AllOld,
                );
                self
            }
        }
    )*};
}

bind!(GetItemRequest, PutItemRequest, UpdateItemRequest, DeleteItemRequest, QueryRequest);
write!(PutItemRequest, UpdateItemRequest, DeleteItemRequest);

// ---- expectations

/// A table of that name and status, with so many items, on demand.
pub(super) fn table(name: &str, status: TableStatus, item_count: i64) -> Outcome {
    table_with(name, status, item_count, (0, 0))
}

/// A table with read and write capacity units a second.
pub(super) fn table_with(
    name: &str,
    status: TableStatus,
    item_count: i64,
    throughput: (i64, i64),
) -> Outcome {
    Ok(Answer::Table(Table { name: name.to_owned(), status, item_count, throughput, indexes: Vec::new() }))
}

/// The same table with a global secondary index.
pub(super) fn with_index(outcome: Outcome, index: &str) -> Outcome {
    outcome.map(|mut answer| {
        if let Answer::Table(table) = &mut answer {
            table.indexes.push(index.to_owned());
        }
        answer
    })
}

/// The names of all tables.
pub(super) fn table_names<const N: usize>(names: [&str; N]) -> Outcome {
    Ok(Answer::TableNames(names.map(str::to_owned).into()))
}

/// All tags of a table.
pub(super) fn tags<const N: usize>(tags: [(&str, &str); N]) -> Outcome {
    Ok(Answer::Tags(tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()))
}

/// A change of tags that is done.
pub(super) fn tags_changed() -> Outcome {
    Ok(Answer::TagsChanged)
}

/// This item, and no other attribute.
pub(super) fn found(item: &AttributeMap) -> Outcome {
    Ok(Answer::Read { item: Some(item.clone()), units: None })
}

/// These items in this order; more of them only if there is `more`.
pub(super) fn page<const N: usize>(items: [AttributeMap; N], more: bool) -> Outcome {
    Ok(Answer::Page { items: items.into(), more })
}

/// No item.
pub(super) fn nothing() -> Outcome {
    Ok(Answer::Read { item: None, units: None })
}

/// A write that answers with no attributes.
pub(super) fn written() -> Outcome {
    Ok(Answer::Written { attributes: None, units: None })
}

/// A write that answers with these attributes.
pub(super) fn wrote(attributes: &AttributeMap) -> Outcome {
    Ok(Answer::Written { attributes: Some(attributes.clone()), units: None })
}

/// The same answer, at that cost.
pub(super) fn at_cost(outcome: Outcome, cost: f64) -> Outcome {
    outcome.map(|mut answer| {
        if let Answer::Read { units, .. } | Answer::Written { units, .. } = &mut answer {
            *units = Some(cost);
        }
        answer
    })
}

/// A refusal.
pub(super) fn refused(code: Code, reason: ErrorReason) -> Outcome {
    Err(Refusal { code, reason: Some(reason), item: None, cancelled: Vec::new() })
}

/// A condition that was false, of an item that is shown if there is one to show.
pub(super) fn condition_failed(item: Option<&AttributeMap>) -> Outcome {
    Err(Refusal {
        code: Code::FailedPrecondition,
        reason: Some(ErrorReason::ConditionalCheckFailed),
        item: item.cloned(),
        cancelled: Vec::new(),
    })
}

/// A transaction that is done.
pub(super) fn committed() -> Outcome {
    Ok(Answer::Committed)
}

/// A transaction of which a condition was false: what became of each action, in their order.
pub(super) fn cancelled<const N: usize>(codes: [CancellationCode; N]) -> Outcome {
    Err(Refusal {
        code: Code::FailedPrecondition,
        reason: Some(ErrorReason::TransactionCanceled),
        item: None,
        cancelled: codes.into(),
    })
}

// ---- steps

/// A call and what it is to be answered with.
pub(super) fn expect(call: impl Into<Call>, expected: Outcome) -> (Call, Outcome) {
    (call.into(), expected)
}

/// Steps that show one thing.
pub(super) fn steps<const N: usize>(title: &'static str, calls: [(Call, Outcome); N]) -> Vec<Step> {
    calls.into_iter().map(|(call, expected)| Step { title, call, expected }).collect()
}
