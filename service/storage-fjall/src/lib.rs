//! The embedded storage engine: [`FjallEngine`].
mod admission;
mod committer;
mod counters;
mod disk;
mod engine;
mod files;
mod format;
mod health;
mod journal;
mod lane;
mod layout;
mod memory;
mod monitor;
mod open;
mod options;
mod recent;
mod request;
mod scan;
mod shared;
mod tuning;
mod view;
mod watermark;

pub use engine::FjallEngine;
pub use options::{FjallOptions, MAX_SPACES_CEILING, OptionsError};
pub use view::FjallSnapshot;
