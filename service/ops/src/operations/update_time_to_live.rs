//! UpdateTimeToLive (semantics 14).

use super::put_resource_policy::check_settled;
use crate::access::Access;
use crate::catalog::{Definition, TimeToLive, TimeToLiveStage};
use crate::{Error, FieldPath, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_storage::Engine;
use jiff::{SignedDuration, Timestamp};

/// How long after a change there may be another.
const BETWEEN_CHANGES: SignedDuration = SignedDuration::from_hours(1);

/// Bytes that the attribute's name may have.
const ATTRIBUTE_BYTES_MAX: usize = 255;

const FIELD: &str = "time_to_live_specification";

/// Turns the expiry of a table's items on or off.
#[derive(Clone, Debug, Default)]
pub struct UpdateTimeToLive {
    /// The table's name or ARN.
    pub table: String,
    /// What it is to be.
    pub specification: Option<TimeToLiveSpecification>,
}

/// Whether items expire, and by which attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeToLiveSpecification {
    /// On or off; it has to be said.
    pub enabled: Option<bool>,
    /// The attribute with the second since the epoch after which an item expires; of 1 to 255 bytes.
    pub attribute: String,
}

impl Operation for UpdateTimeToLive {
    const KIND: OperationKind = OperationKind::UpdateTimeToLive;
    /// What it was asked to be.
    type Output = TimeToLiveSpecification;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:UpdateTimeToLive", "table", &self.table)]
    }

    async fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> Result<TimeToLiveSpecification> {
        let missing = |field: FieldPath| Validation::constraint(field, None, "Member must not be null");
        let asked = self.specification.ok_or_else(|| missing(FIELD.into()))?;
        let enabled = asked.enabled.ok_or_else(|| missing(FieldPath::from(FIELD).field("enabled")))?;
        let TimeToLiveSpecification { attribute, .. } = asked.clone();
        let constraint = match attribute.len() {
            0 => Some("Member must have length greater than or equal to 1"),
            1..=ATTRIBUTE_BYTES_MAX => None,
            _ => Some("Member must have length less than or equal to 255"),
        };
        if let Some(constraint) = constraint {
            let field = FieldPath::from(FIELD).field("attribute_name");
            return Err(Validation::constraint(field, Some(&attribute), constraint).into());
        }
        let now = (service.clock)();
        permit
            .change_time_to_live(service, move |definition| changed(definition, enabled, &attribute, now))
            .await?;
        Ok(asked)
    }
}

/// What a table's time to live becomes.
fn changed(definition: &Definition, enable: bool, attribute: &str, now: Timestamp) -> Result<TimeToLive> {
    check_settled(definition)?;
    let refused = |message: String| Err(Validation::of_state(FIELD, message).into());
    let before = definition.time_to_live.as_ref();
    let stage = before.map_or(TimeToLiveStage::Disabled, |before| before.stage);
    let is_on = match stage {
        TimeToLiveStage::Preparing | TimeToLiveStage::Filling | TimeToLiveStage::Enabled => true,
        TimeToLiveStage::Removing | TimeToLiveStage::Disabled => false,
    };
    if is_on == enable {
        let state = if enable { "enabled" } else { "disabled" };
        return refused(format!("TimeToLive is already {state}"));
    }
    if let Some(before) = before {
        if is_on && before.attribute != attribute {
            return refused(format!(
                "TimeToLive is active on a different AttributeName: current AttributeName is {}",
                before.attribute
            ));
        }
        if now.duration_since(before.changed_at) < BETWEEN_CHANGES {
            return refused("Time to live has been modified multiple times within a fixed interval".into());
        }
    }
    match stage {
        // What is under way is brought to its end: this much later it is a matter of retries.
        TimeToLiveStage::Preparing | TimeToLiveStage::Removing => {
            Err(Error::TableInUse { table: definition.name.to_string(), doing: "updated" })
        }
        TimeToLiveStage::Filling | TimeToLiveStage::Enabled | TimeToLiveStage::Disabled => Ok(TimeToLive {
            attribute: attribute.to_owned(),
            stage: if enable { TimeToLiveStage::Filling } else { TimeToLiveStage::Removing },
            changed_at: now,
        }),
    }
}
