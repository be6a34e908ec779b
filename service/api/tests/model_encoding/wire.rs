//! Items as they may come over the wire: everything protobuf allows an encoder to write, not only what ours writes.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::encoding::{WireType, encode_key, encode_varint};

/// The fields of a `cairn.v1.Item`.
#[derive(Clone, Debug)]
pub(crate) struct WireItem(pub(crate) Vec<MapField>);

/// The fields of a `cairn.v1.AttributeValue`. Where there are several, they make up one value: of different kinds the
/// last stands, containers of one kind are joined.
#[derive(Clone, Debug)]
pub(crate) struct WireValue(Vec<ValueField>);

#[derive(Clone, Debug)]
enum ValueField {
    Text(String),
    Number(String),
    Binary(Vec<u8>),
    Bool(u64),
    Null(u64),
    List(Vec<ListField>),
    Map(Vec<MapField>),
    Set(SetField, usize),
    Unknown(Unknown),
}

/// Which set a field holds, by its number.
#[derive(Clone, Copy, Debug)]
enum SetField {
    String = 8,
    Number = 9,
    Binary = 10,
}

#[derive(Clone, Debug)]
enum ListField {
    Element(WireValue),
    Unknown(Unknown),
}

/// A field of an item or of a map value.
#[derive(Clone, Debug)]
pub(crate) enum MapField {
    Entry {
        name: String,
        value: WireValue,
        more_of_value: Option<WireValue>,
        value_first: bool,
        unknown: Option<Unknown>,
    },
    Unknown(Unknown),
}

/// A field with a number that the message does not have.
#[derive(Clone, Debug)]
pub(crate) enum Unknown {
    Varint(u32, u64),
    Delimited(u32, Vec<u8>),
    Fixed32(u32, u32),
    Fixed64(u32, u64),
    Group(u32, Vec<Unknown>),
}

// ---- writing

/// Writes messages, and gives every set member a value of its own.
#[derive(Default)]
struct Writer {
    members: usize,
}

impl WireItem {
    /// The encoding.
    pub(crate) fn encode(&self) -> Vec<u8> {
        Writer::default().map(&self.0)
    }
}

fn delimited(tag: u32, content: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn varint(tag: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::Varint, out);
    encode_varint(value, out);
}

impl Unknown {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Varint(tag, value) => varint(*tag, *value, out),
            Self::Delimited(tag, content) => delimited(*tag, content, out),
            Self::Fixed32(tag, value) => {
                encode_key(*tag, WireType::ThirtyTwoBit, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Fixed64(tag, value) => {
                encode_key(*tag, WireType::SixtyFourBit, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Group(tag, fields) => {
                encode_key(*tag, WireType::StartGroup, out);
                fields.iter().for_each(|field| field.put(out));
                encode_key(*tag, WireType::EndGroup, out);
            }
        }
    }
}

impl Writer {
    fn map(&mut self, fields: &[MapField]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in fields {
            match field {
                MapField::Unknown(unknown) => unknown.put(&mut out),
                MapField::Entry { name, value, more_of_value, value_first, unknown } => {
                    let mut entry = Vec::new();
                    let value = self.value(value);
                    if *value_first {
                        delimited(2, &value, &mut entry);
                    }
                    delimited(1, name.as_bytes(), &mut entry);
                    if let Some(unknown) = unknown {
                        unknown.put(&mut entry);
                    }
                    if !*value_first {
                        delimited(2, &value, &mut entry);
                    }
                    if let Some(more) = more_of_value {
                        delimited(2, &self.value(more), &mut entry);
                    }
                    delimited(1, &entry, &mut out);
                }
            }
        }
        out
    }

    fn value(&mut self, value: &WireValue) -> Vec<u8> {
        let mut out = Vec::new();
        for field in &value.0 {
            match field {
                ValueField::Text(text) => delimited(1, text.as_bytes(), &mut out),
                ValueField::Number(text) => delimited(2, text.as_bytes(), &mut out),
                ValueField::Binary(bytes) => delimited(3, bytes, &mut out),
                ValueField::Bool(value) => varint(4, *value, &mut out),
                ValueField::Null(value) => varint(5, *value, &mut out),
                ValueField::List(fields) => delimited(6, &self.list(fields), &mut out),
                ValueField::Map(fields) => delimited(7, &self.map(fields), &mut out),
                ValueField::Set(kind, members) => delimited(*kind as u32, &self.set(*members), &mut out),
                ValueField::Unknown(unknown) => unknown.put(&mut out),
            }
        }
        out
    }

    fn list(&mut self, fields: &[ListField]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in fields {
            match field {
                ListField::Element(value) => delimited(1, &self.value(value), &mut out),
                ListField::Unknown(unknown) => unknown.put(&mut out),
            }
        }
        out
    }

    /// Members that are strings, numbers and byte strings alike, and in no set twice, also if sets are joined.
    fn set(&mut self, members: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..members {
            delimited(1, self.members.to_string().as_bytes(), &mut out);
            self.members += 1;
        }
        out
    }
}

// ---- choosing
//
// Strategies inside others are boxed. Unboxed, each holds all of its parts by value, and a test that is not optimised
// moves the sum of them through every frame of the recursion: more than a test's thread has for its stack.

/// Any item.
pub(crate) fn item() -> impl Strategy<Value = WireItem> {
    vec(map_field(value()), 0..8).prop_map(WireItem)
}

/// Any value: at least one known field, and perhaps fields around it.
fn value() -> BoxedStrategy<WireValue> {
    let leaf = one_or_more(scalar()).prop_map(WireValue);
    let value = leaf.prop_recursive(4, 40, 6, |inner| {
        let container = prop_oneof![
            vec(list_field(inner.clone()), 0..4).prop_map(ValueField::List).boxed(),
            vec(map_field(inner), 0..4).prop_map(ValueField::Map).boxed(),
        ];
        one_or_more(prop_oneof![1 => scalar(), 3 => container.boxed()].boxed()).prop_map(WireValue)
    });
    value.boxed()
}

/// Mostly one field, sometimes more, and sometimes unknown ones among them.
fn one_or_more(known: BoxedStrategy<ValueField>) -> BoxedStrategy<Vec<ValueField>> {
    let more = prop_oneof![known.clone(), unknown().prop_map(ValueField::Unknown).boxed()];
    (
        known,
        prop_oneof![3 => Just(vec![]).boxed(), 1 => vec(more, 1..3).boxed()],
        any::<prop::sample::Index>(),
    )
        .prop_map(|(first, mut fields, at)| {
            fields.insert(at.index(fields.len() + 1), first);
            fields
        })
        .boxed()
}

fn scalar() -> BoxedStrategy<ValueField> {
    let set = prop_oneof![Just(SetField::String), Just(SetField::Number), Just(SetField::Binary)];
    prop_oneof![
        ".{0,12}".prop_map(ValueField::Text).boxed(),
        number().prop_map(ValueField::Number).boxed(),
        vec(any::<u8>(), 0..12).prop_map(ValueField::Binary).boxed(),
        prop_oneof![0..2u64, any::<u64>()].prop_map(ValueField::Bool).boxed(),
        prop_oneof![Just(0), any::<u64>()].prop_map(ValueField::Null).boxed(),
        (set, 1..4usize).prop_map(|(kind, members)| ValueField::Set(kind, members)).boxed(),
    ]
    .boxed()
}

/// The text of a number, in any of the forms that are accepted.
fn number() -> impl Strategy<Value = String> + Clone {
    r"[-+]?([0-9]{1,20}|[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,20})([eE][-+]?[0-9]{1,2})?"
}

fn list_field(element: BoxedStrategy<WireValue>) -> BoxedStrategy<ListField> {
    prop_oneof![
        8 => element.prop_map(ListField::Element).boxed(),
        1 => unknown().prop_map(ListField::Unknown).boxed(),
    ]
    .boxed()
}

/// Few names, so that some come twice.
fn map_field(value: BoxedStrategy<WireValue>) -> BoxedStrategy<MapField> {
    let name = prop_oneof!["[a-d]", ".{1,8}"].boxed();
    let more = proptest::option::weighted(0.1, value.clone()).boxed();
    let other = proptest::option::weighted(0.1, unknown()).boxed();
    let entry = (name, value, more, any::<bool>(), other).prop_map(
        |(name, value, more_of_value, value_first, unknown)| MapField::Entry {
            name,
            value,
            more_of_value,
            value_first,
            unknown,
        },
    );
    prop_oneof![
        8 => entry.boxed(),
        1 => unknown().prop_map(MapField::Unknown).boxed(),
    ]
    .boxed()
}

/// Numbers that no message of the file has, near and far.
fn unknown() -> BoxedStrategy<Unknown> {
    let tag = || prop_oneof![11..20u32, 1000..(1u32 << 29)];
    let field = prop_oneof![
        (tag(), any::<u64>()).prop_map(|(tag, value)| Unknown::Varint(tag, value)).boxed(),
        (tag(), vec(any::<u8>(), 0..6)).prop_map(|(tag, content)| Unknown::Delimited(tag, content)).boxed(),
        (tag(), any::<u32>()).prop_map(|(tag, value)| Unknown::Fixed32(tag, value)).boxed(),
        (tag(), any::<u64>()).prop_map(|(tag, value)| Unknown::Fixed64(tag, value)).boxed(),
    ]
    .boxed();
    // Which fields a group holds is nobody's business, so it may hold the numbers of known ones.
    let inside = prop_oneof![
        3 => field.clone(),
        1 => (1..11u32, any::<u64>()).prop_map(|(tag, value)| Unknown::Varint(tag, value)).boxed(),
    ]
    .boxed();
    let group = (tag(), vec(inside, 0..3)).prop_map(|(tag, fields)| Unknown::Group(tag, fields));
    let nested = (tag(), group.clone()).prop_map(|(tag, group)| Unknown::Group(tag, vec![group]));
    prop_oneof![8 => field, 1 => group.boxed(), 1 => nested.boxed()].boxed()
}
