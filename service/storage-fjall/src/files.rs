//! Files and folders that only their owner can read, and that are on disk when these functions return.

use cairn_storage::{Error, Result};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Creates a folder for its owner alone, and those above it that are missing; one that exists is made so. Every new
/// folder's entry is on disk when this returns.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    create_folder_with(path, &|folder| File::open(folder)?.sync_all())
        .map_err(|cause| Error::io(format!("creating the folder {}", path.display()), cause))
}

fn create_folder_with(path: &Path, sync: &dyn Fn(&Path) -> std::io::Result<()>) -> std::io::Result<()> {
    // Before they are created: afterwards nobody could tell which were missing.
    let missing = path.ancestors().take_while(|folder| !is_here(folder) && !folder.exists()).count();
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(FOLDER_MODE))?;
    // A folder that was there may come from a start that was cut short, so its own entry is synced in any case.
    for folder in path.ancestors().take(missing.max(1)) {
        match folder.parent() {
            Some(parent) if is_here(parent) => sync(Path::new("."))?,
            Some(parent) => sync(parent)?,
            None => {}
        }
    }
    Ok(())
}

/// Whether a path is empty, which is the working directory: the parent of a relative path of one name.
fn is_here(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|cause| Error::io(format!("syncing the folder {}", path.display()), cause))
}

/// Opens a file for reading and writing, creating it for its owner alone if it is missing.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|cause| Error::io(format!("opening {}", path.display()), cause))
}

/// Writes a file as a whole: after a crash it is there complete, or not at all.
pub(crate) fn write_file(path: &Path, contents: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("tmp");
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&unfinished)?;
        file.write_all(contents)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().map_err(|cause| Error::io(format!("writing {}", path.display()), cause))?;
    path.parent().map_or(Ok(()), sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn synced(path: &Path) -> Vec<std::path::PathBuf> {
        let synced = RefCell::<Vec<_>>::default();
        let sync = |folder: &Path| {
            assert!(folder.is_dir(), "{} is synced before it is there", folder.display());
            synced.borrow_mut().push(folder.to_owned());
            Ok(())
        };
        create_folder_with(path, &sync).unwrap();
        assert!(path.is_dir());
        let mut synced: Vec<_> = synced.into_inner();
        synced.sort();
        synced
    }

    #[test]
    fn the_entry_of_every_new_folder_is_synced() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("a/b"));
        assert_eq!(synced(&root.path().join("a/b/c")), [root.path().to_owned(), a, b.clone()]);
        assert_eq!(synced(&root.path().join("a/b/d")), std::slice::from_ref(&b));
        assert_eq!(synced(&root.path().join("a/b/d")), [b], "one that was there already");
    }

    #[test]
    fn a_relative_path_of_one_name_is_an_entry_of_the_working_directory() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let name = Path::new(folder.path().file_name().unwrap());
        assert_eq!(synced(name), [Path::new(".")]);
    }
}
