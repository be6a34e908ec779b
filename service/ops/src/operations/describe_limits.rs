//! DescribeLimits (semantics 3.2).

use crate::access::Access;
use crate::{CapacityLimits, Operation, OperationKind, Permit, Result, Service, UnitPair};
use cairn_storage::Engine;

/// Reads the limits of throughput.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescribeLimits {}

/// How much throughput may be provisioned, in units a second, and which limits calls are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescribeLimitsOutput {
    /// For all tables together.
    pub account_max: UnitPair,
    /// For one table with its global indexes.
    pub table_max: UnitPair,
    /// The limits that are enforced: Cairn's own, beside what DynamoDB answers.
    pub capacity_limits: CapacityLimits,
}

impl Operation for DescribeLimits {
    const KIND: OperationKind = OperationKind::DescribeLimits;
    type Output = DescribeLimitsOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("dynamodb:DescribeLimits")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<DescribeLimitsOutput> {
        let options = &service.accounting.options;
        Ok(DescribeLimitsOutput {
            account_max: options.account_max,
            table_max: options.table_max,
            capacity_limits: options.limits,
        })
    }
}
