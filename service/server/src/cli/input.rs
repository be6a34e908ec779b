//! JSON that a command is given: on the command line, in a file, or on standard input.

use super::json::{FormError, JsonForm};
use cairn_model::AttributeMap;
use serde_json::Value;
use serde_json::de::{IoRead, StreamDeserializer};
use std::cell::Cell;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;

/// Where the JSON of an argument is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// In the argument itself.
    Text(String),
    /// In a file: `@PATH`, or `file://PATH` for those who are used to that.
    File(PathBuf),
    /// On standard input: `-`.
    Stdin,
}

/// Why an argument's JSON cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The file or standard input cannot be read.
    #[error("cannot read {place}")]
    Read {
        /// Which of them.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is there is not JSON.
    #[error("{place} is not JSON")]
    Syntax {
        /// What is.
        place: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// Nothing is there.
    #[error("{place} is empty: JSON is expected")]
    Empty {
        /// Where.
        place: String,
    },
    /// More than one JSON text is there.
    #[error("{place} holds more than one JSON text")]
    Several {
        /// Where.
        place: String,
    },
    /// The JSON does not say attributes.
    #[error("{place} cannot be used")]
    Form {
        /// What cannot.
        place: String,
        /// Where in it and why.
        #[source]
        source: FormError,
    },
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(argument: &str) -> Result<Self, Infallible> {
        let path = argument.strip_prefix('@').or_else(|| argument.strip_prefix("file://"));
        Ok(match (argument, path) {
            ("-", _) => Self::Stdin,
            (_, Some(path)) => Self::File(path.into()),
            (text, None) => Self::Text(text.to_owned()),
        })
    }
}

impl Input {
    /// Where it is, if not in the argument itself.
    fn elsewhere(&self) -> Option<String> {
        match self {
            Self::Text(_) => None,
            Self::File(path) => Some(path.display().to_string()),
            Self::Stdin => Some("standard input".to_owned()),
        }
    }

    /// All that is there, as it is written, for an argument called `name`.
    ///
    /// # Errors
    /// If it cannot be read, or there is nothing.
    pub(crate) fn text(&self, name: &'static str) -> Result<String, InputError> {
        let place = self.elsewhere().map_or(name.to_owned(), |place| format!("{name} in {place}"));
        let read = match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read_to_string(path),
            Self::Stdin => io::read_to_string(io::stdin().lock()),
        };
        match read {
            Ok(text) if text.trim().is_empty() => Err(InputError::Empty { place }),
            Ok(text) => Ok(text),
            Err(source) => Err(InputError::Read { place, source }),
        }
    }

    /// The attributes that the one JSON text there says, for an argument called `name`.
    ///
    /// # Errors
    /// If it cannot be read, is not exactly one JSON text, or does not say attributes.
    pub(crate) fn attributes(&self, name: &'static str, form: JsonForm) -> Result<AttributeMap, InputError> {
        let mut documents = self.documents(name)?;
        let Some(document) = documents.next() else {
            return Err(InputError::Empty { place: documents.place });
        };
        let attributes = document?.attributes(form)?;
        match documents.next() {
            None => Ok(attributes),
            Some(Ok(_)) => Err(InputError::Several { place: documents.place }),
            Some(Err(error)) => Err(error),
        }
    }

    /// The JSON texts there, one after another, each read when it is asked for.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn documents(&self, name: &'static str) -> Result<Documents, InputError> {
        let elsewhere = self.elsewhere();
        let place = elsewhere.as_ref().map_or(name.to_owned(), |place| format!("{name} in {place}"));
        let read: Box<dyn Read> = match self {
            Self::Text(text) => Box::new(io::Cursor::new(text.clone().into_bytes())),
            Self::File(path) => match File::open(path) {
                Ok(file) => Box::new(BufReader::new(file)),
                Err(source) => return Err(InputError::Read { place, source }),
            },
            Self::Stdin => Box::new(io::stdin().lock()),
        };
        let position = Rc::new(Position { line: Cell::new(1), begun: Cell::new(None) });
        let watched = Watched { read, position: position.clone() };
        let stream = serde_json::Deserializer::from_reader(watched).into_iter();
        Ok(Documents { stream, position, name, place, elsewhere })
    }
}

/// JSON texts one after another: one a line, or however else they are spaced.
pub(crate) struct Documents {
    stream: StreamDeserializer<'static, IoRead<Watched>, Value>,
    position: Rc<Position>,
    name: &'static str,
    place: String,
    elsewhere: Option<String>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Document {
    json: Value,
    name: &'static str,
    line: Option<String>,
}

impl Documents {
    /// The error of an input in which there is nothing.
    pub(crate) fn empty(self) -> InputError {
        InputError::Empty { place: self.place }
    }
}

impl Iterator for Documents {
    type Item = Result<Document, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.position.begun.set(None);
        let place = self.place.clone();
        Some(match self.stream.next()? {
            Ok(json) => {
                let line = self.elsewhere.as_ref().zip(self.position.begun.get());
                let line = line.map(|(place, line)| format!("{} on line {line} of {place}", self.name));
                Ok(Document { json, name: self.name, line })
            }
            Err(error) if error.is_io() => Err(InputError::Read { place, source: error.into() }),
            Err(source) => Err(InputError::Syntax { place, source }),
        })
    }
}

impl Document {
    /// The attributes it says.
    ///
    /// # Errors
    /// If it says none.
    pub(crate) fn attributes(self, form: JsonForm) -> Result<AttributeMap, InputError> {
        let place = self.line.unwrap_or_else(|| self.name.to_owned());
        if form.is_doubtful(&self.json) {
            eprintln!(
                "cairn: {place} looks like DynamoDB's typed JSON, but is read as plain JSON: give --json dynamodb if it is \
                 typed"
            );
        }
        form.read(self.json).map_err(|source| InputError::Form { place, source })
    }

    /// The line it begins on, as errors call it; none if it is an argument itself.
    pub(crate) fn line(&self) -> Option<&str> {
        self.line.as_deref()
    }
}

/// How far a reader is, by lines.
struct Position {
    /// The line of the next byte, from 1.
    line: Cell<u64>,
    /// The line of the first byte other than white space since this was last cleared.
    begun: Cell<Option<u64>>,
}

/// A reader that keeps its [`Position`]. It gives one byte at a time, so that the position is that of what has been
/// looked at and not of what has been fetched.
struct Watched {
    read: Box<dyn Read>,
    position: Rc<Position>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(place) = buffer.get_mut(..1) else { return Ok(0) };
        let read = self.read.read(place)?;
        if read == 0 {
            return Ok(0);
        }
        let line = self.position.line.get();
        match place {
            [b'\n'] => self.position.line.set(line + 1),
            [byte] if !byte.is_ascii_whitespace() && self.position.begun.get().is_none() => {
                self.position.begun.set(Some(line));
            }
            _ => {}
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(text: &str) -> (tempfile::NamedTempFile, Input) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let input = format!("@{}", file.path().display()).parse().unwrap();
        (file, input)
    }

    fn lines(text: &str) -> Vec<String> {
        let (file, input) = file(text);
        let name = file.path().display().to_string();
        input
            .documents("ITEM")
            .unwrap()
            .map(|document| match document {
                Ok(document) => document.line().unwrap().replace(&name, "FILE"),
                Err(error) => error.to_string().replace(&name, "FILE"),
            })
            .collect()
    }

    #[test]
    fn a_document_is_named_by_the_line_it_begins_on() {
        assert_eq!(
            lines("{\"a\":\n1}\n\n  {}{\"b\":2}\n{}"),
            [1, 4, 4, 5].map(|line| format!("ITEM on line {line} of FILE"))
        );
        assert_eq!(lines(" \n\n"), [""; 0]);
    }

    #[test]
    fn documents_end_at_the_first_that_is_not_json() {
        assert_eq!(lines("{}\n{]\n{}"), ["ITEM on line 1 of FILE", "ITEM in FILE is not JSON"]);
    }

    #[test]
    fn an_argument_is_one_json_text() {
        let read = |text: &str| text.parse::<Input>().unwrap().attributes("KEY", JsonForm::Plain);
        assert_eq!(read(r#" {"a":1} "#).unwrap().len(), 1);
        assert!(matches!(read(""), Err(InputError::Empty { place }) if place == "KEY"));
        assert!(matches!(read("{}{}"), Err(InputError::Several { .. })));
        assert!(matches!(read("{} x"), Err(InputError::Syntax { .. })));
        assert!(matches!(read("[]"), Err(InputError::Form { .. })));
        assert!(matches!(read("@/no/such/file"), Err(InputError::Read { .. })));
    }

    #[test]
    fn json_nested_without_end_is_an_error() {
        let deep = "[".repeat(1_000_000);
        let error = deep.parse::<Input>().unwrap().attributes("KEY", JsonForm::Plain).unwrap_err();
        assert!(matches!(error, InputError::Syntax { .. }));
    }
}
