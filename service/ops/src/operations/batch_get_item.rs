//! BatchGetItem (semantics 9.1, 9.2, 9.4–9.6, 12.2).

use crate::access::{Access, Items, Mentions};
use crate::capacity::{Draw, TABLE, item_slot, read_units};
use crate::catalog::{ItemsRead, Table};
use crate::error::At;
use crate::index_write::check_key_paths;
use crate::undecodable::refusal;
use crate::words::batches;
use crate::{
    ConsumedCapacity, Error, ExpressionArguments, FieldPath, Operation, OperationKind, Permit, Result,
    ReturnConsumedCapacity, Service, Throttled, UnitKind, Validation,
};
use cairn_expression::Projection;
use cairn_model::{AttributeMap, DecodeBudget, Echo, Item, StoredItem, TableReference};
use cairn_storage::{Consistency, Engine, RecordKey, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys in one call, over all tables.
const KEYS_MAX: usize = 100;
/// Items in one answer, in bytes as DynamoDB counts them.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes that the items of one answer take in a gRPC message, unless the first alone takes more. Only items that take
/// twice as many bytes as DynamoDB counts meet this bound before the other one. It holds for every protocol.
const ANSWER_ENCODED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Items fetched at a time: at 400 KB each they are within what an answer holds.
const FETCHED_MAX: usize = 25;

/// Reads items by their keys. All are read from one snapshot, which is more than DynamoDB promises.
#[derive(Clone, Debug, Default)]
pub struct BatchGetItem {
    /// What to read, by the table's name or ARN.
    pub request_items: BTreeMap<String, KeysAndAttributes>,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
    /// Bytes that the items of the answer may take in a gRPC message, at least 1; the rest is left unprocessed. The
    /// first item is returned whatever it takes. 32 MiB if not said, or if more is said.
    pub response_bytes_max: Option<i64>,
}

/// What to read of one table.
#[derive(Clone, Debug, Default)]
pub struct KeysAndAttributes {
    /// The items' keys.
    pub keys: Vec<Item>,
    /// Whether to read what was acknowledged last.
    pub consistent: bool,
    /// Which parts of the items; all of them if not said.
    pub projection_expression: Option<String>,
    /// For the expression.
    pub arguments: ExpressionArguments,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct BatchGetItemOutput {
    /// The items found, by the table as the caller named it; an empty list for a table of which none was.
    pub responses: BTreeMap<String, Vec<Item>>,
    /// What was not read because the answer is full or there was no capacity for it: a request to make again.
    pub unprocessed_keys: BTreeMap<String, KeysAndAttributes>,
    /// What it cost by table, if that was asked for.
    pub consumed_capacity: Vec<ConsumedCapacity>,
}

/// The part of a call that is about one table, checked as far as the table need not be known.
struct Part {
    reference: TableReference,
    request: KeysAndAttributes,
    keys: Vec<AttributeMap>,
    projection: Option<Projection>,
}

/// One key of a call.
struct Wanted {
    part: usize,
    key: usize,
    table: Arc<Table>,
    record: RecordKey,
    /// Why it is not read.
    throttled: Option<Throttled>,
}

/// The records to be read of the next keys from `start` on. What there is no capacity for is not read at all.
fn admitted(wanted: &mut [Wanted], start: usize) -> Vec<RecordKey> {
    let mut records = Vec::new();
    for wanted in wanted.iter_mut().skip(start).take(FETCHED_MAX) {
        match wanted.admit() {
            Ok(()) => records.push(wanted.record.clone()),
            Err(throttled) => wanted.throttled = Some(throttled),
        }
    }
    records
}

impl Wanted {
    fn admit(&self) -> Result<(), Throttled> {
        self.table.capacity.admit(UnitKind::Read, TABLE, item_slot(&self.record.key))
    }

    fn settle(&self, units: f64) {
        let draw = Draw { index: TABLE, slot: item_slot(&self.record.key), units };
        self.table.capacity.settle(UnitKind::Read, &[draw]);
    }
}

impl Operation for BatchGetItem {
    const KIND: OperationKind = OperationKind::BatchGetItem;
    type Output = BatchGetItemOutput;

    fn accesses<'o>(&'o self) -> Vec<Access<'o>> {
        let access = |(table, request): (&'o String, &'o KeysAndAttributes)| {
            let place = FieldPath::from("request_items").key(table);
            let keys = request.keys.iter().enumerate().take(KEYS_MAX);
            let keys = keys.map(|(number, key)| (place.clone().field("keys").index(number), key));
            let mentions = Mentions {
                projection: request.projection_expression.as_deref(),
                arguments: Some(&request.arguments),
                ..Mentions::default()
            };
            Access::to_items("dynamodb:BatchGetItem", table, None, Items::Listed(keys.collect()))
                .keyed_by_table(place)
                .mentioning(mentions)
                .selecting(None)
                .costing(self.return_consumed_capacity)
        };
        // A call with more than may be in one is refused before any of it is looked at.
        self.request_items.iter().take(KEYS_MAX).map(access).collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<BatchGetItemOutput> {
        let parts = self.check(service, permit)?;
        let encoded_bytes_max = self.encoded_bytes_max()?;
        let strong = parts.iter().any(|part| part.request.consistent);
        let consistency = if strong { Consistency::Strong } else { Consistency::Eventual };
        let tables = parts.iter().map(|part| permit.table_named(&part.reference.name));
        let tables = tables.collect::<Result<Vec<_>>>()?;
        let failed = |error, _| Error::from(error);
        let read = permit.read(service, &tables, consistency, failed, |tables| {
            let mut wanted = Vec::new();
            for (index, (part, table)) in parts.iter().zip(tables).enumerate() {
                if let Some(projection) = &part.projection {
                    let field = FieldPath::from("request_items").key(&part.reference.given);
                    check_key_paths(table, "projection_expression", projection.paths())
                        .map_err(|error| error.below(field))?;
                }
                for (number, key) in part.keys.iter().enumerate() {
                    let key = table
                        .key_schema()
                        .key_of_argument(key)
                        .map_err(|error| error.at(part.keys_field().index(number)))?;
                    let record = RecordKey::new(table.items(), key.storage_key());
                    let table = table.clone();
                    wanted.push(Wanted { part: index, key: number, table, record, throttled: None });
                }
            }
            let first = admitted(&mut wanted, 0);
            Ok((wanted, first))
        });
        let ItemsRead { plan: mut wanted, mut records, snapshot, .. } = read.await?;
        let mut answer = Answer::new(parts, encoded_bytes_max);
        let mut taken = 0;
        loop {
            let chunk = wanted.iter().skip(taken).take(FETCHED_MAX);
            taken += chunk.len();
            let mut found = records.into_iter();
            for wanted in chunk {
                match &wanted.throttled {
                    Some(throttled) => answer.leave_throttled(wanted, throttled.clone()),
                    None => {
                        let record = found.next().flatten();
                        answer.take(wanted, record.map(StoredItem::read))?;
                    }
                }
            }
            if answer.full || taken >= wanted.len() {
                break;
            }
            let keys = admitted(&mut wanted, taken);
            records = snapshot.get_many(keys).await?;
        }
        for wanted in wanted.iter().skip(taken) {
            answer.leave(wanted);
        }
        answer.finish(self.return_consumed_capacity)
    }
}

impl BatchGetItem {
    /// How many bytes the items of the answer may take.
    fn encoded_bytes_max(&self) -> Result<usize, Validation> {
        let Some(given) = self.response_bytes_max else { return Ok(ANSWER_ENCODED_BYTES_MAX) };
        let most = usize::try_from(given).ok().filter(|most| *most >= 1).ok_or_else(|| {
            Validation::constraint(
                "response_bytes_max",
                Some(&given.to_string()),
                "Member must have value greater than or equal to 1",
            )
        })?;
        Ok(most.min(ANSWER_ENCODED_BYTES_MAX))
    }

    /// Every check that comes before the tables are looked up.
    fn check<E: Engine>(&self, service: &Service<E>, permit: &Permit) -> Result<Vec<Part>, Validation> {
        let field = || FieldPath::from("request_items");
        if self.request_items.is_empty() {
            return Err(Validation::new(field(), batches::NO_GETS));
        }
        let mut references = Vec::with_capacity(self.request_items.len());
        for (given, request) in &self.request_items {
            let reference = permit.reference(service, || field().key(given), given)?;
            check_length(field().key(given).field("keys"), &request.keys)?;
            references.push(reference);
        }
        if self.request_items.values().map(|request| request.keys.len()).sum::<usize>() > KEYS_MAX {
            return Err(Validation::new(field(), batches::TOO_MANY_GETS));
        }
        let mut parts: Vec<Part> = Vec::with_capacity(references.len());
        for (reference, request) in references.into_iter().zip(self.request_items.values()) {
            let part = Part::new(service, reference, request.clone())?;
            // A table may be named twice, by its name and by its ARN.
            let same_table = parts.iter().filter(|other| other.reference.name == part.reference.name);
            let earlier: Vec<_> = same_table.flat_map(|other| &other.keys).collect();
            for (number, key) in part.keys.iter().enumerate() {
                // Numbers are compared by value. DynamoDB compares their text here, which is gone once they are
                // decoded: of `1` and `1.0`, the same item, it lets both pass.
                if earlier.contains(&key) || part.keys.iter().take(number).any(|other| other == key) {
                    return Err(Validation::new(part.keys_field().index(number), batches::DUPLICATE_KEYS));
                }
            }
            parts.push(part);
        }
        Ok(parts)
    }
}

/// The bounds of a list of keys, in the envelope for constraints.
fn check_length(field: FieldPath, keys: &[Item]) -> Result<(), Validation> {
    match keys.len() {
        0 => Err(Validation::constraint(
            field,
            Some("[]"),
            "Member must have length greater than or equal to 1",
        )),
        length if length > KEYS_MAX => Err(Validation::constraint(
            field,
            Some(&Echo::of(|echo| echo.list(keys, Echo::item))),
            format_args!("Member must have length less than or equal to {KEYS_MAX}"),
        )),
        _ => Ok(()),
    }
}

impl Part {
    fn new<E: Engine>(
        service: &Service<E>,
        reference: TableReference,
        request: KeysAndAttributes,
    ) -> Result<Self, Validation> {
        let field = FieldPath::from("request_items").key(&reference.given);
        let mut keys = Vec::with_capacity(request.keys.len());
        for (number, key) in request.keys.iter().enumerate() {
            let key = key.clone().into_attributes(&mut DecodeBudget::item());
            keys.push(key.map_err(|error| error.at(field.clone().field("keys").index(number)))?);
        }
        let text = request.projection_expression.as_deref();
        let projection = request
            .arguments
            .clone()
            .check(&service.expressions, text.is_some())
            .and_then(|mut expressions| {
                let projection = expressions.projection(text)?;
                expressions.finish()?;
                Ok(projection)
            })
            .map_err(|error| error.below(field))?;
        Ok(Self { reference, request, keys, projection })
    }

    fn keys_field(&self) -> FieldPath {
        FieldPath::from("request_items").key(&self.reference.given).field("keys")
    }
}

/// An answer while it is put together.
struct Answer {
    parts: Vec<PartAnswer>,
    /// Size of the items, as DynamoDB counts it.
    bytes: usize,
    /// Bytes that the items take in a gRPC message, and may take.
    encoded_bytes: usize,
    encoded_bytes_max: usize,
    /// Whether an item was met that it has no room for. None is taken after that.
    full: bool,
    /// How many keys were read.
    taken: usize,
    /// Why the last one was left that there was no capacity for.
    throttled: Option<Throttled>,
}

struct PartAnswer {
    part: Part,
    items: Vec<Item>,
    unprocessed: Vec<Item>,
    units: f64,
}

impl Answer {
    fn new(parts: Vec<Part>, encoded_bytes_max: usize) -> Self {
        let empty = |part| PartAnswer { part, items: Vec::new(), unprocessed: Vec::new(), units: 0.0 };
        Self {
            parts: parts.into_iter().map(empty).collect(),
            bytes: 0,
            encoded_bytes: 0,
            encoded_bytes_max,
            full: false,
            taken: 0,
            throttled: None,
        }
    }

    /// Takes in what a key led to, as long as there is room, and capacity still: those before it may have used it up.
    fn take(&mut self, wanted: &Wanted, stored: Option<StoredItem>) -> Result<()> {
        if let Err(throttled) = wanted.admit() {
            self.leave_throttled(wanted, throttled);
            return Ok(());
        }
        let Some(part) = self.parts.get(wanted.part) else { return Ok(()) };
        let size = stored.as_ref().map_or(0, StoredItem::size);
        let item = match (stored, &part.part.projection) {
            (None, _) => Ok(None),
            (Some(stored), None) => stored.item().map(Some),
            (Some(stored), Some(projection)) => {
                stored.attributes().map(|item| Some(projection.apply(&item).into()))
            }
        };
        let item: Option<Item> = item.map_err(|_| refusal(part.part.keys_field().index(wanted.key)))?;
        let encoded_bytes = item.as_ref().map_or(0, Item::element_len);
        let is_first = self.encoded_bytes == 0;
        self.full |= self.bytes + size > ANSWER_BYTES_MAX
            || (!is_first && self.encoded_bytes + encoded_bytes > self.encoded_bytes_max);
        if self.full {
            self.leave(wanted);
            return Ok(());
        }
        self.bytes += size;
        self.encoded_bytes += encoded_bytes;
        self.taken += 1;
        if let Some(answer) = self.parts.get_mut(wanted.part) {
            let units = read_units(size, answer.part.request.consistent);
            wanted.settle(units);
            answer.units += units;
            answer.items.extend(item);
        }
        Ok(())
    }

    /// Leaves a key for another call that there is no capacity for.
    fn leave_throttled(&mut self, wanted: &Wanted, throttled: Throttled) {
        self.throttled = Some(throttled);
        self.leave(wanted);
    }

    /// Leaves a key for another call.
    fn leave(&mut self, wanted: &Wanted) {
        if let Some(answer) = self.parts.get_mut(wanted.part) {
            answer.unprocessed.extend(answer.part.request.keys.get(wanted.key).cloned());
        }
    }

    /// The answer; an error if there was no capacity for any of it.
    fn finish(self, report: ReturnConsumedCapacity) -> Result<BatchGetItemOutput> {
        if let (0, Some(throttled)) = (self.taken, self.throttled) {
            return Err(throttled.into());
        }
        let mut output = BatchGetItemOutput {
            responses: BTreeMap::new(),
            unprocessed_keys: BTreeMap::new(),
            consumed_capacity: Vec::new(),
        };
        for PartAnswer { part, items, unprocessed, units } in self.parts {
            let given = part.reference.given;
            output.consumed_capacity.extend(report.report(&given, units));
            output.responses.insert(given.clone(), items);
            if !unprocessed.is_empty() {
                let again = KeysAndAttributes { keys: unprocessed, ..part.request };
                output.unprocessed_keys.insert(given, again);
            }
        }
        Ok(output)
    }
}
