//! Generates the Rust of `cairn-api` from the definitions in `proto/`: messages, clients and servers, and the
//! descriptors that reflection serves.
//!
//! Not a build script: what it generates is committed, so that it can be read and reviewed, and so that building
//! Cairn takes no protobuf compiler. `cargo run -p cairn-api-codegen` writes it; this crate's test fails if what is
//! committed is something else.

use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The folders of `cairn-api` that hold generated files and nothing else.
pub const GENERATED_FOLDERS: [&str; 2] = ["src/generated", "tests/generated"];

/// The files to generate: their contents by their paths in `cairn-api`.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Why generating failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The definitions do not compile.
    #[error("the definitions do not compile")]
    Proto(#[from] protox::Error),
    /// A file or folder could not be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No Rust could be made of the definitions.
    #[error("cannot generate Rust")]
    Rust(#[source] io::Error),
}

impl Error {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

/// The folder of the crate `cairn-api`, in the source tree this crate was built from.
pub fn api_crate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../api")
}

/// Generates everything.
///
/// # Errors
/// The definitions do not compile, or the files cannot be read or, while generating, kept in a temporary folder.
pub fn generate() -> Result<Files, Error> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut definitions = files_in(&proto)?;
    definitions.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    let api = compile(&proto, &definitions)?;
    let attributes = compile(&proto, &[proto.join("cairn/v1/attribute.proto")])?;

    let mut files = Files::new();
    files.insert("src/generated/cairn_v1.bin".into(), without_comments(api.clone()).encode_to_vec());
    files.insert("src/generated/cairn.v1.rs".into(), rust(api, true)?);
    // What the model's own encoding of these messages is tested against.
    files.insert("tests/generated/attribute.rs".into(), rust(attributes, false)?);
    Ok(files)
}

/// Writes `files` into the generated folders of `cairn-api`, in place of what is there.
///
/// # Errors
/// A file cannot be written or removed.
pub fn write(files: &Files, api_crate: &Path) -> Result<(), Error> {
    for folder in GENERATED_FOLDERS {
        let folder = api_crate.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    }
    for (path, content) in files {
        let path = api_crate.join(path);
        fs::write(&path, content).map_err(Error::file(&path))?;
    }
    Ok(())
}

/// Reads what the generated folders of `cairn-api` hold.
///
/// # Errors
/// A file cannot be read.
pub fn read(api_crate: &Path) -> Result<Files, Error> {
    let mut files = Files::new();
    for folder in GENERATED_FOLDERS {
        let root = api_crate.join(folder);
        for path in files_in(&root)? {
            let content = fs::read(&path).map_err(Error::file(&path))?;
            let name = path.strip_prefix(api_crate).unwrap_or(&path).to_owned();
            files.insert(name, content);
        }
    }
    Ok(files)
}

/// All files under a folder, sorted.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.is_dir() {
            files.append(&mut files_in(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The descriptors of some definitions and of all they import.
fn compile(root: &Path, definitions: &[PathBuf]) -> Result<FileDescriptorSet, Error> {
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(definitions)?;
    Ok(compiler.file_descriptor_set())
}

/// The descriptors as reflection serves them: their comments would be most of them.
fn without_comments(mut descriptors: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    descriptors
}

/// The messages that hold a secret. `cairn-api` gives them a `Debug` of their own, which does not show it.
const SECRET_MESSAGES: [&str; 2] = [".cairn.v1.AccessKey", ".cairn.v1.SessionCredentials"];

/// The Rust of the package `cairn.v1`. With `model_types`, values and items are the model's.
fn rust(descriptors: FileDescriptorSet, model_types: bool) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().map_err(Error::Rust)?;
    let mut builder = tonic_prost_build::configure()
        .out_dir(folder.path())
        .emit_rerun_if_changed(false)
        .bytes(".")
        // Maps in order, so that equal messages have equal encodings.
        .btree_map(".");
    let mut config = tonic_prost_build::Config::new();
    if model_types {
        builder = builder
            .extern_path(".cairn.v1.AttributeValue", "::cairn_model::EncodedValue")
            .extern_path(".cairn.v1.Item", "::cairn_model::Item")
            .codec_path("crate::Codec")
            .skip_debug(SECRET_MESSAGES);
        // The details of an error travel as `Any`, which names their types.
        config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    }
    builder.compile_fds_with_config(descriptors, config).map_err(Error::Rust)?;
    let path = folder.path().join("cairn.v1.rs");
    fs::read(&path).map_err(Error::file(&path))
}
