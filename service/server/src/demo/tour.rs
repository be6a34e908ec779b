//! The tour: calls with what they are to be answered with, made one after another.

use super::answer::Outcome;
use super::call::{Call, Clients};
use super::print::Printer;
use super::{course, game, shop};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Steps about one thing.
pub(super) struct Part {
    /// What about.
    pub(super) heading: &'static str,
    /// In order: later ones may build on earlier ones.
    pub(super) steps: Vec<Step>,
}

/// One call.
#[derive(Clone)]
pub(super) struct Step {
    /// What it shows. Steps that show one thing together have the same title.
    pub(super) title: &'static str,
    /// The call.
    pub(super) call: Call,
    /// What it is to be answered with.
    pub(super) expected: Outcome,
}

/// How a tour went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Steps that were answered as expected.
    pub(super) passed: usize,
    /// Steps that were not.
    pub(super) failed: usize,
    /// How long all of it took.
    pub(super) took: Duration,
}

/// The whole tour. It starts from a service without tables.
pub(super) fn parts() -> [Part; 3] {
    [course::part(), shop::part(), game::part()]
}

/// Makes the calls, and prints each with its answer. A step that fails ends nothing.
///
/// # Errors
/// If it cannot be printed.
pub(super) async fn run(
    parts: impl IntoIterator<Item = Part>,
    clients: &mut Clients,
    printer: &mut Printer<impl Write>,
) -> io::Result<Tally> {
    let from = Instant::now();
    let mut tally = Tally::default();
    for part in parts {
        printer.heading(part.heading)?;
        let mut title = "";
        for step in part.steps {
            if step.title != title {
                title = step.title;
                printer.title(title)?;
            }
            printer.call(&step.call)?;
            let reply = clients.make(step.call).await;
            let passed = reply.outcome == step.expected;
            if passed {
                tally.passed += 1;
                printer.answer(&reply)?;
            } else {
                tally.failed += 1;
                printer.failure(&reply, &step.expected)?;
            }
        }
    }
    tally.took = from.elapsed();
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::answer::Answer;
    use crate::demo::notation::{
        await_active, create_table, expect, found, get, item, n, put, refused, s, steps, table, written,
    };
    use crate::server::Server;
    use crate::settings::{Settings, SettingsInput};
    use cairn_api::v1::{ErrorReason, ScalarAttributeType, TableStatus};
    use tokio_util::sync::CancellationToken;
    use tonic::Code;

    /// Runs steps against a server of their own: the tally and what was printed.
    async fn run_steps(steps: Vec<Step>) -> (Tally, String) {
        let folder = tempfile::tempdir().unwrap();
        let input = SettingsInput {
            data: Some(folder.path().into()),
            listen: Some("127.0.0.1:0".parse().unwrap()),
            dev: Some(true),
            // What is shown is how a table comes to be.
            wait_for_tables: Some(false),
            cache_mib: Some(8),
            write_buffer_mib: Some(8),
            ..SettingsInput::default()
        };
        let settings: Settings = input.resolve().unwrap();
        let server = Server::start(&settings).await.unwrap();
        let mut clients = Clients::connect(server.address().unwrap()).await.unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(stop.clone()));
        let mut out = Vec::new();
        let tally = run(
            [Part { heading: "A part", steps }],
            &mut clients,
            &mut Printer::new(anstream::StripStream::new(&mut out)),
        )
        .await
        .unwrap();
        drop(clients);
        stop.cancel();
        serving.await.unwrap().unwrap();
        (tally, String::from_utf8(out).unwrap())
    }

    fn table_and_item() -> Vec<Step> {
        let amit = item([("Id", n(1)), ("name", s("amit"))]);
        steps(
            "A table and an item",
            [
                expect(
                    create_table("course", [("Id", ScalarAttributeType::Number)]),
                    table("course", TableStatus::Creating, 0),
                ),
                expect(await_active("course"), table("course", TableStatus::Active, 0)),
                expect(put("course", &amit), written()),
            ],
        )
    }

    #[tokio::test]
    async fn steps_that_are_answered_as_expected_pass() {
        let (tally, printed) = run_steps(table_and_item()).await;
        assert_eq!((tally.passed, tally.failed), (3, 0), "{printed}");
        assert_eq!(printed.matches("A table and an item").count(), 1, "a title is printed once: {printed}");
    }

    #[tokio::test]
    async fn a_step_that_is_answered_otherwise_fails_and_prints_both_answers() {
        let mut with_wrong_ones = table_and_item();
        let key = item([("Id", n(1))]);
        with_wrong_ones.extend(steps(
            "Wrong expectations",
            [
                expect(get("course", &key), found(&item([("Id", n(1)), ("name", s("andy"))]))),
                expect(get("missing", &key), Ok(Answer::Read { item: None, units: None })),
                expect(
                    put("course", &item([("Id", s("one"))])),
                    refused(Code::NotFound, ErrorReason::ResourceNotFound),
                ),
                expect(put("course", &key), refused(Code::InvalidArgument, ErrorReason::Validation)),
            ],
        ));
        let (tally, printed) = run_steps(with_wrong_ones).await;
        assert_eq!((tally.passed, tally.failed), (3, 4), "{printed}");
        let after = |line: &str| printed.split_once(line).unwrap_or_else(|| panic!("{line}: {printed}")).1;
        let wrong_item = after("Wrong expectations");
        assert!(wrong_item.contains(r#"came       {Id: 1, name: "amit"}"#), "{printed}");
        assert!(wrong_item.contains(r#"expected   {Id: 1, name: "andy"}"#), "{printed}");
        assert!(after("GetItem              missing").contains("NOT_FOUND"), "{printed}");
        assert!(printed.contains("expected   refused: RESOURCE_NOT_FOUND (NOT_FOUND)"), "{printed}");
    }
}
