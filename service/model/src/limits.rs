//! Limits of the data model. All are DynamoDB's (semantics section and table named at each); sizes are bytes.

/// An item, names and values together, as counted by [`item_size`](crate::item_size) (semantics 2.8).
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Nesting, counting a top-level attribute as level 1 (semantics 2.5).
pub const NESTING_LEVELS_MAX: usize = 32;
/// An attribute name that is not part of a key (semantics 2.6).
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 65_535;
/// The name of a key attribute (semantics 2.6).
pub const KEY_ATTRIBUTE_NAME_BYTES_MAX: usize = 255;
/// A partition key value (semantics 2.7).
pub const PARTITION_KEY_BYTES_MAX: usize = 2_048;
/// A sort key value (semantics 2.7).
pub const SORT_KEY_BYTES_MAX: usize = 1_024;
/// Characters in the name of a table or an index, at least (semantics 2.6).
pub const NAME_CHARS_MIN: usize = 3;
/// Characters in the name of a table or an index, at most (semantics 2.6).
pub const NAME_CHARS_MAX: usize = 255;
/// A table given as a name or an ARN (shape `TableArn`).
pub const TABLE_REFERENCE_CHARS_MAX: usize = 1_024;
/// Names and values given for one request's expressions, together (semantics 5.2).
pub const EXPRESSION_BINDINGS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Characters of a caller's value in an error message. gRPC sends messages in headers, so they must stay short.
pub const ECHO_CHARS_MAX: usize = 256;
/// Tags on one resource (semantics 3.3).
pub const TAGS_MAX: usize = 50;
/// Characters in a tag's key (semantics 3.3).
pub const TAG_KEY_CHARS_MAX: usize = 128;
/// Characters in a tag's value (semantics 3.3).
pub const TAG_VALUE_CHARS_MAX: usize = 256;
