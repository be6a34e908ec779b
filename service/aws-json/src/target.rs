//! `X-Amz-Target`: which operation a request asks for.

use cairn_ops::{OPERATIONS, OperationKind};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One of the operations.
    Operation(OperationKind),
    /// DescribeEndpoints, which is about this protocol's own addresses and has nothing to do with tables.
    DescribeEndpoints,
}

const TABLES: &str = "DynamoDB_20120810";

impl Target {
    /// The target of that name; none if there is no such operation, or none yet.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (prefix, name) = header.split_once('.')?;
        if prefix != TABLES {
            return None;
        }
        if name == "DescribeEndpoints" {
            return Some(Self::DescribeEndpoints);
        }
        let found = OPERATIONS.iter().find(|names| names.aws_target == Some(name))?;
        Some(Self::Operation(found.kind))
    }

    /// The operation, if it is one.
    pub(crate) fn operation(self) -> Option<OperationKind> {
        match self {
            Self::Operation(kind) => Some(kind),
            Self::DescribeEndpoints => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_prefix_and_an_operation_that_is_served() {
        for names in OPERATIONS {
            let expected = names.aws_target.map(|_| Target::Operation(names.kind));
            assert_eq!(Target::parse(&format!("DynamoDB_20120810.{}", names.method)), expected);
        }
        assert_eq!(Target::parse("DynamoDB_20120810.DescribeEndpoints"), Some(Target::DescribeEndpoints));
        for unknown in [
            "",
            "GetItem",
            "DynamoDB_20120810",
            "DynamoDB_20120810.",
            "DynamoDB_20120810.getItem",
            "DynamoDB_20120810.SearchVectors",
            "DynamoDB_20111205.GetItem",
            "DynamoDBStreams_20120810.GetItem",
        ] {
            assert_eq!(Target::parse(unknown), None, "{unknown}");
        }
    }
}
