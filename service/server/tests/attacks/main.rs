//! What callers try against a server that is not for development, over the wire, and how far they get.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod certificates;
#[path = "../common/mod.rs"]
mod common;
mod credentials;
mod documents;
mod occupied;
mod oversized;
#[path = "../common/secured.rs"]
mod secured;
mod strangers;
mod streams;
mod tokens;

use crate::common::TestServer;
use crate::secured::secured;
use cairn_server::settings::SettingsInput;

/// A server of these settings, and its folder.
async fn start(settings: impl FnOnce(SettingsInput) -> SettingsInput) -> (TestServer, tempfile::TempDir) {
    let folder = common::folder();
    let server = TestServer::start_with(&settings(secured(folder.path())).resolve().unwrap()).await;
    (server, folder)
}

/// An error and what caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
