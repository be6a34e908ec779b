//! Which part of a request an error is about: one path, written out as each protocol writes it.

use cairn_model::{PathSegment, ValuePath};
use std::fmt::Write;

/// A path into a request, in the field names of the gRPC API: `transact_items[2].put.item.attributes["pk"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    /// A field that only AWS's API has: the gRPC API has its members where it would be.
    AwsField(&'static str),
    Index(usize),
    Key(String),
}

/// The most that a path repeats of a caller's map key.
const SHOWN_KEY_CHARS_MAX: usize = 64;

impl FieldPath {
    /// One step further in: a field.
    #[must_use]
    pub fn field(mut self, name: &'static str) -> Self {
        self.0.push(Step::Field(name));
        self
    }

    /// One step further in, in AWS's API alone.
    #[must_use]
    pub fn aws_field(mut self, name: &'static str) -> Self {
        self.0.push(Step::AwsField(name));
        self
    }

    /// One step further in: a list element.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// One step further in: a map's member.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Step::Key(key.chars().take(SHOWN_KEY_CHARS_MAX).collect()));
        self
    }

    /// Further in, to a place inside a value.
    #[must_use]
    pub fn join_value(mut self, path: &ValuePath) -> Self {
        for segment in &path.0 {
            self = match segment {
                PathSegment::Name(name) => self.key(name),
                PathSegment::Index(index) => self.index(*index),
            };
        }
        self
    }

    /// The same place, seen from further out: `self` below `outer`.
    #[must_use]
    pub fn below(self, mut outer: Self) -> Self {
        outer.0.extend(self.0);
        outer
    }

    /// As gRPC callers know it: `key["pk"]`.
    pub fn to_proto(&self) -> String {
        let mut out = String::new();
        for step in &self.0 {
            // Writing to a string does not fail.
            let _ = match step {
                Step::Field(name) if out.is_empty() => write!(out, "{name}"),
                Step::Field(name) => write!(out, ".{name}"),
                Step::AwsField(_) => Ok(()),
                Step::Index(index) => write!(out, "[{index}]"),
                Step::Key(key) => write!(out, "[{key:?}]"),
            };
        }
        out
    }

    /// As AWS writes it: `keySchema.1.member.keyType`, counting from 1.
    pub fn to_aws(&self) -> String {
        let mut out = String::new();
        for step in &self.0 {
            if !out.is_empty() {
                out.push('.');
            }
            match step {
                Step::Field(name) | Step::AwsField(name) => out.push_str(&lower_camel(name)),
                Step::Index(index) => {
                    let _ = write!(out, "{}.member", index + 1);
                }
                Step::Key(key) => {
                    let _ = write!(out, "{key}.member");
                }
            }
        }
        out
    }
}

/// `snake_case` as `lowerCamel`. Some members of the gRPC API have other names than AWS gives them.
fn lower_camel(name: &str) -> String {
    match name {
        "table" => return "tableName".to_owned(),
        "index" => return "indexName".to_owned(),
        "request_id" => return "clientRequestToken".to_owned(),
        _ => {}
    }
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for char in name.chars() {
        if char == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(char.to_ascii_uppercase());
        } else {
            out.push(char);
        }
    }
    out
}

impl From<&'static str> for FieldPath {
    fn from(name: &'static str) -> Self {
        Self::default().field(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_each_protocol_writes_it() {
        let path = FieldPath::from("transact_items").index(2).field("put").field("item").key("pk");
        assert_eq!(path.to_proto(), "transact_items[2].put.item[\"pk\"]");
        assert_eq!(path.to_aws(), "transactItems.3.member.put.item.pk.member");
        let path_of_get = FieldPath::from("transact_items").index(0).aws_field("get").field("table");
        assert_eq!(path_of_get.to_proto(), "transact_items[0].table");
        assert_eq!(path_of_get.to_aws(), "transactItems.1.member.get.tableName");
        assert_eq!(FieldPath::from("table").to_aws(), "tableName");
        assert_eq!(FieldPath::from("index").to_aws(), "indexName");
        let inner = FieldPath::from("item").key("pk");
        assert_eq!(inner.below(FieldPath::from("transact_items").index(2).field("put")), path);
        assert_eq!(FieldPath::default().to_proto(), "");
    }
}
