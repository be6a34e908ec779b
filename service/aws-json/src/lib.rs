//! DynamoDB's own protocol.
mod json;
mod value;
