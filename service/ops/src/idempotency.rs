//! Request tokens: a transaction that is sent twice is done once (semantics 10.2).
//!
//! A token's record is written in the commit of the transaction it names, so it is there if and only if the
//! transaction happened, whatever crashed. It counts for 10 minutes; then the token may be used anew, and the record is
//! removed a few at a time by later users of tokens. Of calls with one token at the same time the engine puts one first,
//! and the others find its record: none needs to be told that the transaction is still in progress. A transaction that
//! was cancelled leaves no record and may be tried again with its token.
//!
//! ```text
//! 03 · token                            version byte 1, completed at (ms since 1970, u64), fingerprint (u128)
//! 04 · completed at (ms, u64) · token   nothing: finds the records that have expired
//! ```
//!
//! Integers are big-endian. Both prefixes are of the system space; see the catalog's records for the others.

use crate::{Error, FieldPath, Result, Service, Validation};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use cairn_storage::{
    Consistency, Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, SpaceId, Write,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
use xxhash_rust::xxh3::Xxh3;

const TOKEN_PREFIX: u8 = 0x03;
const EXPIRY_PREFIX: u8 = 0x04;
const VERSION: u8 = 1;

/// How long a token counts after its transaction.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Characters of a token.
const TOKEN_CHARS_MAX: usize = 36;

/// Expired tokens are looked for once in so many uses …
const USES_A_SWEEP: u64 = 64;
/// … and so many are removed then, at most: more than were added meanwhile.
const REMOVED_MAX: usize = 256;

#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("a request token's record is not one that this version of Cairn reads")]
    Unreadable,
}

/// What a request says, boiled down: equal for equal requests, however they were encoded.
pub(crate) struct Fingerprint(Xxh3);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(Xxh3::new())
    }

    /// Takes in one part of the request. Parts do not run into each other.
    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Takes in a part that may be missing, which is not the same as its being empty.
    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) {
        self.0.update(&[u8::from(bytes.is_some())]);
        self.part(bytes.unwrap_or_default());
    }
}

/// A request's token, and the request it came with.
pub(crate) struct RequestToken {
    token: String,
    fingerprint: u128,
    now: u64,
}

impl RequestToken {
    /// # Errors
    /// A token that does not have 1 to 36 characters.
    pub(crate) fn check(token: &str) -> Result<(), Validation> {
        let constraint = |text| Err(Validation::constraint(FieldPath::from("request_id"), Some(token), text));
        match token.chars().count() {
            0 => constraint("Member must have length greater than or equal to 1"),
            1..=TOKEN_CHARS_MAX => Ok(()),
            _ => constraint("Member must have length less than or equal to 36"),
        }
    }

    pub(crate) fn new(token: String, fingerprint: &Fingerprint, now: Timestamp) -> Self {
        Self { token, fingerprint: fingerprint.0.digest128(), now: millis(now) }
    }

    /// Where the token's record is.
    pub(crate) fn key(&self) -> RecordKey {
        token_key(self.token.as_bytes())
    }

    /// Whether the request has been done already, given the token's record.
    ///
    /// # Errors
    /// [`IdempotentParameterMismatch`](Error::IdempotentParameterMismatch) if another one has.
    pub(crate) fn is_replay(&self, record: Option<&Bytes>) -> Result<bool> {
        let Some(record) = record else { return Ok(false) };
        let (completed_at, fingerprint) = decode(record)?;
        if completed_at.saturating_add(window_millis()) <= self.now {
            return Ok(false);
        }
        if fingerprint == self.fingerprint { Ok(true) } else { Err(Error::IdempotentParameterMismatch) }
    }

    /// What to write in the transaction's commit.
    pub(crate) fn writes(&self) -> [Write; 2] {
        let mut record = BytesMut::with_capacity(1 + 8 + 16);
        record.put_u8(VERSION);
        record.put_u64(self.now);
        record.put_u128(self.fingerprint);
        [
            Write::Put(self.key(), record.freeze()),
            Write::Put(expiry_key(self.now, self.token.as_bytes()), Bytes::new()),
        ]
    }
}

fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}

fn window_millis() -> u64 {
    u64::try_from(WINDOW.as_millis()).unwrap_or(0)
}

fn decode(mut record: &[u8]) -> Result<(u64, u128)> {
    let unreadable = |_| Error::internal(TokenError::Unreadable);
    match record.try_get_u8() {
        Ok(VERSION) => {}
        _ => return Err(Error::internal(TokenError::Unreadable)),
    }
    let completed_at = record.try_get_u64().map_err(unreadable)?;
    Ok((completed_at, record.try_get_u128().map_err(unreadable)?))
}

fn token_key(token: &[u8]) -> RecordKey {
    let mut key = BytesMut::with_capacity(1 + token.len());
    key.put_u8(TOKEN_PREFIX);
    key.put_slice(token);
    RecordKey::new(SpaceId::System, key.freeze())
}

fn expiry_key(completed_at: u64, token: &[u8]) -> RecordKey {
    let mut key = BytesMut::with_capacity(1 + 8 + token.len());
    key.put_u8(EXPIRY_PREFIX);
    key.put_u64(completed_at);
    key.put_slice(token);
    RecordKey::new(SpaceId::System, key.freeze())
}

/// The removal of expired tokens by their users.
#[derive(Default)]
pub(crate) struct TokenSweep {
    uses: AtomicU64,
    /// Held by the sweep that runs.
    running: Arc<Mutex<()>>,
}

impl TokenSweep {
    /// Notes that a token was used. Once in a while, the first time too, expired ones are removed in the background.
    pub(crate) fn used<E: Engine>(&self, service: &Service<E>) {
        if !self.uses.fetch_add(1, Ordering::Relaxed).is_multiple_of(USES_A_SWEEP) {
            return;
        }
        let Ok(running) = self.running.clone().try_lock_owned() else { return };
        let (engine, now) = (service.engine.clone(), millis((service.clock)()));
        tokio::spawn(async move {
            // What is not removed now is removed another time.
            if let Err(error) = remove_expired(&engine, now).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "expired request tokens were not removed"
                );
            }
            drop(running);
        });
    }
}

/// Removes the oldest tokens that have expired by `now`, a bounded number of them.
async fn remove_expired<E: Engine>(engine: &E, now: u64) -> Result<(), cairn_storage::Error> {
    let last = now.saturating_sub(window_millis());
    let range = KeyRange {
        start: Bound::Included(Bytes::from_static(&[EXPIRY_PREFIX])),
        end: Bound::Excluded(expiry_key(last.saturating_add(1), &[]).key),
    };
    let snapshot = engine.snapshot(Consistency::Eventual).await?;
    let expired =
        snapshot.scan(SpaceId::System, range, Direction::Ascending, Expired::default()).await?.completed_at;
    drop(snapshot);
    if expired.is_empty() {
        return Ok(());
    }
    let keys = expired.keys().map(|token| token_key(token)).collect();
    engine
        .transact(keys, move |records| {
            let mut writes = Vec::with_capacity(2 * expired.len());
            for ((token, completed_at), record) in expired.iter().zip(records) {
                writes.push(Write::Delete(expiry_key(*completed_at, token)));
                // The token may have been used anew since.
                let found = record.as_deref().and_then(|record| decode(record).ok());
                if found.is_some_and(|(found, _)| found == *completed_at) {
                    writes.push(Write::Delete(token_key(token)));
                }
            }
            Decision { writes, outcome: () }
        })
        .await
}

/// Expired tokens and when each was completed; of one that is met twice, the first time.
#[derive(Default)]
struct Expired {
    completed_at: BTreeMap<Bytes, u64>,
}

impl cairn_storage::Visit for Expired {
    fn visit(&mut self, mut key: &[u8], _: Bytes) -> ControlFlow<()> {
        if self.completed_at.len() == REMOVED_MAX {
            return ControlFlow::Break(());
        }
        if let (Ok(EXPIRY_PREFIX), Ok(completed_at)) = (key.try_get_u8(), key.try_get_u64()) {
            self.completed_at.entry(Bytes::copy_from_slice(key)).or_insert(completed_at);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(request: &[u8], at: &str) -> RequestToken {
        let mut fingerprint = Fingerprint::new();
        fingerprint.part(request);
        RequestToken::new("token".into(), &fingerprint, at.parse().unwrap())
    }

    fn record(token: &RequestToken) -> Bytes {
        match token.writes() {
            [Write::Put(_, record), _] => record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_counts_for_ten_minutes() {
        let first = record(&token(b"a", "2026-11-21T12:00:00Z"));
        for (request, at, expected) in [
            (b"a", "2026-11-21T12:09:59.999Z", Some(true)),
            (b"b", "2026-11-21T12:09:59.999Z", None),
            (b"a", "2026-11-21T12:10:00Z", Some(false)),
            (b"b", "2026-11-21T12:10:00Z", Some(false)),
        ] {
            assert_eq!(token(request, at).is_replay(Some(&first)).ok(), expected, "{at}");
        }
        assert!(!token(b"a", "2026-11-21T12:00:00Z").is_replay(None).unwrap());
    }

    /// The first released format: this record must be readable for ever.
    #[test]
    fn a_record_of_version_1_is_read() {
        let record = b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07";
        assert_eq!(decode(record).unwrap(), (0x102, 7));
        assert!(decode(&record[1..]).is_err() && decode(b"").is_err());
    }

    #[test]
    fn the_parts_of_a_fingerprint_do_not_run_into_each_other() {
        let of = |parts: &[&[u8]]| {
            let mut fingerprint = Fingerprint::new();
            parts.iter().for_each(|part| fingerprint.part(part));
            fingerprint.0.digest128()
        };
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"", b"a"]), of(&[b"a", b""]));
    }
}
