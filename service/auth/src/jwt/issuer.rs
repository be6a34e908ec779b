//! One issuer: its keys, read when needed and kept, and what its tokens are checked against.

use super::Claims;
use super::fetch::fetch;
use super::keys::{Key, KeySet};
use crate::{AuthenticationError, Clock, IssuerSettings, JwksError, JwksSource, Reason};
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// How long a failed reading of keys, or one for a key that was not there, is not repeated.
const RETRY: SignedDuration = SignedDuration::from_secs(10);

/// An issuer of tokens.
pub(crate) struct Issuer {
    pub(crate) settings: IssuerSettings,
    clock: Clock,
    held: ArcSwap<Held>,
    /// Held by the reading under way: there is one at a time.
    reading: Arc<tokio::sync::Mutex<()>>,
}

/// The keys as last read.
#[derive(Clone, Default)]
struct Held {
    keys: Option<KeySet>,
    /// Raised by each reading that succeeded.
    generation: u64,
    read_at: Option<Timestamp>,
    /// How often a reading has been tried, and when last.
    attempts: u64,
    attempted_at: Option<Timestamp>,
    failure: Option<JwksError>,
}

impl Issuer {
    pub(crate) fn new(settings: IssuerSettings, clock: Clock) -> Arc<Self> {
        Arc::new(Self { settings, clock, held: ArcSwap::default(), reading: Arc::default() })
    }

    /// Raised whenever the keys are read: what was verified before must be verified anew.
    pub(crate) fn generation(&self) -> u64 {
        self.held.load().generation
    }

    /// The key of that name, and the generation of keys it is of.
    pub(super) async fn key(
        self: &Arc<Self>,
        kid: Option<&str>,
    ) -> Result<(Arc<Key>, u64), AuthenticationError> {
        let mut held = self.up_to_date().await;
        loop {
            let Some(keys) = &held.keys else {
                let failure = held.failure.clone().unwrap_or_else(|| self.failure("they were not read yet"));
                return Err(AuthenticationError::Unavailable(failure));
            };
            if let Some(key) = keys.find(kid) {
                return Ok((key.clone(), held.generation));
            }
            // The issuer may have a new key. Whoever makes up key names does not get to ask it at will.
            if kid.is_none() || !self.may_read(&held) {
                return Err(AuthenticationError::UnrecognizedClient(Reason::UnknownSigningKey));
            }
            held = self.read_again(held.attempts).await;
        }
    }

    /// Reads the keys anew if that is due. What is held serves meanwhile, unless it is twice as old as it may get.
    pub(crate) async fn refresh_if_due(self: &Arc<Self>) {
        self.up_to_date().await;
    }

    async fn up_to_date(self: &Arc<Self>) -> Arc<Held> {
        let held = self.held.load_full();
        let now = (self.clock)();
        let every = SignedDuration::from_secs(self.settings.refresh_seconds.into());
        let age = held.read_at.map(|read_at| now.duration_since(read_at));
        if age.is_some_and(|age| age < every) || !self.may_read(&held) {
            return held;
        }
        if age.is_some_and(|age| age < every * 2) {
            let this = self.clone();
            tokio::spawn(async move { this.read_again(held.attempts).await });
            return self.held.load_full();
        }
        self.read_again(held.attempts).await
    }

    fn may_read(&self, held: &Held) -> bool {
        held.attempted_at.is_none_or(|at| (self.clock)().duration_since(at) >= RETRY)
    }

    /// Reads the keys, unless somebody has since `attempts` were counted; waits for a reading under way.
    async fn read_again(self: &Arc<Self>, attempts: u64) -> Arc<Held> {
        let turn = self.reading.clone().lock_owned().await;
        let held = self.held.load_full();
        if held.attempts != attempts {
            return held;
        }
        let this = self.clone();
        // A task of its own: a caller that goes away must not undo the counting of attempts.
        let reading = tokio::spawn(async move {
            let _turn = turn;
            let read = match fetch(&this.settings.jwks).await {
                Ok(document) => KeySet::read(&document),
                Err(message) => Err(message),
            };
            this.take(&held, read);
        });
        if let Err(error) = reading.await {
            tracing::error!(issuer = %self.settings.issuer, %error, "reading the keys of an issuer was cut off");
        }
        self.held.load_full()
    }

    fn take(&self, held: &Held, read: Result<KeySet, String>) {
        let now = (self.clock)();
        let mut next = Held { attempts: held.attempts + 1, attempted_at: Some(now), ..held.clone() };
        match read {
            Ok(keys) => {
                next.keys = Some(keys);
                next.generation += 1;
                next.read_at = Some(now);
                next.failure = None;
            }
            Err(message) => {
                let failure = self.failure(message);
                tracing::warn!(error = %failure, kept = next.keys.is_some(), "an issuer's keys were not read");
                next.failure = Some(failure);
            }
        }
        self.held.store(Arc::new(next));
    }

    fn failure(&self, message: impl Into<String>) -> JwksError {
        let source = match &self.settings.jwks {
            JwksSource::File(path) => path.display().to_string(),
            JwksSource::Url(url) => url.url.clone(),
        };
        JwksError { issuer: self.settings.issuer.clone(), message: format!("{source}: {}", message.into()) }
    }

    pub(super) fn accepts_audience(&self, audience: &str) -> bool {
        self.settings.audiences.iter().any(|accepted| accepted == audience)
    }

    /// When a token that says it ends at `expires` is over, with the clocks' difference allowed for.
    pub(crate) fn end(&self, claims: &Claims) -> i64 {
        claims.expires.saturating_add(self.leeway())
    }

    /// Whether a token's times fit the present.
    pub(crate) fn check_times(&self, claims: &Claims) -> Result<(), AuthenticationError> {
        let now = (self.clock)().as_second();
        if self.end(claims) <= now {
            return Err(AuthenticationError::Expired);
        }
        let begins = claims.not_before.max(claims.issued);
        if begins.is_some_and(|begins| begins > now + self.leeway()) {
            return Err(AuthenticationError::NotYetValid);
        }
        Ok(())
    }

    fn leeway(&self) -> i64 {
        self.settings.leeway_seconds.into()
    }
}
