//! Any bytes are an item or a value of the data model, within its limits, or refused.

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_fuzz::Fuzzer;
use cairn_model::{
    AttributeMap, AttributeValue, DecodeBudget, Item, decode_attributes, decode_value, encode_attributes,
    encode_value, item_size, limits,
};
use prost::Message;

/// Tags with lengths, numbers of all shapes, and whole values.
fn tokens() -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = (1..=10_u8).map(|field| vec![field << 3 | 2]).collect();
    tokens.extend([
        vec![0x20, 1],
        vec![0x28, 0],
        vec![0x0a, 0],
        vec![0x0b],
        vec![0x0c],
        vec![0x0d],
        vec![0x09],
    ]);
    tokens
        .extend(["1E125", "-1E-130", "1e999999999999", "0", "-0", "1.50", "\u{e9}"].map(|text| text.into()));
    tokens.extend(common::values().iter().map(|value| encode_value(value).to_vec()));
    tokens
}

/// Encodings of values, one of them as deep as is allowed.
fn nested_values() -> Vec<Vec<u8>> {
    let mut values = common::values();
    let mut deep = AttributeValue::Null;
    for level in 1..limits::NESTING_LEVELS_MAX {
        deep = match level % 2 {
            0 => AttributeValue::L(vec![deep]),
            _ => AttributeValue::M([("m".to_owned(), deep)].into()),
        };
    }
    values.push(deep);
    values.iter().map(|value| encode_value(value).to_vec()).collect()
}

/// What a reader, and what the test does with what it read, may hold at once. Sets and maps of one member take the most:
/// six bytes of input and more make a node with room for eleven members, of 400 to 800 bytes. The test reads everything
/// twice.
fn memory_bytes_max(input_bytes: usize) -> usize {
    16 * 1024 + 2 * 80 * input_bytes
}

/// A reader of encodings, and large ones that it accepts.
fn fuzzer(target: &'static str, seeds: Vec<Vec<u8>>, large_seeds: Vec<Vec<u8>>) -> Fuzzer {
    Fuzzer { target, seeds, large_seeds, tokens: tokens(), memory_bytes_max }
}

fn large_items() -> Vec<Vec<u8>> {
    let item = |value: AttributeValue| encode_attributes(&[("a".to_owned(), value)].into()).to_vec();
    common::large_values().into_iter().map(item).collect()
}

fn check_limits(attributes: &AttributeMap) {
    assert!(item_size(attributes) <= limits::ITEM_BYTES_MAX);
    assert!(attributes.values().all(|value| value.depth() <= limits::NESTING_LEVELS_MAX));
}

#[test]
fn any_bytes_are_attributes_or_refused() {
    let fuzzer = fuzzer("attributes", common::encoded_items(), large_items());
    let (inputs, accepted) = fuzzer.run(|input| {
        let Ok(attributes) = decode_attributes(input, &mut DecodeBudget::item()) else { return false };
        check_limits(&attributes);
        assert!(item_size(&attributes) <= input.len() * 4, "more came out than went in");
        let encoded = encode_attributes(&attributes);
        let again = decode_attributes(&encoded, &mut DecodeBudget::item()).unwrap();
        assert!(again == attributes && encode_attributes(&again) == encoded);
        true
    });
    assert!(accepted > 0 && inputs > accepted, "{accepted} of {inputs} accepted");
}

#[test]
fn any_bytes_are_a_value_or_refused() {
    let large = common::large_values().iter().map(|value| encode_value(value).to_vec()).collect();
    let fuzzer = fuzzer("value", nested_values(), large);
    let (inputs, accepted) = fuzzer.run(|input| {
        let Ok(value) = decode_value(input, &mut DecodeBudget::item()) else { return false };
        assert!(value.size() <= limits::ITEM_BYTES_MAX && value.depth() <= limits::NESTING_LEVELS_MAX);
        let encoded = encode_value(&value);
        let again = decode_value(&encoded, &mut DecodeBudget::item()).unwrap();
        assert!(again == value && encode_value(&again) == encoded);
        true
    });
    assert!(accepted > 0 && inputs > accepted, "{accepted} of {inputs} accepted");
}

#[test]
fn any_bytes_are_an_item_message_or_refused() {
    let fuzzer = fuzzer("item", common::encoded_items(), large_items());
    let (inputs, accepted) = fuzzer.run(|input| {
        let Ok(item) = Item::decode(input) else { return false };
        let sent_on = item.encode_to_vec();
        assert_eq!(sent_on.len(), item.encoded_len());
        assert_eq!(Item::decode(&*sent_on).unwrap().encode_to_vec(), sent_on);
        let Ok(attributes) = item.into_attributes(&mut DecodeBudget::item()) else { return false };
        check_limits(&attributes);
        assert_eq!(decode_attributes(input, &mut DecodeBudget::item()).unwrap(), attributes);
        let encoded = Item::from(attributes.clone()).encode_to_vec();
        let again = Item::decode(&*encoded).unwrap().into_attributes(&mut DecodeBudget::item());
        assert_eq!(again.unwrap(), attributes);
        true
    });
    assert!(accepted > 0 && inputs > accepted, "{accepted} of {inputs} accepted");
}
