//! Holds the generated code that is committed to the definitions it was generated from.

use cairn_api_codegen::{Files, GENERATED_FOLDERS, api_crate, generate, read, write};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const REMEDY: &str = "run `cargo run -p cairn-api-codegen` and commit what it changes";

/// How two files first differ, for people.
fn difference(generated: &[u8], committed: &[u8]) -> String {
    let (Ok(generated), Ok(committed)) = (str::from_utf8(generated), str::from_utf8(committed)) else {
        return format!("{} bytes generated, {} committed", generated.len(), committed.len());
    };
    let mut lines = generated.lines().zip(committed.lines()).enumerate();
    match lines.find(|(_, (generated, committed))| generated != committed) {
        Some((at, (generated, committed))) => {
            format!("line {}:\n    generated: {generated}\n    committed: {committed}", at + 1)
        }
        None => {
            format!("{} lines generated, {} committed", generated.lines().count(), committed.lines().count())
        }
    }
}

/// What differs between the two, one entry a file.
fn differences(generated: &Files, committed: &Files) -> Vec<String> {
    let paths: BTreeSet<_> = generated.keys().chain(committed.keys()).collect();
    let compare = |path: &Path| match (generated.get(path), committed.get(path)) {
        (Some(generated), Some(committed)) if generated == committed => None,
        (Some(generated), Some(committed)) => {
            Some(format!("{} differs: {}", path.display(), difference(generated, committed)))
        }
        (Some(_), None) => Some(format!("{} is not committed", path.display())),
        (None, _) => Some(format!("{} is committed and not generated", path.display())),
    };
    paths.into_iter().filter_map(|path| compare(path)).collect()
}

#[test]
fn the_committed_code_is_what_the_definitions_generate() {
    let differences = differences(&generate().unwrap(), &read(&api_crate()).unwrap());
    assert!(differences.is_empty(), "{REMEDY}:\n{}", differences.join("\n"));
}

#[test]
fn what_is_written_is_all_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for stale in GENERATED_FOLDERS {
        fs::create_dir_all(folder.path().join(stale)).unwrap();
        fs::write(folder.path().join(stale).join("stale.rs"), "").unwrap();
    }
    let files = Files::from([
        ("src/generated/a.rs".into(), b"a".to_vec()),
        ("tests/generated/b.rs".into(), b"b".to_vec()),
    ]);
    write(&files, folder.path()).unwrap();
    assert_eq!(read(folder.path()).unwrap(), files);
}

#[test]
fn a_difference_names_the_file_and_its_first_line() {
    let files = |name: &str, content: &str| Files::from([(name.into(), content.as_bytes().to_vec())]);
    assert_eq!(
        differences(&files("a.rs", "one\ntwo\n"), &files("a.rs", "one\nthree\n")),
        ["a.rs differs: line 2:\n    generated: two\n    committed: three"],
    );
    assert_eq!(
        differences(&files("a.rs", "one\n"), &files("b.rs", "one\n")),
        ["a.rs is not committed", "b.rs is committed and not generated"],
    );
    assert_eq!(
        differences(&files("a.rs", "one\ntwo\n"), &files("a.rs", "one\n")),
        ["a.rs differs: 2 lines generated, 1 committed"],
    );
}
