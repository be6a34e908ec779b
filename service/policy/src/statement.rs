//! One compiled statement.

use std::sync::Arc;

use crate::condition::Condition;
use crate::pattern::{Match, Pattern};
use crate::principal::{Naming, Principals};
use crate::question::{Context, PrincipalFacts, Question};
use crate::truth::Truth;
use crate::verdict::Needs;

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Forbids, whatever allows.
    Deny,
}

/// A statement, its elements ready to be matched.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) sid: Option<Arc<str>>,
    /// In lower case.
    pub(crate) actions: Listed,
    /// None in trust policies: they are about the role they are attached to.
    pub(crate) resources: Option<Listed>,
    /// None in identity-based policies: they are about whom they are attached to.
    pub(crate) principals: Option<Principals>,
    pub(crate) conditions: Box<[Condition]>,
    pub(crate) needs: Needs,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) negated: bool,
    pub(crate) patterns: Box<[Pattern]>,
}

/// Whether a statement is about a resource, as far as can be told without the request's condition keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// It is, whatever the condition keys.
    Covered,
    /// That depends on them.
    Depends,
    /// It is not, whatever the condition keys.
    Apart,
}

impl Statement {
    /// Whether the statement is about an action, given in lower case.
    pub(crate) fn covers_action(&self, action: &str) -> bool {
        self.actions.patterns.iter().any(|pattern| pattern.could_match(action)) != self.actions.negated
    }

    /// Whether the statement is about a resource, without looking at condition keys.
    pub(crate) fn coverage(&self, resource: &str) -> Coverage {
        let Some(listed) = &self.resources else { return Coverage::Covered };
        let mut depends = false;
        for pattern in listed.patterns.iter().filter(|pattern| pattern.could_match(resource)) {
            if pattern.has_variables() {
                depends = true;
            } else {
                return if listed.negated { Coverage::Apart } else { Coverage::Covered };
            }
        }
        match (depends, listed.negated) {
            (true, _) => Coverage::Depends,
            // A variable that the request lacks makes it unknown what is left out.
            (false, true) if listed.patterns.iter().any(Pattern::has_variables) => Coverage::Depends,
            (false, true) => Coverage::Covered,
            (false, false) => Coverage::Apart,
        }
    }

    /// Whether the statement is about a resource.
    pub(crate) fn covers_resource(&self, resource: &str, context: &dyn Context) -> Truth {
        let Some(listed) = &self.resources else { return Truth::True };
        let mut unresolved = false;
        for pattern in &listed.patterns {
            match pattern.matches(resource, context) {
                Match::Yes => return (!listed.negated).into(),
                Match::No => {}
                Match::Unresolved => unresolved = true,
            }
        }
        match (listed.negated, unresolved) {
            (true, true) => Truth::Unknown,
            (negated, _) => negated.into(),
        }
    }

    /// How closely the statement names a caller; a statement without principals is about whoever it is asked for.
    pub(crate) fn naming(&self, principal: &PrincipalFacts) -> Naming {
        self.principals.as_ref().map_or(Naming::Directly, |principals| principals.naming(principal))
    }

    /// Whether all conditions hold.
    pub(crate) fn conditions_hold(&self, context: &dyn Context) -> Truth {
        Truth::all(self.conditions.iter().map(|condition| condition.holds(context, self.effect)))
    }

    /// Whether the statement matches a question about an action it covers. What is `settled` about the resource is
    /// not looked at again.
    pub(crate) fn matches(&self, question: &Question<'_>, settled: bool) -> bool {
        let resource =
            if settled { Truth::True } else { self.covers_resource(question.resource, question.context) };
        if resource == Truth::False {
            return false;
        }
        resource.and(self.conditions_hold(question.context)).holds_for(self.effect)
    }

    /// What the statement looks at besides the principal, the action and the resource, in lower case.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let resources = self.resources.iter().flat_map(|listed| listed.patterns.iter());
        let conditions = self.conditions.iter();
        resources
            .flat_map(Pattern::variables)
            .chain(conditions.flat_map(|condition| condition.variables().chain([&*condition.key])))
    }

    /// Which of the costly keys the statement looks at.
    pub(crate) fn with_needs(mut self) -> Self {
        let needs = self.keys().fold(Needs::default(), |needs, key| {
            needs.or(Needs {
                leading_keys: matches!(
                    key,
                    "dynamodb:leadingkeys"
                        | "dynamodb:secondpartitionkeyvalues"
                        | "dynamodb:thirdpartitionkeyvalues"
                        | "dynamodb:fourthpartitionkeyvalues"
                ),
                attributes: key == "dynamodb:attributes",
            })
        });
        self.needs = needs;
        self
    }
}
