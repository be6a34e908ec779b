//! What transactions that read and transactions that write have in common (semantics 10, 12.4).

use crate::capacity::{Cost, item_slot, read_units};
use crate::catalog::Table;
use crate::error::At;
use crate::words::transactions;
use crate::{
    CancellationCode, CancellationReason, ConsumedCapacity, Error, FieldPath, Result, ReturnConsumedCapacity,
    Throttled, UnitKind, Validation,
};
use cairn_model::{Echo, KeyError, PrimaryKey, TableName, TableReference, ValueError, ValueErrorKind};
use cairn_storage::RecordKey;
use std::collections::HashSet;

/// Actions of one transaction.
pub(crate) const ACTIONS_MAX: usize = 100;

/// What a transaction takes in or gives out, in bytes.
pub(crate) const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where the actions of a transaction are in its request.
pub(crate) fn action_field(number: usize) -> FieldPath {
    FieldPath::from("transact_items").index(number)
}

/// A transaction has 1 to 100 actions. `echo_action` writes an action into the error.
pub(crate) fn check_action_count<T>(
    actions: &[T],
    echo_action: impl FnMut(&mut Echo, &T),
) -> Result<(), Validation> {
    let constraint = |value: &str, text| Err(Validation::constraint("transact_items", Some(value), text));
    match actions.len() {
        0 => constraint("[]", "Member must have length greater than or equal to 1"),
        1..=ACTIONS_MAX => Ok(()),
        _ => {
            let value = Echo::of(|echo| echo.list(actions, echo_action));
            constraint(&value, "Member must have length less than or equal to 100")
        }
    }
}

/// The attributes of an action's key or item. The nesting fault of a key is returned separately, because the action's
/// expressions are checked before it.
pub(crate) fn keep_nesting_fault<A: Default>(
    decoded: Result<A, ValueError>,
    is_key: bool,
) -> Result<(A, Option<ValueError>), ValueError> {
    match decoded {
        Ok(attributes) => Ok((attributes, None)),
        Err(error) if is_key && error.kind == ValueErrorKind::TooDeep => Ok((A::default(), Some(error))),
        Err(error) => Err(error),
    }
}

/// What is wrong with an action, given its table.
pub(crate) enum ActionFault {
    /// The request is refused.
    Refused(Validation),
    /// The transaction is cancelled.
    Cancelled(Validation),
}

impl ActionFault {
    /// An empty key value refuses the request; what else may be wrong with a key cancels the transaction.
    pub(crate) fn new(error: KeyError, field: FieldPath) -> Self {
        match error {
            KeyError::Empty { .. } => Self::Refused(error.at(field)),
            error => Self::Cancelled(error.at(field)),
        }
    }
}

/// An item's record.
pub(crate) fn record_key(table: &Table, key: &PrimaryKey) -> RecordKey {
    RecordKey::new(table.items(), key.storage_key())
}

/// The records of a transaction's items, given what each action's key came to. What refuses the request comes before
/// what cancels the transaction, of which only the first is reported.
///
/// # Errors
/// A key that is none, or an item that two actions are about.
pub(crate) fn distinct_records(keys: Vec<Result<RecordKey, ActionFault>>) -> Result<Vec<RecordKey>> {
    let count = keys.len();
    let mut seen = HashSet::with_capacity(count);
    let mut cancelled = None;
    let mut repeated = None;
    let mut records = Vec::with_capacity(count);
    for (number, key) in keys.into_iter().enumerate() {
        match key {
            Ok(record) => {
                if !seen.insert(record.clone()) {
                    repeated.get_or_insert(number);
                }
                records.push(record);
            }
            Err(ActionFault::Refused(validation)) => return Err(validation.into()),
            Err(ActionFault::Cancelled(validation)) => {
                cancelled.get_or_insert((number, validation));
            }
        }
    }
    if let Some(number) = repeated {
        return Err(Validation::new(action_field(number), transactions::SAME_ITEM).into());
    }
    match cancelled {
        Some((number, validation)) => Err(invalid_action(count, number, validation)),
        None => Ok(records),
    }
}

/// The cancellation of a transaction of `count` actions because of one that breaks a rule.
pub(crate) fn invalid_action(count: usize, number: usize, validation: Validation) -> Error {
    let mut fault = Some(CancellationReason {
        code: CancellationCode::ValidationError,
        message: validation.message,
        field: Some(validation.field),
        ..CancellationReason::default()
    });
    let reasons = (0..count).map(|other| fault.take_if(|_| other == number).unwrap_or_default()).collect();
    Error::TransactionCanceled { reasons }
}

/// The cancellation of a transaction of `count` actions because others were in the way of `actions`: of all of them, if
/// it is not known of which.
pub(crate) fn conflict(count: usize, actions: &[usize]) -> Error {
    let reasons = (0..count).map(|number| {
        if actions.is_empty() || actions.contains(&number) {
            CancellationReason {
                code: CancellationCode::TransactionConflict,
                message: Error::TransactionConflict.to_string(),
                ..CancellationReason::default()
            }
        } else {
            CancellationReason::default()
        }
    });
    Error::TransactionCanceled { reasons: reasons.collect() }
}

/// Cancels a transaction unless there is capacity for each of its actions, by what was found of each.
pub(crate) fn check_capacity(found: impl IntoIterator<Item = Result<(), Throttled>>) -> Result<()> {
    let reasons =
        found.into_iter().map(|found| found.err().map(CancellationReason::from).unwrap_or_default());
    let reasons: Vec<_> = reasons.collect();
    if reasons.iter().all(|reason| reason.code == CancellationCode::None) {
        return Ok(());
    }
    Err(Error::TransactionCanceled { reasons })
}

/// What a transaction costs, table by table.
#[derive(Default)]
pub(crate) struct Costs {
    by_table: Vec<(TableReference, Cost)>,
}

impl Costs {
    /// Adds what an action costs.
    pub(crate) fn add(&mut self, table: &TableReference, cost: Cost) {
        match self.by_table.iter_mut().find(|(other, _)| other.name == table.name) {
            Some((_, sum)) => sum.add(cost),
            None => self.by_table.push((table.clone(), cost)),
        }
    }

    /// Takes them from the capacity of the tables.
    pub(crate) fn settle<'t>(&self, kind: UnitKind, table: impl Fn(&TableName) -> Option<&'t Table>) {
        for (reference, cost) in &self.by_table {
            if let Some(table) = table(&reference.name) {
                table.capacity.settle(kind, &cost.draws);
            }
        }
    }

    /// The costs as an answer tells them, if it tells them. A table goes by what the first action called it.
    pub(crate) fn report(self, report: ReturnConsumedCapacity, kind: UnitKind) -> Vec<ConsumedCapacity> {
        self.by_table
            .into_iter()
            .filter_map(|(table, cost)| report.report_transaction(&table.given, cost.parts, kind))
            .collect()
    }
}

/// What it costs to read an item of so many bytes in a transaction.
pub(crate) fn read_cost(record: &RecordKey, bytes: usize) -> Cost {
    let slot = item_slot(&record.key);
    let mut cost = Cost::default();
    cost.add_item(slot, read_units(bytes, true));
    cost.in_transaction(slot)
}
