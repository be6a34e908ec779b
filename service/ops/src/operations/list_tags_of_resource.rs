//! ListTagsOfResource (semantics 18).

use super::tag_resource::missing_resource;
use crate::access::Access;
use crate::{Error, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_model::Tag;
use cairn_storage::{Consistency, Engine};

/// Tags in one answer unless the caller says less. A table has at most 50, so one answer holds them all.
const PAGE_MAX: usize = 50;

/// Names the tags of a table, in the order of their keys.
#[derive(Clone, Debug, Default)]
pub struct ListTagsOfResource {
    /// The table's ARN.
    pub resource_arn: String,
    /// Tags to answer with; all if not said.
    pub limit: Option<i32>,
    /// Where an earlier answer ended.
    pub next_token: Option<String>,
}

/// Some tags, and where to go on.
#[derive(Clone, Debug)]
pub struct ListTagsOfResourceOutput {
    /// The tags.
    pub tags: Vec<Tag>,
    /// The token for the rest, if there is more.
    pub next_token: Option<String>,
}

impl Operation for ListTagsOfResource {
    const KIND: OperationKind = OperationKind::ListTagsOfResource;
    type Output = ListTagsOfResourceOutput;

    fn accesses(&self) -> Vec<Access<'_>> {
        vec![Access::to_table("dynamodb:ListTagsOfResource", "resource_arn", &self.resource_arn)]
    }

    async fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> Result<ListTagsOfResourceOutput> {
        let name = service.naming.resource("resource_arn", &self.resource_arn)?;
        let limit = match self.limit {
            None => PAGE_MAX,
            Some(limit) => usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
                Validation::constraint(
                    "page_size",
                    Some(&limit.to_string()),
                    "Member must have value greater than or equal to 1",
                )
            })?,
        };
        let snapshot = service.engine.snapshot(Consistency::Strong).await?;
        let table = permit
            .find(service, &snapshot, permit.table()?)
            .await?
            .ok_or_else(|| missing_resource(Error::no_such_table(name.as_str()), self.resource_arn))?;
        let mut tags = table.definition.tags.clone();
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        if let Some(token) = &self.next_token {
            // The token is the last key answered; that tag may be gone by now.
            tags.retain(|tag| tag.key > *token);
        }
        let more = tags.len() > limit;
        tags.truncate(limit);
        let next_token = if more { tags.last().map(|tag| tag.key.clone()) } else { None };
        Ok(ListTagsOfResourceOutput { tags, next_token })
    }
}
