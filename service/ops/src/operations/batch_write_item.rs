//! BatchWriteItem (semantics 9.3–9.6, 12.3).

use crate::access::{Access, Items};
use crate::capacity::{CapacityParts, Draw, TABLE, item_slot, write_units};
use crate::catalog::{FillProgress, Table};
use crate::error::At;
use crate::item_write::{Change, NewItem, Written, item_writes, write_item};
use crate::words::batches;
use crate::{
    ConsumedCapacity, Error, FieldPath, ItemCollections, Operation, OperationKind, Permit, Result,
    ReturnConsumedCapacity, Service, Throttled, UnitKind, Validation,
};
use cairn_model::{AttributeMap, DecodeBudget, Echo, Item, PrimaryKey, TableReference};
use cairn_storage::{Consistency, Engine, RecordKey};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Writes in one call, over all tables.
const WRITES_MAX: usize = 25;
/// Items and keys of one call, in bytes as they are encoded.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Puts and deletes items. Nothing is written if any element breaks a rule; beyond that each is written on its own.
#[derive(Clone, Debug, Default)]
pub struct BatchWriteItem {
    /// What to write, by the table's name or ARN.
    pub request_items: BTreeMap<String, Vec<WriteRequest>>,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
    /// Whether to tell the sizes of the items' collections.
    pub return_item_collection_metrics: bool,
}

/// One write of a batch.
#[derive(Clone, Debug)]
pub enum WriteRequest {
    /// Writes this item, in place of the one with its key if there is one.
    Put(Item),
    /// Removes the item with this key.
    Delete(Item),
}

/// What became of a batch of writes.
#[derive(Clone, Debug)]
pub struct BatchWriteItemOutput {
    /// What was not written, by the table as the caller named it: a request to make again.
    pub unprocessed_items: BTreeMap<String, Vec<WriteRequest>>,
    /// What it cost by table, if that was asked for.
    pub consumed_capacity: Vec<ConsumedCapacity>,
    /// The collections that were written to, if that was asked for, of tables with local indexes.
    pub item_collections: ItemCollections,
}

/// One element of a batch, checked as far as its table need not be known.
struct Element {
    reference: TableReference,
    field: FieldPath,
    request: WriteRequest,
    write: ElementWrite,
}

#[derive(Clone)]
enum ElementWrite {
    Put(NewItem),
    Delete(AttributeMap),
}

impl WriteRequest {
    /// The write's member in a request.
    fn member(&self) -> &'static str {
        match self {
            Self::Put(_) => "put",
            Self::Delete(_) => "delete",
        }
    }

    fn item(&self) -> &Item {
        match self {
            Self::Put(item) | Self::Delete(item) => item,
        }
    }

    fn echo(echo: &mut Echo, request: &Self) {
        let (request, structure, member, item) = match request {
            Self::Put(item) => ("putRequest", "PutRequest", "item", item),
            Self::Delete(key) => ("deleteRequest", "DeleteRequest", "key", key),
        };
        let item = |echo: &mut Echo| echo.item(item);
        let inner = |echo: &mut Echo| echo.structure(structure, &[(member, &item)]);
        echo.structure("WriteRequest", &[(request, &inner)]);
    }
}

impl Operation for BatchWriteItem {
    const KIND: OperationKind = OperationKind::BatchWriteItem;
    type Output = BatchWriteItemOutput;

    fn accesses<'o>(&'o self) -> Vec<Access<'o>> {
        let access = |(table, requests): (&'o String, &'o Vec<WriteRequest>)| {
            let place = FieldPath::from("request_items").key(table);
            let items = requests.iter().enumerate().take(WRITES_MAX);
            let items = items.map(|(number, request)| {
                (place.clone().index(number).field(request.member()), request.item())
            });
            Access::to_items("dynamodb:BatchWriteItem", table, None, Items::Listed(items.collect()))
                .keyed_by_table(place)
                .costing(self.return_consumed_capacity)
        };
        // A call with more than may be in one is refused before any of it is looked at.
        self.request_items.iter().take(WRITES_MAX).map(access).collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<BatchWriteItemOutput> {
        let report = self.return_consumed_capacity;
        let tells_collections = self.return_item_collection_metrics;
        let mut item_collections = ItemCollections::default();
        let mut units: BTreeMap<_, _> =
            self.request_items.keys().map(|given| (given.clone(), CapacityParts::default())).collect();
        let elements = self.check(service, permit)?;
        let admissions = check_against_tables(service, permit, &elements).await?;
        let permit = Arc::new(permit.clone());

        let mut written: Vec<Option<Result<Written<()>>>> = elements.iter().map(|_| None).collect();
        let mut writing = JoinSet::new();
        for (number, ((element, place), admission)) in
            elements.iter().zip(&mut written).zip(admissions).enumerate()
        {
            if let Err(throttled) = admission {
                *place = Some(Err(throttled.into()));
                continue;
            }
            let write = element.write.clone();
            let (service, permit) = (service.clone(), permit.clone());
            let (name, field) = (element.reference.name.clone(), element.field.clone());
            writing.spawn(async move {
                let keyed = write.clone();
                let table = match permit.table_named(&name) {
                    Ok(table) => table,
                    Err(error) => return (number, Err(error)),
                };
                let written = write_item(
                    (&service, &permit, table),
                    write.new_size(),
                    |table| Ok(keyed.key(table, &field)?),
                    move |_, _| Ok((write.change(), ())),
                );
                (number, written.await)
            });
        }
        while let Some(joined) = writing.join_next().await {
            let (number, result) = joined.map_err(Error::internal)?;
            if let Some(place) = written.get_mut(number) {
                *place = Some(result);
            }
        }

        let mut unprocessed_items: BTreeMap<String, Vec<WriteRequest>> = BTreeMap::new();
        let mut refusal = None;
        let mut any_written = false;
        for (element, result) in elements.into_iter().zip(written.into_iter().flatten()) {
            let given = element.reference.given;
            match result {
                Ok(written) => {
                    any_written = true;
                    if let Some(metrics) = written.collection.filter(|_| tells_collections) {
                        item_collections.add(&given, metrics);
                    }
                    units.entry(given).or_default().add(written.cost.parts);
                }
                Err(error @ (Error::Unavailable { .. } | Error::Throttled(_))) => {
                    refusal = Some(error);
                    unprocessed_items.entry(given).or_default().push(element.request);
                }
                // A batch has no such error to answer with; an element that was in somebody's way is one to send again.
                Err(Error::TransactionConflict) => {
                    unprocessed_items.entry(given).or_default().push(element.request);
                }
                // What became of the element is unknown, or its table is gone: no list of what is left would be true.
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(error) if !any_written => Err(error),
            _ => Ok(BatchWriteItemOutput {
                unprocessed_items,
                item_collections,
                consumed_capacity: units
                    .into_iter()
                    .filter_map(|(given, units)| report.report(&given, units))
                    .collect(),
            }),
        }
    }
}

/// How many writes a table may have. What is wrong is told of the map of all tables, as AWS tells it of a map whose
/// values are lists (semantics 20.4).
fn check_writes(
    field: FieldPath,
    count: usize,
    request_items: &BTreeMap<String, Vec<WriteRequest>>,
) -> Result<(), Validation> {
    if (1..=WRITES_MAX).contains(&count) {
        return Ok(());
    }
    let constraint = format!(
        "Map value must satisfy constraint: [Member must have length less than or equal to {WRITES_MAX}, Member must \
         have length greater than or equal to 1]"
    );
    let writes = |echo: &mut Echo, writes: &Vec<WriteRequest>| echo.list(writes, WriteRequest::echo);
    let echo = Echo::of(|echo| echo.map(request_items, writes));
    Err(Validation { field, ..Validation::constraint("request_items", Some(&echo), constraint) })
}

impl BatchWriteItem {
    /// Every check that comes before the tables are looked up.
    fn check<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<Vec<Element>, Validation> {
        let field = || FieldPath::from("request_items");
        if self.request_items.is_empty() {
            return Err(Validation::new(field(), batches::NO_WRITES));
        }
        let mut references = Vec::with_capacity(self.request_items.len());
        for (given, requests) in &self.request_items {
            references.push(permit.reference(service, || field().key(given), given)?);
            check_writes(field().key(given), requests.len(), &self.request_items)?;
        }
        if self.request_items.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
            return Err(Validation::new(field(), batches::TOO_MANY_WRITES));
        }
        let requests = || self.request_items.values().flatten();
        if requests().map(|request| request.item().encoded().len()).sum::<usize>() > REQUEST_BYTES_MAX {
            return Err(Validation::new(field(), "The request has more than 16 MB of items"));
        }
        let mut elements = Vec::with_capacity(requests().count());
        for (reference, requests) in references.into_iter().zip(self.request_items.into_values()) {
            for (number, request) in requests.into_iter().enumerate() {
                let field = FieldPath::from("request_items").key(&reference.given).index(number);
                elements.push(Element::new(reference.clone(), field, request)?);
            }
        }
        Ok(elements)
    }
}

/// The checks that need the tables: keys, the types of index keys, and that no item is written twice. Says of each
/// element whether there is capacity for it after those before it, which are written at the same time.
async fn check_against_tables<E: Engine>(
    service: &Service<E>,
    permit: &Permit,
    elements: &[Element],
) -> Result<Vec<Result<(), Throttled>>> {
    // From the store, not from what is known of it: a table that is gone refuses the call, and not one element of it.
    let snapshot = service.engine.snapshot(Consistency::Strong).await?;
    let mut tables = BTreeMap::new();
    for element in elements {
        let name = &element.reference.name;
        if !tables.contains_key(name) {
            tables.insert(name, permit.serving(service, &snapshot, permit.table_named(name)?).await?);
        }
    }
    let mut seen = HashSet::new();
    let mut promised: BTreeMap<_, f64> = BTreeMap::new();
    let mut admissions = Vec::with_capacity(elements.len());
    for element in elements {
        let Some(table) = tables.get(&element.reference.name) else { continue };
        let key = element.write.key(table, &element.field)?;
        let record = RecordKey::new(table.items(), key.storage_key());
        // Only whether the item fits is of interest.
        let filling = FillProgress::default();
        item_writes(table, &record, None, &element.write.change(), &filling).map_err(
            |error| match error {
                Error::Validation(validation) => validation.below(element.field.clone()).into(),
                error => error,
            },
        )?;
        let promised = promised.entry(&element.reference.name).or_default();
        let draw = Draw { index: TABLE, slot: item_slot(&record.key), units: 0.0 };
        let admission = table.capacity.check_after(UnitKind::Write, &[draw], *promised);
        if admission.is_ok() {
            *promised += element.write.new_size().map_or(1.0, write_units);
        }
        admissions.push(admission);
        if !seen.insert(record) {
            return Err(Validation::new(element.field.clone(), batches::DUPLICATE_KEYS).into());
        }
    }
    Ok(admissions)
}

impl Element {
    fn new(reference: TableReference, field: FieldPath, request: WriteRequest) -> Result<Self, Validation> {
        let decode = |item: &Item, member| {
            let attributes = item.clone().into_attributes(&mut DecodeBudget::item());
            attributes.map_err(|error| error.at(field.clone().field(member)))
        };
        let write = match &request {
            WriteRequest::Put(item) => {
                let item = item.clone().into_shared(&mut DecodeBudget::item());
                let new = NewItem::new(item.map_err(|error| error.at(field.clone().field("put")))?);
                ElementWrite::Put(new.map_err(|error| error.below(field.clone()))?)
            }
            WriteRequest::Delete(key) => ElementWrite::Delete(decode(key, "delete")?),
        };
        Ok(Self { reference, field, request, write })
    }
}

impl ElementWrite {
    fn key(&self, table: &Table, field: &FieldPath) -> Result<PrimaryKey, Validation> {
        let (key, member) = match self {
            Self::Put(new) => (table.key_schema().key_of_item(&new.attributes), "put"),
            Self::Delete(key) => (table.key_schema().key_of_argument(key), "delete"),
        };
        key.map_err(|error| error.at(field.clone().field(member)))
    }

    /// The size of the item as it will be, if it is known.
    fn new_size(&self) -> Option<usize> {
        match self {
            Self::Put(new) => Some(new.size()),
            Self::Delete(_) => None,
        }
    }

    fn change(&self) -> Change {
        match self {
            Self::Put(new) => Change::Put(new.clone()),
            Self::Delete(_) => Change::Delete,
        }
    }
}
