//! All policies that speak for one principal, indexed for evaluation.

use std::fmt;

use crate::index::Index;
use crate::policy::Policy;
use crate::verdict::{Needs, PolicyName, PolicyType};

/// All policies that speak for one principal, indexed by action, with a bounded memo of which statements are about
/// which (action, resource). Made once for each principal and revision of its policies, and shared.
pub struct PolicySet {
    index: Index,
    identity: Vec<(PolicyName, Policy)>,
    boundary: Option<(PolicyName, Policy)>,
    session: Option<Policy>,
}

impl PolicySet {
    /// A set of identity-based policies, each with the name it is known by. A boundary and a session policy restrict
    /// what these allow, where present.
    pub fn new(
        identity: Vec<(PolicyName, Policy)>,
        boundary: Option<(PolicyName, Policy)>,
        session: Option<Policy>,
    ) -> Self {
        let mut entries = Vec::new();
        for (name, policy) in &identity {
            entries.extend(policy.entries(name, PolicyType::Identity));
        }
        if let Some((name, policy)) = &boundary {
            entries.extend(policy.entries(name, PolicyType::Boundary));
        }
        if let Some(policy) = &session {
            entries.extend(policy.entries(&PolicyName::from("session-policy"), PolicyType::Session));
        }
        Self { index: Index::new(entries), identity, boundary, session }
    }

    /// The identity-based policies, in their order.
    pub fn identity(&self) -> &[(PolicyName, Policy)] {
        &self.identity
    }

    /// The permissions boundary, if there is one.
    pub fn boundary(&self) -> Option<&(PolicyName, Policy)> {
        self.boundary.as_ref()
    }

    /// The session policy, if there is one.
    pub fn session(&self) -> Option<&Policy> {
        self.session.as_ref()
    }

    /// Which condition keys the statements about an action look at.
    pub fn needs(&self, action: &str) -> Needs {
        self.index.needs(action)
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

impl Default for PolicySet {
    fn default() -> Self {
        Self::new(Vec::new(), None, None)
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("identity", &self.identity)
            .field("boundary", &self.boundary)
            .field("session", &self.session)
            .finish()
    }
}
