//! Values and items that mutations start from.

// Every test file uses its own part.
#![allow(dead_code)]

use cairn_model::{AttributeMap, AttributeValue, encode_attributes};

/// One value of each type, and some that contain others.
pub(crate) fn values() -> Vec<AttributeValue> {
    let number = |text: &str| AttributeValue::N(text.parse().unwrap());
    vec![
        AttributeValue::S("ab".to_owned()),
        AttributeValue::S(String::new()),
        AttributeValue::S("S".to_owned()),
        number("1"),
        number("-9.9E125"),
        number("12345678901234567890123456789012345678"),
        AttributeValue::B(b"ab\0".to_vec().into()),
        AttributeValue::Bool(true),
        AttributeValue::Null,
        AttributeValue::L(vec![
            number("0"),
            AttributeValue::S("b".to_owned()),
            AttributeValue::L(Vec::new()),
        ]),
        AttributeValue::M([("b".to_owned(), number("2")), ("c".to_owned(), AttributeValue::Null)].into()),
        AttributeValue::Ss(["a".to_owned(), "b".to_owned()].into()),
        AttributeValue::Ns(["1".parse().unwrap(), "2.5".parse().unwrap()].into()),
        AttributeValue::Bs([b"a".to_vec().into(), b"b".to_vec().into()].into()),
    ]
}

/// Encodings of items: of each value alone, and of several together.
pub(crate) fn encoded_items() -> Vec<Vec<u8>> {
    let values = values();
    let mut items: Vec<AttributeMap> =
        values.iter().map(|value| [("a".to_owned(), value.clone())].into()).collect();
    for together in values.chunks(3) {
        items.push(["a", "b", "c"].map(str::to_owned).into_iter().zip(together.to_vec()).collect());
    }
    items.push(AttributeMap::new());
    items.iter().map(|item| encode_attributes(item).to_vec()).collect()
}

/// Large values, some as large as an item may hold, of the kinds that take the most memory for their size.
pub(crate) fn large_values() -> Vec<AttributeValue> {
    const BYTES_MAX: usize = 400_000;
    const BYTES: usize = 60_000;
    let list = |element: AttributeValue| {
        let size = 1 + element.size();
        AttributeValue::L(vec![element; BYTES / size])
    };
    let numbered = |digits: usize| (0..BYTES / digits).map(move |number| format!("{number:0digits$}"));
    let one: AttributeValue = AttributeValue::Ns(["1".parse().unwrap()].into());
    vec![
        AttributeValue::S("s".repeat(BYTES_MAX)),
        AttributeValue::B(vec![0xff; BYTES_MAX].into()),
        list(one),
        list(AttributeValue::Null),
        list(AttributeValue::S(String::new())),
        list(AttributeValue::L(Vec::new())),
        list(AttributeValue::M([("m".to_owned(), AttributeValue::Null)].into())),
        AttributeValue::M(numbered(6).map(|name| (name, AttributeValue::Null)).take(BYTES / 8).collect()),
        AttributeValue::Ss(numbered(6).collect()),
        AttributeValue::Ns((0..BYTES as i64 / 5).map(|number| number.into()).collect()),
        AttributeValue::Bs(numbered(6).map(Into::into).collect()),
    ]
}
