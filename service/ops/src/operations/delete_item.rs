//! DeleteItem (semantics 7.5, 12.3).

use crate::access::{Access, Items, Mentions};
use crate::error::At;
use crate::item_write::{Change, Condition, write_item};
use crate::undecodable::shown;
use crate::words::item_writes;
use crate::{
    ConsumedCapacity, Demand, ExpressionArguments, ItemCollectionMetrics, Operation, OperationKind, Permit,
    Result, ReturnConsumedCapacity, ReturnValues, ReturnValuesOnConditionCheckFailure, Service, UnitKind,
    Validation,
};
use cairn_model::{DecodeBudget, Item};
use cairn_storage::Engine;

/// Removes an item. One that is not there is no error.
#[derive(Clone, Debug, Default)]
pub struct DeleteItem {
    /// The table's name or ARN.
    pub table: String,
    /// The item's key.
    pub key: Item,
    /// What must be true of the item as it is.
    pub condition_expression: Option<String>,
    /// For the expression.
    pub arguments: ExpressionArguments,
    /// Nothing, or the item as it was.
    pub return_values: ReturnValues,
    /// What a failed condition tells of the item.
    pub return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
    /// Whether to tell the size of the item's collection.
    pub return_item_collection_metrics: bool,
}

/// What was removed.
#[derive(Clone, Debug)]
pub struct DeleteItemOutput {
    /// The item as it was, if that was asked for and there was one.
    pub attributes: Option<Item>,
    /// What it cost, if that was asked for.
    pub consumed_capacity: Option<ConsumedCapacity>,
    /// The item's collection, if that was asked for and the table has local indexes.
    pub item_collection_metrics: Option<ItemCollectionMetrics>,
}

impl Operation for DeleteItem {
    const KIND: OperationKind = OperationKind::DeleteItem;
    type Output = DeleteItemOutput;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: None, kind: UnitKind::Write })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        let items = Items::Listed(vec![("key".into(), &self.key)]);
        let mentions = Mentions {
            condition: self.condition_expression.as_deref(),
            arguments: Some(&self.arguments),
            ..Mentions::default()
        };
        vec![
            Access::to_items("dynamodb:DeleteItem", &self.table, None, items)
                .mentioning(mentions)
                .returning(self.return_values, self.return_values_on_condition_check_failure)
                .costing(self.return_consumed_capacity),
        ]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<DeleteItemOutput> {
        let table = permit.table()?;
        if !matches!(self.return_values, ReturnValues::None | ReturnValues::AllOld) {
            return Err(Validation::of_request("return_values", item_writes::RETURN_VALUES).into());
        }
        let key = self.key.into_attributes(&mut DecodeBudget::item()).map_err(|error| error.at("key"))?;
        let mut expressions =
            self.arguments.check(&service.expressions, self.condition_expression.is_some())?;
        let condition = expressions.condition(self.condition_expression.as_deref())?;
        expressions.finish()?;

        let condition = Condition::new(condition, self.return_values_on_condition_check_failure);
        let return_old = self.return_values == ReturnValues::AllOld;
        let written = write_item(
            (service, permit, table),
            None,
            |table| Ok(table.key_schema().key_of_argument(&key).map_err(|error| error.at("key"))?),
            move |_, old| {
                condition.check(old)?;
                let attributes = old.filter(|_| return_old).map(shown);
                Ok((Change::Delete, attributes))
            },
        )
        .await?;
        Ok(DeleteItemOutput {
            attributes: written.outcome,
            consumed_capacity: self
                .return_consumed_capacity
                .report(&table.reference.given, written.cost.parts),
            item_collection_metrics: written.collection.filter(|_| self.return_item_collection_metrics),
        })
    }
}
