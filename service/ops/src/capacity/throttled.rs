//! Why a call was throttled, and when to come back (semantics 13).

use super::UnitKind;
use std::fmt;
use std::time::Duration;

/// A call that was refused because there was no capacity for it. What it asked for was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Throttled {
    /// Whether the table is on demand: ThrottlingException rather than ProvisionedThroughputExceededException.
    pub on_demand: bool,
    /// What was short, at least one.
    pub reasons: Vec<ThrottlingReason>,
    /// When all that was short will be there again, from now.
    pub retry_after: Duration,
}

/// One thing that was short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottlingReason {
    /// The table's name.
    pub table: String,
    /// The index's name, if it was the index.
    pub index: Option<String>,
    /// The ARN of the table or index.
    pub resource: String,
    /// The units that were short.
    pub kind: UnitKind,
    /// The limit that was reached.
    pub limit: ThroughputLimit,
}

/// The limits that throughput has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThroughputLimit {
    /// What was provisioned.
    Provisioned,
    /// What one partition gives, or what an on-demand table or index is ready for.
    KeyRange,
    /// The maximum that an on-demand table or index was given.
    MaxOnDemand,
    /// What the account allows an on-demand table or index.
    Account,
}

impl ThrottlingReason {
    /// DynamoDB's word for it, as in `TableReadProvisionedThroughputExceeded`.
    pub fn name(&self) -> String {
        let scope = if self.index.is_some() { "Index" } else { "Table" };
        let kind = match self.kind {
            UnitKind::Read => "Read",
            UnitKind::Write => "Write",
        };
        let limit = match self.limit {
            ThroughputLimit::Provisioned => "ProvisionedThroughputExceeded",
            ThroughputLimit::KeyRange => "KeyRangeThroughputExceeded",
            ThroughputLimit::MaxOnDemand => "MaxOnDemandThroughputExceeded",
            ThroughputLimit::Account => "AccountLimitExceeded",
        };
        format!("{scope}{kind}{limit}")
    }
}

impl Throttled {
    /// Both: what is short of either, until there is enough of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for reason in other.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        Self { retry_after: self.retry_after.max(other.retry_after), ..self }
    }
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_index = self.reasons.first().is_some_and(|reason| reason.index.is_some());
        let limit = self.reasons.first().map(|reason| reason.limit);
        f.write_str(match (self.on_demand, of_index) {
            (true, _) if limit == Some(ThroughputLimit::MaxOnDemand) => {
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
            }
            (true, _) => {
                "Throughput exceeds the current capacity of your table or index. The table or index is scaling, so \
                 please try again shortly. If exceptions persist, check if you have a hot key."
            }
            (false, false) => {
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
                 provisioning level with the UpdateTable API."
            }
            (false, true) => {
                "The level of configured provisioned throughput for one or more global secondary indexes of the table \
                 was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary \
                 indexes with the UpdateTable API"
            }
        })
    }
}

impl std::error::Error for Throttled {}
