use super::*;
use proptest::prelude::*;

fn round_trip(attributes: &AttributeMap) -> Result<AttributeMap, ValueError> {
    decode_attributes(&encode_attributes(attributes), &mut DecodeBudget::item())
}

fn one(value: AttributeValue) -> AttributeMap {
    AttributeMap::from([("a".to_owned(), value)])
}

/// `value` inside `wraps` lists.
fn wrapped(value: AttributeValue, wraps: usize) -> AttributeValue {
    (0..wraps).fold(value, |value, _| AttributeValue::L(vec![value]))
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    let number = || any::<i64>().prop_map(Number::from);
    let bytes = || proptest::collection::vec(any::<u8>(), 0..8).prop_map(Bytes::from);
    let leaf = prop_oneof![
        ".{0,8}".prop_map(AttributeValue::S),
        number().prop_map(AttributeValue::N),
        bytes().prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        proptest::collection::btree_set(".{0,4}", 1..4).prop_map(AttributeValue::Ss),
        proptest::collection::btree_set(number(), 1..4).prop_map(AttributeValue::Ns),
        proptest::collection::btree_set(bytes(), 1..4).prop_map(AttributeValue::Bs),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            proptest::collection::btree_map(".{1,6}", inner, 0..4).prop_map(AttributeValue::M),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(value in any_value()) {
        let item = one(value.clone());
        prop_assert_eq!(round_trip(&item), Ok(item));
        let encoded = encode_value(&value);
        prop_assert_eq!(encoded.len(), Layout::of_value(&value).len);
        prop_assert_eq!(decode_value(&encoded, &mut DecodeBudget::item()), Ok(value));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(item) = decode_attributes(&bytes, &mut DecodeBudget::item()) {
            prop_assert_eq!(round_trip(&item), Ok(item));
        }
    }

    #[test]
    fn the_budget_is_the_size_of_the_item(value in any_value()) {
        let item = one(value);
        let encoded = encode_attributes(&item);
        let size = crate::item_size(&item);
        let decode = |bytes| decode_attributes(&encoded, &mut DecodeBudget { bytes, levels: 32 });
        prop_assert!(decode(size).is_ok());
        prop_assert_eq!(decode(size - 1).map_err(|error| error.kind), Err(ValueErrorKind::TooLarge));
    }
}

#[test]
fn thirty_two_levels_are_read_and_the_thirty_third_is_refused() {
    let deepest = one(wrapped(AttributeValue::Null, 31));
    assert_eq!(round_trip(&deepest), Ok(deepest));
    let error = round_trip(&one(wrapped(AttributeValue::Null, 32))).unwrap_err();
    assert_eq!(error.kind, ValueErrorKind::TooDeep);
    assert!(error.path.to_string().starts_with("[\"a\"][0][0]"), "{}", error.path);
}

#[test]
fn nesting_far_beyond_the_limit_costs_nothing() {
    // 200,000 lists, each the only element of the one around it.
    let mut bytes = Vec::new();
    let mut lengths = vec![0usize];
    for depth in 0..200_000 {
        let inner = lengths[depth];
        let list = delimited_len(inner);
        lengths.push(delimited_len(list));
    }
    for inner in lengths.iter().rev().skip(1) {
        put_length(field::LIST, delimited_len(*inner), &mut bytes);
        put_length(field::MEMBER, *inner, &mut bytes);
    }
    let error = decode_value(&bytes, &mut DecodeBudget::item()).unwrap_err();
    assert_eq!(error.kind, ValueErrorKind::TooDeep);
}

#[test]
fn an_item_of_400_kb_is_read_and_one_byte_more_is_refused() {
    let sized = |bytes: usize| one(AttributeValue::S("x".repeat(bytes - 1)));
    assert!(round_trip(&sized(409_600)).is_ok());
    assert_eq!(round_trip(&sized(409_601)).unwrap_err().kind, ValueErrorKind::TooLarge);
}

#[test]
fn broken_values_are_named_with_their_place() {
    let check = |bytes: &[u8], message: &str| {
        let mut entry = Vec::new();
        put_delimited(field::ENTRY_KEY, b"bad", &mut entry);
        put_delimited(field::ENTRY_VALUE, bytes, &mut entry);
        let mut item = Vec::new();
        put_delimited(field::MEMBER, &entry, &mut item);
        let error = decode_attributes(&item, &mut DecodeBudget::item()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.path.to_string(), "[\"bad\"]");
    };
    check(b"", "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
    check(b"\x12\x03abc", "The parameter cannot be converted to a numeric value: abc");
    check(b"\x42\x00", "One or more parameter values were invalid: An string set  may not be empty");
    check(b"\x4a\x00", "One or more parameter values were invalid: An number set  may not be empty");
    check(b"\x52\x00", "One or more parameter values were invalid: Binary sets should not be empty");
    check(
        b"\x42\x06\x0a\x01a\x0a\x01a",
        "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
    );
    check(b"\x4a\x09\x0a\x011\x0a\x041.00", "Input collection contains duplicates");
    check(b"\x0a\x01\xff", "The value is not a valid protobuf encoding: a string is not UTF-8");
    check(b"\x0a\x7fa", "The value is not a valid protobuf encoding: it is cut short");
    check(b"\x08\x01", "The value is not a valid protobuf encoding: a field has the wrong wire type");
}

#[test]
fn a_nameless_attribute_is_refused() {
    let item = AttributeMap::from([(String::new(), AttributeValue::Null)]);
    assert_eq!(round_trip(&item).unwrap_err().kind, ValueErrorKind::EmptyName);
    let name = "n".repeat(65_536);
    let item = AttributeMap::from([(name, AttributeValue::Null)]);
    assert_eq!(round_trip(&item).unwrap_err().kind, ValueErrorKind::NameTooLong);
}

#[test]
fn numbers_are_made_canonical_on_the_way_in() {
    let value = decode_value(b"\x12\x041.e2", &mut DecodeBudget::item()).unwrap();
    assert_eq!(encode_value(&value), &b"\x12\x03100"[..]);
}
