//! Cairn's expressions: conditions, filters, key conditions, projections and updates, from their text to what they do
//! to an item (semantics section 5).
//!
//! Two stages. A text is parsed once into a `Parsed…` value that still has its placeholders and can be kept by text
//! ([`ExpressionCache`]). For each request that is bound to the names and values the request gives ([`Bindings`]),
//! which makes a [`Condition`], [`KeyCondition`], [`Projection`] or [`Update`] over `cairn-model`'s values. Those can
//! also be built without any text. Every static rule is checked on the way, with DynamoDB's messages and in its order
//! ([`ExpressionError`]).
//!
//! Pure: no I/O, no async, no clock, no protocol, and no knowledge of tables. What an expression may be used for,
//! what an item may weigh and what is a key is `cairn-ops`' affair. Nothing here recurses with the depth of a text.
//!
//! ```
//! use cairn_expression::{Bindings, ExpressionCache};
//! use cairn_model::{AttributeMap, AttributeValue};
//!
//! let cache = ExpressionCache::default();
//! let one = AttributeValue::N(1_i64.into());
//! let mut bindings = Bindings::new(None, Some([(":one".to_owned(), one.clone())].into()))?;
//! let update = cache.update("SET visits = visits + :one")?.bind(&mut bindings)?;
//! let condition = cache.condition("visits < :one")?.bind(&mut bindings)?;
//! bindings.check_all_mentioned()?;
//!
//! let item = AttributeMap::from([("visits".to_owned(), AttributeValue::N(0_i64.into()))]);
//! assert!(condition.evaluate(&item));
//! let updated = update.apply(Some(&item))?;
//! assert_eq!(updated.item, Some([("visits".to_owned(), one)].into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ast;
mod bind;
mod bindings;
mod cache;
mod condition;
mod error;
mod key_condition;
mod lexer;
mod literal;
mod parse;
mod path;
mod path_tree;
mod problems;
mod projection;
mod reserved_words;
mod update;

pub use ast::Comparator;
pub use bindings::{BindingKind, Bindings, BindingsError, PLACEHOLDER_BYTES_MAX};
pub use cache::{CacheLimits, ExpressionCache};
pub use condition::{AttributeType, Condition, FilterOnKeyError, Operand, ParsedCondition, Test};
pub use error::{EchoedValue, ExpressionError, ExpressionKind, ExpressionProblem};
pub use key_condition::{
    KeyClause, KeyCondition, KeyConditionError, KeyQuery, KeyTest, ParsedKeyCondition, RepeatedKeyError,
    SortRange,
};
pub use literal::Literal;
pub use parse::{EXPRESSION_BYTES_MAX, OPERATORS_MAX};
pub use path::{DocumentPath, PathStep};
pub use path_tree::PathClashError;
pub use projection::{ParsedProjection, Projection};
pub use reserved_words::is_reserved;
pub use update::{ParsedUpdate, Update, UpdateAction, UpdateError, UpdateErrorKind, UpdateValue, Updated};
