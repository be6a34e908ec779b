//! The protobuf encoding of values and items: `cairn.v1.AttributeValue`, `cairn.v1.Item` and the messages inside them
//! (`proto/cairn/v1/attribute.proto`), written by hand so that they decode straight into the domain types.
//!
//! Decoding checks every rule of the data model on the way and stops at the first broken one, so what it allocates is
//! bounded by the budget it is given and not by what was sent. A property test in `cairn-api` holds this file to the
//! generated encoding.

use crate::value::check_attribute_name;
use crate::{
    AttributeMap, AttributeValue, EncodedValue, Number, PathSegment, SetKind, ValueError, ValueErrorKind,
    limits,
};
use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint};
use std::collections::{BTreeMap, BTreeSet};

/// Field numbers of `cairn.v1.AttributeValue`.
pub(crate) mod field {
    pub(crate) const STRING: u32 = 1;
    pub(crate) const NUMBER: u32 = 2;
    pub(crate) const BINARY: u32 = 3;
    pub(crate) const BOOL: u32 = 4;
    pub(crate) const NULL: u32 = 5;
    pub(crate) const LIST: u32 = 6;
    pub(crate) const MAP: u32 = 7;
    pub(crate) const STRING_SET: u32 = 8;
    pub(crate) const NUMBER_SET: u32 = 9;
    pub(crate) const BINARY_SET: u32 = 10;
    /// The only field of `Item`, `AttributeList`, `AttributeMap` and the sets.
    pub(crate) const MEMBER: u32 = 1;
    /// Of a map's entry.
    pub(crate) const ENTRY_KEY: u32 = 1;
    pub(crate) const ENTRY_VALUE: u32 = 2;
}

/// How much more may be decoded: a size in DynamoDB's bytes and a number of nesting levels.
#[derive(Clone, Copy, Debug)]
pub struct DecodeBudget {
    bytes: usize,
    levels: usize,
}

impl DecodeBudget {
    /// The budget of one item: 400 KB and 32 levels.
    pub fn item() -> Self {
        Self { bytes: limits::ITEM_BYTES_MAX, levels: limits::NESTING_LEVELS_MAX }
    }

    /// The budget of one request's expression values: 2 MB and 32 levels.
    pub fn bindings() -> Self {
        Self { bytes: limits::EXPRESSION_BINDINGS_BYTES_MAX, levels: limits::NESTING_LEVELS_MAX }
    }

    /// For what is already known to keep the rules, such as what the store holds.
    pub(crate) fn unbounded() -> Self {
        Self { bytes: usize::MAX, levels: limits::NESTING_LEVELS_MAX }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), ValueErrorKind> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(ValueErrorKind::TooLarge)?;
        Ok(())
    }

    /// Does what is one nesting level further in.
    fn level<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, ValueError>) -> Result<T, ValueError> {
        self.levels = self.levels.checked_sub(1).ok_or(ValueErrorKind::TooDeep)?;
        let done = inside(self);
        self.levels += 1;
        done
    }
}

// ---- encoding

/// The length of a length-delimited field with a tag below 16.
pub(crate) fn delimited_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

fn put_delimited(tag: u32, bytes: &[u8], out: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.put_slice(bytes);
}

fn put_length(tag: u32, len: usize, out: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

/// The length of the repeated field that an item, a map, a list or a set consists of.
fn members_len<T>(members: impl IntoIterator<Item = T>, len: impl Fn(T) -> usize) -> usize {
    members.into_iter().map(|member| delimited_len(len(member))).sum()
}

fn entry_len(name: &str, value: &AttributeValue) -> usize {
    delimited_len(name.len()) + delimited_len(value_len(value))
}

pub(crate) fn attributes_len(attributes: &AttributeMap) -> usize {
    members_len(attributes, |(name, value)| entry_len(name, value))
}

/// The length of a value's encoding.
fn value_len(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => delimited_len(text.len()),
        AttributeValue::N(number) => delimited_len(number.to_string().len()),
        AttributeValue::B(bytes) => delimited_len(bytes.len()),
        AttributeValue::Bool(_) | AttributeValue::Null => 2,
        _ => delimited_len(container_len(value)),
    }
}

/// The length of what is inside a container.
fn container_len(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::L(elements) => members_len(elements, value_len),
        AttributeValue::M(members) => attributes_len(members),
        AttributeValue::Ss(members) => members_len(members, String::len),
        AttributeValue::Ns(members) => members_len(members, |number| number.to_string().len()),
        AttributeValue::Bs(members) => members_len(members, Bytes::len),
        _ => 0,
    }
}

fn put_value(value: &AttributeValue, out: &mut impl BufMut) {
    match value {
        AttributeValue::S(text) => put_delimited(field::STRING, text.as_bytes(), out),
        AttributeValue::N(number) => put_delimited(field::NUMBER, number.to_string().as_bytes(), out),
        AttributeValue::B(bytes) => put_delimited(field::BINARY, bytes, out),
        AttributeValue::Bool(value) => {
            encode_key(field::BOOL, WireType::Varint, out);
            encode_varint(u64::from(*value), out);
        }
        AttributeValue::Null => {
            encode_key(field::NULL, WireType::Varint, out);
            encode_varint(0, out);
        }
        AttributeValue::L(elements) => {
            put_length(field::LIST, container_len(value), out);
            for element in elements {
                put_length(field::MEMBER, value_len(element), out);
                put_value(element, out);
            }
        }
        AttributeValue::M(members) => {
            put_length(field::MAP, container_len(value), out);
            put_attributes(members, out);
        }
        AttributeValue::Ss(members) => {
            put_length(field::STRING_SET, container_len(value), out);
            for member in members {
                put_delimited(field::MEMBER, member.as_bytes(), out);
            }
        }
        AttributeValue::Ns(members) => {
            put_length(field::NUMBER_SET, container_len(value), out);
            for member in members {
                put_delimited(field::MEMBER, member.to_string().as_bytes(), out);
            }
        }
        AttributeValue::Bs(members) => {
            put_length(field::BINARY_SET, container_len(value), out);
            for member in members {
                put_delimited(field::MEMBER, member, out);
            }
        }
    }
}

fn put_attributes(attributes: &AttributeMap, out: &mut impl BufMut) {
    for (name, value) in attributes {
        put_length(field::MEMBER, entry_len(name, value), out);
        put_delimited(field::ENTRY_KEY, name.as_bytes(), out);
        put_length(field::ENTRY_VALUE, value_len(value), out);
        put_value(value, out);
    }
}

/// The encoding of an item (`cairn.v1.Item`): the same bytes for equal items, names in order.
pub fn encode_attributes(attributes: &AttributeMap) -> Bytes {
    let mut out = BytesMut::with_capacity(attributes_len(attributes));
    put_attributes(attributes, &mut out);
    out.freeze()
}

/// Appends the encoding of an item to `out`.
pub(crate) fn append_attributes(attributes: &AttributeMap, out: &mut BytesMut) {
    out.reserve(attributes_len(attributes));
    put_attributes(attributes, out);
}

/// The encoding of an item with values that are encoded already.
pub(crate) fn encode_entries(values: &BTreeMap<String, EncodedValue>) -> Bytes {
    let mut out = BytesMut::new();
    for (name, value) in values {
        let value = value.as_bytes();
        put_length(field::MEMBER, delimited_len(name.len()) + delimited_len(value.len()), &mut out);
        put_delimited(field::ENTRY_KEY, name.as_bytes(), &mut out);
        put_delimited(field::ENTRY_VALUE, value, &mut out);
    }
    out.freeze()
}

/// The encoding of one value (`cairn.v1.AttributeValue`).
pub fn encode_value(value: &AttributeValue) -> Bytes {
    let mut out = BytesMut::with_capacity(value_len(value));
    put_value(value, &mut out);
    out.freeze()
}

// ---- decoding

const CUT_SHORT: ValueErrorKind = ValueErrorKind::Malformed("it is cut short");
const NOT_UTF8: ValueErrorKind = ValueErrorKind::Malformed("a string is not UTF-8");
const WRONG_WIRE_TYPE: ValueErrorKind = ValueErrorKind::Malformed("a field has the wrong wire type");
const BAD_GROUP: ValueErrorKind =
    ValueErrorKind::Malformed("a group does not end where it should, or is too deep in others");

/// How many messages and groups may be inside each other, the outermost included, as generated code has it.
const NESTED_MAX: u32 = 100;

/// The fields of a message, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    /// How many more messages and groups may be inside.
    nested_max: u32,
}

/// One field of a message.
pub(crate) enum Field<'a> {
    Delimited(&'a [u8]),
    Varint(u64),
    /// Of a wire type that no known field has.
    Other,
}

impl<'a> Field<'a> {
    pub(crate) fn delimited(self) -> Result<&'a [u8], ValueErrorKind> {
        match self {
            Self::Delimited(bytes) => Ok(bytes),
            _ => Err(WRONG_WIRE_TYPE),
        }
    }

    pub(crate) fn varint(self) -> Result<u64, ValueErrorKind> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(WRONG_WIRE_TYPE),
        }
    }
}

impl<'a> Fields<'a> {
    /// The fields of a message that is in no other.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, nested_max: NESTED_MAX }
    }

    /// The fields of a message that one of these fields is.
    fn inside(&self, field: Field<'a>) -> Result<Self, ValueErrorKind> {
        Ok(Self { bytes: field.delimited()?, nested_max: self.nested_max.saturating_sub(1) })
    }

    /// The next field and its number; none at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, ValueErrorKind> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let (tag, wire_type) = decode_key(&mut self.bytes).map_err(|_| CUT_SHORT)?;
        let field = match wire_type {
            WireType::ThirtyTwoBit => self.take(4).map(|_| Field::Other)?,
            WireType::SixtyFourBit => self.take(8).map(|_| Field::Other)?,
            WireType::Varint => Field::Varint(self.take_varint()?),
            WireType::LengthDelimited => {
                let len = self.take_varint()?;
                Field::Delimited(self.take(usize::try_from(len).map_err(|_| CUT_SHORT)?)?)
            }
            WireType::StartGroup => self.skip_group(tag, self.nested_max).map(|()| Field::Other)?,
            WireType::EndGroup => return Err(BAD_GROUP),
        };
        Ok(Some((tag, field)))
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], ValueErrorKind> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(CUT_SHORT)?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn take_varint(&mut self) -> Result<u64, ValueErrorKind> {
        decode_varint(&mut self.bytes).map_err(|_| CUT_SHORT)
    }

    /// Skips a group whose start has been read. proto3 has none, and whoever knows none must still find their ends.
    #[cold]
    fn skip_group(&mut self, tag: u32, nested_max: u32) -> Result<(), ValueErrorKind> {
        let nested_max = nested_max.checked_sub(1).ok_or(BAD_GROUP)?;
        loop {
            let (inner, wire_type) = decode_key(&mut self.bytes).map_err(|_| CUT_SHORT)?;
            if wire_type == WireType::EndGroup {
                return if inner == tag { Ok(()) } else { Err(BAD_GROUP) };
            }
            if nested_max == 0 {
                return Err(BAD_GROUP);
            }
            match wire_type {
                WireType::ThirtyTwoBit => self.take(4).map(|_| ())?,
                WireType::SixtyFourBit => self.take(8).map(|_| ())?,
                WireType::Varint => self.take_varint().map(|_| ())?,
                WireType::LengthDelimited => {
                    let len = self.take_varint()?;
                    self.take(usize::try_from(len).map_err(|_| CUT_SHORT)?)?;
                }
                WireType::StartGroup | WireType::EndGroup => self.skip_group(inner, nested_max)?,
            }
        }
    }
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, ValueErrorKind> {
    std::str::from_utf8(bytes).map_err(|_| NOT_UTF8)
}

/// The name and the encoded value of an entry.
pub(crate) fn entry(found: Field<'_>) -> Result<(&str, &[u8]), ValueErrorKind> {
    let mut entry = Fields::of(found.delimited()?);
    let (mut name, mut value) = ("", &[][..]);
    while let Some((tag, found)) = entry.next()? {
        match tag {
            field::ENTRY_KEY => name = text(found.delimited()?)?,
            field::ENTRY_VALUE => value = found.delimited()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// The names of an item's attributes in encoding order, up to any damage.
pub(crate) fn entry_names(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let mut fields = Fields::of(bytes);
    std::iter::from_fn(move || {
        loop {
            match fields.next() {
                Ok(Some((field::MEMBER, found))) => return entry(found).ok().map(|(name, _)| name),
                Ok(Some(_)) => {}
                _ => return None,
            }
        }
    })
}

/// Reads an item from its encoding, checking every rule of the data model.
///
/// # Errors
/// The first rule broken, and where; [`TooLarge`](ValueErrorKind::TooLarge) as soon as the budget is spent.
pub fn decode_attributes(bytes: &[u8], budget: &mut DecodeBudget) -> Result<AttributeMap, ValueError> {
    let mut attributes = AttributeMap::new();
    merge_attributes(&mut attributes, Fields::of(bytes), budget)?;
    Ok(attributes)
}

fn merge_attributes(
    attributes: &mut AttributeMap,
    mut fields: Fields<'_>,
    budget: &mut DecodeBudget,
) -> Result<(), ValueError> {
    while let Some((tag, field)) = fields.next()? {
        if tag != field::MEMBER {
            continue;
        }
        let entry = fields.inside(field)?;
        let mut name = "";
        let mut value = None;
        let mut parts = 0;
        let mut members = entry;
        while let Some((tag, field)) = members.next()? {
            match tag {
                field::ENTRY_KEY => name = text(field.delimited()?)?,
                field::ENTRY_VALUE => {
                    value = Some(members.inside(field)?);
                    parts += 1;
                }
                _ => {}
            }
        }
        let name = name.to_owned();
        let decoded = check_attribute_name(&name)
            .and_then(|()| budget.charge(name.len()))
            .map_err(ValueError::from)
            .and_then(|()| match value {
                Some(value) if parts == 1 => decode_message(value, budget),
                _ => decode_parts(entry, budget),
            });
        match decoded {
            // Of two entries with one key the later stands, as everywhere in protobuf.
            Ok(value) => attributes.insert(name, value),
            Err(error) => return Err(error.within(|| PathSegment::Name(name))),
        };
    }
    Ok(())
}

/// Reads the value of an entry in which it comes in several parts, or in none. Each part is a whole message, and
/// together they are one value (protobuf's merging).
#[cold]
fn decode_parts(mut entry: Fields<'_>, budget: &mut DecodeBudget) -> Result<AttributeValue, ValueError> {
    let mut value = None;
    while let Some((tag, field)) = entry.next()? {
        if tag == field::ENTRY_VALUE {
            let part = entry.inside(field)?;
            value = budget.level(|budget| merge_value(value, part, budget))?;
        }
    }
    complete(value)
}

/// Reads one value from its encoding, checking every rule of the data model.
///
/// # Errors
/// As [`decode_attributes`].
pub fn decode_value(bytes: &[u8], budget: &mut DecodeBudget) -> Result<AttributeValue, ValueError> {
    decode_message(Fields::of(bytes), budget)
}

fn decode_message(fields: Fields<'_>, budget: &mut DecodeBudget) -> Result<AttributeValue, ValueError> {
    budget.level(|budget| complete(merge_value(None, fields, budget)?))
}

/// Reads what is said of a value. Of several alternatives the last stands; a container that comes in parts is one
/// (protobuf's merging).
fn merge_value(
    mut value: Option<AttributeValue>,
    mut fields: Fields<'_>,
    budget: &mut DecodeBudget,
) -> Result<Option<AttributeValue>, ValueError> {
    while let Some((tag, field)) = fields.next()? {
        value = Some(match tag {
            field::STRING => {
                let text = text(field.delimited()?)?;
                budget.charge(text.len())?;
                AttributeValue::S(text.to_owned())
            }
            field::NUMBER => {
                let number: Number = text(field.delimited()?)?.parse().map_err(ValueErrorKind::from)?;
                budget.charge(number.size())?;
                AttributeValue::N(number)
            }
            field::BINARY => {
                let bytes = field.delimited()?;
                budget.charge(bytes.len())?;
                AttributeValue::B(Bytes::copy_from_slice(bytes))
            }
            field::BOOL => {
                budget.charge(1)?;
                AttributeValue::Bool(field.varint()? != 0)
            }
            field::NULL => {
                field.varint()?;
                budget.charge(1)?;
                AttributeValue::Null
            }
            field::LIST => {
                let mut elements = match value {
                    Some(AttributeValue::L(elements)) => elements,
                    _ => Vec::new(),
                };
                budget.charge(3)?;
                let mut list = fields.inside(field)?;
                while let Some((tag, field)) = list.next()? {
                    if tag == field::MEMBER {
                        budget.charge(1)?;
                        let index = elements.len();
                        elements.push(
                            decode_message(list.inside(field)?, budget)
                                .map_err(|error| error.within(|| PathSegment::Index(index)))?,
                        );
                    }
                }
                AttributeValue::L(elements)
            }
            field::MAP => {
                let mut members = match value {
                    Some(AttributeValue::M(members)) => members,
                    _ => AttributeMap::new(),
                };
                budget.charge(3)?;
                merge_attributes(&mut members, fields.inside(field)?, budget)?;
                budget.charge(members.len())?;
                AttributeValue::M(members)
            }
            field::STRING_SET => {
                let mut members = match value {
                    Some(AttributeValue::Ss(members)) => members,
                    _ => BTreeSet::new(),
                };
                merge_set(SetKind::String, &mut members, fields.inside(field)?, |bytes| {
                    let text = text(bytes)?;
                    budget.charge(text.len())?;
                    Ok(text.to_owned())
                })?;
                AttributeValue::Ss(members)
            }
            field::NUMBER_SET => {
                let mut members = match value {
                    Some(AttributeValue::Ns(members)) => members,
                    _ => BTreeSet::new(),
                };
                merge_set(SetKind::Number, &mut members, fields.inside(field)?, |bytes| {
                    let number: Number = text(bytes)?.parse()?;
                    budget.charge(number.size())?;
                    Ok(number)
                })?;
                AttributeValue::Ns(members)
            }
            field::BINARY_SET => {
                let mut members = match value {
                    Some(AttributeValue::Bs(members)) => members,
                    _ => BTreeSet::new(),
                };
                merge_set(SetKind::Binary, &mut members, fields.inside(field)?, |bytes| {
                    budget.charge(bytes.len())?;
                    Ok(Bytes::copy_from_slice(bytes))
                })?;
                AttributeValue::Bs(members)
            }
            _ => continue,
        });
    }
    Ok(value)
}

/// The value of which everything is read.
fn complete(value: Option<AttributeValue>) -> Result<AttributeValue, ValueError> {
    match value.ok_or(ValueErrorKind::Empty)? {
        AttributeValue::Ss(members) if members.is_empty() => {
            Err(ValueErrorKind::EmptySet(SetKind::String).into())
        }
        AttributeValue::Ns(members) if members.is_empty() => {
            Err(ValueErrorKind::EmptySet(SetKind::Number).into())
        }
        AttributeValue::Bs(members) if members.is_empty() => {
            Err(ValueErrorKind::EmptySet(SetKind::Binary).into())
        }
        value => Ok(value),
    }
}

fn merge_set<T: Ord>(
    kind: SetKind,
    members: &mut BTreeSet<T>,
    fields: Fields<'_>,
    mut read: impl FnMut(&[u8]) -> Result<T, ValueErrorKind>,
) -> Result<(), ValueError> {
    let mut rest = fields;
    let mut index = 0;
    while let Some((tag, field)) = rest.next()? {
        if tag != field::MEMBER {
            continue;
        }
        let member = field
            .delimited()
            .and_then(&mut read)
            .map_err(|kind| ValueError::from(kind).within(|| PathSegment::Index(index)))?;
        if !members.insert(member) {
            return Err(ValueErrorKind::DuplicateInSet { kind, shown: shown_members(kind, fields) }.into());
        }
        index += 1;
    }
    Ok(())
}

/// The members of a set as an error about duplicates repeats them.
fn shown_members(kind: SetKind, mut fields: Fields<'_>) -> String {
    let members = std::iter::from_fn(|| {
        loop {
            match fields.next() {
                Ok(Some((field::MEMBER, member))) => return member.delimited().ok(),
                Ok(Some(_)) => {}
                _ => return None,
            }
        }
    });
    kind.shown(members)
}

#[cfg(test)]
mod tests;
