//! What a client's command prints: JSON or tables on standard output.

use super::error::ClientError;
use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON text for each answer, indented on a terminal and otherwise on one line
    Json,
    /// Tables, for people
    Table,
}

/// How to print.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OutputArgs {
    /// How to print answers [default: table on a terminal, else json]
    #[arg(long, value_enum, value_name = "FORMAT", global = true, help_heading = "Output")]
    output: Option<Format>,
}

/// How to print, decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    indented: bool,
}

impl OutputArgs {
    /// What was asked for, or what suits standard output.
    pub(crate) fn resolve(self) -> Output {
        let terminal = io::stdout().is_terminal();
        let by_default = if terminal { Format::Table } else { Format::Json };
        Output { format: self.output.unwrap_or(by_default), indented: terminal }
    }
}

impl Output {
    /// Whether JSON is printed.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints an answer.
    pub(crate) fn print(
        self,
        json: &impl Serialize,
        table: impl FnOnce() -> Table,
    ) -> Result<(), ClientError> {
        match self.format {
            Format::Json => self.print_json(json),
            Format::Table => print_line(&table().to_string()),
        }
    }

    /// Prints an answer, and below a table what people need to know of it.
    pub(crate) fn print_with_note(
        self,
        json: &impl Serialize,
        table: impl FnOnce() -> Table,
        note: &str,
    ) -> Result<(), ClientError> {
        self.print(json, table)?;
        if self.is_json() { Ok(()) } else { print_line(note) }
    }

    /// Prints an answer for which there is no table.
    pub(crate) fn print_json(self, json: &impl Serialize) -> Result<(), ClientError> {
        let text =
            if self.indented { serde_json::to_string_pretty(json) } else { serde_json::to_string(json) };
        print_line(&text.map_err(|error| ClientError::Output(error.into()))?)
    }
}

/// Prints a text as it is, but for what a terminal would obey.
pub(crate) fn print_text(text: &str) -> Result<(), ClientError> {
    let lines: Vec<_> = text.trim_end().lines().map(printable).collect();
    print_line(&lines.join("\n"))
}

/// Prints to standard output. That nobody reads on is no error: they have what they want.
fn print_line(text: &str) -> Result<(), ClientError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(ClientError::Output(error)),
        _ => Ok(()),
    }
}

/// The width of tables on a terminal that does not say how wide it is.
const WIDTH_DEFAULT: u16 = 80;

/// A table of our looks, as wide as the terminal allows.
pub(crate) fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = usable_width(table.width()) {
        table.set_width(width);
    }
    table
}

/// The width to print at, if the one that was found is not to be used: some terminals report that they have no columns.
fn usable_width(found: Option<u16>) -> Option<u16> {
    (found == Some(0)).then_some(WIDTH_DEFAULT)
}

/// A cell with a text.
pub(crate) fn text_cell(text: &str) -> Cell {
    Cell::new(printable(text))
}

/// A cell with a number.
pub(crate) fn number_cell(number: impl ToString) -> Cell {
    Cell::new(number).set_alignment(CellAlignment::Right)
}

/// A text without what a terminal would obey: control characters are written as escapes.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        if char.is_control() {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_without_columns_is_taken_for_one_of_usual_width() {
        assert_eq!(usable_width(Some(0)), Some(80));
        assert_eq!(usable_width(Some(40)), None);
        assert_eq!(usable_width(None), None, "no terminal, and so no limit");
    }

    #[test]
    fn a_terminal_is_not_made_to_obey_data() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}é"), "a\\u{1b}[2Jb\\nc\\u{9b}é");
    }
}
