//! TagResource (semantics 3.3, 18), and the rules for tags.

use crate::access::Access;
use crate::{Error, FieldPath, Operation, OperationKind, Permit, Result, Service, Validation};
use cairn_model::{Tag, limits};
use cairn_storage::Engine;

/// Sets tags on a table; a key that is there already gets the new value.
#[derive(Clone, Debug, Default)]
pub struct TagResource {
    /// The table's ARN.
    pub resource_arn: String,
    /// The tags.
    pub tags: Vec<Tag>,
}

impl Operation for TagResource {
    const KIND: OperationKind = OperationKind::TagResource;
    type Output = ();

    fn accesses(&self) -> Vec<Access<'_>> {
        let tags = self.tags.iter().map(|tag| (&*tag.key, Some(&*tag.value))).collect();
        vec![Access::to_table("dynamodb:TagResource", "resource_arn", &self.resource_arn).tagging(tags)]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<()> {
        service.naming.resource("resource_arn", &self.resource_arn)?;
        if self.tags.is_empty() {
            return Err(Validation::new("tags", "Atleast one Tag needs to be provided as Input.").into());
        }
        check_tags("tags", &self.tags)?;
        let arn = self.resource_arn;
        let tags = self.tags;
        permit
            .change(service, move |mut definition| {
                for tag in &tags {
                    match definition.tags.iter_mut().find(|present| present.key == tag.key) {
                        Some(present) => present.value.clone_from(&tag.value),
                        None => definition.tags.push(tag.clone()),
                    }
                }
                if definition.tags.len() > limits::TAGS_MAX {
                    return Err(too_many().into());
                }
                Ok((definition, ()))
            })
            .await
            .map_err(|error| missing_resource(error, arn))?;
        Ok(())
    }
}

/// How the tag operations say that there is no such table.
pub(super) fn missing_resource(error: Error, arn: String) -> Error {
    match error {
        Error::ResourceNotFound { .. } => Error::ResourceNotFound {
            message: format!("Requested resource not found: ResourcArn: {arn} not found"),
            resource: arn,
        },
        error => error,
    }
}

fn too_many() -> Validation {
    Validation::new(
        "tags",
        format!(
            "One or more parameter values were invalid: Too many tags: a resource has at most {}",
            limits::TAGS_MAX
        ),
    )
}

/// Checks the length of a tag's key.
pub(super) fn check_tag_key(field: FieldPath, key: &str) -> Result<(), Validation> {
    let constraint = match key.chars().count() {
        0 => "Member must have length greater than or equal to 1",
        1..=limits::TAG_KEY_CHARS_MAX => return Ok(()),
        _ => "Member must have length less than or equal to 128",
    };
    Err(Validation::constraint(field, Some(key), constraint))
}

/// Checks tags that a caller gives: their number, sizes, keys that differ, none reserved.
pub(super) fn check_tags(field: &'static str, tags: &[Tag]) -> Result<(), Validation> {
    if tags.len() > limits::TAGS_MAX {
        return Err(too_many());
    }
    for (index, tag) in tags.iter().enumerate() {
        let field = |member| FieldPath::from(field).index(index).field(member);
        check_tag_key(field("key"), &tag.key)?;
        if tag.value.chars().count() > limits::TAG_VALUE_CHARS_MAX {
            return Err(Validation::constraint(
                field("value"),
                Some(&tag.value),
                "Member must have length less than or equal to 256",
            ));
        }
        if tag.key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(Validation::new(
                field("key"),
                "One or more parameter values were invalid: Tag keys beginning with aws: are reserved",
            ));
        }
        for (member, text) in [("key", &tag.key), ("value", &tag.value)] {
            if !text.chars().all(is_tag_character) {
                return Err(Validation::new(
                    field(member),
                    format!(
                        "One or more parameter values were invalid: A tag's {member} may hold letters, digits, spaces and \
                         _ . : / = + - @ only"
                    ),
                ));
            }
        }
        if tags.iter().take(index).any(|earlier| earlier.key == tag.key) {
            return Err(Validation::new(
                field("key"),
                format!("One or more parameter values were invalid: Duplicate tag key {}", tag.key),
            ));
        }
    }
    Ok(())
}

/// Whether a tag may hold a character: `\p{L}\p{Z}\p{N}_.:/=+\-@`.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}
