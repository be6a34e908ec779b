//! DescribeLimits (semantics 3.2).

use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service, UnitPair};
use cairn_storage::Engine;

/// Tells how much throughput may be provisioned.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescribeLimits {}

/// How much throughput may be provisioned, in units a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescribeLimitsOutput {
    /// For all tables together.
    pub account_max: UnitPair,
    /// For one table with its global indexes.
    pub table_max: UnitPair,
}

impl Operation for DescribeLimits {
    const KIND: OperationKind = OperationKind::DescribeLimits;
    type Output = DescribeLimitsOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_anything("dynamodb:DescribeLimits")]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<DescribeLimitsOutput> {
        let options = &service.accounting.options;
        Ok(DescribeLimitsOutput { account_max: options.account_max, table_max: options.table_max })
    }
}
