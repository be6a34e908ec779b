//! `ExpressionCache`: parsed expressions by their text. Applications send the same few texts again and again; what
//! changes from request to request stands behind placeholders.

use crate::{
    EXPRESSION_BYTES_MAX, ExpressionError, ExpressionKind, ParsedCondition, ParsedKeyCondition,
    ParsedProjection, ParsedUpdate,
};
use quick_cache::{Equivalent, Weighter, sync::Cache};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How much a cache may hold. Both bounds hold at all times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Expressions.
    pub entries_max: usize,
    /// Bytes of memory they take, texts and parsed forms together, about.
    pub bytes_max: usize,
}

impl Default for CacheLimits {
    /// 4,096 expressions in 16 MiB.
    fn default() -> Self {
        Self { entries_max: 4_096, bytes_max: 16 * 1024 * 1024 }
    }
}

/// Parsed expressions, shared by all requests. Texts that do not parse are not kept.
pub struct ExpressionCache {
    cache: Cache<Key, Parsed, Weight>,
}

#[derive(Clone, PartialEq, Eq)]
struct Key {
    kind: ExpressionKind,
    text: Box<str>,
}

#[derive(PartialEq, Eq)]
struct KeyRef<'t> {
    kind: ExpressionKind,
    text: &'t str,
}

impl Key {
    fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { kind: self.kind, text: &self.text }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.text.hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.as_ref()
    }
}

#[derive(Clone)]
enum Parsed {
    Condition(Arc<ParsedCondition>),
    KeyCondition(Arc<ParsedKeyCondition>),
    Projection(Arc<ParsedProjection>),
    Update(Arc<ParsedUpdate>),
}

/// Weighs an entry in bytes, and no less than its share of the cache if that were full of entries: so the bound on
/// the weight bounds their number too.
#[derive(Clone)]
struct Weight {
    bytes_min: u64,
}

impl Weighter<Key, Parsed> for Weight {
    fn weight(&self, key: &Key, parsed: &Parsed) -> u64 {
        let (own, heap) = match parsed {
            Parsed::Condition(parsed) => (size_of::<ParsedCondition>(), parsed.heap_bytes()),
            Parsed::KeyCondition(parsed) => (size_of::<ParsedKeyCondition>(), parsed.heap_bytes()),
            Parsed::Projection(parsed) => (size_of::<ParsedProjection>(), parsed.heap_bytes()),
            Parsed::Update(parsed) => (size_of::<ParsedUpdate>(), parsed.heap_bytes()),
        };
        let bytes = size_of::<Key>() + key.text.len() + size_of::<Parsed>() + own + heap;
        self.bytes_min.max(bytes as u64)
    }
}

impl fmt::Debug for ExpressionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpressionCache")
            .field("entries", &self.cache.len())
            .field("bytes", &self.cache.weight())
            .finish()
    }
}

impl Default for ExpressionCache {
    fn default() -> Self {
        Self::new(CacheLimits::default())
    }
}

impl ExpressionCache {
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Self {
        let bytes_max = limits.bytes_max as u64;
        let bytes_min = bytes_max.div_ceil(limits.entries_max.max(1) as u64).max(1);
        Self { cache: Cache::with_weighter(limits.entries_max, bytes_max, Weight { bytes_min }) }
    }

    /// How many expressions it holds.
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }

    /// A `ConditionExpression`, parsed now or before.
    ///
    /// # Errors
    /// As [`ParsedCondition::parse`].
    pub fn condition(&self, text: &str) -> Result<Arc<ParsedCondition>, ExpressionError> {
        self.get_or_parse(
            ExpressionKind::Condition,
            text,
            ParsedCondition::parse,
            Parsed::Condition,
            as_condition,
        )
    }

    /// A `FilterExpression`, parsed now or before.
    ///
    /// # Errors
    /// As [`ParsedCondition::parse_filter`].
    pub fn filter(&self, text: &str) -> Result<Arc<ParsedCondition>, ExpressionError> {
        let parse = ParsedCondition::parse_filter;
        self.get_or_parse(ExpressionKind::Filter, text, parse, Parsed::Condition, as_condition)
    }

    /// A `KeyConditionExpression`, parsed now or before.
    ///
    /// # Errors
    /// As [`ParsedKeyCondition::parse`].
    pub fn key_condition(&self, text: &str) -> Result<Arc<ParsedKeyCondition>, ExpressionError> {
        let parse = ParsedKeyCondition::parse;
        self.get_or_parse(ExpressionKind::KeyCondition, text, parse, Parsed::KeyCondition, |parsed| {
            match parsed {
                Parsed::KeyCondition(parsed) => Some(parsed),
                _ => None,
            }
        })
    }

    /// A `ProjectionExpression`, parsed now or before.
    ///
    /// # Errors
    /// As [`ParsedProjection::parse`].
    pub fn projection(&self, text: &str) -> Result<Arc<ParsedProjection>, ExpressionError> {
        let parse = ParsedProjection::parse;
        self.get_or_parse(
            ExpressionKind::Projection,
            text,
            parse,
            Parsed::Projection,
            |parsed| match parsed {
                Parsed::Projection(parsed) => Some(parsed),
                _ => None,
            },
        )
    }

    /// An `UpdateExpression`, parsed now or before.
    ///
    /// # Errors
    /// As [`ParsedUpdate::parse`].
    pub fn update(&self, text: &str) -> Result<Arc<ParsedUpdate>, ExpressionError> {
        let parse = ParsedUpdate::parse;
        self.get_or_parse(ExpressionKind::Update, text, parse, Parsed::Update, |parsed| match parsed {
            Parsed::Update(parsed) => Some(parsed),
            _ => None,
        })
    }

    fn get_or_parse<P>(
        &self,
        kind: ExpressionKind,
        text: &str,
        parse: impl FnOnce(&str) -> Result<P, ExpressionError>,
        wrap: impl FnOnce(Arc<P>) -> Parsed,
        unwrap: impl FnOnce(Parsed) -> Option<Arc<P>>,
    ) -> Result<Arc<P>, ExpressionError> {
        // A text that is too long is not even hashed.
        let known =
            (text.len() <= EXPRESSION_BYTES_MAX).then(|| self.cache.get(&KeyRef { kind, text })).flatten();
        if let Some(parsed) = known.and_then(unwrap) {
            return Ok(parsed);
        }
        // Two requests with a new text may both parse it: that is cheaper than one waiting for the other.
        let parsed = Arc::new(parse(text)?);
        self.cache.insert(Key { kind, text: text.into() }, wrap(Arc::clone(&parsed)));
        Ok(parsed)
    }
}

fn as_condition(parsed: Parsed) -> Option<Arc<ParsedCondition>> {
    match parsed {
        Parsed::Condition(parsed) => Some(parsed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parsed_once_for_each_kind() {
        let cache = ExpressionCache::default();
        let condition = cache.condition("a = :v").unwrap();
        assert!(Arc::ptr_eq(&condition, &cache.condition("a = :v").unwrap()));
        assert!(!Arc::ptr_eq(&condition, &cache.filter("a = :v").unwrap()));
        assert!(Arc::ptr_eq(
            &cache.key_condition("a = :v").unwrap(),
            &cache.key_condition("a = :v").unwrap()
        ));
        assert!(Arc::ptr_eq(&cache.projection("a").unwrap(), &cache.projection("a").unwrap()));
        assert!(Arc::ptr_eq(&cache.update("REMOVE a").unwrap(), &cache.update("REMOVE a").unwrap()));
        assert_eq!(cache.len(), 5);
    }

    #[test]
    fn a_text_that_does_not_parse_is_not_kept() {
        let cache = ExpressionCache::default();
        assert!(cache.condition("a = ").is_err());
        assert!(cache.condition(&"a".repeat(5_000)).is_err());
        assert!(cache.is_empty());
    }

    #[test]
    fn a_full_cache_keeps_to_its_entries_and_its_bytes() {
        let of_few = ExpressionCache::new(CacheLimits { entries_max: 10, bytes_max: 10 * 1024 * 1024 });
        let of_little = ExpressionCache::new(CacheLimits { entries_max: 10_000, bytes_max: 64 * 1024 });
        for number in 0..2_000 {
            let text = format!("{} = :v{number}", "a.".repeat(20) + "a");
            of_few.condition(&text).unwrap();
            of_little.condition(&text).unwrap();
            assert!(of_few.len() <= 10, "{of_few:?}");
            assert!(of_little.cache.weight() <= 64 * 1024, "{of_little:?}");
        }
        assert!(!of_few.is_empty() && !of_little.is_empty());
    }
}
