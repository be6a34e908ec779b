//! Items written as DynamoDB's typed JSON (`{"Id": {"N": "1"}}`) by any `serde` serializer for JSON.
//!
//! What is encoded is written from its encoding: nothing is decoded, no maps are built. Reading that JSON is the affair
//! of whoever owns the wire it comes from.

use crate::encoding::{Field, Fields, entry, field, text};
use crate::item::ItemView;
use crate::{AttributeMap, AttributeValue, Item, ValueErrorKind, limits};
use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD;
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// An item as typed JSON. One whose encoding is damaged does not serialize.
#[derive(Clone, Copy, Debug)]
pub struct TypedItem<'i>(pub &'i Item);

/// Attributes as typed JSON.
#[derive(Clone, Debug)]
pub struct TypedAttributes<'a>(pub &'a AttributeMap);

/// One value as typed JSON.
struct TypedValue<'v>(&'v AttributeValue);

impl Serialize for TypedItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.view() {
            ItemView::Decoded(attributes) => TypedAttributes(attributes).serialize(serializer),
            ItemView::Encoded(bytes) => {
                EncodedMembers { bytes, levels: limits::NESTING_LEVELS_MAX }.serialize(serializer)
            }
        }
    }
}

impl Serialize for TypedAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, TypedValue(value))))
    }
}

impl Serialize for TypedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(1))?;
        let name = self.0.type_name();
        match self.0 {
            AttributeValue::S(text) => out.serialize_entry(name, text),
            AttributeValue::N(number) => out.serialize_entry(name, &Shown(number)),
            AttributeValue::B(bytes) => out.serialize_entry(name, &Base64(bytes)),
            AttributeValue::Bool(value) => out.serialize_entry(name, value),
            AttributeValue::Null => out.serialize_entry(name, &true),
            AttributeValue::L(elements) => {
                out.serialize_entry(name, &Each(|| elements.iter().map(TypedValue)))
            }
            AttributeValue::M(members) => out.serialize_entry(name, &TypedAttributes(members)),
            AttributeValue::Ss(members) => out.serialize_entry(name, members),
            AttributeValue::Ns(members) => out.serialize_entry(name, &Each(|| members.iter().map(Shown))),
            AttributeValue::Bs(members) => {
                out.serialize_entry(name, &Each(|| members.iter().map(|bytes| Base64(bytes))))
            }
        }?;
        out.end()
    }
}

/// Anything as the text it displays.
struct Shown<'t, T>(&'t T);

impl<T: std::fmt::Display> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// Bytes as base64 with padding.
struct Base64<'b>(&'b [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64_STANDARD))
    }
}

/// The elements of a sequence that is made anew each time.
struct Each<F>(F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

// ---- from the encoding

/// The entries of an encoded item or map.
struct EncodedMembers<'e> {
    bytes: &'e [u8],
    levels: usize,
}

/// An encoded value.
struct EncodedTyped<'e> {
    bytes: &'e [u8],
    levels: usize,
}

/// The members of an encoded list or set, each written by `one`.
struct EncodedSequence<'e, F> {
    bytes: &'e [u8],
    one: F,
}

fn damaged<E: Error>(kind: ValueErrorKind) -> E {
    E::custom(kind)
}

impl Serialize for EncodedMembers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        let mut fields = Fields::of(self.bytes);
        while let Some((tag, found)) = fields.next().map_err(damaged)? {
            if tag != field::MEMBER {
                continue;
            }
            let (name, value) = entry(found).map_err(damaged)?;
            out.serialize_entry(name, &EncodedTyped { bytes: value, levels: self.levels })?;
        }
        out.end()
    }
}

impl Serialize for EncodedTyped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| damaged(ValueErrorKind::TooDeep))?;
        let mut fields = Fields::of(self.bytes);
        let (tag, found) = fields.next().map_err(damaged)?.ok_or_else(|| damaged(ValueErrorKind::Empty))?;
        let mut out = serializer.serialize_map(Some(1))?;
        let flag = |found: Field<'_>| found.varint().map_err(damaged);
        match tag {
            field::BOOL => out.serialize_entry("BOOL", &(flag(found)? != 0))?,
            field::NULL => {
                flag(found)?;
                out.serialize_entry("NULL", &true)?;
            }
            _ => {
                let content = found.delimited().map_err(damaged)?;
                let strings = EncodedSequence { bytes: content, one: |member| text(member).map(Text::Plain) };
                match tag {
                    field::STRING => out.serialize_entry("S", text(content).map_err(damaged)?)?,
                    field::NUMBER => out.serialize_entry("N", text(content).map_err(damaged)?)?,
                    field::BINARY => out.serialize_entry("B", &Base64(content))?,
                    field::LIST => {
                        let one = |bytes| Ok(EncodedTyped { bytes, levels });
                        out.serialize_entry("L", &EncodedSequence { bytes: content, one })?;
                    }
                    field::MAP => out.serialize_entry("M", &EncodedMembers { bytes: content, levels })?,
                    field::STRING_SET => out.serialize_entry("SS", &strings)?,
                    field::NUMBER_SET => out.serialize_entry("NS", &strings)?,
                    field::BINARY_SET => {
                        let one = |member| Ok(Text::Base64(Base64(member)));
                        out.serialize_entry("BS", &EncodedSequence { bytes: content, one })?;
                    }
                    _ => return Err(damaged(ValueErrorKind::Empty)),
                }
            }
        }
        out.end()
    }
}

/// A member of a set.
#[derive(Serialize)]
#[serde(untagged)]
enum Text<'t> {
    Plain(&'t str),
    Base64(Base64<'t>),
}

impl<'e, F, T> Serialize for EncodedSequence<'e, F>
where
    F: Fn(&'e [u8]) -> Result<T, ValueErrorKind>,
    T: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(None)?;
        let mut fields = Fields::of(self.bytes);
        while let Some((tag, found)) = fields.next().map_err(damaged)? {
            if tag == field::MEMBER {
                let member = found.delimited().and_then(&self.one).map_err(damaged)?;
                out.serialize_element(&member)?;
            }
        }
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn item() -> AttributeMap {
        let number = |text: &str| text.parse().unwrap();
        let map = AttributeMap::from([("k\"\n".to_owned(), AttributeValue::Bool(false))]);
        AttributeMap::from([
            ("b".to_owned(), AttributeValue::B(Bytes::from_static(b"\xff\0"))),
            ("bs".to_owned(), AttributeValue::Bs([Bytes::from_static(b"a")].into())),
            (
                "l".to_owned(),
                AttributeValue::L(vec![
                    AttributeValue::Null,
                    AttributeValue::M(map),
                    AttributeValue::L(vec![]),
                ]),
            ),
            ("n".to_owned(), AttributeValue::N(number("-1.50"))),
            ("ns".to_owned(), AttributeValue::Ns([number("10"), number("2")].into())),
            ("s".to_owned(), AttributeValue::S("héllo".into())),
            ("ss".to_owned(), AttributeValue::Ss(["x".to_owned(), "y".to_owned()].into())),
        ])
    }

    #[test]
    fn an_item_is_written_alike_from_its_attributes_and_from_its_encoding() {
        let decoded = Item::from(item());
        let encoded = Item::from_encoded(decoded.encoded());
        let written = serde_json::to_string(&TypedItem(&decoded)).unwrap();
        assert_eq!(written, serde_json::to_string(&TypedItem(&encoded)).unwrap());
        assert_eq!(
            written,
            r#"{"b":{"B":"/wA="},"bs":{"BS":["YQ=="]},"l":{"L":[{"NULL":true},{"M":{"k\"\n":{"BOOL":false}}},{"L":[]}]},"n":{"N":"-1.5"},"ns":{"NS":["2","10"]},"s":{"S":"héllo"},"ss":{"SS":["x","y"]}}"#
        );
    }

    #[test]
    fn a_damaged_item_is_not_written() {
        let whole = Item::from(item()).encoded();
        let cut = Item::from_encoded(whole.slice(..whole.len() - 1));
        assert!(serde_json::to_string(&TypedItem(&cut)).is_err());
    }
}
