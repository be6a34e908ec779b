//! The list of operations, held to the services that the descriptors define.

#![allow(clippy::unwrap_used)] // Tests fail loudly, in helpers too.

use cairn_ops::{OPERATIONS, RpcService};
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;

fn service_name(service: RpcService) -> Option<&'static str> {
    match service {
        RpcService::Table => Some("TableService"),
        RpcService::Item => Some("ItemService"),
        RpcService::Iam => Some("IamService"),
        RpcService::None => None,
    }
}

#[test]
fn every_method_of_every_service_is_an_operation_and_the_other_way_round() {
    let descriptors = FileDescriptorSet::decode(cairn_api::FILE_DESCRIPTOR_SET).unwrap();
    let defined: BTreeSet<(String, String)> = descriptors
        .file
        .iter()
        .filter(|file| file.package() == "cairn.v1")
        .flat_map(|file| &file.service)
        .flat_map(|service| {
            service.method.iter().map(|method| (service.name().to_owned(), method.name().to_owned()))
        })
        .collect();
    let listed: BTreeSet<(String, String)> = OPERATIONS
        .iter()
        .filter_map(|names| Some((service_name(names.service)?.to_owned(), names.method.to_owned())))
        .collect();
    assert_eq!(defined, listed);
    let names: BTreeSet<_> = OPERATIONS.iter().map(|names| names.method).collect();
    assert_eq!(names.len(), OPERATIONS.len(), "an operation is listed twice");
}

/// The core of the DynamoDB API, its tags and its policies, by the names they have in `X-Amz-Target`.
#[test]
fn every_core_operation_of_dynamodb_is_listed() {
    let core = [
        "BatchGetItem",
        "BatchWriteItem",
        "CreateTable",
        "DeleteItem",
        "DeleteResourcePolicy",
        "DeleteTable",
        "DescribeContinuousBackups",
        "DescribeLimits",
        "DescribeTable",
        "DescribeTimeToLive",
        "GetItem",
        "GetResourcePolicy",
        "ListBackups",
        "ListTables",
        "ListTagsOfResource",
        "PutItem",
        "PutResourcePolicy",
        "Query",
        "Scan",
        "TagResource",
        "TransactGetItems",
        "TransactWriteItems",
        "UntagResource",
        "UpdateItem",
        "UpdateTable",
        "UpdateTimeToLive",
    ];
    let listed: BTreeSet<&str> = OPERATIONS.iter().filter_map(|names| names.aws_target).collect();
    assert_eq!(listed, BTreeSet::from(core));
}

#[test]
fn an_operation_that_aws_has_is_named_as_aws_names_it() {
    for names in OPERATIONS {
        assert_eq!(names.kind.name(), names.method);
        assert!(names.aws_target.is_none_or(|target| target == names.method), "{names:?}");
        if let Some(action) = names.action {
            let services: &[&str] = match names.service {
                RpcService::Table | RpcService::Item | RpcService::None => &["dynamodb:"],
                RpcService::Iam => &["iam:", "sts:"],
            };
            assert!(services.iter().any(|service| action.starts_with(service)), "{names:?}");
        }
    }
}
