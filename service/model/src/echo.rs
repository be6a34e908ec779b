//! `Echo`: the text of a caller's value in an error, of bounded length (semantics 20.3).

use crate::item::ItemView;
use crate::{AttributeMap, AttributeValue, DecodeBudget, Item, decode_attributes, limits};
use base64::prelude::{BASE64_STANDARD, Engine};

/// A text of at most [`ECHO_CHARS_MAX`](limits::ECHO_CHARS_MAX) characters, whatever is written to it. Lists are written
/// `[a, b]`, maps `{name=value}`, structures `Name(member=value)` and attribute values `{S:text}`. What is cut ends in
/// `...`.
#[derive(Debug)]
pub struct Echo {
    text: String,
    chars_left: usize,
    cut: bool,
}

/// Writes one member of a structure.
pub type EchoMember<'m> = &'m dyn Fn(&mut Echo);

impl Echo {
    /// What `write` writes.
    pub fn of(write: impl FnOnce(&mut Self)) -> String {
        let mut echo = Self { text: String::new(), chars_left: limits::ECHO_CHARS_MAX, cut: false };
        write(&mut echo);
        if echo.cut {
            echo.text.push_str("...");
        }
        echo.text
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        for char in text.chars() {
            if self.chars_left == 0 {
                self.cut = true;
                return;
            }
            self.text.push(char);
            self.chars_left -= 1;
        }
    }

    /// Writes bytes in base64.
    pub fn binary(&mut self, bytes: &[u8]) {
        // The base64 of this many bytes exceeds the limit already.
        let shown = bytes.get(..limits::ECHO_CHARS_MAX).unwrap_or(bytes);
        self.text(&BASE64_STANDARD.encode(shown));
    }

    /// Writes a list, each element by `one`.
    pub fn list<T>(&mut self, elements: impl IntoIterator<Item = T>, one: impl FnMut(&mut Self, T)) {
        self.within(("[", "]"), elements, one);
    }

    /// Writes a map, each value by `one`.
    pub fn map<K: AsRef<str>, T>(
        &mut self,
        entries: impl IntoIterator<Item = (K, T)>,
        one: impl FnMut(&mut Self, T),
    ) {
        self.named(("{", "}"), entries, one);
    }

    /// Writes a structure with the members that it has, each by its function.
    pub fn structure(&mut self, name: &str, members: &[(&str, EchoMember<'_>)]) {
        self.text(name);
        self.members(members.iter().copied(), |echo, write| write(echo));
    }

    /// Writes the members of a structure, each by `one`.
    pub fn members<K: AsRef<str>, T>(
        &mut self,
        members: impl IntoIterator<Item = (K, T)>,
        one: impl FnMut(&mut Self, T),
    ) {
        self.named(("(", ")"), members, one);
    }

    /// Writes attributes by name.
    pub fn attributes(&mut self, attributes: &AttributeMap) {
        self.map(attributes, Self::value);
    }

    /// Writes an attribute value: its type and what it is.
    pub fn value(&mut self, value: &AttributeValue) {
        self.text("{");
        self.text(value.type_name());
        self.text(":");
        match value {
            AttributeValue::S(text) => self.text(text),
            AttributeValue::N(number) => self.text(&number.to_string()),
            AttributeValue::B(bytes) => self.binary(bytes),
            AttributeValue::Bool(value) => self.text(if *value { "true" } else { "false" }),
            AttributeValue::Null => self.text("true"),
            AttributeValue::L(elements) => self.list(elements, Self::value),
            AttributeValue::M(members) => self.attributes(members),
            AttributeValue::Ss(members) => self.list(members, |echo, member| echo.text(member)),
            AttributeValue::Ns(members) => self.list(members, |echo, member| echo.text(&member.to_string())),
            AttributeValue::Bs(members) => self.list(members, |echo, member| echo.binary(member)),
        }
        self.text("}");
    }

    /// Writes an item. An item that does not decode is written without attributes.
    pub fn item(&mut self, item: &Item) {
        match item.view() {
            ItemView::Decoded(attributes) => self.attributes(attributes),
            ItemView::Encoded(bytes) => {
                self.attributes(&decode_attributes(bytes, &mut DecodeBudget::item()).unwrap_or_default());
            }
        }
    }

    fn named<K: AsRef<str>, T>(
        &mut self,
        parentheses: (&str, &str),
        entries: impl IntoIterator<Item = (K, T)>,
        mut one: impl FnMut(&mut Self, T),
    ) {
        self.within(parentheses, entries, |echo, (name, value)| {
            echo.text(name.as_ref());
            echo.text("=");
            one(echo, value);
        });
    }

    fn within<T>(
        &mut self,
        (open, close): (&str, &str),
        elements: impl IntoIterator<Item = T>,
        mut one: impl FnMut(&mut Self, T),
    ) {
        self.text(open);
        for (number, element) in elements.into_iter().enumerate() {
            if number > 0 {
                self.text(", ");
            }
            if self.cut {
                return;
            }
            one(self, element);
        }
        self.text(close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn values_read_as_in_messages() {
        let map = AttributeMap::from([
            ("b".to_owned(), AttributeValue::B(Bytes::from_static(b"b"))),
            ("l".to_owned(), AttributeValue::L(vec![AttributeValue::Null, AttributeValue::Bool(false)])),
            ("n".to_owned(), AttributeValue::N("05.0".parse().unwrap())),
            ("ss".to_owned(), AttributeValue::Ss(["x".to_owned(), "y".to_owned()].into())),
        ]);
        assert_eq!(
            Echo::of(|echo| echo.attributes(&map)),
            "{b={B:Yg==}, l={L:[{NULL:true}, {BOOL:false}]}, n={N:5}, ss={SS:[x, y]}}"
        );
        assert_eq!(Echo::of(|echo| echo.list(["a", ""], Echo::text)), "[a, ]");
        let name = |echo: &mut Echo| echo.text("pk");
        assert_eq!(Echo::of(|echo| echo.structure("Key", &[("name", &name)])), "Key(name=pk)");
    }

    #[test]
    fn an_echo_is_bounded_whatever_is_written() {
        let long = "é".repeat(100_000);
        let bytes = Bytes::from(vec![0; 1_000_000]);
        let many = AttributeValue::L(vec![AttributeValue::S(long.clone()); 100]);
        for echo in [
            Echo::of(|echo| echo.text(&long)),
            Echo::of(|echo| echo.binary(&bytes)),
            Echo::of(|echo| echo.value(&many)),
            Echo::of(|echo| echo.list(0..1_000_000, |echo, _| echo.text(""))),
        ] {
            assert!(echo.ends_with("..."), "{echo}");
            assert_eq!(echo.chars().count(), limits::ECHO_CHARS_MAX + 3);
        }
        let exact = "x".repeat(limits::ECHO_CHARS_MAX);
        assert_eq!(Echo::of(|echo| echo.text(&exact)), exact);
    }
}
