//! TransactWriteItems (semantics 1, 10.1, 10.2, 10.4, 12.4).
//!
//! A transaction is one [`Engine::transact`] over the records of its tables, of its items and of its request token. The
//! engine puts it before or after any other write, so that transactions do not get into each other's way: what DynamoDB
//! answers with TransactionConflict happens here one after the other. TransactionConflict is left for an engine that
//! gives up, and for a transaction that cannot be put anywhere, because its tables keep being changed.

use super::update_item::{change, check_targets, update_error};
use crate::access::{Access, Items, Mentions};
use crate::capacity::{Draw, TABLE, item_slot, write_units};
use crate::catalog::{FillProgress, TABLE_CHANGES_MAX, Table};
use crate::error::At;
use crate::idempotency::{Fingerprint, RequestToken};
use crate::index_write::empty_index_key;
use crate::item_collection::{collection_key, resize};
use crate::item_write::{Change, Condition, ItemWrites, NewItem, Unanswered, item_writes};
use crate::transaction::{
    ACTIONS_MAX, ActionFault, BYTES_MAX, Costs, action_field, check_action_count, check_capacity, conflict,
    distinct_records, invalid_action, keep_nesting_fault, read_cost, record_key,
};
use crate::words::transactions;
use crate::{
    CancellationCode, CancellationReason, ConsumedCapacity, Error, ExpressionArguments, FieldPath,
    ItemCollectionMetrics, ItemCollections, Operation, OperationKind, Permit, Result, ReturnConsumedCapacity,
    ReturnValues, ReturnValuesOnConditionCheckFailure, Service, Throttled, UnitKind, Validation,
};
use bytes::Bytes;
use cairn_expression::Update;
use cairn_model::{
    AttributeMap, DecodeBudget, Echo, Item, KeyValue, StoredItem, TableName, TableReference,
    encode_attributes, item_size,
};
use cairn_storage::{Consistency, Decision, Engine, RecordKey, Write};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Writes and checks items, all or none of them.
#[derive(Clone, Debug, Default)]
pub struct TransactWriteItems {
    /// What to do, each to another item.
    pub transact_items: Vec<TransactWriteItem>,
    /// A name for this request, 1 to 36 characters: a later call with it, within 10 minutes, does nothing and answers
    /// as if it had.
    pub request_token: Option<String>,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
    /// Whether to tell the sizes of the items' collections.
    pub return_item_collection_metrics: bool,
}

/// One action of a transaction.
#[derive(Clone, Debug)]
pub struct TransactWriteItem {
    /// The table's name or ARN.
    pub table: String,
    /// What to do.
    pub action: TransactAction,
    /// What must be true of the item as it is. Required of a check.
    pub condition_expression: Option<String>,
    /// For the expressions.
    pub arguments: ExpressionArguments,
    /// What a failed condition tells of the item.
    pub return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure,
}

/// What to do in a transaction.
#[derive(Clone, Debug)]
pub enum TransactAction {
    /// Nothing but check the condition.
    ConditionCheck {
        /// The item's key.
        key: Item,
    },
    /// Write an item, in place of the one with its key if there is one.
    Put {
        /// The item.
        item: Item,
    },
    /// Change attributes of an item, which is made if it is not there.
    Update {
        /// The item's key.
        key: Item,
        /// What to change.
        update_expression: String,
    },
    /// Remove an item.
    Delete {
        /// The item's key.
        key: Item,
    },
}

/// What a transaction came to.
#[derive(Clone, Debug)]
pub struct TransactWriteItemsOutput {
    /// What it cost by table, if that was asked for. One that was done before costs reads.
    pub consumed_capacity: Vec<ConsumedCapacity>,
    /// The collections that were written to, if that was asked for, of tables with local indexes.
    pub item_collections: ItemCollections,
}

/// A transaction, checked as far as its tables need not be known.
struct Transaction {
    actions: Vec<Action>,
    token: Option<RequestToken>,
}

/// One action, checked as far as its table need not be known.
struct Action {
    field: FieldPath,
    table: TableReference,
    condition: Condition,
    doing: Doing,
}

enum Doing {
    Check(Arc<AttributeMap>),
    Put(NewItem),
    Update(Arc<AttributeMap>, Update),
    Delete(Arc<AttributeMap>),
}

/// The tables of a transaction as they are believed to be.
type Tables = BTreeMap<TableName, Arc<Table>>;

enum Attempt {
    Done(Done),
    Refused(Refusal),
    /// Nothing was tried: a key is not one of its table.
    WrongKeys(Box<Error>),
    TableChanged,
}

/// A transaction that is not done, and what it costs nevertheless: one that its conditions cancel costs as if it had been
/// done.
struct Refusal {
    error: Box<Error>,
    costs: Costs,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), costs: Costs::default() }
    }
}

struct Done {
    costs: Costs,
    collections: ItemCollections,
    /// What the costs are: of reads if the transaction had been done before.
    kind: UnitKind,
}

impl Operation for TransactWriteItems {
    const KIND: OperationKind = OperationKind::TransactWriteItems;
    type Output = TransactWriteItemsOutput;

    fn accesses<'o>(&'o self) -> Vec<Access<'o>> {
        let access = |(number, item): (usize, &'o TransactWriteItem)| {
            let place = action_field(number).field(item.action.member());
            let (addressed, member) = item.action.item();
            let items = vec![(place.clone().field(member), addressed)];
            let mentions = Mentions {
                update: item.action.update_expression(),
                condition: item.condition_expression.as_deref(),
                arguments: Some(&item.arguments),
                ..Mentions::default()
            };
            Access::to_items(item.action.iam_action(), &item.table, None, Items::Listed(items))
                .at(place)
                .mentioning(mentions)
                .returning(ReturnValues::None, item.return_values_on_condition_check_failure)
                .costing(self.return_consumed_capacity)
                .within("TransactWriteItems")
        };
        // A call with more than may be in one is refused before any of it is looked at.
        self.transact_items.iter().enumerate().take(ACTIONS_MAX).map(access).collect()
    }

    async fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> Result<TransactWriteItemsOutput> {
        let report = self.return_consumed_capacity;
        let tells_collections = self.return_item_collection_metrics;
        let transaction = Arc::new(self.check(service, permit)?);
        let mut tables = Tables::new();
        for action in &transaction.actions {
            let name = &action.table.name;
            if !tables.contains_key(name) {
                tables.insert(name.clone(), permit.expected(service, permit.table_named(name)?).await?);
            }
        }
        let mut is_compared = false;
        for _ in 0..TABLE_CHANGES_MAX {
            match transaction.attempt(service, &tables).await {
                Ok(Attempt::Refused(Refusal { error, costs })) => {
                    costs.settle(UnitKind::Write, |name| tables.get(name).map(Arc::as_ref));
                    return Err(*error);
                }
                Ok(Attempt::Done(Done { costs, collections, kind })) => {
                    costs.settle(kind, |name| tables.get(name).map(Arc::as_ref));
                    if transaction.token.is_some() {
                        service.tokens.used(service);
                    }
                    return Ok(TransactWriteItemsOutput {
                        consumed_capacity: costs.report(report, kind),
                        item_collections: Some(collections).filter(|_| tells_collections).unwrap_or_default(),
                    });
                }
                Ok(Attempt::TableChanged) => {
                    refresh(service, permit, &mut tables).await?;
                }
                // That counts only if the tables are what they are believed to be.
                Ok(Attempt::WrongKeys(error)) => {
                    if is_compared || !refresh(service, permit, &mut tables).await? {
                        return Err(*error);
                    }
                    is_compared = true;
                }
                Err(error) => return Err(error),
            }
        }
        Err(conflict(transaction.actions.len(), &[]))
    }
}

/// Looks at the tables as they are now, in one snapshot. Says whether any of them is another.
async fn refresh<E: Engine>(service: &Service<E>, permit: &Permit, tables: &mut Tables) -> Result<bool> {
    let snapshot = service.engine.snapshot(Consistency::Strong).await?;
    let mut changed = false;
    for (name, table) in tables {
        let current = permit.serving(service, &snapshot, permit.table_named(name)?).await?;
        changed |= !Arc::ptr_eq(table, &current);
        *table = current;
    }
    Ok(changed)
}

impl TransactWriteItems {
    /// Every check that comes before the tables are looked up: action by action, the first that fails wins.
    fn check<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<Transaction, Validation> {
        check_action_count(&self.transact_items, TransactWriteItem::echo)?;
        if let Some(token) = &self.request_token {
            RequestToken::check(token)?;
        }
        let mut fingerprint = self.request_token.is_some().then(Fingerprint::new);
        if let Some(fingerprint) = &mut fingerprint {
            fingerprint.part(&[self.return_consumed_capacity as u8]);
        }
        let mut actions = Vec::with_capacity(self.transact_items.len());
        let mut bytes = 0;
        for (number, item) in self.transact_items.into_iter().enumerate() {
            let (action, action_bytes) =
                Action::check((service, permit), number, item, fingerprint.as_mut())?;
            bytes += action_bytes;
            actions.push(action);
        }
        if bytes > BYTES_MAX {
            return Err(Validation::new("transact_items", transactions::TOO_LARGE));
        }
        let token = self
            .request_token
            .zip(fingerprint)
            .map(|(token, fingerprint)| RequestToken::new(token, &fingerprint, (service.clock)()));
        Ok(Transaction { actions, token })
    }
}

impl TransactAction {
    /// The action's member in a request.
    fn member(&self) -> &'static str {
        match self {
            Self::ConditionCheck { .. } => "condition_check",
            Self::Put { .. } => "put",
            Self::Update { .. } => "update",
            Self::Delete { .. } => "delete",
        }
    }

    /// What a caller must be allowed to do it.
    fn iam_action(&self) -> &'static str {
        match self {
            Self::ConditionCheck { .. } => "dynamodb:ConditionCheckItem",
            Self::Put { .. } => "dynamodb:PutItem",
            Self::Update { .. } => "dynamodb:UpdateItem",
            Self::Delete { .. } => "dynamodb:DeleteItem",
        }
    }

    /// The item's key, or the whole item, and its member in a request.
    fn item(&self) -> (&Item, &'static str) {
        match self {
            Self::Put { item } => (item, "item"),
            Self::ConditionCheck { key } | Self::Update { key, .. } | Self::Delete { key } => (key, "key"),
        }
    }

    fn update_expression(&self) -> Option<&str> {
        match self {
            Self::Update { update_expression, .. } => Some(update_expression),
            _ => None,
        }
    }
}

impl Action {
    /// Checks an action; says how many bytes of the transaction's 4 MB it takes: its item or key, and its values.
    fn check<E: Engine>(
        (service, permit): (&Service<E>, &Permit),
        number: usize,
        given: TransactWriteItem,
        fingerprint: Option<&mut Fingerprint>,
    ) -> Result<(Self, usize), Validation> {
        let field = action_field(number).field(given.action.member());
        let table = permit.reference(service, || field.clone().field("table"), &given.table)?;
        let is_check = matches!(given.action, TransactAction::ConditionCheck { .. });
        if is_check && given.condition_expression.is_none() {
            let field = field.field("condition_expression");
            return Err(Validation::constraint(field, None, "Member must not be null"));
        }
        let (item, member) = given.action.item();
        let item = item.clone().into_shared(&mut DecodeBudget::item());
        let (item, key_fault) = keep_nesting_fault(item, member == "key")
            .map_err(|error| error.at(field.clone().field(member)))?;
        let arguments = given.arguments.clone().decoded().map_err(|error| error.below(field.clone()))?;
        let values = arguments.values.as_ref().map(Item::encoded);
        let bytes = item_size(&item) + values.as_ref().map_or(0, Bytes::len);
        if let Some(fingerprint) = fingerprint {
            given.enter(&table.name, &item, values.as_deref(), fingerprint);
        }
        let (update, condition) =
            given.expressions(service, arguments).map_err(|error| error.below(field.clone()))?;
        if let Some(error) = key_fault {
            return Err(error.at(field.field(member)));
        }
        let doing = match (given.action, update) {
            (TransactAction::Put { .. }, _) => {
                Doing::Put(NewItem::new(item).map_err(|error| error.below(field.clone()))?)
            }
            (TransactAction::Delete { .. }, _) => Doing::Delete(item),
            (_, Some(update)) => Doing::Update(item, update),
            (_, None) => Doing::Check(item),
        };
        let condition = Condition::new(condition, given.return_values_on_condition_check_failure);
        Ok((Self { field, table, condition, doing }, bytes))
    }

    /// The size of the item as it will be, if the caller gave all of it.
    fn new_size(&self) -> Option<usize> {
        match &self.doing {
            Doing::Put(new) => Some(new.size()),
            Doing::Check(_) | Doing::Update(..) | Doing::Delete(_) => None,
        }
    }

    /// Where the action's item is.
    fn record_key(&self, table: &Table) -> Result<RecordKey, ActionFault> {
        let schema = table.key_schema();
        let (key, member) = match &self.doing {
            Doing::Put(new) => (schema.key_of_item(&new.attributes), "item"),
            Doing::Check(key) | Doing::Update(key, _) | Doing::Delete(key) => {
                (schema.key_of_argument(key), "key")
            }
        };
        let key = key.map_err(|error| ActionFault::new(error, self.field.clone().field(member)))?;
        if let Doing::Put(new) = &self.doing
            && let Some(empty) = empty_index_key(table, None, new)
        {
            return Err(ActionFault::Refused(empty.below(self.field.clone())));
        }
        if let Doing::Update(_, update) = &self.doing {
            check_targets(table, update)
                .map_err(|error| ActionFault::Cancelled(error.below(self.field.clone())))?;
        }
        Ok(record_key(table, &key))
    }

    /// The item's collection, and where its size is kept, if its table keeps such sizes. Only of an action whose key is
    /// known to be one.
    fn collection(&self, table: &Table) -> Option<(KeyValue, RecordKey)> {
        let schema = table.key_schema();
        let key = match &self.doing {
            Doing::Put(new) => schema.key_of_item(&new.attributes),
            Doing::Check(key) | Doing::Update(key, _) | Doing::Delete(key) => schema.key_of_argument(key),
        };
        let partition = key.ok()?.partition;
        let record = collection_key(table, &partition)?;
        Some((partition, record))
    }

    /// What becomes of the item.
    fn change(&self, old: Option<&StoredItem>) -> Result<Change> {
        Ok(match &self.doing {
            Doing::Check(_) => Change::Keep,
            Doing::Put(new) => Change::Put(new.clone()),
            Doing::Delete(_) => Change::Delete,
            Doing::Update(key, update) => {
                let before = old.map(StoredItem::attributes).transpose()?;
                change(Some(update), before, key, ReturnValues::None, update_error)?.0
            }
        })
    }

    /// What the condition of the action has to do with the transaction's cancellation.
    fn condition_reason(&self, old: Option<&StoredItem>) -> Result<CancellationReason> {
        match self.condition.check(old) {
            Ok(()) => Ok(CancellationReason::default()),
            Err(error @ Error::ConditionalCheckFailed { .. }) => {
                let message = error.to_string();
                let Error::ConditionalCheckFailed { item } = error else { return Err(error) };
                let code = CancellationCode::ConditionalCheckFailed;
                Ok(CancellationReason { code, message, item, ..CancellationReason::default() })
            }
            Err(error) => Err(error),
        }
    }
}

impl TransactWriteItem {
    fn echo(echo: &mut Echo, action: &Self) {
        let (action_member, structure) = match &action.action {
            TransactAction::ConditionCheck { .. } => ("conditionCheck", "ConditionCheck"),
            TransactAction::Put { .. } => ("put", "Put"),
            TransactAction::Update { .. } => ("update", "Update"),
            TransactAction::Delete { .. } => ("delete", "Delete"),
        };
        let (item, member) = action.action.item();
        let item = |echo: &mut Echo| echo.item(item);
        let table = |echo: &mut Echo| echo.text(&action.table);
        let inner = |echo: &mut Echo| echo.structure(structure, &[(member, &item), ("tableName", &table)]);
        echo.structure("TransactWriteItem", &[(action_member, &inner)]);
    }

    fn expressions<E: Engine>(
        &self,
        service: &Service<E>,
        arguments: ExpressionArguments,
    ) -> Result<(Option<Update>, Option<cairn_expression::Condition>), Validation> {
        let (update, condition) = (self.action.update_expression(), self.condition_expression.as_deref());
        let has_expression = update.is_some() || condition.is_some();
        let mut expressions = arguments.check_in_transaction(&service.expressions, has_expression)?;
        let update = expressions.update(update)?;
        let condition = expressions.condition(condition)?;
        expressions.finish()?;
        Ok((update, condition))
    }

    /// Enters the action into the request's fingerprint. Names and members of sets are in order, numbers are values.
    fn enter(
        &self,
        table: &TableName,
        item: &AttributeMap,
        values: Option<&[u8]>,
        fingerprint: &mut Fingerprint,
    ) {
        fingerprint.part(self.action.member().as_bytes());
        fingerprint.part(table.as_str().as_bytes());
        fingerprint.part(&encode_attributes(item));
        fingerprint.optional(self.action.update_expression().map(str::as_bytes));
        fingerprint.optional(self.condition_expression.as_deref().map(str::as_bytes));
        fingerprint.optional(values);
        let names = self.arguments.names.iter().flatten();
        fingerprint.part(&(names.clone().count() as u64).to_be_bytes());
        for (placeholder, name) in names {
            fingerprint.part(placeholder.as_bytes());
            fingerprint.part(name.as_bytes());
        }
        fingerprint.part(&[self.return_values_on_condition_check_failure as u8]);
    }
}

/// An item collection that a transaction writes to, and which of its actions do.
struct Collection {
    table: Arc<Table>,
    /// What the first of the actions calls the table.
    given: String,
    partition: KeyValue,
    key: RecordKey,
    actions: Vec<usize>,
}

/// What the records say of how far indexes are filled, by the numbers of their tables.
type Fillings<'f> = HashMap<u64, &'f Option<Bytes>>;

/// An action with its item as it is.
struct Met<'t> {
    action: &'t Action,
    table: &'t Table,
    record: &'t RecordKey,
    old: Option<StoredItem>,
}

impl Transaction {
    /// Does it, if the tables are what they are believed to be.
    async fn attempt<E: Engine>(self: &Arc<Self>, service: &Service<E>, tables: &Tables) -> Result<Attempt> {
        let keys = self
            .actions
            .iter()
            .filter_map(|action| tables.get(&action.table.name).map(|table| action.record_key(table)));
        let records = match distinct_records(keys.collect()) {
            Ok(records) => records,
            Err(error) => return Ok(Attempt::WrongKeys(Box::new(error))),
        };
        let collections = self.collections(tables);
        let mut keys: Vec<_> = tables.values().map(|table| table.record_key().clone()).collect();
        keys.extend(self.token.as_ref().map(RequestToken::key));
        keys.extend(records.iter().cloned());
        keys.extend(collections.iter().map(|collection| collection.key.clone()));
        keys.extend(tables.values().filter_map(|table| table.declared_fill_key()));
        let collections = Arc::new(collections);
        let (transaction, deciding_tables, deciding_collections) =
            (self.clone(), tables.clone(), collections.clone());
        let bytes_max = service.item_collection_bytes_max;
        let known = tables.clone();
        let unanswered = Unanswered::of(self.actions.iter().zip(&records).filter_map(|(action, record)| {
            let units = 2.0 * action.new_size().map_or(1.0, write_units);
            let draw = Draw { index: TABLE, slot: item_slot(&record.key), units };
            Some((&**known.get(&action.table.name)?, draw))
        }));
        let attempt = service
            .engine
            .transact(keys, move |found| {
                transaction.decide(&deciding_tables, &records, (&deciding_collections, bytes_max), found)
            })
            .await;
        unanswered.answered();
        match attempt {
            Err(cairn_storage::Error::SpaceNotFound(_)) => Ok(Attempt::TableChanged),
            Err(cairn_storage::Error::Conflict { declared }) => {
                Err(self.conflict(tables, &collections, &declared))
            }
            attempt => Ok(attempt?),
        }
    }

    /// The item collections that the actions are about.
    fn collections(&self, tables: &Tables) -> Vec<Collection> {
        let mut collections: Vec<Collection> = Vec::new();
        for (number, action) in self.actions.iter().enumerate() {
            let Some(table) = tables.get(&action.table.name) else { continue };
            let Some((partition, key)) = action.collection(table) else { continue };
            match collections.iter_mut().find(|collection| collection.key == key) {
                Some(collection) => collection.actions.push(number),
                None => collections.push(Collection {
                    table: table.clone(),
                    given: action.table.given.clone(),
                    partition,
                    key,
                    actions: vec![number],
                }),
            }
        }
        collections
    }

    /// Decides, given the records of the tables, of the token if there is one, of the items, and of their collections.
    fn decide(
        &self,
        tables: &Tables,
        records: &[RecordKey],
        collections: (&[Collection], u64),
        found: &[Option<Bytes>],
    ) -> Decision<Attempt> {
        // The last of the declared records say how far indexes are filled.
        let filled: Vec<_> = tables.values().filter(|table| table.declared_fill_key().is_some()).collect();
        let (found, fillings) = found.split_at(found.len().saturating_sub(filled.len()));
        let fillings = filled.iter().map(|table| table.definition.number).zip(fillings).collect();
        let mut found = found.iter().map(Option::as_ref);
        for table in tables.values() {
            if !table.governs(found.next().flatten()) {
                return Decision::unchanged(Attempt::TableChanged);
            }
        }
        let token = self.token.as_ref().map(|token| (token, found.next().flatten()));
        match self.outcome(tables, records, (collections, fillings), token, found) {
            Ok((writes, done)) => Decision { writes, outcome: Attempt::Done(done) },
            Err(refusal) => Decision::unchanged(Attempt::Refused(refusal)),
        }
    }

    fn outcome<'f>(
        &self,
        tables: &Tables,
        records: &[RecordKey],
        ((collections, bytes_max), fillings): ((&[Collection], u64), Fillings<'_>),
        token: Option<(&RequestToken, Option<&Bytes>)>,
        mut found: impl Iterator<Item = Option<&'f Bytes>>,
    ) -> Result<(Vec<Write>, Done), Refusal> {
        let mut items = Vec::with_capacity(records.len());
        for ((action, record), found) in self.actions.iter().zip(records).zip(found.by_ref()) {
            let Some(table) = tables.get(&action.table.name) else { continue };
            items.push(Met { action, table, record, old: found.cloned().map(StoredItem::read) });
        }
        if let Some((token, record)) = token
            && token.is_replay(record)?
        {
            return Ok((Vec::new(), replayed(&items)));
        }
        let Changes { mut writes, costs, growths, capacity } = changes(&items, &fillings)?;
        if let Err(error) = check_conditions(&items) {
            return Err(Refusal { error: Box::new(error), costs });
        }
        let mut told = ItemCollections::default();
        for (collection, size) in collections.iter().zip(found) {
            let growth = collection.actions.iter().filter_map(|action| growths.get(*action)).sum();
            match resize(&collection.table, &collection.key, size, growth, bytes_max) {
                Ok((write, size)) => {
                    writes.extend(write);
                    let metrics = ItemCollectionMetrics::new(&collection.table, &collection.partition, size);
                    told.add(&collection.given, metrics);
                }
                Err(error @ Error::ItemCollectionSizeLimitExceeded { .. }) => {
                    return Err(self.too_large(&collection.actions, &error).into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        check_capacity(capacity)?;
        writes.extend(token.into_iter().flat_map(|(token, _)| token.writes()));
        Ok((writes, Done { costs, collections: told, kind: UnitKind::Write }))
    }

    /// The cancellation of a transaction whose actions would make a collection too large.
    fn too_large(&self, actions: &[usize], error: &Error) -> Error {
        let reasons = (0..self.actions.len()).map(|number| {
            if actions.contains(&number) {
                CancellationReason {
                    code: CancellationCode::ItemCollectionSizeLimitExceeded,
                    message: error.to_string(),
                    ..CancellationReason::default()
                }
            } else {
                CancellationReason::default()
            }
        });
        Error::TransactionCanceled { reasons: reasons.collect() }
    }

    /// The answer to a transaction that was given up over some of its declared keys: those of its tables, of its token
    /// if it has one, of its actions' items, of their collections, and of the progress of indexes.
    fn conflict(&self, tables: &Tables, collections: &[Collection], declared: &[usize]) -> Error {
        let token_at = tables.len();
        let items_at = token_at + usize::from(self.token.is_some());
        let collections_at = items_at + self.actions.len();
        if self.token.is_some() && declared.contains(&token_at) {
            return Error::TransactionInProgress;
        }
        let mut actions = Vec::new();
        for place in declared {
            if let Some(name) = tables.keys().nth(*place) {
                let of_table = self.actions.iter().enumerate();
                actions.extend(of_table.filter(|(_, action)| action.table.name == *name).map(|(at, _)| at));
            } else if let Some(collection) =
                place.checked_sub(collections_at).and_then(|place| collections.get(place))
            {
                actions.extend(&collection.actions);
            } else if *place < collections_at {
                actions.push(place.saturating_sub(items_at));
            } else {
                // The progress of an index that is being filled, which all items of its table go by.
                actions.extend(0..self.actions.len());
            }
        }
        conflict(self.actions.len(), &actions)
    }
}

/// A transaction that had been done before costs as much as to read what it is about.
fn replayed(items: &[Met<'_>]) -> Done {
    let mut costs = Costs::default();
    for Met { action, record, old, .. } in items {
        costs.add(&action.table, read_cost(record, old.as_ref().map_or(0, StoredItem::size)));
    }
    Done { costs, collections: ItemCollections::default(), kind: UnitKind::Read }
}

/// What all actions come to.
struct Changes {
    writes: Vec<Write>,
    costs: Costs,
    /// By how many bytes each action's collection grows.
    growths: Vec<i64>,
    /// Whether there is capacity for each action.
    capacity: Vec<Result<(), Throttled>>,
}

/// What all actions come to. An action that its item does not allow cancels the transaction before any condition is looked
/// at, and is the only one reported.
fn changes(items: &[Met<'_>], fillings: &Fillings<'_>) -> Result<Changes> {
    let mut changes = Changes {
        writes: Vec::new(),
        costs: Costs::default(),
        growths: Vec::with_capacity(items.len()),
        capacity: Vec::with_capacity(items.len()),
    };
    let mut cancelled = None;
    for (number, met) in items.iter().enumerate() {
        let filling = fillings.get(&met.table.definition.number).and_then(|record| record.as_ref());
        match met.writes(&FillProgress::read(filling)?)? {
            Ok(writes) => {
                let cost = writes.cost.in_transaction(item_slot(&met.record.key));
                changes.writes.extend(writes.writes);
                changes.growths.push(writes.collection_bytes);
                changes.capacity.push(met.table.capacity.check(UnitKind::Write, &cost.draws));
                changes.costs.add(&met.action.table, cost);
            }
            Err(ActionFault::Refused(validation)) => return Err(validation.into()),
            Err(ActionFault::Cancelled(validation)) => {
                cancelled.get_or_insert((number, validation));
            }
        }
    }
    match cancelled {
        Some((number, validation)) => Err(invalid_action(items.len(), number, validation)),
        None => Ok(changes),
    }
}

impl Met<'_> {
    /// What the action comes to.
    fn writes(&self, filling: &FillProgress) -> Result<Result<ItemWrites, ActionFault>> {
        let old = self.old.as_ref();
        let below = |validation: Validation| validation.below(self.action.field.clone());
        let change = match self.action.change(old) {
            Err(Error::Validation(validation)) => {
                return Ok(Err(ActionFault::Cancelled(below(validation))));
            }
            change => change?,
        };
        match item_writes(self.table, self.record, old, &change, filling) {
            Ok(writes) => Ok(Ok(writes)),
            Err(Error::Validation(validation)) => {
                let empty = match &change {
                    Change::Put(new) => empty_index_key(self.table, old, new),
                    _ => None,
                };
                Ok(Err(match empty {
                    Some(validation) => ActionFault::Refused(below(validation)),
                    None => ActionFault::Cancelled(below(validation)),
                }))
            }
            Err(error) => Err(error),
        }
    }
}

/// Cancels the transaction unless every condition is true of the items as they were before it. All that are not are
/// reported.
fn check_conditions(items: &[Met<'_>]) -> Result<()> {
    let mut reasons = Vec::with_capacity(items.len());
    for (number, met) in items.iter().enumerate() {
        match met.action.condition_reason(met.old.as_ref()) {
            Err(Error::Validation(validation)) => {
                let validation = validation.below(met.action.field.clone());
                return Err(invalid_action(items.len(), number, validation));
            }
            reason => reasons.push(reason?),
        }
    }
    if reasons.iter().all(|reason| reason.code == CancellationCode::None) {
        return Ok(());
    }
    Err(Error::TransactionCanceled { reasons })
}
