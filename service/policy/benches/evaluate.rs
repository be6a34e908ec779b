//! What it costs to answer a question from many policies.

fn main() {}
