//! The policy language of Cairn: IAM JSON documents, from their text to the answer whether a call is allowed.
//!
//! A document is parsed, validated and compiled once ([`Policy::parse`]); everything evaluation could stumble over is
//! refused then, with the place it stands at ([`PolicyError`]). The policies that speak for one caller make a
//! [`PolicySet`], and [`evaluate`] answers a [`Question`] from it and the policy of the resource: explicit denials
//! first, then permissions boundary, session policy, and what identity-based and resource-based policies allow.
//! [`explain`] says why.
//!
//! Pure: no I/O, no async, no clock, and no knowledge of tables or of who may be calling. Which actions a request
//! needs on which resources, and its condition keys, are the caller's to say ([`Context`]); [`Needs`] tells which of
//! the costly ones any policy looks at.

mod compile;
mod condition;
mod error;
mod evaluate;
mod explain;
mod index;
mod json;
mod kind;
mod pattern;
mod policy;
mod principal;
mod question;
mod set;
mod statement;
mod truth;
mod value;
mod verdict;

pub use error::{PolicyError, PolicyProblem};
pub use evaluate::{evaluate, evaluate_trust};
pub use explain::{Explanation, StatementExplanation, StatementOutcome, explain};
pub use kind::{DOCUMENT_BYTES_MAX, PolicyKind};
pub use policy::Policy;
pub use question::{Context, ContextValue, EmptyContext, PrincipalFacts, Question};
pub use set::PolicySet;
pub use statement::Effect;
pub use verdict::{DenyReason, MatchedStatement, Needs, PolicyName, PolicyType, Verdict};
