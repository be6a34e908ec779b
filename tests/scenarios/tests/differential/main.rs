//! Random sequences of calls, over gRPC on one store and over AWS JSON on another of the other engine: every answer and
//! what the stores hold in the end have to be alike.
//!
//! Each run has new sequences. One that ends in a difference is cut down and printed as a file of cases, with the
//! number that makes it again: `CAIRN_DIFFERENTIAL_SEED=<number> CAIRN_DIFFERENTIAL_SEQUENCES=1`. What only one
//! protocol can say is left to the cases.

// Tests fail loudly, in helpers too, and tell what they compared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod compare;
mod generate;
mod outcomes;
mod pair;
mod replay;
mod shrink;
mod store;

use cairn_scenarios::CaseFile;
use outcomes::Outcomes;
use pair::{Difference, Pair};
use std::collections::BTreeMap;
use std::env;
use std::time::{SystemTime, UNIX_EPOCH};
use store::{Engine, Store, Wire};

/// The environment variable that says how many sequences each pair of stores gets.
const SEQUENCES_VARIABLE: &str = "CAIRN_DIFFERENTIAL_SEQUENCES";
const SEQUENCES: u64 = 10;
/// The environment variable that says which sequence is the first; a number of the clock's without it.
const SEED_VARIABLE: &str = "CAIRN_DIFFERENTIAL_SEED";
/// So many differences are enough to begin with.
const FAILURES_MAX: usize = 12;
/// So many calls are sure to have the outcomes that are looked for.
const CALLS_ENOUGH: usize = 800;
/// So many calls of one operation are sure to have some that succeed.
const CALLS_FREQUENT: usize = 50;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().expect("a number"))
}

fn first_seed() -> u64 {
    let clock =
        || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000_000_000;
    number(SEED_VARIABLE).unwrap_or_else(clock)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

/// What each place of a difference was first found as.
type Failures = BTreeMap<String, String>;

/// Runs a sequence. If the answers differ where none did before, `failures` gets the least that makes them.
async fn check(pair: &Pair, seed: u64, outcomes: &mut Outcomes, failures: &mut Failures) {
    let steps = generate::sequence(seed);
    let run = pair.run(&steps).await;
    outcomes.count(&run);
    let Some(Difference { place, .. }) = run.difference.clone() else { return };
    if failures.contains_key(&place) {
        return;
    }
    let (_, least) = shrink::shrink(pair, steps, run).await;
    let text = least.difference.as_ref().map(|difference| difference.text.clone()).unwrap_or_default();
    let names = pair.stores.each_ref().map(|store| store.name.clone()).join(" and ");
    let file = replay::case_file(&least, &format!("{names} differ in sequence {seed}."));
    let again = format!("{SEED_VARIABLE}={seed} {SEQUENCES_VARIABLE}=1 makes it again");
    let failure = format!("{names} differ {text}\n\n{file}\n{again}");
    // A long run tells what it finds when it finds it.
    println!("{failure}\n");
    failures.insert(place, failure);
}

fn compare(first: (Wire, Engine), second: (Wire, Engine)) {
    let (first_seed, sequences) = (first_seed(), number(SEQUENCES_VARIABLE).unwrap_or(SEQUENCES));
    let mut outcomes = Outcomes::default();
    let failures = block_on(async {
        let pair = Pair::new(Store::start(first.0, first.1).await, Store::start(second.0, second.1).await);
        let mut failures = Failures::default();
        for seed in first_seed..first_seed + sequences {
            check(&pair, seed, &mut outcomes, &mut failures).await;
            if failures.len() == FAILURES_MAX {
                break;
            }
        }
        let [first, second] = pair.stores;
        first.stop().await;
        second.stop().await;
        failures
    });
    println!("{sequences} sequences from {first_seed}, {} calls\n{outcomes}", outcomes.total());
    assert!(failures.is_empty(), "{}", failures.into_values().collect::<Vec<_>>().join("\n\n"));
    if outcomes.total() >= CALLS_ENOUGH {
        assert_outcomes(&outcomes);
    }
}

/// A comparison of nothing but refusals would say little, and so would one of none.
fn assert_outcomes(outcomes: &Outcomes) {
    let is_frequent = |call: &&str| outcomes.of_all(call) >= CALLS_FREQUENT;
    for call in outcomes.calls().filter(is_frequent) {
        let percent = outcomes.success_percent(call);
        assert!(percent >= 5, "{percent} of a hundred calls of {call} succeeded\n{outcomes}");
    }
    assert!(100 * outcomes.with("ok") / outcomes.total() >= 40, "{outcomes}");
    for (exception, calls_enough) in [
        ("ConditionalCheckFailedException", CALLS_ENOUGH),
        ("ResourceNotFoundException", CALLS_ENOUGH),
        ("TransactionCanceledException", CALLS_ENOUGH),
        ("ValidationException", CALLS_ENOUGH),
        ("IdempotentParameterMismatchException", 5 * CALLS_ENOUGH),
        ("ResourceInUseException", 5 * CALLS_ENOUGH),
    ] {
        let is_missing = outcomes.total() >= calls_enough && outcomes.with(exception) == 0;
        assert!(!is_missing, "there was no {exception}\n{outcomes}");
    }
    assert!(outcomes.refusals() >= 15, "{outcomes}");
}

#[test]
fn grpc_on_fjall_and_aws_json_in_memory_are_alike() {
    compare((Wire::Grpc, Engine::Fjall), (Wire::AwsJson, Engine::Memory));
}

#[test]
fn aws_json_on_fjall_and_grpc_in_memory_are_alike() {
    compare((Wire::AwsJson, Engine::Fjall), (Wire::Grpc, Engine::Memory));
}

#[test]
fn a_wrong_answer_is_found_and_told_in_a_few_steps() {
    block_on(async {
        let pair = Pair::new(
            Store::start(Wire::Faulty, Engine::Memory).await,
            Store::start(Wire::AwsJson, Engine::Memory).await,
        );
        for seed in 0..200 {
            let steps = generate::sequence(seed);
            let run = pair.run(&steps).await;
            if run.difference.is_none() {
                continue;
            }
            let (least, run) = shrink::shrink(&pair, steps, run).await;
            let calls: Vec<&str> = least.iter().map(|step| step.call).collect();
            assert_eq!(calls.last(), Some(&"DeleteItem"));
            assert!(calls.len() == 2, "a write and the deletion are enough: {calls:?}");
            assert!(run.difference.unwrap().place.starts_with("DeleteItem .expect.Attributes"));
            return;
        }
        panic!("no sequence found it");
    });
}

#[test]
fn a_sequence_is_told_as_a_case_that_runs_again() {
    block_on(async {
        let pair = Pair::new(
            Store::start(Wire::Grpc, Engine::Memory).await,
            Store::start(Wire::AwsJson, Engine::Memory).await,
        );
        for seed in 0..4 {
            let run = pair.run(&generate::sequence(seed)).await;
            let file = replay::case_file(&run, "A sequence.");
            let cases = CaseFile::parse(&file).unwrap();
            let failures = cairn_scenarios::run(&cases, &pair.stores[1], &format!("again{seed}")).await;
            assert!(failures.is_empty(), "{}\n{file}", failures.join("\n"));
        }
    });
}
