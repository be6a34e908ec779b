//! JSON as a policy is written in it: shallow, and with no member named twice.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{PolicyError, PolicyProblem, quoted};

/// How deeply a document may nest. A policy needs six levels: the document, its statements, a statement, its
/// conditions, an operator's keys, a key's values.
const DEPTH_MAX: usize = 16;

/// The name under which `serde_json` hands over a number's text, when it keeps numbers as written. A document that
/// spells it out itself says no more than the number.
const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// A JSON value. Numbers are kept as written, and an object's members in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What this is, for a message.
    pub(crate) fn described(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads a text that is one JSON value.
pub(crate) fn read(text: &str) -> Result<Node, PolicyError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    NodeSeed { depth: 0 }.deserialize(&mut reader).and_then(|node| reader.end().map(|()| node)).map_err(
        |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let place = format!(" at line {line} column {column}");
            PolicyError {
                problem: PolicyProblem::Syntax,
                place: String::new(),
                message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
                line_and_column: Some((line, column)),
            }
        },
    )
}

/// Reads one value at a depth, so that depth is refused while reading.
#[derive(Clone, Copy)]
struct NodeSeed {
    depth: usize,
}

impl NodeSeed {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format_args!("nested more than {DEPTH_MAX} levels deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(seed)? {
            list.push(element);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object: Vec<(String, Node)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER_TOKEN && object.is_empty() {
                return Ok(Node::Number(members.next_value()?));
            }
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("member {} appears twice", quoted(&name))));
            }
            let value = members.next_value_seed(self.deeper()?)?;
            object.push((name, value));
        }
        Ok(Node::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_their_numbers_as_written() {
        let node = read(r#"{"b": [1.50, true, null], "a": "x"}"#).unwrap();
        assert_eq!(
            node,
            Node::Object(vec![
                (
                    "b".to_owned(),
                    Node::List(vec![Node::Number("1.50".to_owned()), Node::Bool(true), Node::Null])
                ),
                ("a".to_owned(), Node::String("x".to_owned())),
            ])
        );
    }

    #[test]
    fn a_member_named_twice_is_refused_where_it_stands() {
        let error = read("{\"Effect\": \"Allow\",\n \"Effect\": \"Deny\"}").unwrap_err();
        assert_eq!(error.problem, PolicyProblem::Syntax);
        assert_eq!(error.message, "member \"Effect\" appears twice");
        assert_eq!(error.line_and_column.unwrap().0, 2);
        // The same name spelled with an escape is the same name.
        assert!(read(r#"{"a": 1, "\u0061": 2}"#).is_err());
    }

    #[test]
    fn text_after_the_document_is_refused() {
        assert!(read("{} {}").is_err());
        assert!(read("").is_err());
        assert!(read("{\"a\": 1,}").is_err());
    }

    #[test]
    fn depth_is_refused_without_being_followed() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(DEPTH_MAX)).is_ok());
        assert!(read(&deep(DEPTH_MAX + 1)).unwrap_err().message.contains("levels deep"));
        // Far deeper than any stack, and never closed.
        assert!(read(&"[".repeat(1_000_000)).unwrap_err().message.contains("levels deep"));
        assert!(read(&"{\"a\":".repeat(1_000_000)).unwrap_err().message.contains("levels deep"));
    }
}
