//! `X-Amz-Target`: which operation a request asks for.

use cairn_ops::{OPERATIONS, OperationKind, unknown_operation};
use http::{HeaderMap, HeaderName};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One of the operations.
    Operation(OperationKind),
    /// DescribeEndpoints, which is about this protocol's own addresses and has nothing to do with tables.
    DescribeEndpoints,
}

/// Why a request asks for nothing that there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownTarget {
    /// It does not say what it asks for.
    #[error("The request has no X-Amz-Target header, which names the operation")]
    Missing,
    /// No such operation, or none yet: the message.
    #[error("{0}")]
    Operation(String),
}

const TABLES: &str = "DynamoDB_20120810";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

impl Target {
    /// What a request with these headers asks for.
    ///
    /// # Errors
    /// If it does not say, or there is no such operation.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, UnknownTarget> {
        let header = headers.get(TARGET).and_then(|target| target.to_str().ok());
        let header = header.filter(|header| !header.is_empty()).ok_or(UnknownTarget::Missing)?;
        Self::parse(header).ok_or_else(|| {
            let name = header.strip_prefix(TABLES).and_then(|rest| rest.strip_prefix('.'));
            let name = name.filter(|name| !name.is_empty()).unwrap_or(header);
            UnknownTarget::Operation(unknown_operation(name))
        })
    }

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

    #[test]
    fn an_unknown_target_is_named_if_it_reads_like_an_operation() {
        let refused = |target: Option<&str>| {
            let targets = target.map(|target| (TARGET, target.parse().unwrap()));
            Target::of(&HeaderMap::from_iter(targets)).unwrap_err().to_string()
        };
        let missing = "The request has no X-Amz-Target header, which names the operation";
        assert_eq!(refused(None), missing);
        assert_eq!(refused(Some("")), missing);
        let implemented = "is not implemented by this version of Cairn";
        for (target, name) in [
            ("DynamoDB_20120810.SearchVectors", "SearchVectors"),
            ("DynamoDB_20120810.", "An operation of this name"),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "An operation of this name"),
            ("wJalrXUtnFEMI.GetItem", "An operation of this name"),
            ("DynamoDBStreams_20120810.ListStreams", "DynamoDBStreams_20120810.ListStreams"),
        ] {
            assert_eq!(refused(Some(target)), format!("{name} {implemented}"));
        }
        assert_eq!(refused(Some(&"x".repeat(10_000))), format!("An operation of this name {implemented}"));
    }
}
