//! Makes sequences of calls up: what they are follows from a number.

mod expressions;
mod items;
mod legacy;
mod random;
mod reads;
mod spoil;
mod tables;
mod together;
mod values;

use random::Random;
use serde_json::{Value, json};

pub(crate) use tables::HEADER;

/// The fewest and the most steps of a sequence.
const STEPS_MIN: usize = 40;
const STEPS_MAX: usize = 120;

/// What fills the tables to begin with.
const BATCHES_FIRST: usize = 5;

/// One call of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) call: &'static str,
    /// As a case has it, with placeholders.
    pub(crate) request: Value,
    /// Whether the pages that follow are read as well.
    pub(crate) follow: bool,
    /// Whether only AWS JSON can say it. Both stores are called over that then.
    pub(crate) is_legacy: bool,
}

impl Step {
    fn new(call: &'static str, request: Value) -> Self {
        Self { call, request, follow: false, is_legacy: false }
    }
}

/// The sequence of that number.
pub(crate) fn sequence(seed: u64) -> Vec<Step> {
    let mut random = Random::from_seed(seed);
    // Most calls mean little to empty tables.
    let mut steps: Vec<Step> = (0..BATCHES_FIRST).map(|_| together::batch_write(&mut random)).collect();
    for _ in 0..random.within(STEPS_MIN, STEPS_MAX) {
        let mut step = any(&steps, &mut random);
        if random.percent(8) {
            spoil::spoil(&mut step.request, &mut random);
        }
        steps.push(step);
    }
    steps
}

fn any(before: &[Step], random: &mut Random) -> Step {
    type Make = fn(&mut Random) -> Step;
    const MAKES: &[(usize, Make)] = &[
        (18, items::put),
        (24, items::update),
        (7, items::delete),
        (6, items::get),
        (12, reads::query),
        (8, reads::scan),
        (4, together::batch_get),
        (5, together::batch_write),
        (3, together::transact_get),
        (8, together::transact_write),
        (8, tables::operation),
        (8, legacy::any),
    ];
    // A transaction that was sent before, token and all: mostly it is not done again.
    let sent = before.iter().rfind(|step| step.request.get("ClientRequestToken").is_some());
    if let Some(sent) = sent.filter(|_| random.percent(5)) {
        let mut again = sent.clone();
        if random.percent(40) {
            let capacity = random.pick(&["NONE", "TOTAL", "INDEXES"]);
            again.request["ReturnConsumedCapacity"] = json!(capacity);
        }
        return again;
    }
    let make = random.weighted(MAKES);
    make(random)
}
