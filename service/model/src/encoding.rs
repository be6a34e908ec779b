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
use std::fmt::Write;

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

/// What one walk over attributes finds before they are encoded: how long everything nested is, how large the item is as
/// DynamoDB counts it, and the first rule of the data model that it breaks.
pub(crate) struct Layout {
    /// The lengths of the texts of numbers and of what is inside containers, in the order in which they are written.
    lengths: Vec<usize>,
    /// The length of the whole encoding, in bytes.
    pub(crate) len: usize,
    /// The size as [`item_size`](crate::item_size) counts it, in bytes.
    pub(crate) size: usize,
    broken: Option<ValueErrorKind>,
    /// A number's text, while it is measured.
    text: String,
}

impl Layout {
    pub(crate) fn of(attributes: &AttributeMap) -> Self {
        let mut layout = Self::empty();
        layout.len = layout.members(attributes, 1);
        layout
    }

    fn of_value(value: &AttributeValue) -> Self {
        let mut layout = Self::empty();
        layout.len = layout.value(value, 1);
        layout
    }

    fn empty() -> Self {
        Self { lengths: Vec::new(), len: 0, size: 0, broken: None, text: String::new() }
    }

    /// Checks that what is encoded decodes: that it keeps the rules that decoding an item has. Numbers are within their
    /// bounds and sets without duplicates by their types.
    ///
    /// # Errors
    /// A rule that is broken; of several the first that was met, and the size of the whole last.
    pub(crate) fn check(&self) -> Result<(), ValueErrorKind> {
        match &self.broken {
            Some(kind) => Err(kind.clone()),
            None if self.size > limits::ITEM_BYTES_MAX => Err(ValueErrorKind::TooLarge),
            None => Ok(()),
        }
    }

    fn note(&mut self, checked: Result<(), ValueErrorKind>) {
        if let Err(kind) = checked {
            self.broken.get_or_insert(kind);
        }
    }

    /// Measures an item, or what is inside a map, whose values are at `level`.
    fn members(&mut self, members: &AttributeMap, level: usize) -> usize {
        let mut len = 0;
        for (name, value) in members {
            self.note(check_attribute_name(name));
            self.size += name.len();
            len += delimited_len(delimited_len(name.len()) + delimited_len(self.value(value, level)));
        }
        len
    }

    /// Measures a value.
    fn value(&mut self, value: &AttributeValue, level: usize) -> usize {
        if level > limits::NESTING_LEVELS_MAX {
            self.note(Err(ValueErrorKind::TooDeep));
        }
        match value {
            AttributeValue::S(text) => {
                self.size += text.len();
                delimited_len(text.len())
            }
            AttributeValue::B(bytes) => {
                self.size += bytes.len();
                delimited_len(bytes.len())
            }
            AttributeValue::Bool(_) | AttributeValue::Null => {
                self.size += 1;
                2
            }
            AttributeValue::N(number) => {
                let len = self.number(number);
                self.lengths.push(len);
                delimited_len(len)
            }
            container => {
                let place = self.lengths.len();
                self.lengths.push(0);
                let len = self.inside(container, level);
                if let Some(length) = self.lengths.get_mut(place) {
                    *length = len;
                }
                delimited_len(len)
            }
        }
    }

    /// Measures what is inside a container.
    fn inside(&mut self, container: &AttributeValue, level: usize) -> usize {
        match container {
            AttributeValue::L(elements) => {
                self.size += 3 + elements.len();
                elements.iter().map(|element| delimited_len(self.value(element, level + 1))).sum()
            }
            AttributeValue::M(members) => {
                self.size += 3 + members.len();
                self.members(members, level + 1)
            }
            AttributeValue::Ss(members) => {
                self.set(SetKind::String, members, |layout, member| layout.counted(member.len()))
            }
            AttributeValue::Ns(members) => self.set(SetKind::Number, members, Self::number),
            AttributeValue::Bs(members) => {
                self.set(SetKind::Binary, members, |layout, member| layout.counted(member.len()))
            }
            _ => 0,
        }
    }

    fn set<T>(
        &mut self,
        kind: SetKind,
        members: &BTreeSet<T>,
        one: impl Fn(&mut Self, &T) -> usize,
    ) -> usize {
        if members.is_empty() {
            self.note(Err(ValueErrorKind::EmptySet(kind)));
        }
        members.iter().map(|member| delimited_len(one(self, member))).sum()
    }

    fn counted(&mut self, len: usize) -> usize {
        self.size += len;
        len
    }

    fn number(&mut self, number: &Number) -> usize {
        self.size += number.size();
        write_number(number, &mut self.text).len()
    }
}

/// A number's text, in `text`, whatever that held before.
fn write_number<'t>(number: &Number, text: &'t mut String) -> &'t str {
    text.clear();
    // A string takes whatever is written to it.
    let _ = write!(text, "{number}");
    text
}

/// Writes what was measured.
struct Writer<'o, B> {
    lengths: std::vec::IntoIter<usize>,
    text: String,
    out: &'o mut B,
}

impl<'o, B: BufMut> Writer<'o, B> {
    fn new(layout: Layout, out: &'o mut B) -> Self {
        Self { lengths: layout.lengths.into_iter(), text: layout.text, out }
    }

    /// The length of the value that is written next.
    fn value_len(&self, value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => delimited_len(text.len()),
            AttributeValue::B(bytes) => delimited_len(bytes.len()),
            AttributeValue::Bool(_) | AttributeValue::Null => 2,
            _ => delimited_len(self.lengths.as_slice().first().copied().unwrap_or_default()),
        }
    }

    fn members(&mut self, members: &AttributeMap) {
        for (name, value) in members {
            let value_len = self.value_len(value);
            put_length(field::MEMBER, delimited_len(name.len()) + delimited_len(value_len), self.out);
            put_delimited(field::ENTRY_KEY, name.as_bytes(), self.out);
            put_length(field::ENTRY_VALUE, value_len, self.out);
            self.value(value);
        }
    }

    fn number(&mut self, tag: u32, number: &Number) {
        put_delimited(tag, write_number(number, &mut self.text).as_bytes(), self.out);
    }

    fn value(&mut self, value: &AttributeValue) {
        let tag = match value {
            AttributeValue::S(text) => return put_delimited(field::STRING, text.as_bytes(), self.out),
            AttributeValue::B(bytes) => return put_delimited(field::BINARY, bytes, self.out),
            AttributeValue::Bool(value) => {
                encode_key(field::BOOL, WireType::Varint, self.out);
                return encode_varint(u64::from(*value), self.out);
            }
            AttributeValue::Null => {
                encode_key(field::NULL, WireType::Varint, self.out);
                return encode_varint(0, self.out);
            }
            AttributeValue::N(number) => {
                self.lengths.next();
                return self.number(field::NUMBER, number);
            }
            AttributeValue::L(_) => field::LIST,
            AttributeValue::M(_) => field::MAP,
            AttributeValue::Ss(_) => field::STRING_SET,
            AttributeValue::Ns(_) => field::NUMBER_SET,
            AttributeValue::Bs(_) => field::BINARY_SET,
        };
        put_length(tag, self.lengths.next().unwrap_or_default(), self.out);
        match value {
            AttributeValue::L(elements) => {
                for element in elements {
                    put_length(field::MEMBER, self.value_len(element), self.out);
                    self.value(element);
                }
            }
            AttributeValue::M(members) => self.members(members),
            AttributeValue::Ss(members) => {
                for member in members {
                    put_delimited(field::MEMBER, member.as_bytes(), self.out);
                }
            }
            AttributeValue::Ns(members) => {
                for member in members {
                    self.number(field::MEMBER, member);
                }
            }
            AttributeValue::Bs(members) => {
                for member in members {
                    put_delimited(field::MEMBER, member, self.out);
                }
            }
            _ => {}
        }
    }
}

/// The encoding of an item (`cairn.v1.Item`): the same bytes for equal items, names in order.
pub fn encode_attributes(attributes: &AttributeMap) -> Bytes {
    let layout = Layout::of(attributes);
    let mut out = BytesMut::with_capacity(layout.len);
    put_attributes(attributes, layout, &mut out);
    out.freeze()
}

/// Appends the encoding of an item to `out`. The layout is that of the attributes.
pub(crate) fn put_attributes(attributes: &AttributeMap, layout: Layout, out: &mut impl BufMut) {
    Writer::new(layout, out).members(attributes);
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
    let layout = Layout::of_value(value);
    let mut out = BytesMut::with_capacity(layout.len);
    Writer::new(layout, &mut out).value(value);
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

/// What can be read of an encoding that does not decode: the attributes that keep the rules, and nothing of the others.
/// Of one that is cut short, those before.
pub(crate) fn salvage_attributes(bytes: &[u8]) -> AttributeMap {
    let mut attributes = AttributeMap::new();
    let mut fields = Fields::of(bytes);
    while let Ok(Some((tag, field))) = fields.next() {
        if tag == field::MEMBER
            && let Ok(entry) = fields.inside(field)
            && let Ok((name, value)) = decode_entry(entry, &mut DecodeBudget::item())
        {
            attributes.insert(name, value);
        }
    }
    attributes
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
        // Of two entries with one key the later stands, as everywhere in protobuf.
        let (name, value) = decode_entry(fields.inside(field)?, budget)?;
        attributes.insert(name, value);
    }
    Ok(())
}

/// Reads an entry of an item or a map.
#[inline]
fn decode_entry(
    entry: Fields<'_>,
    budget: &mut DecodeBudget,
) -> Result<(String, AttributeValue), ValueError> {
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
        Ok(value) => Ok((name, value)),
        Err(error) => Err(error.within(|| PathSegment::Name(name))),
    }
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
