//! Cairn's data model: attribute values, numbers, items, keys, table schemas and their limits.
//!
//! Pure: no I/O, no async, no clock, and no knowledge of a protocol beyond one encoding. The types here are *the*
//! types: the gRPC messages `AttributeValue` and `Item` decode straight into them ([`EncodedValue`], [`Item`]), the
//! store keeps an item as that same encoding behind a small header ([`StoredItem`]), and keys have one
//! order-preserving form ([`PrimaryKey::storage_key`]). What a request may do with them is `cairn-ops`' affair.

mod arn;
mod echo;
mod encoded;
mod encoding;
mod index;
mod item;
mod key;
mod key_encoding;
pub mod limits;
mod number;
mod path;
mod stored;
mod table;
mod typed_json;
mod value;

pub use arn::{ArnError, TableReference, parse_table_arn, table_arn};
pub use echo::{Echo, EchoMember};
pub use encoded::EncodedValue;
pub use encoding::{DecodeBudget, decode_attributes, decode_value, encode_attributes, encode_value};
pub use index::{
    IndexEntry, IndexKeyError, IndexKeySchema, IndexKind, IndexSchema, Projection, index_position,
};
pub use item::Item;
pub use key::{KeyAttribute, KeyError, KeyRole, KeySchema, KeyType, KeyValue, PrimaryKey};
pub use key_encoding::{
    SLOT_COUNT, begins_with_range, index_entry_key, index_partition_prefix, index_prefix, partition_prefix,
    slot_of, slot_prefix,
};
pub use number::{MAX_EXPONENT, MAX_SIGNIFICANT_DIGITS, MIN_EXPONENT, Number, NumberError};
pub use path::{PathSegment, ValuePath};
pub use stored::{StoredItem, StoredItemError};
pub use table::{
    BillingMode, NameError, ProvisionedThroughput, TableClass, TableName, TableStatus, Tag, name_errors,
};
pub use typed_json::{TypedAttributes, TypedItem};
pub use value::{
    AttributeMap, AttributeValue, SetKind, ValueError, ValueErrorKind, check_attribute_name, item_size,
};
