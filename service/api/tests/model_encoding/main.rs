//! Holds the encodings that `cairn-model` writes by hand to those the generator makes of the same definitions: the
//! model must write what generated code reads, and read whatever generated code reads, as the same item.

// The helpers here are tests too: to fail loudly is their purpose.
#![allow(clippy::unwrap_used)]

mod wire;

/// `attribute.proto` without the model's types.
// Generated code is `pub` throughout and named as the definitions are.
#[allow(unreachable_pub, clippy::enum_variant_names)]
mod plain {
    include!("../generated/attribute.rs");
}

use bytes::{Buf, Bytes};
use cairn_api::v1;
use cairn_model::{AttributeMap, AttributeValue, DecodeBudget, EncodedValue, Item};
use plain::attribute_value::Kind;
use proptest::prelude::*;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

// ---- between the two

/// The model's value for a plain one; none for a plain one that is no valid value.
fn modelled(value: plain::AttributeValue) -> Option<AttributeValue> {
    Some(match value.kind? {
        Kind::StringValue(text) => AttributeValue::S(text),
        Kind::NumberValue(text) => AttributeValue::N(text.parse().ok()?),
        Kind::BinaryValue(bytes) => AttributeValue::B(bytes),
        Kind::BoolValue(value) => AttributeValue::Bool(value),
        Kind::NullValue(_) => AttributeValue::Null,
        Kind::ListValue(list) => {
            AttributeValue::L(list.values.into_iter().map(modelled).collect::<Option<_>>()?)
        }
        Kind::MapValue(map) => AttributeValue::M(modelled_map(map.fields)?),
        Kind::StringSetValue(set) => AttributeValue::Ss(modelled_set(set.values, Some)?),
        Kind::NumberSetValue(set) => AttributeValue::Ns(modelled_set(set.values, |text| text.parse().ok())?),
        Kind::BinarySetValue(set) => AttributeValue::Bs(modelled_set(set.values, Some)?),
    })
}

fn modelled_map(fields: BTreeMap<String, plain::AttributeValue>) -> Option<AttributeMap> {
    fields
        .into_iter()
        .map(|(name, value)| Some((name, modelled(value)?)).filter(|(name, _)| !name.is_empty()))
        .collect()
}

fn modelled_set<T, M: Ord>(members: Vec<T>, member: impl Fn(T) -> Option<M>) -> Option<BTreeSet<M>> {
    let count = members.len();
    let set: BTreeSet<M> = members.into_iter().map(member).collect::<Option<_>>()?;
    (set.len() == count && count > 0).then_some(set)
}

/// The model's item for encoded bytes, by way of the generated code.
fn by_generated_code(bytes: &[u8]) -> Option<AttributeMap> {
    modelled_map(plain::Item::decode(bytes).ok()?.attributes)
}

/// The same, by the model's own.
fn by_the_model(item: Item) -> Option<AttributeMap> {
    item.into_attributes(&mut DecodeBudget::item()).ok()
}

fn decoded(value: &EncodedValue) -> Option<AttributeValue> {
    value.decode(&mut DecodeBudget::item()).ok()
}

// ---- tests

proptest! {
    #[test]
    fn the_model_reads_an_item_as_generated_code_does(item in wire::item()) {
        let bytes = item.encode();
        let expected = by_generated_code(&bytes);
        prop_assert!(expected.is_some(), "the generator of this test made an invalid item");
        prop_assert_eq!(by_the_model(Item::decode(&*bytes).unwrap()), expected.clone());
        // As it is read from the store.
        prop_assert_eq!(by_the_model(Item::from_encoded(bytes.into())), expected);
    }

    #[test]
    fn the_model_writes_what_generated_code_writes(item in wire::item()) {
        let attributes = by_generated_code(&item.encode()).unwrap();
        let written = Item::from(attributes.clone()).encode_to_vec();
        let read = plain::Item::decode(&*written).unwrap();
        prop_assert_eq!(&read.encode_to_vec(), &written);
        prop_assert_eq!(modelled_map(read.attributes), Some(attributes));
    }

    #[test]
    fn an_item_passed_on_undecoded_stays_the_same(item in wire::item()) {
        let bytes = item.encode();
        let passed_on = Item::decode(&*bytes).unwrap();
        let written = passed_on.encode_to_vec();
        prop_assert_eq!(passed_on.encoded_len(), written.len());
        prop_assert_eq!(by_generated_code(&written), by_generated_code(&bytes));
    }

    #[test]
    fn a_message_of_values_reads_and_writes_them_as_generated_code_does(item in wire::item()) {
        // A key has the layout of an item; so do the members of a map.
        let bytes = item.encode();
        let expected = by_generated_code(&bytes);
        let key = v1::Key::decode(&*bytes).unwrap();
        let attributes: Option<AttributeMap> =
            key.attributes.iter().map(|(name, value)| Some((name.clone(), decoded(value)?))).collect();
        prop_assert_eq!(&attributes, &expected);
        prop_assert_eq!(&by_the_model(Item::from_values(&key.attributes)), &expected);
        prop_assert_eq!(by_generated_code(&key.encode_to_vec()), expected);

        let rewritten = v1::Key {
            attributes: attributes.iter().flatten().map(|(name, value)| (name.clone(), value.into())).collect(),
        };
        prop_assert_eq!(by_generated_code(&rewritten.encode_to_vec()), attributes);
    }

    #[test]
    fn an_item_sent_in_parts_is_joined_as_generated_code_joins_it(first in wire::item(), second in wire::item()) {
        let (first, second) = (first.encode(), second.encode());
        let mut expected = plain::Item::decode(&*first).unwrap();
        expected.merge(&*second).unwrap();
        let expected = modelled_map(expected.attributes);

        let mut item = Item::decode(&*first).unwrap();
        item.merge(&*second).unwrap();
        prop_assert_eq!(by_the_model(item), expected.clone());

        let mut item = Item::from(by_generated_code(&first).unwrap());
        item.merge(&*second).unwrap();
        prop_assert_eq!(by_the_model(item), expected);
    }

    #[test]
    fn a_response_of_items_is_what_generated_code_reads(items in prop::collection::vec(wire::item(), 0..4)) {
        let encoded: Vec<Bytes> = items.iter().map(|item| item.encode().into()).collect();
        let list = v1::ItemList { items: encoded.iter().cloned().map(Item::from_encoded).collect() };
        let read = v1::ItemList::decode(&*list.encode_to_vec()).unwrap();
        let read: Vec<_> = read.items.into_iter().map(by_the_model).collect();
        let expected: Vec<_> = encoded.iter().map(|bytes| by_generated_code(bytes)).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn an_item_that_arrives_in_chunks_is_the_same(item in wire::item(), at: prop::sample::Index) {
        let bytes = Bytes::from(item.encode());
        let at = at.index(bytes.len() + 1);
        let chunks = bytes.slice(..at).chain(bytes.slice(at..));
        prop_assert_eq!(by_the_model(Item::decode(chunks).unwrap()), by_generated_code(&bytes));
    }

    #[test]
    fn of_damaged_bytes_the_model_reads_nothing_that_generated_code_does_not(
        item in wire::item(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let mut bytes = item.encode();
        damages.iter().for_each(|damage| damage.strike(&mut bytes));
        let expected = by_generated_code(&bytes);
        let read = by_the_model(Item::from_encoded(bytes.clone().into()));
        // The model also refuses what stands no more and breaks a rule: a value that a later one replaces.
        prop_assert!(read.is_none() || read == expected, "{bytes:?} is {expected:?} and is read as {read:?}");
        let arrived = Item::decode(&*bytes).ok().and_then(by_the_model);
        prop_assert!(arrived.is_none() || arrived == expected, "{bytes:?} is {expected:?}, not {arrived:?}");
        if expected.is_some() {
            prop_assert_eq!(read, arrived);
        }
    }

    #[test]
    fn of_a_damaged_value_the_model_reads_nothing_that_generated_code_does_not(
        value in wire::item(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        // The members of a map have the layout of an item.
        let members = value.encode();
        let mut bytes = Vec::new();
        prost::encoding::bytes::encode(7, &members, &mut bytes);
        damages.iter().for_each(|damage| damage.strike(&mut bytes));
        let expected = plain::AttributeValue::decode(&*bytes).ok().and_then(modelled);
        let read = cairn_model::decode_value(&bytes, &mut DecodeBudget::item()).ok();
        prop_assert!(read.is_none() || read == expected, "{bytes:?} is {expected:?} and is read as {read:?}");
        let arrived = <EncodedValue as Message>::decode(&*bytes).ok().and_then(|value| decoded(&value));
        prop_assert!(arrived.is_none() || arrived == expected, "{bytes:?} is {expected:?}, not {arrived:?}");
    }
}

/// What befalls encoded bytes.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    /// A piece of some length is repeated right after itself.
    Repeat(prop::sample::Index, usize),
}

/// Bytes are of any value, and more often of those that begin a field or are a small length.
fn damage() -> impl Strategy<Value = Damage> {
    let at = || any::<prop::sample::Index>();
    let byte =
        || prop_oneof![any::<u8>(), 0..16u8, (1..11u8, 0..6u8).prop_map(|(tag, wire)| tag << 3 | wire)];
    prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        2 => (at(), prop::collection::vec(byte(), 1..4)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => at().prop_map(Damage::Remove),
        1 => (at(), 1..24usize).prop_map(|(at, len)| Damage::Repeat(at, len)),
    ]
}

impl Damage {
    fn strike(&self, bytes: &mut Vec<u8>) {
        match self {
            _ if bytes.is_empty() => {}
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Insert(at, inserted) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Self::Repeat(at, len) => {
                let at = at.index(bytes.len());
                let end = (at + len).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(end..end, piece);
            }
        }
    }
}

#[test]
fn a_value_cut_in_two_where_no_field_ends_is_no_value() {
    let read = |bytes: &'static [u8]| {
        (by_generated_code(bytes), by_the_model(Item::from_encoded(bytes.into())), bytes.len())
    };
    // An attribute `a` in two parts: an empty string, and `true`.
    let whole = read(b"\x0a\x0b\x0a\x01a\x12\x02\x0a\x00\x12\x02\x20\x01");
    let expected = Some(AttributeMap::from([("a".to_owned(), AttributeValue::Bool(true))]));
    assert_eq!(whole, (expected.clone(), expected, 13));
    // Of the string only the key is in the first part; the second goes on with its length.
    assert_eq!(read(b"\x0a\x0a\x0a\x01a\x12\x01\x0a\x12\x02\x01x"), (None, None, 12));
}

#[test]
fn groups_are_skipped_as_deep_as_generated_code_skips_them() {
    let read = |depth: usize| {
        let mut bytes = vec![0x5b; depth];
        bytes.extend(vec![0x5c; depth]);
        let expected = by_generated_code(&bytes).is_some();
        assert_eq!(by_the_model(Item::from_encoded(bytes.clone().into())).is_some(), expected, "{depth}");
        assert_eq!(Item::decode(&*bytes).is_ok(), expected, "{depth}");
        expected
    };
    assert!((0..=100).all(read) && !read(101) && !read(100_000));
}

#[test]
fn a_value_of_no_kind_travels_and_is_refused_where_it_is_decoded() {
    for bytes in [&b""[..], b"\x5a\x00"] {
        let key = v1::Key {
            attributes: [("a".to_owned(), <EncodedValue as Message>::decode(bytes).unwrap())].into(),
        };
        let plain = plain::Item::decode(&*key.encode_to_vec()).unwrap();
        assert_eq!(plain.attributes["a"].kind, None);
        let key = v1::Key::decode(&*key.encode_to_vec()).unwrap();
        assert_eq!(decoded(&key.attributes["a"]), None);
    }
}

#[test]
fn a_cleared_value_or_item_is_empty() {
    let mut item = Item::from(AttributeMap::from([("a".to_owned(), AttributeValue::Null)]));
    let mut value = EncodedValue::from(&AttributeValue::Null);
    item.clear();
    value.clear();
    assert_eq!((item.encoded_len(), value.encoded_len()), (0, 0));
}
