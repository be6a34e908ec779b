//! The identities of one store: who there is, and what speaks for whom.
//!
//! All of them are in memory, in an [`Image`](image::Image) that readers take without waiting. A change is decided
//! from the image and committed in a transaction that declares the one record all identities hang on, their revision:
//! if another process has changed something meanwhile, nothing is written, the image is read anew, and the change is
//! decided again. When a change returns, the next call sees it.

mod access_keys;
mod callers;
mod grants;
mod groups;
mod image;
mod policies;
mod record;
mod roles;
mod sessions;
mod signing;
mod start;
mod users;

pub(crate) use callers::{Keys, SessionParts};
pub(crate) use sessions::GenuineSession;
pub(crate) use signing::KeyVersion;
pub use start::{GeneratedRootKey, IdentityOptions, RootKey};

use crate::names::Arns;
use crate::{AuthenticationError, Clock, EncryptionKeys, IdentityError, Listing, Page, Reason};
use arc_swap::ArcSwap;
use bytes::Bytes;
use cairn_policy::PolicySet;
use cairn_storage::{Consistency, Decision, Direction, Engine, KeyRange, Snapshot, SpaceId, Write};
use image::{Image, KeyEntry, SessionSets};
use jiff::Timestamp;
use record::{Change, LastUsed, RecordKind, State};
use rpds::RedBlackTreeMapSync;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::Ordering;

type Result<T, E = IdentityError> = std::result::Result<T, E>;

/// How often the time an access key was last used is written, at most, in seconds.
const LAST_USED_SECONDS: i64 = 60;

/// The identities of one store. Cloning gives another handle to the same ones.
pub struct Identities<E: Engine> {
    shared: Arc<Shared<E>>,
}

struct Shared<E: Engine> {
    engine: E,
    arns: Arns,
    keys: EncryptionKeys,
    clock: Clock,
    image: ArcSwap<Image>,
    session_sets: SessionSets,
    /// No policies: root needs none.
    root_set: Arc<PolicySet>,
    /// Held by the change under way: changes of one process take turns instead of undoing each other's decisions.
    changing: tokio::sync::Mutex<()>,
}

impl<E: Engine> Clone for Identities<E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<E: Engine> Identities<E> {
    /// The account in ARNs.
    pub fn account(&self) -> &str {
        &self.shared.arns.account
    }

    /// Which state the identities are in: another number after every change, by whichever process it was made, once
    /// this one has seen it.
    pub fn revision(&self) -> u64 {
        self.image().revision
    }

    /// Takes up changes that other processes have made to the same store.
    pub async fn refresh(&self) -> Result<()> {
        let snapshot = self.shared.engine.snapshot(Consistency::Strong).await?;
        let found = snapshot.get(&record::address(record::key(RecordKind::State, ""))).await?;
        if revision_of(found.as_ref())? == self.revision() {
            return Ok(());
        }
        let _turn = self.shared.changing.lock().await;
        self.reload().await
    }

    /// Writes when access keys were last used: for those whose time on record is a minute old or more. To be called
    /// now and then, and before the store is closed.
    pub async fn flush_last_used(&self) -> Result<()> {
        let this = self.clone();
        uninterrupted(async move {
            let _turn = this.shared.changing.lock().await;
            let image = this.image();
            let due = |entry: &Arc<KeyEntry>| {
                let written = entry.use_.written.load(Ordering::Relaxed);
                let seen = entry.use_.seen.load(Ordering::Relaxed);
                (seen - written >= LAST_USED_SECONDS).then(|| (entry.clone(), seen))
            };
            let due: Vec<_> = image.keys.values().chain(&image.root).filter_map(due).collect();
            if due.is_empty() {
                return Ok(());
            }
            let mut writes = Vec::with_capacity(due.len());
            for (entry, at) in &due {
                let key = record::key(RecordKind::LastUsed, &entry.record.id);
                writes.push(Write::Put(record::address(key), record::encode(&LastUsed { at: *at })?));
            }
            // Not of a state that has passed: a key deleted by another process must leave nothing behind.
            if this.commit(image.revision, writes).await? {
                for (entry, at) in due {
                    entry.use_.written.store(at, Ordering::Relaxed);
                }
                return Ok(());
            }
            this.reload().await
        })
        .await
    }

    fn image(&self) -> Arc<Image> {
        self.shared.image.load_full()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }

    /// Changes the identities: `decide` is given what there is, and says what changes and what the answer is. It may
    /// be asked more than once. The change goes on if the caller goes away.
    async fn change<T, D>(&self, decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: Fn(&Image) -> Result<(Vec<Change>, T)> + Send + 'static,
    {
        let this = self.clone();
        uninterrupted(async move {
            let _turn = this.shared.changing.lock().await;
            loop {
                let image = this.image();
                let (changes, answer) = decide(&image)?;
                if changes.is_empty() {
                    return Ok(answer);
                }
                let next = image.after(&changes)?;
                let mut writes = Vec::with_capacity(changes.len() + 1);
                for change in &changes {
                    push_writes(change, &mut writes)?;
                }
                let state = record::encode(&State { revision: next.revision })?;
                writes.push(Write::Put(record::address(record::key(RecordKind::State, "")), state));
                match this.commit(image.revision, writes).await {
                    Ok(true) => {
                        this.shared.image.store(Arc::new(next));
                        return Ok(answer);
                    }
                    Ok(false) => this.reload().await?,
                    Err(error) => {
                        // Whether it was written may be unknown: what is there now is what counts.
                        if let Err(unread) = this.reload().await {
                            tracing::warn!(error = %unread, "identities cannot be read after a failed change");
                        }
                        return Err(error);
                    }
                }
            }
        })
        .await
    }

    /// Commits `writes` if the store is still at this revision; says whether it was.
    async fn commit(&self, revision: u64, writes: Vec<Write>) -> Result<bool> {
        let state = record::address(record::key(RecordKind::State, ""));
        let committed = self.shared.engine.transact(vec![state], move |found| {
            match revision_of(found.first().and_then(Option::as_ref)) {
                Ok(found) if found == revision => Decision { writes: writes.clone(), outcome: Ok(true) },
                Ok(_) => Decision::unchanged(Ok(false)),
                Err(error) => Decision::unchanged(Err(error)),
            }
        });
        committed.await?
    }

    /// Reads everything anew. Only with `changing` held, so that an older state never replaces a newer one.
    async fn reload(&self) -> Result<()> {
        let image = read(&self.shared.engine, Some(&self.image())).await?;
        self.shared.image.store(Arc::new(image));
        Ok(())
    }
}

/// All identities in a store.
async fn read<E: Engine>(engine: &E, before: Option<&Image>) -> Result<Image> {
    let snapshot = engine.snapshot(Consistency::Strong).await?;
    let all = KeyRange::prefix(vec![record::PREFIX]);
    let records = snapshot.scan(SpaceId::System, all, Direction::Ascending, Records(Vec::new())).await?;
    Image::load(&records.0, before)
}

struct Records(Vec<(Bytes, Bytes)>);

impl cairn_storage::Visit for Records {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        self.0.push((Bytes::copy_from_slice(key), value));
        ControlFlow::Continue(())
    }
}

fn revision_of(state: Option<&Bytes>) -> Result<u64> {
    state.map_or(Ok(0), |state| Ok(record::decode::<State>(state, "the state of identities")?.revision))
}

fn push_writes(change: &Change, writes: &mut Vec<Write>) -> Result<()> {
    match change {
        Change::Put(record) => writes.push(Write::Put(record::address(record.key()), record.encode()?)),
        Change::Remove(kind, name) => {
            writes.push(Write::Delete(record::address(record::key(*kind, name))));
            if *kind == RecordKind::AccessKey {
                writes.push(Write::Delete(record::address(record::key(RecordKind::LastUsed, name))));
            }
        }
    }
    Ok(())
}

/// Runs a future to its end even if the caller does not wait for it.
async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(|_| IdentityError::Interrupted)?
}

/// One page of a map's values, as `show` shows those it wants to.
fn page<V, T>(
    map: &RedBlackTreeMapSync<String, Arc<V>>,
    page: &Page,
    show: impl Fn(&V) -> Option<T>,
) -> Result<Listing<T>> {
    let limit = crate::names::page_limit(page.limit)?;
    let start = match &page.after {
        Some(after) => Bound::Excluded(crate::names::folded(after)),
        None => Bound::Unbounded,
    };
    let mut shown = map
        .range((start, Bound::Unbounded::<String>))
        .filter_map(|(name, value)| show(value).map(|shown| (name, shown)));
    let page: Vec<_> = shown.by_ref().take(limit).collect();
    let next = page.last().filter(|_| shown.next().is_some()).map(|(name, _)| (*name).clone());
    Ok(Listing { items: page.into_iter().map(|(_, shown)| shown).collect(), next })
}

fn unrecognized<T>(reason: Reason) -> Result<T, AuthenticationError> {
    Err(AuthenticationError::UnrecognizedClient(reason))
}
