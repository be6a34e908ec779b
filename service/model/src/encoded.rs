//! Values as they arrive: protobuf fields kept undecoded, so that a bad value is answered with its rule and its place
//! and not with a transport error.

use crate::{AttributeValue, DecodeBudget, ValueError, decode_value, encode_value};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_varint, encode_key, encode_varint};
use std::fmt;

/// The encoded fields of a message, collected as a protobuf decoder hands them over.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct RawFields(pub(crate) Bytes);

impl RawFields {
    /// Takes one field off `buf` and keeps it as it is.
    pub(crate) fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        // The buffer is ours alone while a message is decoded, so taking it back does not copy it.
        let mut fields = BytesMut::from(std::mem::take(&mut self.0));
        match wire_type {
            WireType::LengthDelimited => {
                let mut content = Bytes::new();
                prost::encoding::bytes::merge(wire_type, &mut content, buf, ctx)?;
                encode_key(tag, wire_type, &mut fields);
                encode_varint(content.len() as u64, &mut fields);
                fields.put(content);
            }
            WireType::Varint => {
                let value = decode_varint(buf)?;
                encode_key(tag, wire_type, &mut fields);
                encode_varint(value, &mut fields);
            }
            // No field of ours has these types, but a field of ours that comes with one must not vanish: kept, so that
            // decoding refuses it.
            WireType::ThirtyTwoBit => {
                let mut value = 0u32;
                prost::encoding::fixed32::merge(wire_type, &mut value, buf, ctx)?;
                prost::encoding::fixed32::encode(tag, &value, &mut fields);
            }
            WireType::SixtyFourBit => {
                let mut value = 0u64;
                prost::encoding::fixed64::merge(wire_type, &mut value, buf, ctx)?;
                prost::encoding::fixed64::encode(tag, &value, &mut fields);
            }
            WireType::StartGroup | WireType::EndGroup => {
                prost::encoding::skip_field(wire_type, tag, buf, ctx)?;
                encode_key(tag, WireType::StartGroup, &mut fields);
                encode_key(tag, WireType::EndGroup, &mut fields);
            }
        }
        self.0 = fields.freeze();
        Ok(())
    }
}

/// An attribute value in its encoding, the wire form of `cairn.v1.AttributeValue`. Nothing about it has been checked
/// but that it is a protobuf message; [`decode`](Self::decode) does that.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EncodedValue(RawFields);

impl EncodedValue {
    /// The value.
    ///
    /// # Errors
    /// The rule of the data model it breaks, and where.
    pub fn decode(&self, budget: &mut DecodeBudget) -> Result<AttributeValue, ValueError> {
        decode_value(&self.0.0, budget)
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0.0
    }
}

impl From<&AttributeValue> for EncodedValue {
    fn from(value: &AttributeValue) -> Self {
        Self(RawFields(encode_value(value)))
    }
}

impl fmt::Debug for EncodedValue {
    /// Says how large the value is and not what: a debug print must not carry item data into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedValue({} bytes)", self.0.0.len())
    }
}

impl prost::Message for EncodedValue {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        self.0.merge_field(tag, wire_type, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        self.0.0.len()
    }

    fn clear(&mut self) {
        self.0 = RawFields::default();
    }
}
