//! Amazon resource names of tables: `arn:aws:dynamodb:<region>:<account>:table/<name>`.

use crate::{NameError, TableName};

/// A table as a caller names it: by its name, or by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReference {
    /// The table's name.
    pub name: TableName,
    /// What the caller wrote, which answers repeat.
    pub given: String,
}

/// Why a text is not the ARN of a table here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not an ARN at all.
    #[error("Invalid ARN: ARNs must start with 'arn:'")]
    NotAnArn,
    /// An ARN, but not of a DynamoDB table.
    #[error("Invalid ARN: it must have the form arn:aws:dynamodb:<region>:<account>:table/<name>")]
    NotATable,
    /// The table of another account or region.
    #[error("Invalid ARN: it names another region or account than this service's")]
    Elsewhere,
    /// The name inside breaks the rules for names.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// The ARN of a table.
pub fn table_arn(region: &str, account: &str, table: &TableName) -> String {
    format!("arn:aws:dynamodb:{region}:{account}:table/{table}")
}

/// The table that an ARN names.
///
/// # Errors
/// Anything but the well-formed ARN of a table of this account and a region that is taken.
pub fn parse_table_arn(
    takes_region: impl FnOnce(&str) -> bool,
    account: &str,
    arn: &str,
) -> Result<TableName, ArnError> {
    let rest = arn.strip_prefix("arn:").ok_or(ArnError::NotAnArn)?;
    let mut parts = rest.splitn(5, ':');
    let mut part = || parts.next().ok_or(ArnError::NotATable);
    let (partition, service, arn_region, arn_account, resource) =
        (part()?, part()?, part()?, part()?, part()?);
    if !partition.starts_with("aws") || service != "dynamodb" {
        return Err(ArnError::NotATable);
    }
    let name = resource.strip_prefix("table/").ok_or(ArnError::NotATable)?;
    if name.contains('/') {
        return Err(ArnError::NotATable);
    }
    let is_region = |text: &str| {
        let mut bytes = text.bytes();
        !text.is_empty()
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !is_region(arn_region) || !takes_region(arn_region) || arn_account != account {
        return Err(ArnError::Elsewhere);
    }
    Ok(name.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_table() {
        let name: TableName = "Music".parse().unwrap();
        let arn = table_arn("eu-north-1", "000000000000", &name);
        assert_eq!(arn, "arn:aws:dynamodb:eu-north-1:000000000000:table/Music");
        assert_eq!(parse_table_arn(|region| region == "eu-north-1", "000000000000", &arn), Ok(name));
    }

    #[test]
    fn other_arns_are_refused() {
        let parse = |arn| parse_table_arn(|region| region == "r", "1", arn).unwrap_err();
        assert_eq!(parse("Music"), ArnError::NotAnArn);
        assert_eq!(parse("arn:aws:s3:r:1:table/Music"), ArnError::NotATable);
        assert_eq!(parse("arn:aws:dynamodb:r:1"), ArnError::NotATable);
        assert_eq!(parse("arn:aws:dynamodb:r:1:table/Music/index/i"), ArnError::NotATable);
        assert_eq!(parse("arn:aws:dynamodb:elsewhere:1:table/Music"), ArnError::Elsewhere);
        assert!(matches!(parse("arn:aws:dynamodb:r:1:table/a"), ArnError::Name(_)));
        // What is no region is not taken, even where any region is.
        for region in ["", "R", "*", "a b"] {
            let arn = format!("arn:aws:dynamodb:{region}:1:table/Music");
            assert_eq!(parse_table_arn(|_| true, "1", &arn), Err(ArnError::Elsewhere), "{region:?}");
        }
    }
}
