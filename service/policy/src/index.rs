//! Statements by action, and which of them are about an (action, resource).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::question::Question;
use crate::statement::{Coverage, Effect, Statement};
use crate::verdict::{MatchedStatement, Needs, PolicyName, PolicyType};

/// How many (action, resource) pairs an index remembers.
const REMEMBERED_MAX: usize = 512;

/// How many actions' needs an index remembers. There are fewer actions.
const ACTIONS_REMEMBERED_MAX: usize = 256;

/// The longest action and resource, together, that are remembered, in bytes.
const REMEMBERED_BYTES_MAX: usize = 2_048;

/// A statement and where it stands.
pub(crate) struct Entry {
    pub(crate) statement: Arc<Statement>,
    pub(crate) number: usize,
    pub(crate) policy: PolicyName,
    pub(crate) in_: PolicyType,
}

impl Entry {
    pub(crate) fn matched(&self) -> MatchedStatement {
        MatchedStatement {
            policy: self.policy.clone(),
            statement: self.number,
            sid: self.statement.sid.clone(),
        }
    }
}

/// Statements, by action. What it remembers depends on nothing but the action and the resource asked for, so it can
/// never be out of date; conditions are looked at every time.
pub(crate) struct Index {
    entries: Box<[Entry]>,
    /// By the actions they name without wildcards, in lower case.
    by_action: HashMap<Box<str>, Vec<usize>>,
    /// Those that name actions by wildcard, or by what they are not.
    by_pattern: Vec<usize>,
    /// What any of the statements needs.
    needs: Needs,
    remembered: OnceLock<Cache<Asked, Arc<Candidates>>>,
    needs_remembered: OnceLock<Cache<Box<str>, Needs>>,
}

/// The key of what is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    action: Box<str>,
    resource: Box<str>,
}

/// The same, borrowed. Hashes as [`Asked`] does.
#[derive(Hash)]
struct AskedFor<'a> {
    action: &'a str,
    resource: &'a str,
}

impl Equivalent<Asked> for AskedFor<'_> {
    fn equivalent(&self, key: &Asked) -> bool {
        *self.action == *key.action && *self.resource == *key.resource
    }
}

/// A statement that is about an action, and about a resource as far as that is known without the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    at: usize,
    /// Whether it is about the resource for certain.
    pub(crate) settled: bool,
}

/// The statements about an (action, resource), in their order.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Of all policies. Where a list has a statement that matches whatever the request says, it has no other.
    pub(crate) denying: Vec<Candidate>,
    /// Of identity-based policies.
    pub(crate) identity: Vec<Candidate>,
    /// Of the permissions boundary.
    pub(crate) boundary: Vec<Candidate>,
    /// Of the session policy.
    pub(crate) session: Vec<Candidate>,
    /// Of a resource or trust policy.
    pub(crate) resource: Vec<Candidate>,
}

impl Candidates {
    fn list(&mut self, entry: &Entry) -> &mut Vec<Candidate> {
        match (entry.statement.effect, entry.in_) {
            (Effect::Deny, _) => &mut self.denying,
            (Effect::Allow, PolicyType::Identity) => &mut self.identity,
            (Effect::Allow, PolicyType::Boundary) => &mut self.boundary,
            (Effect::Allow, PolicyType::Session) => &mut self.session,
            (Effect::Allow, PolicyType::Resource | PolicyType::Trust) => &mut self.resource,
        }
    }
}

impl Index {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut by_action: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        let mut by_pattern = Vec::new();
        let mut needs = Needs::default();
        for (at, entry) in entries.iter().enumerate() {
            needs = needs.or(entry.statement.needs);
            let actions = &entry.statement.actions;
            let exact = actions.patterns.iter().map(|pattern| pattern.exact()).collect::<Option<Vec<_>>>();
            match exact {
                Some(actions_named) if !actions.negated => {
                    for action in actions_named {
                        let bucket = by_action.entry(action.into()).or_default();
                        if bucket.last() != Some(&at) {
                            bucket.push(at);
                        }
                    }
                }
                _ => by_pattern.push(at),
            }
        }
        Self {
            entries: entries.into(),
            by_action,
            by_pattern,
            needs,
            remembered: OnceLock::new(),
            needs_remembered: OnceLock::new(),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The statements about an action given in lower case, in order.
    fn about<'a>(&'a self, action: &'a str) -> impl Iterator<Item = (usize, &'a Entry)> {
        let named = self.by_action.get(action).map_or(&[][..], Vec::as_slice);
        let get = |at: &usize| self.entries.get(*at).map(|entry| (*at, entry));
        // A statement is in one of the two lists, never in both.
        let mut named = named.iter().filter_map(get).peekable();
        let mut patterned = self
            .by_pattern
            .iter()
            .filter_map(get)
            .filter(move |(_, entry)| entry.statement.covers_action(action))
            .peekable();
        std::iter::from_fn(move || match (named.peek(), patterned.peek()) {
            (Some((one, _)), Some((other, _))) if other < one => patterned.next(),
            (Some(_), _) => named.next(),
            (None, _) => patterned.next(),
        })
    }

    /// Which condition keys the statements about an action look at.
    pub(crate) fn needs(&self, action: &str) -> Needs {
        if self.needs == Needs::default() {
            return self.needs;
        }
        let remembered = self.needs_remembered.get_or_init(|| Cache::new(ACTIONS_REMEMBERED_MAX));
        if let Some(needs) = remembered.get(action) {
            return needs;
        }
        let lower = action.to_ascii_lowercase();
        let needs =
            self.about(&lower).fold(Needs::default(), |needs, (_, entry)| needs.or(entry.statement.needs));
        if action.len() <= REMEMBERED_BYTES_MAX {
            remembered.insert(action.into(), needs);
        }
        needs
    }

    /// The statements about an (action, resource).
    pub(crate) fn candidates(&self, action: &str, resource: &str) -> Arc<Candidates> {
        let remembered = self.remembered.get_or_init(|| Cache::new(REMEMBERED_MAX));
        if let Some(candidates) = remembered.get(&AskedFor { action, resource }) {
            return candidates;
        }
        let candidates = Arc::new(self.find(action, resource));
        if action.len() + resource.len() <= REMEMBERED_BYTES_MAX {
            remembered.insert(Asked { action: action.into(), resource: resource.into() }, candidates.clone());
        }
        candidates
    }

    fn find(&self, action: &str, resource: &str) -> Candidates {
        let mut candidates = Candidates::default();
        for (at, entry) in self.about(&action.to_ascii_lowercase()) {
            let settled = match entry.statement.coverage(resource) {
                Coverage::Covered => true,
                Coverage::Depends => false,
                Coverage::Apart => continue,
            };
            candidates.list(entry).push(Candidate { at, settled });
        }
        let Candidates { denying, identity, boundary, session, resource } = &mut candidates;
        for list in [denying, identity, boundary, session, resource] {
            // One that matches whatever the request says settles its list.
            let certain = |candidate: &&Candidate| candidate.settled && self.is_unconditional(candidate);
            match list.iter().find(certain).copied() {
                Some(certain) => *list = vec![certain],
                None => list.shrink_to_fit(),
            }
        }
        candidates
    }

    fn is_unconditional(&self, candidate: &Candidate) -> bool {
        self.entry(candidate).is_some_and(|entry| {
            entry.statement.conditions.is_empty() && entry.statement.principals.is_none()
        })
    }

    pub(crate) fn entry(&self, candidate: &Candidate) -> Option<&Entry> {
        self.entries.get(candidate.at)
    }

    /// The first of the candidates that matches, whomever it is about.
    pub(crate) fn first_match(&self, candidates: &[Candidate], question: &Question<'_>) -> Option<&Entry> {
        candidates.iter().find_map(|candidate| {
            self.entry(candidate).filter(|entry| entry.statement.matches(question, candidate.settled))
        })
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("statements", &self.entries.len()).finish_non_exhaustive()
    }
}
