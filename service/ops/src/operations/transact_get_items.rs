//! TransactGetItems (semantics 10.3, 12.4).

use crate::access::{Access, Items, Mentions};
use crate::capacity::{TABLE, item_slot};
use crate::catalog::ItemsRead;
use crate::error::At;
use crate::index_write::check_key_paths;
use crate::transaction::{
    ACTIONS_MAX, ActionFault, BYTES_MAX, Costs, action_field, check_action_count, check_capacity, conflict,
    distinct_records, keep_nesting_fault, read_cost, record_key,
};
use crate::undecodable::refusal;
use crate::words::transactions;
use crate::{
    ConsumedCapacity, ExpressionArguments, FieldPath, Operation, OperationKind, Permit, Result,
    ReturnConsumedCapacity, Service, UnitKind, Validation,
};
use cairn_expression::Projection;
use cairn_model::{AttributeMap, DecodeBudget, Echo, Item, StoredItem, TableReference};
use cairn_storage::{Consistency, Engine, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Items fetched at a time.
const FETCHED_MAX: usize = 25;

/// Reads items as they are at one moment. A snapshot shows whole commits only, so such a read conflicts with nothing
/// but in an engine that says so.
#[derive(Clone, Debug, Default)]
pub struct TransactGetItems {
    /// What to read.
    pub transact_items: Vec<TransactGet>,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// One item of a transaction to read.
#[derive(Clone, Debug, Default)]
pub struct TransactGet {
    /// The table's name or ARN.
    pub table: String,
    /// The item's key.
    pub key: Item,
    /// Which parts of the item; all of it if not said.
    pub projection_expression: Option<String>,
    /// For the expression.
    pub arguments: ExpressionArguments,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct TransactGetItemsOutput {
    /// The items in the order they were asked for; none where there is none.
    pub responses: Vec<Option<Item>>,
    /// What it cost by table, if that was asked for.
    pub consumed_capacity: Vec<ConsumedCapacity>,
}

/// One item to read, checked as far as its table need not be known.
struct Get {
    table: TableReference,
    key: AttributeMap,
    projection: Option<Projection>,
}

/// The place of a read. AWS's API has another member around it.
fn get_field(number: usize) -> FieldPath {
    action_field(number).aws_field("get")
}

impl Operation for TransactGetItems {
    const KIND: OperationKind = OperationKind::TransactGetItems;
    type Output = TransactGetItemsOutput;

    fn accesses<'o>(&'o self) -> Vec<Access<'o>> {
        let access = |(number, get): (usize, &'o TransactGet)| {
            let place = get_field(number);
            let key = vec![(place.clone().field("key"), &get.key)];
            let mentions = Mentions {
                projection: get.projection_expression.as_deref(),
                arguments: Some(&get.arguments),
                ..Mentions::default()
            };
            Access::to_items("dynamodb:GetItem", &get.table, None, Items::Listed(key))
                .at(place)
                .mentioning(mentions)
                .selecting(None)
                .costing(self.return_consumed_capacity)
                .within("TransactGetItems")
        };
        // A call with more than may be in one is refused before any of it is looked at.
        self.transact_items.iter().enumerate().take(ACTIONS_MAX).map(access).collect()
    }

    async fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> Result<TransactGetItemsOutput> {
        check_action_count(&self.transact_items, |echo, get| {
            let key = |echo: &mut Echo| echo.item(&get.key);
            let table = |echo: &mut Echo| echo.text(&get.table);
            let inner = |echo: &mut Echo| echo.structure("Get", &[("key", &key), ("tableName", &table)]);
            echo.structure("TransactGetItem", &[("get", &inner)]);
        })?;
        let gets = self
            .transact_items
            .into_iter()
            .enumerate()
            .map(|(number, get)| Get::new((service, permit), number, get))
            .collect::<Result<Vec<_>, _>>()?;

        let action_count = gets.len();
        // The actions that others were in the way of: a read of keys from the `first` action on, after `before` others.
        let in_the_way = |error, first: usize, before: usize| match error {
            cairn_storage::Error::Conflict { declared } => {
                let actions: Option<Vec<_>> =
                    declared.iter().map(|place| Some(first + place.checked_sub(before)?)).collect();
                conflict(action_count, &actions.unwrap_or_default())
            }
            error => error.into(),
        };
        let names: BTreeSet<_> = gets.iter().map(|get| &get.table.name).collect();
        let asked = names.iter().map(|name| permit.table_named(name)).collect::<Result<Vec<_>>>()?;
        let failed = |error, before| in_the_way(error, 0, before);
        let read = permit.read(service, &asked, Consistency::Strong, failed, |tables| {
            let tables: BTreeMap<_, _> = names.iter().copied().zip(tables.iter().cloned()).collect();
            let mut keys = Vec::with_capacity(gets.len());
            for (number, get) in gets.iter().enumerate() {
                let Some(table) = tables.get(&get.table.name) else { continue };
                let key = table.key_schema().key_of_argument(&get.key);
                let key = key.map_err(|error| ActionFault::new(error, get_field(number).field("key")));
                let paths = get.projection.iter().flat_map(Projection::paths);
                let paths = check_key_paths(table, "projection_expression", paths)
                    .map_err(|error| ActionFault::Cancelled(error.below(get_field(number))));
                keys.push(key.and_then(|key| paths.map(|()| record_key(table, &key))));
            }
            let records = distinct_records(keys)?;
            check_capacity(gets.iter().zip(&records).filter_map(|(get, record)| {
                let table = tables.get(&get.table.name)?;
                Some(table.capacity.admit(UnitKind::Read, TABLE, item_slot(&record.key)))
            }))?;
            let first = records.iter().take(FETCHED_MAX).cloned().collect();
            Ok(((tables, records), first))
        });
        let ItemsRead { plan: (tables, records), records: first, snapshot, .. } = read.await?;

        let mut first = Some(first);
        let mut responses = Vec::with_capacity(gets.len());
        let mut costs = Costs::default();
        let mut bytes = 0;
        for (chunk, (gets, records)) in gets.chunks(FETCHED_MAX).zip(records.chunks(FETCHED_MAX)).enumerate()
        {
            let found = match first.take() {
                Some(found) => found,
                None => {
                    let found = snapshot.get_many(records.to_vec()).await;
                    found.map_err(|error| in_the_way(error, chunk * FETCHED_MAX, 0))?
                }
            };
            for (place, ((get, key), record)) in gets.iter().zip(records).zip(found).enumerate() {
                let stored = record.map(StoredItem::read);
                let size = stored.as_ref().map_or(0, StoredItem::size);
                bytes += size;
                if bytes > BYTES_MAX {
                    return Err(Validation::of_state("transact_items", transactions::TOO_LARGE).into());
                }
                costs.add(&get.table, read_cost(key, size));
                let item = match (stored, &get.projection) {
                    (None, _) => Ok(None),
                    (Some(stored), None) => stored.item().map(Some),
                    // Of an item that holds nothing there, nothing is told: not even that it is there.
                    (Some(stored), Some(projection)) => stored.attributes().map(|item| {
                        Some(projection.apply(&item)).filter(|found| !found.is_empty()).map(Item::from)
                    }),
                };
                let field = || get_field(chunk * FETCHED_MAX + place).field("key");
                responses.push(item.map_err(|_| refusal(field()))?);
            }
        }
        costs.settle(UnitKind::Read, |name| tables.get(name).map(Arc::as_ref));
        Ok(TransactGetItemsOutput {
            responses,
            consumed_capacity: costs.report(self.return_consumed_capacity, UnitKind::Read),
        })
    }
}

impl Get {
    fn new<E: Engine>(
        (service, permit): (&Service<E>, &Permit),
        number: usize,
        get: TransactGet,
    ) -> Result<Self, Validation> {
        let field = get_field(number);
        let table = permit.reference(service, || field.clone().field("table"), &get.table)?;
        let key = get.key.into_attributes(&mut DecodeBudget::item());
        let (key, key_fault) =
            keep_nesting_fault(key, true).map_err(|error| error.at(field.clone().field("key")))?;
        let text = get.projection_expression.as_deref();
        let projection = get
            .arguments
            .check_in_transaction(&service.expressions, text.is_some())
            .and_then(|mut expressions| {
                let projection = expressions.projection(text)?;
                expressions.finish()?;
                Ok(projection)
            })
            .map_err(|error| error.below(field.clone()))?;
        match key_fault {
            Some(error) => Err(error.at(field.field("key"))),
            None => Ok(Self { table, key, projection }),
        }
    }
}
