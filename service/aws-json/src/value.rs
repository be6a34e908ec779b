//! Attribute values from DynamoDB's typed JSON, straight into the model's types.
//!
//! A rule of the data model that a value breaks is not told here but kept, and told when an operation looks into the item
//! ([`Item::refused`]): what a value breaks comes after what its request breaks. JSON of the wrong kind is refused at once.

use crate::json::{Json, Kind, Read, Refusal};
use base64::DecodeError;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use cairn_expression::BindingKind;
use cairn_model::{
    AttributeMap, AttributeValue, Item, Number, PathSegment, ValueError, ValueErrorKind,
    check_attribute_name, item_size, limits,
};

/// A value, or the rule that it breaks.
pub(crate) type Checked<T> = Result<T, ValueError>;

const STRUCTURE: &str = "class com.amazonaws.dynamodb.v20120810.AttributeValue";
const MAP: &str = "java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>";

/// Reads an item or a key.
pub(crate) fn read_item(json: &mut Json<'_>) -> Read<Item> {
    let attributes = read_members(json, limits::NESTING_LEVELS_MAX, &mut |_| {})?.and_then(|attributes| {
        if item_size(&attributes) > limits::ITEM_BYTES_MAX {
            return Err(ValueErrorKind::TooLarge.into());
        }
        Ok(attributes)
    });
    Ok(attributes.map_or_else(Item::refused, Item::from))
}

/// Reads the values of an expression's placeholders. How large they may be together with the names is checked with them.
/// If a value breaks a rule, the item is refused at the first invalid key, if there is one: keys are checked before values.
pub(crate) fn read_bindings(json: &mut Json<'_>) -> Read<Item> {
    let mut misnamed: Option<String> = None;
    let values = read_members(json, limits::NESTING_LEVELS_MAX, &mut |name| {
        if BindingKind::Values.check_key(name).is_err()
            && misnamed.as_deref().is_none_or(|first| name < first)
        {
            misnamed = Some(name.to_owned());
        }
    })?;
    Ok(match (values, misnamed) {
        (Ok(values), _) => Item::from(values),
        (Err(error), None) => Item::refused(error),
        (Err(error), Some(name)) => {
            Item::refused(ValueError::from(error.kind).within(|| PathSegment::Name(name)))
        }
    })
}

/// Reads one value.
pub(crate) fn read_value(json: &mut Json<'_>) -> Read<Checked<AttributeValue>> {
    value(json, limits::NESTING_LEVELS_MAX)
}

/// Keeps the first rule broken, and goes on for what else may be wrong with the JSON.
fn collect<T>(all: &mut Checked<T>, one: Checked<impl FnOnce(&mut T)>) {
    match (all.as_mut(), one) {
        (Ok(all), Ok(add)) => add(all),
        (Ok(_), Err(error)) => *all = Err(error),
        (Err(_), _) => {}
    }
}

/// Reads the members of an item or map. `named` is called with every name.
fn read_members(
    json: &mut Json<'_>,
    levels: usize,
    named: &mut dyn FnMut(&str),
) -> Read<Checked<AttributeMap>> {
    let mut attributes = Ok(AttributeMap::new());
    json.object(MAP, |json, name| {
        named(name);
        let value = value(json, levels)?;
        let name = name.to_owned();
        let checked = check_attribute_name(&name).map_err(ValueError::from).and(value);
        match checked {
            Ok(value) => collect(&mut attributes, Ok(|all: &mut AttributeMap| drop(all.insert(name, value)))),
            Err(error) if attributes.is_ok() => {
                attributes = Err(error.within(|| PathSegment::Name(name)));
            }
            Err(_) => {}
        }
        Ok(())
    })?;
    Ok(attributes)
}

/// Reads a value that may span so many levels. What nests deeper is stepped over.
fn value(json: &mut Json<'_>, levels: usize) -> Read<Checked<AttributeValue>> {
    let Some(levels) = levels.checked_sub(1) else {
        json.skip()?;
        return Ok(Err(ValueErrorKind::TooDeep.into()));
    };
    if json.take_null()? {
        return Ok(Err(ValueErrorKind::Empty.into()));
    }
    let mut found: Option<Checked<AttributeValue>> = None;
    json.object(STRUCTURE, |json, name| {
        if json.take_null()? {
            return Ok(());
        }
        let value = match name {
            "S" => Ok(AttributeValue::S(json.string()?.into_owned())),
            "N" => number(json)?.map(AttributeValue::N),
            "B" => Ok(AttributeValue::B(binary(json)?)),
            "BOOL" => Ok(AttributeValue::Bool(json.boolean()?)),
            "NULL" => match json.boolean()? {
                true => Ok(AttributeValue::Null),
                false => Err(ValueErrorKind::FalseNull.into()),
            },
            "L" => elements(json, |json| value(json, levels))?.map(AttributeValue::L),
            "M" => read_members(json, levels, &mut |_| {})?.map(AttributeValue::M),
            "SS" => {
                set(elements(json, |json| Ok(Ok(json.string()?.into_owned())))?, AttributeValue::string_set)
            }
            "NS" => set(elements(json, number)?, AttributeValue::number_set),
            "BS" => set(elements(json, |json| Ok(Ok(binary(json)?)))?, AttributeValue::binary_set),
            _ => return json.skip(),
        };
        found = Some(match found.take() {
            None => value,
            // A fault of one of them precedes their number.
            Some(first) => first.and(value).and(Err(ValueErrorKind::SeveralTypes.into())),
        });
        Ok(())
    })?;
    Ok(found.unwrap_or_else(|| Err(ValueErrorKind::Empty.into())))
}

fn set<T>(
    members: Checked<Vec<T>>,
    make: impl FnOnce(Vec<T>) -> Result<AttributeValue, ValueErrorKind>,
) -> Checked<AttributeValue> {
    make(members?).map_err(ValueError::from)
}

fn elements<T>(
    json: &mut Json<'_>,
    mut one: impl FnMut(&mut Json<'_>) -> Read<Checked<T>>,
) -> Read<Checked<Vec<T>>> {
    let mut elements = Ok(Vec::new());
    let mut index = 0;
    json.array(|json| {
        let element = one(json)?.map_err(|error| error.within(|| PathSegment::Index(index)));
        collect(&mut elements, element.map(|element| |all: &mut Vec<T>| all.push(element)));
        index += 1;
        Ok(())
    })?;
    Ok(elements)
}

fn number(json: &mut Json<'_>) -> Read<Checked<Number>> {
    let text = json.string()?;
    Ok(text.parse().map_err(|error| ValueErrorKind::Number(error).into()))
}

/// Reads base64: with padding, and without anything in the bits that padding leaves over.
fn binary(json: &mut Json<'_>) -> Read<Bytes> {
    match json.peek()? {
        Kind::String => {}
        Kind::Array => return Err(crate::json::unexpected_list("class java.nio.ByteBuffer")),
        Kind::Object => return Err(crate::json::UNEXPECTED_OBJECT),
        _ => return Err(Refusal::Kind("only base-64-encoded strings are convertible to bytes".into())),
    }
    let text = json.string()?;
    if text.len() % 4 != 0 {
        let length = text.len();
        return Err(Refusal::Kind(
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {length}").into(),
        ));
    }
    BASE64_STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(|error| {
        Refusal::Kind(match error {
            DecodeError::InvalidByte(..) => "Invalid Base64 character".into(),
            _ => "Invalid last non-whitespace Base64 character found".into(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::{DecodeBudget, TypedAttributes};

    fn read(text: &str) -> Read<Checked<AttributeMap>> {
        let mut json = Json::new(text.as_bytes())?;
        let item = read_item(&mut json)?;
        json.finish()?;
        Ok(item.into_attributes(&mut DecodeBudget::item()))
    }

    fn broken(text: &str) -> String {
        let error = read(text).unwrap().unwrap_err();
        format!("{}: {error}", error.path)
    }

    #[test]
    fn every_type_is_read_and_written_again() {
        let text = r#"{"b":{"B":"/wA="},"bs":{"BS":["YQ=="]},"e":{"S":""},"f":{"BOOL":false},"l":{"L":[{"NULL":true},{"M":{"k":{"L":[]}}}]},"n":{"N":"1.5"},"ns":{"NS":["2","10"]},"ss":{"SS":["x","y"]}}"#;
        let item = read(text).unwrap().unwrap();
        assert_eq!(serde_json::to_string(&TypedAttributes(&item)).unwrap(), text);
    }

    #[test]
    fn a_broken_rule_is_told_with_its_place() {
        let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
        assert_eq!(broken(r#"{"a":{}}"#), format!("[\"a\"]: {empty}"));
        assert_eq!(broken(r#"{"a":null}"#), format!("[\"a\"]: {empty}"));
        assert_eq!(broken(r#"{"a":{"dog":"cat"}}"#), format!("[\"a\"]: {empty}"));
        assert_eq!(broken(r#"{"a":{"L":[{"S":"x"},{"S":null}]}}"#), format!("[\"a\"][1]: {empty}"));
        assert!(broken(r#"{"a":{"S":"x","N":"1"}}"#).contains("has more than one datatypes set"));
        assert!(broken(r#"{"a":{"NULL":false}}"#).contains("must have the value of true"));
        assert!(broken(r#"{"a":{"N":"x"}}"#).contains("cannot be converted to a numeric value: x"));
        assert!(broken(r#"{"a":{"SS":[]}}"#).contains("An string set  may not be empty"));
        assert!(broken(r#"{"a":{"SS":["x","y","x"]}}"#).contains("[x, y, x] contains duplicates"));
        assert!(broken(r#"{"a":{"NS":["1","1.0"]}}"#).contains("Input collection contains duplicates"));
        assert!(broken(r#"{"":{"S":"x"}}"#).contains("Empty attribute name"));
        // The first of several, whatever comes after it.
        assert_eq!(broken(r#"{"a":{"L":[{},{"N":"x"}]},"b":{}}"#), format!("[\"a\"][0]: {empty}"));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_even_behind_a_broken_rule() {
        let refused = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(refused(r#"{"a":{"N":3}}"#), "NUMBER_VALUE cannot be converted to String");
        assert_eq!(refused(r#"{"a":{},"b":{"S":true}}"#), "TRUE_VALUE cannot be converted to String");
        assert_eq!(refused(r#"{"a":"x"}"#), "Unexpected field type");
        assert_eq!(refused(r#"[]"#), format!("Unrecognized collection type {MAP}"));
        assert_eq!(refused(r#"{"a":{"L":{}}}"#), "Start of structure or map found where not expected");
        assert_eq!(refused(r#"{"a":{"S":"x","S":"y"}}"#), "Duplicate field names are not allowed");
        assert_eq!(refused(r#"{"a":{"S":"x"},"a":{"S":"y"}}"#), "Duplicate field names are not allowed");
        for bad in ["YQ", "YQ=", "Y===", "YR==", "Y Q=", "====", "é=="] {
            assert!(refused(&format!(r#"{{"a":{{"B":"{bad}"}}}}"#)).contains("ase64"), "{bad}");
        }
    }

    #[test]
    fn values_nest_32_levels_deep_and_no_deeper() {
        let nested = |levels: usize| {
            format!(r#"{{"a":{}{{"S":"x"}}{}}}"#, r#"{"L":["#.repeat(levels), "]}".repeat(levels))
        };
        assert!(read(&nested(31)).unwrap().is_ok());
        assert_eq!(read(&nested(32)).unwrap().unwrap_err().kind, ValueErrorKind::TooDeep);
        assert_eq!(read(&nested(200_000)).unwrap().unwrap_err().kind, ValueErrorKind::TooDeep);
    }

    #[test]
    fn an_item_is_at_most_400_kb() {
        let sized = |bytes: usize| read(&format!(r#"{{"a":{{"S":"{}"}}}}"#, "x".repeat(bytes))).unwrap();
        assert!(sized(limits::ITEM_BYTES_MAX - 1).is_ok());
        assert_eq!(sized(limits::ITEM_BYTES_MAX).unwrap_err().kind, ValueErrorKind::TooLarge);
    }
}
