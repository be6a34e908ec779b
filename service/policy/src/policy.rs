//! A policy: its text, and its statements compiled.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::compile::compile;
use crate::error::{PolicyError, quoted};
use crate::index::{Entry, Index};
use crate::kind::PolicyKind;
use crate::pattern::Pattern;
use crate::statement::Statement;
use crate::verdict::{Needs, PolicyName, PolicyType};

/// A policy document, parsed, validated and compiled. Cheap to clone.
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    text: Box<str>,
    kind: PolicyKind,
    statements: Box<[Arc<Statement>]>,
    /// For the policies that are asked by themselves; those in a [`PolicySet`](crate::PolicySet) are indexed there.
    index: OnceLock<Index>,
}

impl Policy {
    /// Reads a document that is to be used as `kind`.
    ///
    /// # Errors
    ///
    /// A document that is longer than its kind allows (and is not read at all then), is not JSON, or says anything
    /// that could not be evaluated exactly as written.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, PolicyError> {
        kind.check_size(text)?;
        let statements = compile(text, kind)?.into_iter().map(Arc::new).collect();
        Ok(Self(Arc::new(Inner { text: text.into(), kind, statements, index: OnceLock::new() })))
    }

    /// The document as written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What the document was read as.
    pub fn kind(&self) -> PolicyKind {
        self.0.kind
    }

    /// The document's size as its kind counts it.
    pub fn size(&self) -> usize {
        self.kind().size(self.text())
    }

    /// Which condition keys the statements about an action look at.
    pub fn needs(&self, action: &str) -> Needs {
        self.index().needs(action)
    }

    /// Refuses a resource policy that speaks of other resources than the one it is attached to: every ARN in it must
    /// be `arn` or lie below it (`<arn>/index/…`).
    ///
    /// # Errors
    ///
    /// The place of the first statement that does not keep to that.
    pub fn check_resources_within(&self, arn: &str) -> Result<(), PolicyError> {
        for (number, statement) in self.0.statements.iter().enumerate() {
            let Some(listed) = &statement.resources else { continue };
            let is_within = |pattern: &Pattern| {
                pattern.exact() == Some(arn)
                    || pattern.leading_text().strip_prefix(arn).is_some_and(|rest| rest.starts_with('/'))
            };
            if !listed.patterns.iter().all(is_within) {
                let not = if listed.negated { "Not" } else { "" };
                return Err(PolicyError::malformed(
                    format!("Statement[{number}].{not}Resource"),
                    format!("the policy of {} can only be about it and what lies below it", quoted(arn)),
                ));
            }
        }
        Ok(())
    }

    /// The statements as a policy of this name and part has them.
    pub(crate) fn entries(&self, name: &PolicyName, in_: PolicyType) -> impl Iterator<Item = Entry> {
        let entry = move |(number, statement): (usize, &Arc<Statement>)| Entry {
            statement: Arc::clone(statement),
            number,
            policy: name.clone(),
            in_,
        };
        self.0.statements.iter().enumerate().map(entry)
    }

    /// The statements of a policy that is asked by itself.
    pub(crate) fn index(&self) -> &Index {
        self.0.index.get_or_init(|| {
            let (name, in_) = match self.kind() {
                PolicyKind::Resource => ("resource-policy", PolicyType::Resource),
                PolicyKind::Trust => ("trust-policy", PolicyType::Trust),
                PolicyKind::Session => ("session-policy", PolicyType::Session),
                PolicyKind::Managed
                | PolicyKind::InlineUser
                | PolicyKind::InlineGroup
                | PolicyKind::InlineRole => ("policy", PolicyType::Identity),
            };
            Index::new(self.entries(&PolicyName::from(name), in_).collect())
        })
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("kind", &self.0.kind).field("text", &self.0.text).finish()
    }
}

/// Policies are the same if they were read from the same text for the same use.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.text() == other.text()
    }
}

impl Eq for Policy {}
