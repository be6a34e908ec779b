//! What the tests of whole policies share.

pub mod generate;
pub mod slow;
