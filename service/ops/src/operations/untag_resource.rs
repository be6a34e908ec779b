//! UntagResource (semantics 18).

use super::tag_resource::{check_tag_key, missing_resource};
use crate::access::Access;
use crate::{FieldPath, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_storage::Engine;

/// Removes tags from a table. Keys that it does not have are ignored.
#[derive(Clone, Debug, Default)]
pub struct UntagResource {
    /// The table's ARN.
    pub resource_arn: String,
    /// The keys of the tags.
    pub keys: Vec<String>,
}

impl Operation for UntagResource {
    const KIND: OperationKind = OperationKind::UntagResource;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let tags = self.keys.iter().map(|key| (&**key, None)).collect();
        vec![Access::to_table("dynamodb:UntagResource", "resource_arn", &self.resource_arn).tagging(tags)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<()> {
        service.naming.resource("resource_arn", &self.resource_arn)?;
        if self.keys.is_empty() {
            return Err(
                Validation::new("tag_keys", "Atleast one Tag Key needs to be provided as Input.").into()
            );
        }
        for (index, key) in self.keys.iter().enumerate() {
            check_tag_key(FieldPath::from("tag_keys").index(index), key)?;
        }
        let keys = self.keys;
        permit
            .change(service, move |mut definition| {
                definition.tags.retain(|tag| !keys.contains(&tag.key));
                Ok((definition, ()))
            })
            .await
            .map_err(|error| missing_resource(error, self.resource_arn))?;
        Ok(())
    }
}
