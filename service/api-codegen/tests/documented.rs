//! Holds what the definitions say of errors to one another: an rpc names the reasons it can fail with, and their gRPC
//! codes must be those that `ErrorReason` gives them.

// The helpers here are tests too: to fail loudly is their purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use prost_types::{FileDescriptorProto, FileDescriptorSet};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

fn definitions() -> FileDescriptorSet {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = protox::Compiler::new([proto]).unwrap();
    let files = ["error_reason", "iam_service", "item_service", "table_service"]
        .map(|file| format!("cairn/v1/{file}.proto"));
    compiler.include_source_info(true).open_files(files).unwrap();
    compiler.file_descriptor_set()
}

/// The comment on an element of a file, which is named by the field numbers and indexes that lead to it.
fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = &file.source_code_info.as_ref().unwrap().location;
    let location = locations.iter().find(|location| location.path == path);
    let comment = location.expect("every element has a comment").leading_comments();
    comment.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

/// The comments on the values of `ErrorReason`, by their names as `ErrorInfo` has them.
fn reasons(definitions: &FileDescriptorSet) -> BTreeMap<String, String> {
    let file = definitions.file.iter().find(|file| file.name() == "cairn/v1/error_reason.proto").unwrap();
    let reasons = file.enum_type.iter().position(|one| one.name() == "ErrorReason").unwrap();
    let values = file.enum_type[reasons].value.iter().enumerate();
    values
        .map(|(at, value)| {
            let name = value.name().strip_prefix("ERROR_REASON_").unwrap().to_owned();
            (name, comment(file, &[5, reasons.try_into().unwrap(), 2, at.try_into().unwrap()]))
        })
        .filter(|(name, _)| name != "UNSPECIFIED")
        .collect()
}

/// The reasons a comment lists, each with its codes: `- REASON, REASON (CODE or CODE), REASON (CODE): when.`
fn listed(comment: &str) -> Vec<(String, BTreeSet<String>)> {
    let paragraphs = comment.split("\n\n").flat_map(|paragraph| paragraph.split("\n- ").skip(1));
    let lists =
        paragraphs.map(|item| item.split_once(':').expect("a reason is followed by when it is given").0);
    lists
        .flat_map(|list| list.split_inclusive(')'))
        .flat_map(|group| {
            let (reasons, codes) = group.split_once('(').expect("a reason has a code");
            let codes: BTreeSet<String> =
                words(codes).filter(|&word| word != "or").map(str::to_owned).collect();
            words(reasons).map(move |reason| (reason.to_owned(), codes.clone())).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_reason_says_its_code_and_its_metadata_with_an_example() {
    for (reason, comment) in reasons(&definitions()) {
        assert!(words(&comment).any(|word| CODES.contains(&word)), "{reason} has no gRPC code");
        let (_, rest) =
            comment.split_once("\nMetadata: ").unwrap_or_else(|| panic!("{reason} has no metadata"));
        let (keys, example) =
            rest.split_once("Example: `").unwrap_or_else(|| panic!("{reason} has no example"));
        let example: Map<String, Value> = serde_json::from_str(example.trim_end_matches("`.")).unwrap();
        let keys: BTreeSet<&str> = words(keys).collect();
        let shown: BTreeSet<&str> = example.keys().map(String::as_str).collect();
        assert!(shown.is_subset(&keys), "{reason} shows {shown:?} and has {keys:?}");
        assert_eq!(shown.is_empty(), keys == BTreeSet::from(["none", "further"]), "{reason} shows {shown:?}");
    }
}

#[test]
fn every_rpc_lists_its_errors_with_the_codes_their_reasons_have() {
    let definitions = definitions();
    let reasons = reasons(&definitions);
    let mut rpcs = 0;
    for file in &definitions.file {
        for (at, service) in file.service.iter().enumerate() {
            let path = [6, at.try_into().unwrap()];
            let mut comments = vec![(service.name().to_owned(), comment(file, &path))];
            for (at, method) in service.method.iter().enumerate() {
                rpcs += 1;
                let comment = comment(file, &[path[0], path[1], 2, at.try_into().unwrap()]);
                assert!(comment.contains("\n\nErrors"), "{} says nothing of errors", method.name());
                let (_, action) =
                    comment.split_once("\n\nAction: ").expect("an rpc says what permission it takes");
                let named = ["`dynamodb:", "`iam:", "`sts:"].iter().any(|prefix| action.contains(prefix));
                assert!(named, "{} names no action", method.name());
                comments.push((method.name().to_owned(), comment));
            }
            for (name, comment) in comments {
                for (reason, codes) in listed(&comment) {
                    let said =
                        reasons.get(&reason).unwrap_or_else(|| panic!("{name}: {reason} is no reason"));
                    assert!(!codes.is_empty(), "{name} gives {reason} no code");
                    for code in codes {
                        assert!(CODES.contains(&&*code), "{name}: {code} is no code of gRPC");
                        assert!(words(said).any(|word| word == code), "{name}: {reason} is never {code}");
                    }
                }
            }
        }
    }
    assert!(rpcs > 0, "no rpc was looked at");
}

#[test]
fn a_list_of_errors_is_read_in_full() {
    let comment =
        "Does it.\n\nErrors:\n- A_B, C (X_Y or Z): one,\nor the other.\n- D (X), E (Y): both\n\nand F.";
    let codes = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect::<BTreeSet<_>>();
    let expected = [
        ("A_B", codes(&["X_Y", "Z"])),
        ("C", codes(&["X_Y", "Z"])),
        ("D", codes(&["X"])),
        ("E", codes(&["Y"])),
    ];
    assert_eq!(listed(comment), expected.map(|(reason, codes)| (reason.to_owned(), codes)));
}
