//! `Item`: attributes in the form they were last needed in.

use crate::encoded::RawFields;
use crate::encoding::{Layout, delimited_len, encode_entries, entry_names, put_attributes};
use crate::{
    AttributeMap, DecodeBudget, EncodedValue, PathSegment, ValueError, decode_attributes, encode_attributes,
};
use bytes::{Buf, BufMut, Bytes};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An item: its attributes, or their encoding (`cairn.v1.Item`).
///
/// An item read from the store and sent on unchanged stays encoded all the way; one that an expression looks into is
/// decoded once. Cloning one shares its attributes. What came from a caller has not been checked until [`into_attributes`](Self::into_attributes) did.
#[derive(Clone)]
pub struct Item(Form);

#[derive(Clone)]
enum Form {
    Decoded(Arc<AttributeMap>),
    Encoded(RawFields),
    Refused(Arc<ValueError>),
}

/// An item seen in the form it has.
pub(crate) enum ItemView<'i> {
    Decoded(&'i AttributeMap),
    Encoded(&'i [u8]),
}

impl Item {
    /// An item from its encoding, taken as it is.
    pub fn from_encoded(bytes: Bytes) -> Self {
        Self(Form::Encoded(RawFields(bytes)))
    }

    /// The item with these values as they arrived, unchecked: a key, or the values for an expression.
    pub fn from_values(values: &BTreeMap<String, EncodedValue>) -> Self {
        Self::from_encoded(encode_entries(values))
    }

    /// What came as an item and was found to break a rule while it was read. [`into_attributes`](Self::into_attributes)
    /// tells which, as it does of an encoded item, so that a request's faults are found in one order whatever it came in.
    pub fn refused(error: ValueError) -> Self {
        Self(Form::Refused(Arc::new(error)))
    }

    /// The attributes.
    ///
    /// # Errors
    /// The rule of the data model that an encoded item breaks, and where. Decoded items break none.
    pub fn into_attributes(self, budget: &mut DecodeBudget) -> Result<AttributeMap, ValueError> {
        match self.0 {
            Form::Decoded(attributes) => Ok(Arc::unwrap_or_clone(attributes)),
            Form::Encoded(fields) => decode_attributes(&fields.0, budget),
            Form::Refused(error) => Err(Arc::unwrap_or_clone(error)),
        }
    }

    /// The names of the attributes; values are not decoded. For a refused item, the name at which it was refused. A
    /// damaged encoding yields the names before the damage.
    pub fn names(&self) -> Vec<&str> {
        match &self.0 {
            Form::Decoded(attributes) => attributes.keys().map(String::as_str).collect(),
            Form::Encoded(fields) => entry_names(&fields.0).collect(),
            Form::Refused(error) => match error.path.0.first() {
                Some(PathSegment::Name(name)) => vec![name],
                _ => Vec::new(),
            },
        }
    }

    /// The attributes, shared with the clones of the item.
    ///
    /// # Errors
    /// As [`into_attributes`](Self::into_attributes).
    pub fn into_shared(self, budget: &mut DecodeBudget) -> Result<Arc<AttributeMap>, ValueError> {
        match self.0 {
            Form::Decoded(attributes) => Ok(attributes),
            form => Self(form).into_attributes(budget).map(Arc::new),
        }
    }

    /// The item in the form it has, for an encoding of its own.
    pub(crate) fn view(&self) -> ItemView<'_> {
        match &self.0 {
            Form::Decoded(attributes) => ItemView::Decoded(attributes),
            Form::Encoded(fields) => ItemView::Encoded(&fields.0),
            Form::Refused(_) => ItemView::Encoded(&[]),
        }
    }

    /// The size of the encoding, in bytes.
    pub fn encoded_bytes(&self) -> usize {
        prost::Message::encoded_len(self)
    }

    /// The encoding; of an item that was refused, that of one without attributes.
    pub fn encoded(&self) -> Bytes {
        match &self.0 {
            Form::Refused(_) => Bytes::new(),
            Form::Decoded(attributes) => encode_attributes(attributes),
            Form::Encoded(fields) => fields.0.clone(),
        }
    }
}

impl Item {
    /// The bytes that the item takes as an element of a message: its encoding, with a tag and its length before it.
    pub fn element_len(&self) -> usize {
        delimited_len(prost::Message::encoded_len(self))
    }
}

impl Default for Item {
    fn default() -> Self {
        Self::from_encoded(Bytes::new())
    }
}

impl From<AttributeMap> for Item {
    fn from(attributes: AttributeMap) -> Self {
        Self(Form::Decoded(Arc::new(attributes)))
    }
}

impl PartialEq for Item {
    /// Equal attributes, in whatever form; encodings that break a rule are equal if their bytes are.
    fn eq(&self, other: &Self) -> bool {
        let attributes = |item: &Self| item.clone().into_attributes(&mut DecodeBudget::unbounded()).ok();
        match (attributes(self), attributes(other)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.encoded() == other.encoded(),
            _ => false,
        }
    }
}

impl fmt::Debug for Item {
    /// Says how large the item is and not what: a debug print must not carry item data into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Decoded(attributes) => write!(f, "Item({} attributes)", attributes.len()),
            Form::Encoded(fields) => write!(f, "Item({} bytes)", fields.0.len()),
            Form::Refused(_) => f.write_str("Item(refused)"),
        }
    }
}

impl prost::Message for Item {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        match &self.0 {
            Form::Decoded(attributes) => put_attributes(attributes, Layout::of(attributes), buf),
            Form::Encoded(fields) => buf.put_slice(&fields.0),
            Form::Refused(_) => {}
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut fields = RawFields(match std::mem::take(self).0 {
            Form::Decoded(attributes) => encode_attributes(&attributes),
            Form::Encoded(fields) => fields.0,
            Form::Refused(_) => Bytes::new(),
        });
        let merged = fields.merge_field(tag, wire_type, buf, ctx);
        self.0 = Form::Encoded(fields);
        merged
    }

    fn encoded_len(&self) -> usize {
        match &self.0 {
            Form::Decoded(attributes) => Layout::of(attributes).len,
            Form::Encoded(fields) => fields.0.len(),
            Form::Refused(_) => 0,
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
