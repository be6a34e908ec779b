//! Files and folders that only their owner can read, and that are on disk when these functions return.

use cairn_storage::{Error, Result};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Creates a folder for its owner alone; one that exists is made so.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    let create = || {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(FOLDER_MODE))?;
        match path.parent() {
            Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    };
    create().map_err(|cause| Error::io(format!("creating the folder {}", path.display()), cause))
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
