//! Query (semantics 5.5, 8, 12.2): a page of one partition of a table or an index.

use crate::access::{Access, Items, Mentions};
use crate::capacity::{Cost, entry_slot, item_slot, read_units};
use crate::error::check_name;
use crate::expressions::Expressions;
use crate::index_write::check_key_paths;
use crate::page::{Page, PageLimits, Reading, Wanted};
use crate::selection::{check_filter_is_projected, check_projected, fetches, position, readable_index};
use crate::words::reads;
use crate::{
    ConsumedCapacity, Demand, Error, ExpressionArguments, Operation, OperationKind, Permit, Result,
    ReturnConsumedCapacity, Select, Service, Table, UnitKind, Validation, key_range,
};
use cairn_expression::{Condition, FilterOnKeyError, KeyCondition, KeyConditionError, KeyQuery, Projection};
use cairn_model::{AttributeMap, IndexSchema, Item, TableReference};
use cairn_storage::{Consistency, Direction, Engine};
use std::ops::Bound;
use std::sync::Arc;

/// What a Query or its stream selects.
#[derive(Clone, Debug, Default)]
pub struct QuerySelection {
    /// The table's name or ARN.
    pub table: String,
    /// The index to read instead of the table.
    pub index: Option<String>,
    /// Which partition, and which of its items.
    pub key_condition_expression: Option<String>,
    /// Which of those to answer with.
    pub filter_expression: Option<String>,
    /// Which parts of them.
    pub projection_expression: Option<String>,
    /// For the expressions.
    pub arguments: ExpressionArguments,
    /// Which parts of them, in one word.
    pub select: Option<Select>,
    /// Whether to read what was acknowledged last.
    pub consistent: bool,
    /// Whether to begin at the end.
    pub descending: bool,
}

/// Reads a page of one partition.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What to read.
    pub selection: QuerySelection,
    /// Items to evaluate, at least 1; as many as fit a page if not said.
    pub limit: Option<i32>,
    /// Begin strictly after this key.
    pub exclusive_start_key: Option<Item>,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// A page of items.
#[derive(Clone, Debug)]
pub struct PageOutput {
    /// The items; none if only counts were asked for.
    pub items: Vec<Item>,
    /// How many passed the filter.
    pub count: usize,
    /// How many were evaluated.
    pub scanned_count: usize,
    /// Where to go on, if the page ended before the items did.
    pub last_evaluated_key: Option<AttributeMap>,
    /// What it cost, if that was asked for.
    pub consumed_capacity: Option<ConsumedCapacity>,
}

impl Operation for Query {
    const KIND: OperationKind = OperationKind::Query;
    type Output = PageOutput;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: self.selection.index.as_deref(), kind: UnitKind::Read })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![self.selection.access().costing(self.return_consumed_capacity)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<PageOutput> {
        let prepared = self.selection.check(service, permit, self.limit)?;
        let limits = PageLimits { evaluated_max: prepared.evaluated_max, returned_max: usize::MAX };
        let page = permit.page(service, permit.table()?, prepared.consistency(), limits, |table| {
            // Start key faults precede those of the key condition.
            let start = match self.exclusive_start_key.clone() {
                None => None,
                Some(start) => {
                    let index = prepared.readable_index(&table)?;
                    let start = position(table.key_schema(), index.as_ref(), start)?;
                    if index.is_none() && table.key_schema().sort.is_none() {
                        let text = "The query can return at most one row and cannot be restarted";
                        return Err(Validation::new("exclusive_start_key", text).into());
                    }
                    Some(start)
                }
            };
            let (mut reading, query) = prepared.reading(table)?;
            if let Some(start) = start {
                let refuse = |text| Err(Validation::new("exclusive_start_key", text).into());
                if start.partition != query.partition {
                    return refuse(reads::START_KEY_OF_OTHER_PARTITION);
                }
                if !key_range::contains(&reading.range, &start.storage_key) {
                    return refuse(reads::START_KEY_OUT_OF_RANGE);
                }
                reading.start_after(start.storage_key);
            }
            reading.admit()?;
            Ok(reading)
        });
        let (reading, page) = page.await?;
        Ok(page_output(&prepared, &reading, page, self.return_consumed_capacity))
    }
}

/// `Limit`: at least 1.
pub(super) fn check_limit(limit: Option<i32>) -> Result<usize, Validation> {
    match limit {
        None => Ok(usize::MAX),
        Some(limit) => usize::try_from(limit).ok().filter(|limit| *limit >= 1).ok_or_else(|| {
            Validation::constraint(
                "limit",
                Some(&limit.to_string()),
                "Member must have value greater than or equal to 1",
            )
        }),
    }
}

/// A selection whose expressions are in order; the table has not been looked at.
pub(super) struct Prepared {
    pub(super) reference: TableReference,
    pub(super) index: Option<String>,
    pub(super) key_condition: Option<KeyCondition>,
    pub(super) filter: Option<Arc<Condition>>,
    /// What is said of a filter that mentions a key attribute, before its name.
    pub(super) filter_on_key: FilterOnKey,
    pub(super) projection: Option<Arc<Projection>>,
    pub(super) select: Option<Select>,
    pub(super) consistent: bool,
    pub(super) direction: Direction,
    /// The most items that a page evaluates.
    pub(super) evaluated_max: usize,
}

impl QuerySelection {
    /// What a Query or its stream asks for.
    pub(super) fn access(&self) -> Access<'_> {
        let mentions = Mentions {
            key_condition: self.key_condition_expression.as_deref(),
            filter: self.filter_expression.as_deref(),
            projection: self.projection_expression.as_deref(),
            arguments: Some(&self.arguments),
            ..Mentions::default()
        };
        Access::to_items("dynamodb:Query", &self.table, self.index.as_deref(), Items::OfPartition)
            .mentioning(mentions)
            .selecting(self.select)
    }

    /// Checks what can be checked without the table: constraints on members, `limit` too, before expressions
    /// (semantics 20.6).
    pub(super) fn check<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
        limit: Option<i32>,
    ) -> Result<Prepared, Validation> {
        let reference = permit.reference(service, || "table".into(), &self.table)?;
        check_index_name(self.index.as_deref())?;
        let evaluated_max = check_limit(limit)?;
        let projection = projection_parameter(self.projection_expression.as_deref(), &self.arguments);
        Select::check(self.select, projection, self.index.is_some())?;
        let missing = || Validation::new("key_condition_expression", reads::NO_KEY_CONDITION);
        let has_key_condition = self.key_condition_expression.is_some();
        if !has_key_condition && self.arguments.built(|built| built.key_condition.as_ref()).is_none() {
            return Err(missing());
        }
        let has_expression =
            has_key_condition || self.filter_expression.is_some() || self.projection_expression.is_some();
        let filter_on_key = filter_on_key(&self.arguments);
        let mut expressions = self.arguments.check(&service.expressions, has_expression)?;
        let key_condition =
            expressions.key_condition(self.key_condition_expression.as_deref())?.ok_or_else(missing)?;
        let (filter, projection) =
            filter_and_projection(expressions, self.filter_expression, self.projection_expression)?;
        Ok(Prepared {
            reference,
            index: self.index,
            key_condition: Some(key_condition),
            filter,
            filter_on_key,
            projection,
            select: self.select,
            consistent: self.consistent,
            direction: if self.descending { Direction::Descending } else { Direction::Ascending },
            evaluated_max,
        })
    }
}

/// How a filter was given, which decides how it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterOnKey {
    /// As an expression.
    Expression,
    /// As `QueryFilter`.
    QueryFilter,
}

impl FilterOnKey {
    fn text(self, error: &FilterOnKeyError) -> String {
        match self {
            Self::Expression => error.to_string(),
            Self::QueryFilter => format!(
                "QueryFilter can only contain non-primary key attributes: Primary key attribute: {}",
                error.attribute
            ),
        }
    }
}

fn filter_on_key(arguments: &ExpressionArguments) -> FilterOnKey {
    match arguments.built(|built| built.filter.as_ref()) {
        Some(_) => FilterOnKey::QueryFilter,
        None => FilterOnKey::Expression,
    }
}

/// The parameter that names the attributes of an answer, if one does.
pub(super) fn projection_parameter(
    expression: Option<&str>,
    arguments: &ExpressionArguments,
) -> Option<&'static str> {
    let built = arguments.built(|built| built.projection.as_ref());
    expression.map(|_| "ProjectionExpression").or(built.map(|_| "AttributesToGet"))
}

/// The filter and the projection, where there are any.
type FilterAndProjection = (Option<Arc<Condition>>, Option<Arc<Projection>>);

/// The last two expressions of a request, and the check that every name and value was mentioned.
pub(super) fn filter_and_projection(
    mut expressions: Expressions<'_>,
    filter: Option<String>,
    projection: Option<String>,
) -> Result<FilterAndProjection, Validation> {
    let filter = expressions.filter(filter.as_deref())?.map(Arc::new);
    let projection = expressions.projection(projection.as_deref())?.map(Arc::new);
    expressions.finish()?;
    Ok((filter, projection))
}

/// An index name has the shape of a table's.
pub(super) fn check_index_name(name: Option<&str>) -> Result<(), Validation> {
    name.map_or(Ok(()), |name| check_name("index", name))
}

impl Prepared {
    pub(super) fn consistency(&self) -> Consistency {
        if self.consistent { Consistency::Strong } else { Consistency::Eventual }
    }

    /// The index that is to be read, if one is.
    fn readable_index(&self, table: &Table) -> Result<Option<IndexSchema>> {
        self.index.as_deref().map(|name| readable_index(table, name, self.consistent)).transpose()
    }

    /// What to read of a table, and which keys.
    pub(super) fn reading(&self, table: Arc<Table>) -> Result<(Reading, KeyQuery)> {
        let index = self.readable_index(&table)?;
        let schema = table.key_schema();
        let query = match (&self.key_condition, &index) {
            (None, _) => KeyQuery { partition: Vec::new(), sort_prefix: Vec::new(), sort_range: None },
            (Some(condition), None) => {
                let sort: Vec<_> = schema.sort.iter().cloned().collect();
                condition
                    .resolve(std::slice::from_ref(&schema.partition), &sort)
                    .map_err(key_condition_error)?
            }
            (Some(condition), Some(index)) => condition
                .resolve(&index.key_schema.partition, &index.key_schema.sort)
                .map_err(key_condition_error)?,
        };
        if let (Some(filter), Some(_)) = (&self.filter, &self.key_condition) {
            let is_key = |name: &str| match &index {
                None => schema.contains(name),
                Some(index) => index.key_schema.contains(name),
            };
            filter
                .check_avoids_keys(is_key)
                .map_err(|error| Validation::new("filter_expression", self.filter_on_key.text(&error)))?;
        }
        let range = match &self.key_condition {
            Some(_) => key_range::of_query(index.as_ref(), &query),
            None => key_range::of_segment(index.as_ref(), 0, 1),
        };
        if let Some(filter) = &self.filter {
            check_key_paths(&table, "filter_expression", filter.paths())?;
        }
        if let Some(projection) = &self.projection {
            check_key_paths(&table, "projection_expression", projection.paths())?;
        }
        let projected = || self.projection.iter().flat_map(|projection| projection.attributes());
        if let Some(index) = &index {
            if let (Some(filter), Some(_)) = (&self.filter, &self.key_condition) {
                check_filter_is_projected(index, schema, filter)?;
            }
            check_projected(index, schema, self.select, projected())?;
        }
        let wanted = match (self.select, &self.projection) {
            (Some(Select::Count), _) => Wanted::Count,
            (_, Some(projection)) => Wanted::Parts(projection.clone()),
            (_, None) => Wanted::Everything,
        };
        let fetches = index.as_ref().is_some_and(|index| fetches(index, schema, self.select, projected()));
        let slot = match (&self.key_condition, &range.start) {
            (Some(_), Bound::Included(key) | Bound::Excluded(key)) if index.is_some() => entry_slot(key),
            (Some(_), Bound::Included(key) | Bound::Excluded(key)) => item_slot(key),
            _ => None,
        };
        let reading = Reading {
            table,
            index,
            slot,
            fetches,
            range,
            direction: self.direction,
            filter: self.filter.clone(),
            wanted,
        };
        Ok((reading, query))
    }
}

fn key_condition_error(error: KeyConditionError) -> Error {
    Validation::new("key_condition_expression", error.to_string()).into()
}

/// A page as an answer.
pub(super) fn page_output(
    prepared: &Prepared,
    reading: &Reading,
    page: Page,
    return_consumed_capacity: ReturnConsumedCapacity,
) -> PageOutput {
    let cost = settle(prepared, reading, &page);
    PageOutput {
        items: page.items,
        count: page.count,
        scanned_count: page.scanned_count,
        last_evaluated_key: page.last.map(|last| last.key),
        consumed_capacity: return_consumed_capacity.report(&prepared.reference.given, cost.parts),
    }
}

/// Takes what a page cost, and says how much that is: of the table, or of the index that was read and the items fetched
/// for it (semantics 12.6).
pub(super) fn settle(prepared: &Prepared, reading: &Reading, page: &Page) -> Cost {
    let mut cost = Cost::default();
    let walked = read_units(page.scanned_bytes, prepared.consistent);
    match &reading.index {
        None => cost.add_item(reading.slot, walked),
        Some(index) => cost.add_index(index, reading.slot, walked),
    }
    // Only local indexes have items fetched, and those are in the partition of their entries.
    let fetched = page.fetched_bytes.iter().map(|bytes| read_units(*bytes, prepared.consistent));
    cost.add_item(reading.slot, fetched.sum());
    reading.table.capacity.settle(UnitKind::Read, &cost.draws);
    cost
}
