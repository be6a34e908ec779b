//! All policies that speak for one principal, indexed for evaluation.

use crate::policy::Policy;
use crate::verdict::{Needs, PolicyName};

/// All policies that speak for one principal, indexed by action, with a bounded memo of which statements are about
/// which (action, resource). Made once for each principal and revision of its policies, and shared.
#[derive(Debug, Default)]
pub struct PolicySet {
    _identity: Vec<(PolicyName, Policy)>,
}

impl PolicySet {
    /// A set of identity-based policies, each with the name it is known by. A boundary and a session policy restrict
    /// what these allow, where present.
    pub fn new(
        identity: Vec<(PolicyName, Policy)>,
        _boundary: Option<(PolicyName, Policy)>,
        _session: Option<Policy>,
    ) -> Self {
        Self { _identity: identity }
    }

    /// Which condition keys the statements about an action look at.
    pub fn needs(&self, _action: &str) -> Needs {
        Needs::ALL
    }
}
