//! Tests of items as JSON.

use super::*;
use cairn_model::encode_attributes;
use expect_test::{Expect, expect};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

/// Numbers with digits and exponents all over the range; the exponent is that of the leading digit.
fn any_number() -> impl Strategy<Value = Number> {
    (any::<bool>(), "[1-9][0-9]{0,37}", -130..=125i32).prop_map(|(negative, digits, exponent)| {
        let sign = if negative { "-" } else { "" };
        format!("{sign}{}.{}e{exponent}", &digits[..1], &digits[1..]).parse().unwrap()
    })
}

fn binary_value() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..8).prop_map(Bytes::from)
}

/// Values that plain JSON can say.
fn json_scalar() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        any::<String>().prop_map(AttributeValue::S),
        any_number().prop_map(AttributeValue::N),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
    ]
}

fn any_scalar() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        3 => json_scalar(),
        1 => binary_value().prop_map(AttributeValue::B),
        1 => btree_set(any::<String>(), 1..4).prop_map(AttributeValue::Ss),
        1 => btree_set(any_number(), 1..4).prop_map(AttributeValue::Ns),
        1 => btree_set(binary_value(), 1..4).prop_map(AttributeValue::Bs),
    ]
}

fn item_of(scalar: impl Strategy<Value = AttributeValue> + 'static) -> impl Strategy<Value = AttributeMap> {
    let value = scalar.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            btree_map(any::<String>(), inner, 0..4).prop_map(AttributeValue::M),
        ]
    });
    btree_map(any::<String>(), value, 0..6)
}

fn reread(form: JsonForm, item: &AttributeMap) -> AttributeMap {
    let text = form.write(item).to_string();
    form.read(serde_json::from_str(&text).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn typed_json_keeps_every_item(item in item_of(any_scalar())) {
        prop_assert_eq!(reread(JsonForm::Dynamodb, &item), item);
    }

    #[test]
    fn plain_json_keeps_what_json_can_say(item in item_of(json_scalar())) {
        prop_assert_eq!(reread(JsonForm::Plain, &item), item);
    }

    #[test]
    fn what_plain_json_cannot_say_it_says_as_something_else_once_and_for_all(item in item_of(any_scalar())) {
        let read = reread(JsonForm::Plain, &item);
        prop_assert_eq!(reread(JsonForm::Plain, &read), read);
    }

    #[test]
    fn any_json_is_an_item_or_an_error(text in r#"(\{"[a-c]":|\{"(S|N|B|BOOL|NULL|L|M|SS|NS|BS)":|\[|\]|\}|,|1|"x"|true|null){1,12}"#) {
        if let Ok(json) = serde_json::from_str::<Value>(&text) {
            for form in [JsonForm::Plain, JsonForm::Dynamodb] {
                if let Ok(item) = form.read(json.clone()) {
                    prop_assert_eq!(encode_attributes(&reread(form, &item)), encode_attributes(&item));
                }
            }
        }
    }
}

fn written(form: JsonForm, json: &str) -> String {
    let item = form.read(serde_json::from_str(json).unwrap()).unwrap();
    form.write(&item).to_string()
}

#[test]
fn numbers_are_exact_to_38_digits() {
    let longest = "12345678901234567890123456789012345678";
    let small = "0.0000000000000000000000000000000000000000000000000000000001";
    for number in [longest, small, "-1.5", "0", "9007199254740993"] {
        let json = format!(r#"{{"n":{number}}}"#);
        assert_eq!(written(JsonForm::Plain, &json), json);
    }
    assert_eq!(written(JsonForm::Plain, r#"{"n":-1.50E+3}"#), r#"{"n":-1500}"#);
}

#[test]
fn sets_are_plain_arrays_and_binary_is_plain_base64() {
    let typed = r#"{"b":{"B":"AAH/"},"bs":{"BS":["/w=="]},"ns":{"NS":["2","10"]},"ss":{"SS":["a","b"]}}"#;
    assert_eq!(written(JsonForm::Dynamodb, typed), typed);
    let item = JsonForm::Dynamodb.read(serde_json::from_str(typed).unwrap()).unwrap();
    let plain = JsonForm::Plain.write(&item).to_string();
    assert_eq!(plain, r#"{"b":"AAH/","bs":["/w=="],"ns":[2,10],"ss":["a","b"]}"#);
}

#[test]
fn an_error_names_the_place() {
    let check = |form: JsonForm, json: &str, expect: Expect| {
        let error = form.read(serde_json::from_str(json).unwrap()).unwrap_err();
        expect.assert_eq(&error.to_string());
    };
    use JsonForm::{Dynamodb, Plain};
    check(Plain, "[1]", expect!["expected an object of attributes, found an array"]);
    check(
        Plain,
        r#"{"a":{"b":[0,1e200]}}"#,
        expect![[
            r#"at ["a"]["b"][1]: Number overflow. Attempting to store a number with magnitude larger than supported range"#
        ]],
    );
    check(
        Plain,
        r#"{"a":123456789012345678901234567890123456789}"#,
        expect![[r#"at ["a"]: Attempting to store more than 38 significant digits in a Number"#]],
    );
    check(
        Dynamodb,
        r#"{"a":1}"#,
        expect![[r#"at ["a"]: expected a typed value such as {"S": "text"}, found a number"#]],
    );
    check(
        Dynamodb,
        r#"{"a":{"N":1}}"#,
        expect![[r#"at ["a"]["N"]: expected a number as a string, found a number"#]],
    );
    check(
        Dynamodb,
        r#"{"a":{"X":1}}"#,
        expect![[
            r#"at ["a"]: there is no type "X": the types are S, N, B, BOOL, NULL, L, M, SS, NS and BS"#
        ]],
    );
    check(
        Dynamodb,
        r#"{"a":{"S":"x","N":"1"}}"#,
        expect![[
            r#"at ["a"]: Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"#
        ]],
    );
    check(
        Dynamodb,
        r#"{"a":{}}"#,
        expect![[
            r#"at ["a"]: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"#
        ]],
    );
    check(Dynamodb, r#"{"a":{"B":"AAA"}}"#, expect![[r#"at ["a"]["B"]: expected base64 with padding"#]]);
    check(
        Dynamodb,
        r#"{"a":{"L":[{"S":"x"},{"SS":[]}]}}"#,
        expect![[
            r#"at ["a"]["L"][1]["SS"]: One or more parameter values were invalid: An string set  may not be empty"#
        ]],
    );
    check(
        Dynamodb,
        r#"{"a":{"NS":["1","1.0"]}}"#,
        expect![[r#"at ["a"]["NS"]: Input collection contains duplicates"#]],
    );
    check(
        Dynamodb,
        r#"{"a":{"NULL":false}}"#,
        expect![[
            r#"at ["a"]["NULL"]: One or more parameter values were invalid: Null attribute value types must have the value of true"#
        ]],
    );
}

#[test]
fn values_nest_32_levels_deep_and_no_deeper() {
    let nested = |form: JsonForm, levels: usize| {
        let (open, leaf, close) = match form {
            JsonForm::Plain => ("[", "1", "]"),
            JsonForm::Dynamodb => (r#"{"L":["#, r#"{"N":"1"}"#, "]}"),
        };
        let json = format!(r#"{{"a":{}{leaf}{}}}"#, open.repeat(levels - 1), close.repeat(levels - 1));
        form.read(serde_json::from_str(&json).unwrap())
    };
    for form in [JsonForm::Plain, JsonForm::Dynamodb] {
        assert_eq!(nested(form, 32).unwrap()["a"].depth(), 32);
        let error = nested(form, 33).unwrap_err();
        assert!(matches!(error.kind, FormErrorKind::Rule(ValueErrorKind::TooDeep)), "{error}");
    }
}
