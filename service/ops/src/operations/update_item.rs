//! UpdateItem (semantics 5.7, 7.4, 12.3).

use crate::access::{Access, Items, Mentions};
use crate::catalog::Table;
use crate::error::At;
use crate::index_write::check_update_targets;
use crate::item_write::{Change, Condition, NewItem, write_item};
use crate::{
    ConsumedCapacity, Demand, ExpressionArguments, ItemCollectionMetrics, Operation, OperationKind, Permit,
    Result, ReturnConsumedCapacity, ReturnValues, ReturnValuesOnConditionCheckFailure, Service, UnitKind,
    Validation,
};
use cairn_expression::{Update, UpdateError, UpdateErrorKind};
use cairn_model::{AttributeMap, DecodeBudget, Item, StoredItem};
use cairn_storage::Engine;
use std::sync::Arc;

/// Changes attributes of an item, which is made if it is not there.
#[derive(Clone, Debug, Default)]
pub struct UpdateItem {
    /// The table's name or ARN.
    pub table: String,
    /// The item's key.
    pub key: Item,
    /// What to change; nothing but making the item if not said.
    pub update_expression: Option<String>,
    /// What must be true of the item as it is.
    pub condition_expression: Option<String>,
    /// For both expressions.
    pub arguments: ExpressionArguments,
    /// What to answer with of the item.
    pub return_values: ReturnValues,
    /// What a failed condition tells of the item.
    pub return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
    /// Whether to tell the size of the item's collection.
    pub return_item_collection_metrics: bool,
}

/// What was changed.
#[derive(Clone, Debug)]
pub struct UpdateItemOutput {
    /// What was asked for of the item, if there is any of it.
    pub attributes: Option<Item>,
    /// What it cost, if that was asked for.
    pub consumed_capacity: Option<ConsumedCapacity>,
    /// The item's collection, if that was asked for and the table has local indexes.
    pub item_collection_metrics: Option<ItemCollectionMetrics>,
}

impl Operation for UpdateItem {
    const KIND: OperationKind = OperationKind::UpdateItem;
    type Output = UpdateItemOutput;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: None, kind: UnitKind::Write })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        let items = Items::Listed(vec![("key".into(), &self.key)]);
        let mentions = Mentions {
            update: self.update_expression.as_deref(),
            condition: self.condition_expression.as_deref(),
            arguments: Some(&self.arguments),
            ..Mentions::default()
        };
        vec![
            Access::to_items("dynamodb:UpdateItem", &self.table, None, items)
                .mentioning(mentions)
                .returning(self.return_values, self.return_values_on_condition_check_failure)
                .costing(self.return_consumed_capacity),
        ]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<UpdateItemOutput> {
        let table = permit.table()?;
        let key = self.key.into_attributes(&mut DecodeBudget::item()).map_err(|error| error.at("key"))?;
        let told = match self.arguments.built(|built| built.update.as_ref()) {
            Some(_) => attribute_updates_error as fn(&UpdateError) -> Validation,
            None => update_error,
        };
        let has_expression = self.update_expression.is_some() || self.condition_expression.is_some();
        let mut expressions = self.arguments.check(&service.expressions, has_expression)?;
        let update = expressions.update(self.update_expression.as_deref())?;
        let condition = expressions.condition(self.condition_expression.as_deref())?;
        expressions.finish()?;

        let condition = Condition::new(condition, self.return_values_on_condition_check_failure);
        let update = Arc::new(update);
        let checked = update.clone();
        let return_values = self.return_values;
        let written = write_item(
            (service, permit, table),
            None,
            |table| {
                let schema = table.key_schema();
                let primary = schema.key_of_argument(&key).map_err(|error| error.at("key"))?;
                if let Some(update) = &*checked {
                    check_targets(table, update)?;
                }
                Ok(primary)
            },
            {
                let key = key.clone();
                move |_, old| {
                    condition.check(old)?;
                    let before = old.map(StoredItem::attributes).transpose()?;
                    change(update.as_ref().as_ref(), before, &key, return_values, told)
                }
            },
        )
        .await?;
        Ok(UpdateItemOutput {
            attributes: written.outcome.map(Item::from),
            consumed_capacity: self
                .return_consumed_capacity
                .report(&table.reference.given, written.cost.parts),
            item_collection_metrics: written.collection.filter(|_| self.return_item_collection_metrics),
        })
    }
}

/// Checks that an update does not reach for the table's key, or into the keys of its indexes.
pub(super) fn check_targets(table: &Table, update: &Update) -> Result<(), Validation> {
    let schema = table.key_schema();
    update.check_avoids_keys(|name| schema.contains(name)).map_err(|error| update_error(&error))?;
    check_update_targets(table, update)
}

/// What an update makes of an item, and what it answers with. `told` says what is wrong if the item does not allow it.
pub(super) fn change(
    update: Option<&Update>,
    before: Option<AttributeMap>,
    key: &AttributeMap,
    return_values: ReturnValues,
    told: fn(&UpdateError) -> Validation,
) -> Result<(Change, Option<AttributeMap>)> {
    let Some(update) = update else {
        // Without an expression the item is made if it is not there, and is left as it is if it is.
        let (change, now) = match &before {
            Some(item) => (Change::Keep, item.clone()),
            None => (Change::Put(NewItem::new(Arc::new(key.clone()))?), key.clone()),
        };
        let answer = match return_values {
            ReturnValues::AllOld => before,
            ReturnValues::AllNew => Some(now),
            ReturnValues::None | ReturnValues::UpdatedOld | ReturnValues::UpdatedNew => None,
        };
        return Ok((change, answer));
    };
    let updated = match &before {
        Some(before) => update.apply(Some(before)),
        None => update.apply_to_new(key),
    };
    let updated = updated.map_err(|error| told(&error))?;
    let updated_new = match return_values {
        ReturnValues::UpdatedNew => update.updated_new(&updated),
        _ => None,
    };
    let change = match &updated.item {
        None => Change::Keep,
        Some(item) => Change::Put(NewItem::updated(item.clone())?),
    };
    let answer = match return_values {
        ReturnValues::None => None,
        ReturnValues::AllOld => before,
        ReturnValues::UpdatedOld => update.updated_old(before.as_ref()),
        ReturnValues::AllNew => updated.item,
        ReturnValues::UpdatedNew => updated_new,
    };
    Ok((change, answer))
}

/// The same of an update that was given as `AttributeUpdates`.
fn attribute_updates_error(error: &UpdateError) -> Validation {
    match error.kind {
        UpdateErrorKind::OperandType => {
            Validation::of_state("update_expression", "Type mismatch for attribute to update")
        }
        _ => update_error(error),
    }
}

/// An update that the table's keys or the item as it is do not allow.
pub(super) fn update_error(error: &UpdateError) -> Validation {
    let message = error.to_string();
    match error.kind {
        UpdateErrorKind::KeyAttribute { .. } => Validation::new("update_expression", message),
        _ => Validation::of_state("update_expression", message),
    }
}
