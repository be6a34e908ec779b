//! How the tour looks: a line for a call, a line for its answer with the time it took.

use super::answer::Outcome;
use super::call::{Call, Reply};
use super::render::{outcome, request};
use super::tour::Tally;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

const HEADING: Style = Style::new().bold();
const METHOD: Style = AnsiColor::Cyan.on_default();
const PASSED: Style = AnsiColor::Green.on_default();
const REFUSED: Style = AnsiColor::Yellow.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// The width of the column of methods and times: the longest method's name and some air.
const FIRST_COLUMN: usize = 21;
/// What stands before it.
const INDENT: usize = 4;
/// The width of a time, from the mark before it.
const TIME_WIDTH: usize = 10;
/// The width that a request is kept to where its clauses allow.
const REQUEST_WIDTH: usize = 100;

/// Prints a tour. What it writes has colours; `anstream` takes them out where nobody would see them.
pub(super) struct Printer<W> {
    out: W,
}

impl<W: Write> Printer<W> {
    /// Printing to `out`.
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    /// A line of its own.
    pub(super) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// The heading of a part.
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{}", styled(HEADING, text))
    }

    /// What the next steps show.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n  {text}")
    }

    /// A call that is about to be made.
    pub(super) fn call(&mut self, call: &Call) -> io::Result<()> {
        let method = format!("{:FIRST_COLUMN$}", call.method());
        let request = lines(&request(call)).join(&format!("\n{:1$}", "", INDENT + FIRST_COLUMN));
        writeln!(self.out, "{:INDENT$}{}{request}", "", styled(METHOD, &method))?;
        self.out.flush()
    }

    /// An answer that was expected.
    pub(super) fn answer(&mut self, reply: &Reply) -> io::Result<()> {
        let style = if reply.outcome.is_ok() { Style::new() } else { REFUSED };
        let text = outcome(&reply.outcome, reply.message.as_deref());
        self.timed(styled(PASSED, "✓"), reply.took, styled(style, &text))
    }

    /// An answer that was not.
    pub(super) fn failure(&mut self, reply: &Reply, expected: &Outcome) -> io::Result<()> {
        let came = format!("came       {}", outcome(&reply.outcome, reply.message.as_deref()));
        let expected = format!("expected   {}", outcome(expected, None));
        self.timed(styled(FAILED, "✗"), reply.took, styled(FAILED, &came))?;
        writeln!(self.out, "{:1$}{2}", "", INDENT + FIRST_COLUMN, styled(FAILED, &expected))
    }

    fn timed(&mut self, mark: impl Display, took: Duration, text: impl Display) -> io::Result<()> {
        let took = format!("{:>TIME_WIDTH$}", time(took));
        let air = FIRST_COLUMN - 1 - TIME_WIDTH;
        writeln!(self.out, "{:INDENT$}{mark}{}{:air$}{text}", "", styled(DIM, &took), "")
    }

    /// How the tour went.
    pub(super) fn closing(&mut self, tally: &Tally) -> io::Result<()> {
        let Tally { passed, failed, took } = *tally;
        let all = passed + failed;
        let text = if failed == 0 {
            styled(PASSED, &format!("✓ all {all} steps answered as expected")).to_string()
        } else {
            styled(FAILED, &format!("✗ {failed} of {all} steps not answered as expected")).to_string()
        };
        self.line(format_args!("\n{text} in {}", time(took)))
    }
}

/// Clauses, as many on a line as fit. A clause is not broken.
fn lines(clauses: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for clause in clauses {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + clause.chars().count() <= REQUEST_WIDTH => {
                line.push_str("  ");
                line.push_str(clause);
            }
            _ => lines.push(clause.clone()),
        }
    }
    lines
}

/// Text in a style.
pub(super) fn styled(style: Style, text: &str) -> impl Display {
    format!("{style}{text}{style:#}")
}

/// A method or a command in the style of one.
pub(super) fn command(text: &str) -> impl Display {
    styled(METHOD, text)
}

/// A duration with three digits or so.
fn time(took: Duration) -> String {
    let micros = took.as_secs_f64() * 1e6;
    match micros {
        ..999.5 => format!("{micros:.0} µs"),
        ..999_500.0 => format!("{:.prec$} ms", micros / 1e3, prec = usize::from(micros < 99_950.0)),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_go_on_in_a_line_of_their_own_where_they_do_not_fit() {
        let clauses = ["table".to_owned(), "a".repeat(90), "bbb".to_owned(), "c".repeat(120)];
        assert_eq!(
            lines(&clauses),
            [format!("table  {}", "a".repeat(90)), "bbb".to_owned(), "c".repeat(120)]
        );
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        for (micros, shown) in [
            (7, "7 µs"),
            (812, "812 µs"),
            (1_240, "1.2 ms"),
            (99_900, "99.9 ms"),
            (123_400, "123 ms"),
            (999_600, "1.00 s"),
            (2_500_000, "2.50 s"),
        ] {
            assert_eq!(time(Duration::from_micros(micros)), shown);
        }
    }
}
