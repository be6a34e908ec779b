//! TagIdentity, UntagIdentity: the tags of users and roles.

use super::{asked_tags, to_holder, to_tags, user_or_role};
use crate::access::Access;
use crate::{Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_auth::Holder;
use cairn_model::Tag;
use cairn_storage::Engine;

/// Sets tags of a user or a role; a key that is there already gets the new value.
#[derive(Clone, Debug, Default)]
pub struct TagIdentity {
    /// The user or role; required.
    pub identity: Option<Holder>,
    /// The tags.
    pub tags: Vec<Tag>,
}

impl Operation for TagIdentity {
    const KIND: OperationKind = OperationKind::TagIdentity;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let access = to_holder(self.identity.as_ref(), [Some("iam:TagUser"), None, Some("iam:TagRole")]);
        access.map(|access| access.tagging(asked_tags(&self.tags))).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = user_or_role(self.identity)?;
        if self.tags.is_empty() {
            return Err(Validation::new("tags", "At least one tag is required").into());
        }
        Ok(service.identities.tag(&holder, to_tags(self.tags)?).await?)
    }
}

/// Removes tags of a user or a role; keys that it has no tag of are ignored.
#[derive(Clone, Debug, Default)]
pub struct UntagIdentity {
    /// The user or role; required.
    pub identity: Option<Holder>,
    /// The keys of the tags.
    pub keys: Vec<String>,
}

impl Operation for UntagIdentity {
    const KIND: OperationKind = OperationKind::UntagIdentity;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let actions = [Some("iam:UntagUser"), None, Some("iam:UntagRole")];
        let keys = self.keys.iter().map(|key| (&**key, None)).collect();
        to_holder(self.identity.as_ref(), actions).map(|access| access.tagging(keys)).into_iter().collect()
    }

    async fn execute<E: Engine>(self, service: &Service<E>, _: &Permit) -> Result<()> {
        let holder = user_or_role(self.identity)?;
        if self.keys.is_empty() {
            return Err(Validation::new("tag_keys", "At least one tag key is required").into());
        }
        Ok(service.identities.untag(&holder, &self.keys).await?)
    }
}
