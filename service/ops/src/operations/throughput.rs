//! Throughput as CreateTable and UpdateTable ask for it, of the table or an index, and the checks on the way from that to
//! what is kept (semantics 3.2).

use super::key_definitions::invalid;
use crate::capacity::{CapacityOptions, UnitPair};
use crate::catalog::{OnDemandMaximum, Throughput};
use crate::{FieldPath, Validation};
use cairn_model::{BillingMode, ProvisionedThroughput};

/// Provisioned throughput as a caller gives it.
#[derive(Clone, Copy, Debug)]
pub struct ThroughputInput {
    /// Read units a second.
    pub read_capacity_units: i64,
    /// Write units a second.
    pub write_capacity_units: i64,
}

/// Limits on what is used on demand, as a caller gives them.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnDemandInput {
    /// Read units a second; -1 for no limit, none to leave it as it is.
    pub max_read_request_units: Option<i64>,
    /// Write units a second; -1 for no limit, none to leave it as it is.
    pub max_write_request_units: Option<i64>,
}

/// What is to be ready at once, as a caller gives it.
#[derive(Clone, Copy, Debug, Default)]
pub struct WarmInput {
    /// Read units a second; none to leave them as they are.
    pub read_units_per_second: Option<i64>,
    /// Write units a second; none to leave them as they are.
    pub write_units_per_second: Option<i64>,
}

/// The throughput that is asked for of one table or index.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) provisioned: Option<ThroughputInput>,
    pub(super) on_demand: Option<OnDemandInput>,
    pub(super) warm: Option<WarmInput>,
}

impl Asked {
    pub(super) fn is_nothing(&self) -> bool {
        self.provisioned.is_none() && self.on_demand.is_none() && self.warm.is_none()
    }

    /// The throughput of something new. What is provisioned is checked before.
    pub(super) fn of_new(
        &self,
        of: &Subject<'_>,
        provisioned: Option<ProvisionedThroughput>,
        options: &CapacityOptions,
    ) -> Result<Throughput, Validation> {
        let new = Throughput { provisioned, ..Throughput::default() };
        self.change_limits(of, new, options)
    }

    /// What `throughput` becomes, save for what is provisioned, which is in it already.
    pub(super) fn change_limits(
        &self,
        of: &Subject<'_>,
        mut throughput: Throughput,
        options: &CapacityOptions,
    ) -> Result<Throughput, Validation> {
        if let Some(given) = self.on_demand {
            throughput.on_demand = on_demand(of, given, throughput.on_demand)?;
        }
        if let Some(given) = self.warm {
            let ready = throughput.ready(of.billing_mode, options.on_demand_initial);
            throughput.warm = warm(of, given, ready)?;
        }
        Ok(throughput)
    }
}

/// What throughput is asked for of.
pub(super) struct Subject<'s> {
    /// Where the request says so; none for its top level.
    pub(super) field: Option<FieldPath>,
    /// What texts call it.
    pub(super) name: &'s str,
    pub(super) billing_mode: BillingMode,
    /// Whether it is being made, so that there is nothing that could stay as it is.
    pub(super) is_new: bool,
}

impl Subject<'_> {
    /// The refusal of a request that, because of what there is, asks for nothing or for what cannot be.
    fn refuse(&self, field: FieldPath, text: String) -> Validation {
        if self.is_new { Validation::new(field, text) } else { Validation::of_state(field, text) }
    }

    fn member(&self, name: &'static str) -> FieldPath {
        self.field.clone().map_or_else(|| name.into(), |field| field.field(name))
    }
}

fn at_least_one(field: FieldPath, value: i64) -> Validation {
    Validation::constraint(
        field,
        Some(&value.to_string()),
        "Member must have value greater than or equal to 1",
    )
}

/// What throughput a table of that billing mode gets.
pub(super) fn throughput_for(
    billing_mode: BillingMode,
    given: Option<ThroughputInput>,
) -> Result<Option<ProvisionedThroughput>, Validation> {
    let field = || FieldPath::from("provisioned_throughput");
    match (billing_mode, given) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(
            field(),
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (BillingMode::Provisioned, None) => Err(invalid(
            field(),
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(given)) => provisioned(&field(), given).map(Some),
    }
}

/// What throughput a global index of a table of that billing mode gets.
pub(super) fn throughput_for_index(
    field: &FieldPath,
    billing_mode: BillingMode,
    name: &str,
    given: Option<ThroughputInput>,
) -> Result<Option<ProvisionedThroughput>, Validation> {
    let field = field.clone().field("provisioned_throughput");
    match (billing_mode, given) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(
            field,
            format!(
                "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            ),
        )),
        (BillingMode::Provisioned, None) => {
            Err(invalid(field, format!("ProvisionedThroughput must be specified for index: {name}")))
        }
        (BillingMode::Provisioned, Some(given)) => provisioned(&field, given).map(Some),
    }
}

/// Throughput as it is kept: at least one unit of each kind.
pub(super) fn provisioned(
    field: &FieldPath,
    given: ThroughputInput,
) -> Result<ProvisionedThroughput, Validation> {
    let units = |member: &'static str, units: i64| {
        u64::try_from(units)
            .ok()
            .filter(|units| *units >= 1)
            .ok_or_else(|| at_least_one(field.clone().field(member), units))
    };
    Ok(ProvisionedThroughput {
        read_capacity_units: units("read_capacity_units", given.read_capacity_units)?,
        write_capacity_units: units("write_capacity_units", given.write_capacity_units)?,
    })
}

/// Asking for the throughput there is.
pub(super) fn unchanged_throughput(
    field: impl Into<FieldPath>,
    of: &str,
    units: ProvisionedThroughput,
) -> Validation {
    let ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write } = units;
    Validation::of_state(
        field,
        format!(
            "The provisioned throughput for the {of} will not change. The requested value equals the current value. \
             Current ReadCapacityUnits provisioned for the {of}: {read}. Requested ReadCapacityUnits: {read}. Current \
             WriteCapacityUnits provisioned for the {of}: {write}. Requested WriteCapacityUnits: {write}. Refer to \
             the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        ),
    )
}

/// On-demand maximums as they are kept: what is not mentioned stays.
fn on_demand(
    of: &Subject<'_>,
    given: OnDemandInput,
    was: OnDemandMaximum,
) -> Result<OnDemandMaximum, Validation> {
    let field = of.member("on_demand_throughput");
    if of.billing_mode != BillingMode::PayPerRequest {
        return Err(invalid(
            field,
            format!(
                "OnDemandThroughput can only be specified for the {} when BillingMode is PAY_PER_REQUEST",
                of.name
            ),
        ));
    }
    let limit = |member: &'static str, given: Option<i64>, was: Option<u64>| match given {
        None => Ok(was),
        Some(-1) => Ok(None),
        Some(units) => match u64::try_from(units) {
            Ok(units @ 1..) => Ok(Some(units)),
            _ => Err(at_least_one(field.clone().field(member), units)),
        },
    };
    let is = OnDemandMaximum {
        read: limit("max_read_request_units", given.max_read_request_units, was.read)?,
        write: limit("max_write_request_units", given.max_write_request_units, was.write)?,
    };
    if given.max_read_request_units.is_none() && given.max_write_request_units.is_none() {
        return Err(invalid(
            field,
            "At least one of MaxReadRequestUnits and MaxWriteRequestUnits must be specified in OnDemandThroughput",
        ));
    }
    if is == was && !of.is_new {
        return Err(unchanged(of, field, "on-demand"));
    }
    Ok(is)
}

/// Asking for the limits there are.
fn unchanged(of: &Subject<'_>, field: FieldPath, which: &str) -> Validation {
    let text = format!(
        "The {which} throughput for the {} will not change. The requested value equals the current value.",
        of.name
    );
    of.refuse(field, text)
}

/// Warm throughput as it is kept: it only grows.
fn warm(of: &Subject<'_>, given: WarmInput, ready: UnitPair) -> Result<UnitPair, Validation> {
    let field = of.member("warm_throughput");
    if given.read_units_per_second.is_none() && given.write_units_per_second.is_none() {
        return Err(invalid(
            field,
            "At least one of ReadUnitsPerSecond and WriteUnitsPerSecond must be specified in WarmThroughput",
        ));
    }
    let units = |member: &'static str, name, given: Option<i64>, ready: u64| {
        let field = field.clone().field(member);
        match given.map(|units| (units, u64::try_from(units))) {
            None => Ok(ready),
            Some((units, Err(_))) | Some((units, Ok(0))) => Err(at_least_one(field, units)),
            Some((_, Ok(units))) if units < ready => Err(of.refuse(
                field,
                format!(
                    "One or more parameter values were invalid: Requested {name} for WarmThroughput for the {} is lower \
                     than current WarmThroughput, decreasing WarmThroughput is not supported. Current {name}: {ready}. \
                     Requested {name}: {units}",
                    of.name
                ),
            )),
            Some((_, Ok(units))) => Ok(units),
        }
    };
    let read = units("read_units_per_second", "ReadUnitsPerSecond", given.read_units_per_second, ready.read)?;
    let write =
        units("write_units_per_second", "WriteUnitsPerSecond", given.write_units_per_second, ready.write)?;
    let is = UnitPair { read, write };
    if is == ready && !of.is_new {
        return Err(unchanged(of, field.clone(), "warm"));
    }
    Ok(is)
}
