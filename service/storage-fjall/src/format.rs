//! The format file: which version of the on-disk layout a store has. The first file of a store, and the first one
//! read, so that a newer store is refused before anything in it is touched.

use crate::files;
use crate::layout::{FORMAT_FILE, FORMAT_VERSION};
use cairn_storage::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's contents. Readers ignore members they do not know.
#[derive(Debug, Serialize, Deserialize)]
struct Format {
    /// The version of the layout.
    format_version: u32,
    /// What made the store, for people.
    #[serde(default)]
    created_by: String,
}

/// Checks the format of the store in `directory`. False if there is no format file.
pub(crate) fn check(directory: &Path) -> Result<bool> {
    Ok(read(directory)?.is_some())
}

/// Raises the format version of the store in `directory`, if it is lower, so that older builds refuse it.
pub(crate) fn upgrade(directory: &Path) -> Result<()> {
    match read(directory)? {
        Some(format) if format.format_version < FORMAT_VERSION => {
            write(directory, &Format { format_version: FORMAT_VERSION, ..format })
        }
        _ => Ok(()),
    }
}

fn read(directory: &Path) -> Result<Option<Format>> {
    let path = directory.join(FORMAT_FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::io(format!("reading {}", path.display()), cause)),
    };
    let format: Format = serde_json::from_slice(&text)
        .map_err(|cause| Error::Damaged { reason: format!("{} cannot be read: {cause}", path.display()) })?;
    if format.format_version > FORMAT_VERSION {
        return Err(Error::NewerFormat { found: format.format_version, supported: FORMAT_VERSION });
    }
    Ok(Some(format))
}

/// Writes the format file of a new store.
pub(crate) fn create(directory: &Path) -> Result<()> {
    let created_by = format!("cairn {}", env!("CARGO_PKG_VERSION"));
    write(directory, &Format { format_version: FORMAT_VERSION, created_by })
}

fn write(directory: &Path, format: &Format) -> Result<()> {
    let text = serde_json::to_vec_pretty(format)
        .map_err(|cause| Error::backend("writing the format file", cause))?;
    files::write_file(&directory.join(FORMAT_FILE), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_without_a_format_file_is_new_and_one_with_it_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!check(folder.path()).unwrap());
        create(folder.path()).unwrap();
        assert!(check(folder.path()).unwrap());
    }

    #[test]
    fn an_older_format_is_known_and_is_upgraded_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FORMAT_FILE);
        std::fs::write(&path, r#"{"format_version": 1, "created_by": "cairn 0.0.1"}"#).unwrap();
        assert!(check(folder.path()).unwrap());
        upgrade(folder.path()).unwrap();
        let upgraded = read(folder.path()).unwrap().unwrap();
        assert_eq!((upgraded.format_version, &*upgraded.created_by), (2, "cairn 0.0.1"));
    }

    #[test]
    fn a_newer_format_is_refused_and_members_it_added_do_not_hide_that() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FORMAT_FILE), r#"{"format_version": 3, "zones": []}"#).unwrap();
        assert!(matches!(check(folder.path()), Err(Error::NewerFormat { found: 3, supported: 2 })));
    }

    #[test]
    fn a_format_file_that_is_not_one_means_damage() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FORMAT_FILE), "{").unwrap();
        assert!(matches!(check(folder.path()), Err(Error::Damaged { .. })));
    }
}
