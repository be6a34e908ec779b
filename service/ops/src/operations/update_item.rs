//! UpdateItem (semantics 5.7, 7.4, 12.3).

use crate::{
    ConsumedCapacity, Error, ExpressionArguments, Operation, OperationKind, Result, ReturnConsumedCapacity,
    ReturnValues, ReturnValuesOnConditionCheckFailure, Service,
};
use cairn_model::Item;
use cairn_storage::Engine;

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
}

/// What was changed.
#[derive(Clone, Debug)]
pub struct UpdateItemOutput {
    /// What was asked for of the item, if there is any of it.
    pub attributes: Option<Item>,
    /// What it cost, if that was asked for.
    pub consumed_capacity: Option<ConsumedCapacity>,
}

impl Operation for UpdateItem {
    const KIND: OperationKind = OperationKind::UpdateItem;
    type Output = UpdateItemOutput;

    async fn execute<E: Engine>(self, _: &Service<E>) -> Result<UpdateItemOutput> {
        Err(Error::NotImplemented { feature: "UpdateItem" })
    }
}
