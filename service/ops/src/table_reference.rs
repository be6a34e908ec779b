//! From what a caller wrote for a table, a name or an ARN, to its name.

use crate::error::{At, check_name};
use crate::{FieldPath, Validation};
use cairn_model::{TableName, TableReference, limits, parse_table_arn, table_arn};
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

    /// The table that a name or an ARN names, if it is well-formed.
    pub(crate) fn table_name(&self, given: &str) -> Option<TableName> {
        if given.starts_with("arn:") {
            return parse_table_arn(&self.region, &self.account, given).ok();
        }
        given.parse().ok()
    }

    /// The table that a caller names in a member that takes a name or an ARN.
    pub(crate) fn table(
        &self,
        field: impl Into<FieldPath>,
        given: String,
    ) -> Result<TableReference, Validation> {
        let field = field.into();
        if given.is_empty() {
            return Err(Validation::constraint(field, None, "Member must not be null"));
        }
        if given.starts_with("arn:") {
            let name = self.parse_arn(field, &given)?;
            return Ok(TableReference { name, given });
        }
        check_name(field.clone(), &given)?;
        match given.parse() {
            Ok(name) => Ok(TableReference { name, given }),
            Err(error) => Err(Validation::constraint(field, Some(&given), error)),
        }
    }

    /// The table that a caller names in a member that takes an ARN only.
    pub(crate) fn resource(&self, field: &'static str, arn: &str) -> Result<TableName, Validation> {
        if arn.is_empty() {
            return Err(Validation::constraint(field, None, "Member must not be null"));
        }
        self.parse_arn(field.into(), arn)
    }

    fn parse_arn(&self, field: FieldPath, arn: &str) -> Result<TableName, Validation> {
        if arn.len() > limits::TABLE_REFERENCE_CHARS_MAX {
            return Err(Validation::constraint(
                field,
                Some(arn),
                format_args!(
                    "Member must have length less than or equal to {}",
                    limits::TABLE_REFERENCE_CHARS_MAX
                ),
            ));
        }
        parse_table_arn(&self.region, &self.account, arn).map_err(|error| error.at(field))
    }
}
