//! From what a caller wrote for a table, a name or an ARN, to its name.

use crate::error::{At, name_constraint};
use crate::{FieldPath, Validation};
use cairn_model::{TableName, TableReference, limits, parse_table_arn, table_arn};
use std::borrow::Cow;
use std::sync::Arc;

/// The region and account that ARNs here carry.
#[derive(Clone)]
pub(crate) struct Naming {
    pub(crate) region: Arc<str>,
    pub(crate) account: Arc<str>,
}

impl Naming {
    /// A table's ARN.
    pub(crate) fn arn(&self, table: &TableName) -> String {
        table_arn(&self.region, &self.account, table)
    }

    /// The table that a caller names in a member that takes a name or an ARN.
    pub(crate) fn table(
        &self,
        field: impl Into<FieldPath>,
        given: String,
    ) -> Result<TableReference, Validation> {
        self.table_in(|| field.into(), given.into())
    }

    /// As [`table`](Self::table), of a member that is asked for only if something is wrong with it.
    pub(crate) fn table_in(
        &self,
        field: impl FnOnce() -> FieldPath,
        given: Cow<'_, str>,
    ) -> Result<TableReference, Validation> {
        if given.is_empty() {
            return Err(Validation::constraint(field(), None, "Member must not be null"));
        }
        let name = match given.starts_with("arn:") {
            true => self.parse_arn(field, &given)?,
            false => given.parse().map_err(|error| name_constraint(field(), &given, error))?,
        };
        Ok(TableReference { name, given: given.into_owned() })
    }

    /// The table that a caller names in a member that takes an ARN only.
    pub(crate) fn resource(&self, field: &'static str, arn: &str) -> Result<TableName, Validation> {
        if arn.is_empty() {
            return Err(Validation::constraint(field, None, "Member must not be null"));
        }
        self.parse_arn(|| field.into(), arn)
    }

    fn parse_arn(&self, field: impl FnOnce() -> FieldPath, arn: &str) -> Result<TableName, Validation> {
        if arn.len() > limits::TABLE_REFERENCE_CHARS_MAX {
            return Err(Validation::constraint(
                field(),
                Some(arn),
                format_args!(
                    "Member must have length less than or equal to {}",
                    limits::TABLE_REFERENCE_CHARS_MAX
                ),
            ));
        }
        parse_table_arn(&self.region, &self.account, arn).map_err(|error| error.at(field()))
    }
}
