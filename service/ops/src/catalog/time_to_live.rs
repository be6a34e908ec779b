//! Turning time to live on and off (semantics 14).
//!
//! Turned on, it is ENABLING until the table has its index space and every item that has a time to expire at has its
//! record there (see `expiry` and `backfill`); only then anything is deleted. Turned off, nothing is deleted from that
//! moment on, and it is DISABLING until the records are gone. A restart goes on with either.

use super::backfill::ItemRecords;
use super::{Catalog, Definition, Table};
use crate::expiry::{EXPIRIES, expiry_key, expiry_second};
use crate::{Error, Result};
use bytes::Bytes;
use cairn_model::{AttributeMap, KeySchema, TableName, TableStatus, index_prefix};
use cairn_storage::{Consistency, Engine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

/// What the catalog keeps of a table's time to live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimeToLive {
    /// The attribute that says when an item expires.
    pub(crate) attribute: String,
    pub(crate) stage: TimeToLiveStage,
    /// When it was last turned on or off.
    pub(crate) changed_at: Timestamp,
}

/// How far turning it on or off is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TimeToLiveStage {
    /// Turned on; the space for the records is not there yet.
    Preparing,
    /// Turned on; writes make records, and so do, one after another, the items from before.
    Filling,
    /// On: what is due is deleted.
    Enabled,
    /// Turned off; the records are being removed.
    Removing,
    /// Off.
    Disabled,
}

/// Whether a table's items expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLiveStatus {
    /// They will.
    Enabling,
    /// They do.
    Enabled,
    /// They do not any more.
    Disabling,
    /// They do not.
    Disabled,
}

/// A table's time to live as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLiveDescription {
    /// Whether items expire.
    pub status: TimeToLiveStatus,
    /// The attribute that says when; none if DISABLED.
    pub attribute: Option<String>,
}

impl TimeToLiveStage {
    /// Whether item writes make records.
    pub(crate) fn takes_records(self) -> bool {
        matches!(self, Self::Filling | Self::Enabled)
    }

    fn is_changing(self) -> bool {
        !matches!(self, Self::Enabled | Self::Disabled)
    }
}

impl Definition {
    pub(crate) fn describe_time_to_live(&self) -> TimeToLiveDescription {
        let status = match self.time_to_live.as_ref().map(|it| it.stage) {
            Some(TimeToLiveStage::Preparing | TimeToLiveStage::Filling) => TimeToLiveStatus::Enabling,
            Some(TimeToLiveStage::Enabled) => TimeToLiveStatus::Enabled,
            Some(TimeToLiveStage::Removing) => TimeToLiveStatus::Disabling,
            Some(TimeToLiveStage::Disabled) | None => TimeToLiveStatus::Disabled,
        };
        let shown = self.time_to_live.as_ref().filter(|_| status != TimeToLiveStatus::Disabled);
        TimeToLiveDescription { status, attribute: shown.map(|it| it.attribute.clone()) }
    }
}

impl<E: Engine> Catalog<E> {
    /// Takes up what is being turned on or off.
    pub(super) fn resume_time_to_live(&self, table: &Arc<Table>) {
        if table.definition.time_to_live.as_ref().is_some_and(|it| it.stage.is_changing()) {
            self.spawn_time_to_live(table.clone());
        }
    }

    /// Turns a table's time to live on or off, as `change` says. When this returns the table has the space it needs: a
    /// table that waits for it cannot be deleted.
    pub(super) async fn change_time_to_live(
        &self,
        name: &TableName,
        mut change: impl FnMut(&Definition) -> Result<TimeToLive> + Send + 'static,
    ) -> Result<()> {
        let name = name.clone();
        let begun = self.carry_out(async move |catalog| {
            let changing = catalog.change(&name, move |mut definition| {
                definition.time_to_live = Some(change(&definition)?);
                Ok((definition, ()))
            });
            let (table, ()) = changing.await?;
            Ok(catalog.spawn_time_to_live(table))
        });
        let mut prepared = begun.await?;
        // It ends unprepared only when the store closes: the next start goes on then.
        let _ = prepared.wait_for(|prepared| *prepared).await;
        Ok(())
    }

    /// Has it turned on or off in the background. Says when the space for the records is there.
    fn spawn_time_to_live(&self, table: Arc<Table>) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(false);
        let sender = Arc::new(sender);
        self.spawn(move |catalog| {
            let (table, sender) = (table.clone(), sender.clone());
            async move { catalog.carry_out_time_to_live(&table, &sender).await }
        });
        receiver
    }

    async fn carry_out_time_to_live(&self, table: &Table, prepared: &watch::Sender<bool>) -> Result<()> {
        loop {
            // A table that is gone needs nothing any more.
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let found = self.find(&snapshot, &table.definition.name).await?;
            let Some(table) = found.filter(|now| {
                now.definition.number == table.definition.number
                    && now.definition.status != TableStatus::Deleting
            }) else {
                return Ok(());
            };
            let Some(now) = table.definition.time_to_live.clone() else { return Ok(()) };
            prepared.send_replace(now.stage != TimeToLiveStage::Preparing);
            let expiries = Expiries(now.clone());
            match now.stage {
                TimeToLiveStage::Preparing => {
                    self.engine.create_space(table.index_entries()).await?;
                    self.advance(&table, now, TimeToLiveStage::Filling).await?;
                }
                TimeToLiveStage::Filling => {
                    if self.fill(&table, &expiries).await? {
                        self.advance(&table, now, TimeToLiveStage::Enabled).await?;
                    }
                }
                TimeToLiveStage::Removing => {
                    self.empty(&table, &expiries).await?;
                    self.advance(&table, now, TimeToLiveStage::Disabled).await?;
                }
                TimeToLiveStage::Enabled | TimeToLiveStage::Disabled => return Ok(()),
            }
        }
    }

    /// Goes from one stage to the next, if nothing else happened to it.
    async fn advance(&self, table: &Table, from: TimeToLive, to: TimeToLiveStage) -> Result<()> {
        let number = table.definition.number;
        let advanced = self
            .change(&table.definition.name, move |mut definition| {
                if definition.number == number && definition.time_to_live.as_ref() == Some(&from) {
                    definition.time_to_live = Some(TimeToLive { stage: to, ..from.clone() });
                }
                Ok((definition, ()))
            })
            .await;
        match advanced {
            Ok(_) | Err(Error::ResourceNotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The records of when items expire, as they are to be made or removed.
#[derive(Clone)]
struct Expiries(TimeToLive);

impl Expiries {
    fn are(&self, definition: &Definition, stage: TimeToLiveStage) -> bool {
        self.0.stage == stage && definition.time_to_live.as_ref() == Some(&self.0)
    }
}

impl ItemRecords for Expiries {
    fn are_filled(&self, definition: &Definition) -> bool {
        self.are(definition, TimeToLiveStage::Filling)
    }

    fn are_removed(&self, definition: &Definition) -> bool {
        self.are(definition, TimeToLiveStage::Removing)
    }

    fn prefix(&self) -> Bytes {
        index_prefix(EXPIRIES)
    }

    fn record(&self, _: &KeySchema, key: &[u8], item: &AttributeMap) -> Option<(Bytes, Bytes)> {
        Some((expiry_key(expiry_second(&self.0.attribute, item)?, key), Bytes::new()))
    }
}
