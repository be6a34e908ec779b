//! How often throughput may be decreased and a table be switched to on-demand, and how much may be provisioned
//! (semantics 3.2).

use super::{CapacityOptions, UnitPair};
use crate::catalog::{Definition, Throughput};
use crate::{Error, Result};
use cairn_model::ProvisionedThroughput;
use jiff::{SignedDuration, Timestamp};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn exceeded(text: impl std::fmt::Display) -> Error {
    Error::LimitExceeded { message: format!("Subscriber limit exceeded: {text}") }
}

/// A time as DynamoDB writes it in texts: to the second.
fn shown(at: Timestamp) -> String {
    at.strftime("%A, %B %-d, %Y %-I:%M:%S %p UTC").to_string()
}

/// Whether throughput may become `to` now: several decreases in a UTC day at once, and one more after each hour without.
///
/// # Errors
/// LimitExceeded.
pub(crate) fn check_decrease(
    throughput: &Throughput,
    to: ProvisionedThroughput,
    now: Timestamp,
    options: &CapacityOptions,
) -> Result<()> {
    let today = throughput.decreases_on(now);
    if !throughput.decreases_to(to) || today < options.decreases_at_once {
        return Ok(());
    }
    let Some(last) = throughput.decreased_at else { return Ok(()) };
    let next = last.saturating_add(HOUR).unwrap_or(Timestamp::MAX);
    if now >= next {
        return Ok(());
    }
    Err(exceeded(format_args!(
        "Provisioned throughput decreases are limited within a given UTC day. After the first {} decreases, each \
         subsequent decrease in the same UTC day can be performed at most once every 3600 seconds. Number of decreases \
         today: {today}. Last decrease at {}. Next decrease can be made at {}",
        options.decreases_at_once,
        shown(last),
        shown(next),
    )))
}

/// Whether a table may be switched to on-demand now. Remembers that it is, and forgets what was a day ago.
///
/// # Errors
/// LimitExceeded.
pub(crate) fn check_on_demand_switch(
    switches: &mut Vec<Timestamp>,
    now: Timestamp,
    options: &CapacityOptions,
) -> Result<()> {
    let ends = |switch: &Timestamp| switch.saturating_add(DAY).unwrap_or(Timestamp::MAX);
    switches.retain(|switch| ends(switch) > now);
    if switches.len() < options.on_demand_switches_max {
        switches.push(now);
        return Ok(());
    }
    // With the operator's limit at nought there is no next time to tell.
    let times = switches.last().zip(switches.first()).map_or_else(String::new, |(last, first)| {
        format!(". Last update at {}. Next update can be made at {}", shown(*last), shown(ends(first)))
    });
    Err(exceeded(format_args!(
        "Update to PayPerRequest mode are limited to {} times in 1 day(s){times}",
        options.on_demand_switches_max,
    )))
}

/// Units that a table is provisioned with, its global indexes included.
pub(crate) fn provisioned_units(definition: &Definition) -> UnitPair {
    let indexes = definition.indexes.iter().map(|index| &index.throughput);
    let all = std::iter::once(&definition.throughput).chain(indexes).filter_map(|one| one.provisioned);
    all.map(|units| UnitPair { read: units.read_capacity_units, write: units.write_capacity_units })
        .fold(UnitPair::default(), sum)
}

/// Whether a table may be provisioned, and be ready for, what it is from now on, given what all other tables are
/// provisioned with. What is over a limit already may stay as it is, or become less.
///
/// # Errors
/// LimitExceeded.
pub(crate) fn check_limits(
    before: Option<&Definition>,
    after: &Definition,
    others: UnitPair,
    options: &CapacityOptions,
) -> Result<()> {
    let was = before.map(provisioned_units).unwrap_or_default();
    let is = provisioned_units(after);
    if is.read > was.read || is.write > was.write {
        within("provisioned for a table and its global secondary indexes", is, options.table_max)?;
        within("provisioned for all tables together", sum(is, others), options.account_max)?;
    }
    let all = |definition: &Definition| {
        let indexes = definition.indexes.iter().map(|index| index.throughput.warm);
        indexes.chain([definition.throughput.warm]).collect::<Vec<_>>()
    };
    let known = before.map(all).unwrap_or_default();
    for warm in all(after).into_iter().filter(|warm| !known.contains(warm)) {
        within("kept warm for a table or global secondary index", warm, options.table_max)?;
    }
    Ok(())
}

/// Both together.
pub(crate) fn sum(a: UnitPair, b: UnitPair) -> UnitPair {
    UnitPair { read: a.read.saturating_add(b.read), write: a.write.saturating_add(b.write) }
}

fn within(what: &str, units: UnitPair, most: UnitPair) -> Result<()> {
    for (kind, units, most) in [("read", units.read, most.read), ("write", units.write, most.write)] {
        if units > most {
            return Err(exceeded(format_args!(
                "At most {most} {kind} capacity units a second can be {what}, and {units} would be"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(read: u64, write: u64) -> ProvisionedThroughput {
        ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_has_four_decreases_at_once_and_one_for_each_hour_without() {
        let options = CapacityOptions::default();
        let mut throughput = Throughput::default().with(units(1_000, 1), at("2026-11-20T12:00:00Z"));
        let mut made = 0;
        // All day long, every ten minutes.
        for minutes in (0..24 * 60).step_by(10) {
            let now = at("2026-11-21T00:00:00Z") + SignedDuration::from_mins(minutes);
            let to = units(999 - made, 1);
            if check_decrease(&throughput, to, now, &options).is_ok() {
                throughput = throughput.with(to, now);
                made += 1;
            }
        }
        assert_eq!(made, 27);
        let midnight = at("2026-11-22T00:00:00Z");
        assert!(check_decrease(&throughput, units(1, 1), midnight, &options).is_ok());
        assert!(check_decrease(&throughput, units(2_000, 2), at("2026-11-21T23:59:59Z"), &options).is_ok());
    }

    #[test]
    fn a_refused_decrease_says_when_the_next_can_be_made() {
        let options = CapacityOptions::default();
        let now = at("2026-11-21T09:30:05Z");
        let throughput = (1..=5).rev().fold(Throughput::default(), |was, read| was.with(units(read, 1), now));
        let later = at("2026-11-21T09:40:00Z");
        let error = check_decrease(&throughput.with(units(5, 1), later), units(1, 1), later, &options);
        let text = error.unwrap_err().to_string();
        assert!(
            text.ends_with(
                "Number of decreases today: 4. Last decrease at Saturday, November 21, 2026 9:30:05 AM UTC. Next \
                 decrease can be made at Saturday, November 21, 2026 10:30:05 AM UTC"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_table_is_switched_to_on_demand_a_few_times_a_day() {
        let options = CapacityOptions { on_demand_switches_max: 2, ..CapacityOptions::default() };
        let mut switches = Vec::new();
        let mut switch = |text| check_on_demand_switch(&mut switches, at(text), &options);
        assert!(switch("2026-11-21T00:00:00Z").is_ok());
        assert!(switch("2026-11-21T20:00:00Z").is_ok());
        let text = switch("2026-11-21T23:59:59Z").unwrap_err().to_string();
        assert!(text.contains("limited to 2 times in 1 day(s)"), "{text}");
        assert!(
            text.ends_with("Next update can be made at Sunday, November 22, 2026 12:00:00 AM UTC"),
            "{text}"
        );
        assert!(switch("2026-11-22T00:00:00Z").is_ok());
        assert!(switch("2026-11-22T00:00:01Z").is_err());
    }
}
