//! From what a caller wrote for a table, a name or an ARN, to its name.

use crate::error::{At, broken_name};
use crate::operations::DEFAULT_KEY;
use crate::{FieldPath, Validation};
use cairn_model::{ArnError, NameError, TableName, TableReference, limits, parse_table_arn, table_arn};
use std::borrow::Cow;
use std::sync::Arc;

/// The region and account that ARNs here carry.
#[derive(Clone)]
pub(crate) struct Naming {
    pub(crate) region: Arc<str>,
    /// The region that callers sign for, if it is one. ARNs that a caller builds carry the region that it is configured
    /// with: without this any region is taken, and with it that one and `region`.
    pub(crate) signing_region: Option<Arc<str>>,
    pub(crate) account: Arc<str>,
}

impl Naming {
    /// A table's ARN.
    pub(crate) fn arn(&self, table: &TableName) -> String {
        table_arn(&self.region, &self.account, table)
    }

    /// The ARN of the key that stands for the encryption of the operator's disk.
    pub(crate) fn key_arn(&self) -> String {
        format!("arn:aws:kms:{}:{}:{DEFAULT_KEY}", self.region, self.account)
    }

    /// Whether what a caller names is a table of another account.
    pub(crate) fn is_elsewhere(&self, given: &str) -> bool {
        let mut parts = given.splitn(6, ':').skip(2);
        let service = parts.next();
        let account = parts.nth(1);
        service == Some("dynamodb")
            && account.is_some_and(|account| {
                account != &*self.account
                    && account.len() == 12
                    && account.bytes().all(|byte| byte.is_ascii_digit())
            })
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
            false => given.parse().map_err(|_: NameError| broken_name(field(), &given))?,
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
        self.table_of_arn(arn).map_err(|error| error.at(field()))
    }

    fn table_of_arn(&self, arn: &str) -> Result<TableName, ArnError> {
        let takes_region = |region: &str| match &self.signing_region {
            None => true,
            Some(signing_region) => region == &**signing_region || region == &*self.region,
        };
        parse_table_arn(takes_region, &self.account, arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(signing_region: Option<&str>) -> Naming {
        Naming {
            region: "local".into(),
            signing_region: signing_region.map(Into::into),
            account: "000000000000".into(),
        }
    }

    fn arn(region: &str, account: &str) -> String {
        format!("arn:aws:dynamodb:{region}:{account}:table/Music")
    }

    #[test]
    fn an_arn_of_this_account_may_name_any_region_unless_signatures_have_one() {
        let taken =
            |naming: &Naming, region: &str| naming.resource("resource_arn", &arn(region, "000000000000"));
        for region in ["local", "us-east-1", "eu-north-1"] {
            assert_eq!(taken(&naming(None), region).unwrap().to_string(), "Music");
        }
        for region in ["local", "us-east-1"] {
            taken(&naming(Some("us-east-1")), region).unwrap();
        }
        let refused = taken(&naming(Some("us-east-1")), "eu-north-1").unwrap_err().to_string();
        assert!(refused.contains("another region or account"), "{refused}");
        for signing_region in [None, Some("us-east-1")] {
            let naming = naming(signing_region);
            assert!(naming.resource("resource_arn", &arn("us-east-1", "111111111111")).is_err());
            let given = arn("us-east-1", "000000000000");
            assert_eq!(naming.table("table", given).unwrap().name.to_string(), "Music");
        }
        let table = "Music".parse().unwrap();
        assert_eq!(
            naming(Some("us-east-1")).arn(&table),
            arn("local", "000000000000"),
            "answers carry this one"
        );
    }
}
