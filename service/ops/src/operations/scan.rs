//! Scan (semantics 8.9, 8.10): a page of a whole table or index, or of one of its segments.

use super::query::{
    FilterOnKey, PageOutput, Prepared, check_index_name, check_limit, filter_and_projection, page_output,
    projection_parameter,
};
use crate::access::{Access, Items, Mentions};
use crate::page::{PageLimits, Reading};
use crate::selection::position;
use crate::words::reads;
use crate::{
    Demand, ExpressionArguments, Operation, OperationKind, Permit, Result, ReturnConsumedCapacity, Select,
    Service, Table, UnitKind, Validation, key_range,
};
use cairn_model::Item;
use cairn_storage::{Direction, Engine};
use std::sync::Arc;

/// What a Scan or its stream selects.
#[derive(Clone, Debug, Default)]
pub struct ScanSelection {
    /// The table's name or ARN.
    pub table: String,
    /// The index to read instead of the table.
    pub index: Option<String>,
    /// Which items to answer with.
    pub filter_expression: Option<String>,
    /// Which parts of them.
    pub projection_expression: Option<String>,
    /// For the expressions.
    pub arguments: ExpressionArguments,
    /// Which parts of them, in one word.
    pub select: Option<Select>,
    /// Whether to read what was acknowledged last.
    pub consistent: bool,
    /// Which segment to read, from 0.
    pub segment: Option<i32>,
    /// Of how many.
    pub total_segments: Option<i32>,
}

/// Reads a page of a table or index.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// What to read.
    pub selection: ScanSelection,
    /// Items to evaluate, at least 1; as many as fit a page if not said.
    pub limit: Option<i32>,
    /// Begin strictly after this key.
    pub exclusive_start_key: Option<Item>,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

impl Operation for Scan {
    const KIND: OperationKind = OperationKind::Scan;
    type Output = PageOutput;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: self.selection.index.as_deref(), kind: UnitKind::Read })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![self.selection.access().costing(self.return_consumed_capacity)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<PageOutput> {
        let prepared = self.selection.check(service, permit, self.limit)?;
        let evaluated_max = prepared.selection.evaluated_max;
        let limits = PageLimits { evaluated_max, returned_max: usize::MAX };
        let consistency = prepared.selection.consistency();
        let page = permit.page(service, permit.table()?, consistency, limits, |table| {
            let mut reading = prepared.reading(table)?;
            if let Some(start) = self.exclusive_start_key.clone() {
                let start = position(reading.table.key_schema(), reading.index.as_ref(), start)?;
                if !key_range::contains(&reading.range, &start.storage_key) {
                    return Err(
                        Validation::new("exclusive_start_key", reads::START_KEY_OF_OTHER_SEGMENT).into()
                    );
                }
                reading.start_after(start.storage_key);
            }
            reading.admit()?;
            Ok(reading)
        });
        let (reading, page) = page.await?;
        Ok(page_output(&prepared.selection, &reading, page, self.return_consumed_capacity))
    }
}

/// Segments that a scan may be cut into, at most.
const TOTAL_SEGMENTS_MAX: u32 = 1_000_000;

/// A scan whose expressions are in order; the table has not been looked at.
pub(super) struct PreparedScan {
    pub(super) selection: Prepared,
    segment: u32,
    total_segments: u32,
}

impl ScanSelection {
    /// What a Scan or its stream asks for.
    pub(super) fn access(&self) -> Access<'_> {
        let mentions = Mentions {
            filter: self.filter_expression.as_deref(),
            projection: self.projection_expression.as_deref(),
            arguments: Some(&self.arguments),
            ..Mentions::default()
        };
        Access::to_items("dynamodb:Scan", &self.table, self.index.as_deref(), Items::All)
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
    ) -> Result<PreparedScan, Validation> {
        let reference = permit.reference(service, || "table".into(), &self.table)?;
        check_index_name(self.index.as_deref())?;
        let evaluated_max = check_limit(limit)?;
        let (segment, total_segments) = check_segments(self.segment, self.total_segments)?;
        let projection = projection_parameter(self.projection_expression.as_deref(), &self.arguments);
        Select::check(self.select, projection, self.index.is_some())?;
        let has_expression = self.filter_expression.is_some() || self.projection_expression.is_some();
        let expressions = self.arguments.check(&service.expressions, has_expression)?;
        let (filter, projection) =
            filter_and_projection(expressions, self.filter_expression, self.projection_expression)?;
        let selection = Prepared {
            reference,
            index: self.index,
            key_condition: None,
            filter,
            filter_on_key: FilterOnKey::Expression,
            projection,
            select: self.select,
            consistent: self.consistent,
            direction: Direction::Ascending,
            evaluated_max,
        };
        Ok(PreparedScan { selection, segment, total_segments })
    }
}

impl PreparedScan {
    /// What to read of a table.
    pub(super) fn reading(&self, table: Arc<Table>) -> Result<Reading> {
        let (mut reading, _) = self.selection.reading(table)?;
        reading.range = key_range::of_segment(reading.index.as_ref(), self.segment, self.total_segments);
        Ok(reading)
    }
}

/// `Segment` and `TotalSegments`: both or neither; the whole is segment 0 of 1.
fn check_segments(segment: Option<i32>, total: Option<i32>) -> Result<(u32, u32), Validation> {
    let within = |field: &'static str, value: i32, least: u32, most: u32| match u32::try_from(value) {
        Ok(value) if value > most => Err(Validation::constraint(
            field,
            Some(&value.to_string()),
            format_args!("Member must have value less than or equal to {most}"),
        )),
        Ok(value) if value >= least => Ok(value),
        _ => Err(Validation::constraint(
            field,
            Some(&value.to_string()),
            format_args!("Member must have value greater than or equal to {least}"),
        )),
    };
    let segment = segment.map(|segment| within("segment", segment, 0, TOTAL_SEGMENTS_MAX - 1)).transpose()?;
    let total = total.map(|total| within("total_segments", total, 1, TOTAL_SEGMENTS_MAX)).transpose()?;
    match (segment, total) {
        (None, None) => Ok((0, 1)),
        (Some(_), None) => Err(Validation::new("total_segments", reads::NO_TOTAL_SEGMENTS)),
        (None, Some(_)) => Err(Validation::new("segment", reads::NO_SEGMENT)),
        (Some(segment), Some(total)) if segment >= total => {
            Err(Validation::new("segment", reads::segment_out_of_range(segment, total)))
        }
        (Some(segment), Some(total)) => Ok((segment, total)),
    }
}
