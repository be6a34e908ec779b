//! Turning time to live on and off (semantics 14).
//!
//! Turned on, for a table that has its index space by then, it is ENABLING until every item that has a time to expire at
//! has its record there (see `expiry` and `backfill`); only then anything is deleted. Turned off, nothing is deleted from
//! that moment on, and it is DISABLING until the records are gone. A restart goes on with either.

use super::backfill::ItemRecords;
use super::fill_progress::Totals;
use super::work::{Patience, Step, Work};
use super::{Catalog, Definition, Table};
use crate::expiry::{EXPIRIES, expiry_key, expiry_second};
use crate::{Error, Result};
use bytes::Bytes;
use cairn_model::{AttributeMap, KeySchema, TableName, index_prefix};
use cairn_storage::Engine;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// Turned on; the space for the records is not there yet. Only earlier versions enter this.
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

    pub(super) fn is_changing(self) -> bool {
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
    /// Turns a table's time to live on or off, as `change` says.
    pub(super) async fn change_time_to_live(
        &self,
        name: &TableName,
        mut change: impl FnMut(&Definition) -> Result<TimeToLive> + Send + 'static,
    ) -> Result<()> {
        let name = name.clone();
        self.carry_out(async move |catalog| {
            let change = move |mut definition: Definition| {
                definition.time_to_live = Some(change(&definition)?);
                Ok((definition, ()))
            };
            let (table, ()) = catalog.change_with_index_space(&name, change).await?;
            drop(catalog.spawn_work(table, Work::TimeToLive, Patience::Full));
            Ok(())
        })
        .await
    }

    /// Goes on with turning time to live on or off.
    pub(super) async fn time_to_live_step(&self, table: &Table) -> Result<Step> {
        // A table that is gone needs nothing any more.
        let Some(table) = self.current(table).await? else { return Ok(Step::Done) };
        let Some(now) = table.definition.time_to_live.clone() else { return Ok(Step::Done) };
        let expiries = Expiries(now.clone());
        match now.stage {
            // Entered by an earlier version, without its space.
            TimeToLiveStage::Preparing => {
                self.engine.create_space(table.index_entries()).await?;
                self.advance(&table, now, TimeToLiveStage::Filling).await?;
                Ok(Step::Again)
            }
            TimeToLiveStage::Filling => self.fill(&table, &expiries).await,
            TimeToLiveStage::Removing => {
                if self.empty(&table, &expiries).await? == Step::Done {
                    self.advance(&table, now, TimeToLiveStage::Disabled).await?;
                }
                Ok(Step::Again)
            }
            TimeToLiveStage::Enabled | TimeToLiveStage::Disabled => Ok(Step::Done),
        }
    }

    /// Turns time to live off that cannot be turned on.
    pub(super) async fn undo_time_to_live(&self, table: &Table, error: &Error) -> Result<Option<Work>> {
        let (number, at, reason) = (table.definition.number, (self.clock)(), error.to_string());
        let undoing = self.change(&table.definition.name, move |mut definition| {
            let mut is_undone = false;
            if definition.is_still(number)
                && let Some(it) = &mut definition.time_to_live
                && matches!(it.stage, TimeToLiveStage::Preparing | TimeToLiveStage::Filling)
            {
                it.stage = TimeToLiveStage::Removing;
                is_undone = true;
                definition.note_failure("time to live".into(), &reason, at);
            }
            Ok((definition, is_undone))
        });
        Ok(undoing.await?.1.then_some(Work::TimeToLive))
    }

    /// Goes from one stage to the next, if nothing else happened to it.
    async fn advance(&self, table: &Table, from: TimeToLive, to: TimeToLiveStage) -> Result<()> {
        let number = table.definition.number;
        let advanced = self
            .change(&table.definition.name, move |mut definition| {
                if definition.is_still(number) && definition.time_to_live.as_ref() == Some(&from) {
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
    fn id(&self) -> u16 {
        EXPIRIES
    }

    fn are_filled(&self, definition: &Definition) -> bool {
        self.are(definition, TimeToLiveStage::Filling)
    }

    fn are_removed(&self, definition: &Definition) -> bool {
        self.are(definition, TimeToLiveStage::Removing)
    }

    fn filled(&self, definition: &mut Definition) {
        if let Some(it) = &mut definition.time_to_live {
            it.stage = TimeToLiveStage::Enabled;
        }
    }

    fn prefix(&self) -> Bytes {
        index_prefix(EXPIRIES)
    }

    fn record(&self, _: &KeySchema, key: &[u8], item: &AttributeMap) -> Option<(Bytes, Bytes)> {
        Some((expiry_key(expiry_second(&self.0.attribute, item)?, key), Bytes::new()))
    }

    fn counts(&self, _: &Bytes) -> Totals {
        Totals::default()
    }
}
