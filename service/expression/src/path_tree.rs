//! `PathTree`: several document paths that stay out of each other's way, and what an item holds at them.
//!
//! The nodes are kept side by side and name their children by number, so a path of two thousand steps is dropped
//! without recursion, and a new path is checked against all earlier ones in one walk.

use crate::problems::Rule;
use crate::{DocumentPath, ExpressionProblem, PathStep};
use cairn_model::{AttributeMap, AttributeValue};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Document paths that cannot stand in one expression together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PathClashError {
    /// [`PathsOverlap`](ExpressionProblem::PathsOverlap) or [`PathsConflict`](ExpressionProblem::PathsConflict).
    pub problem: ExpressionProblem,
    /// The later one of the paths, counted from 0.
    pub later: usize,
}

/// How a path gets in the way of an earlier one (semantics section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clash {
    /// One is the other or lies inside it.
    Overlap {
        /// The earlier path, counted from 0.
        earlier: usize,
    },
    /// They take the same value for a list and for a map.
    Conflict {
        /// The earlier path, counted from 0.
        earlier: usize,
    },
}

/// Paths of which none is another's beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathTree {
    /// The top-level attributes.
    attributes: BTreeMap<Arc<str>, NodeId>,
    nodes: Vec<TreeNode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeId(usize);

#[derive(Clone, Debug, PartialEq, Eq)]
struct TreeNode {
    /// The first path that leads here or through here.
    path: usize,
    children: Children,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Children {
    /// A path ends here.
    End,
    Members(BTreeMap<Arc<str>, NodeId>),
    Elements(BTreeMap<usize, NodeId>),
}

impl PathTree {
    /// The tree of some paths; those that clash with earlier ones are left out and told, in their order.
    pub(crate) fn of(paths: &[&DocumentPath]) -> (Self, Vec<(Rule, PathClashError)>) {
        let mut tree = Self::default();
        let mut clashes = Vec::new();
        for (later, path) in paths.iter().enumerate() {
            let Err(clash) = tree.insert(later, path) else { continue };
            let shown = |number: usize| paths.get(number).map(ToString::to_string).unwrap_or_default();
            let (rule, problem) = match clash {
                Clash::Overlap { earlier } => (
                    Rule::Overlap,
                    ExpressionProblem::PathsOverlap { one: shown(earlier), two: shown(later) },
                ),
                Clash::Conflict { earlier } => (
                    Rule::Conflict,
                    ExpressionProblem::PathsConflict { one: shown(earlier), two: shown(later) },
                ),
            };
            clashes.push((rule, PathClashError { problem, later }));
        }
        (tree, clashes)
    }

    /// Adds a path, the one with number `number`; one that clashes is left out.
    fn insert(&mut self, number: usize, path: &DocumentPath) -> Result<(), Clash> {
        self.check(path)?;
        let mut at = match self.attributes.get(&path.attribute) {
            Some(id) => *id,
            None => {
                let id = self.new_node(number);
                self.attributes.insert(path.attribute.clone(), id);
                id
            }
        };
        for step in &path.steps {
            let fresh = NodeId(self.nodes.len());
            let Some(node) = self.nodes.get_mut(at.0) else { break };
            let child = match (&mut node.children, step) {
                (Children::Members(members), PathStep::Name(name)) => {
                    *members.entry(name.clone()).or_insert(fresh)
                }
                (Children::Elements(elements), PathStep::Index(index)) => {
                    *elements.entry(*index).or_insert(fresh)
                }
                (children, PathStep::Name(name)) => {
                    *children = Children::Members([(name.clone(), fresh)].into());
                    fresh
                }
                (children, PathStep::Index(index)) => {
                    *children = Children::Elements([(*index, fresh)].into());
                    fresh
                }
            };
            if child == fresh {
                self.new_node(number);
            }
            at = child;
        }
        Ok(())
    }

    fn new_node(&mut self, path: usize) -> NodeId {
        self.nodes.push(TreeNode { path, children: Children::End });
        NodeId(self.nodes.len() - 1)
    }

    fn node(&self, id: NodeId) -> Option<&TreeNode> {
        self.nodes.get(id.0)
    }

    fn check(&self, path: &DocumentPath) -> Result<(), Clash> {
        let mut at = self.attributes.get(&path.attribute).and_then(|id| self.node(*id));
        for step in &path.steps {
            let Some(node) = at else { return Ok(()) };
            let child = match (&node.children, step) {
                (Children::End, _) => return Err(Clash::Overlap { earlier: node.path }),
                (Children::Members(members), PathStep::Name(name)) => members.get(name),
                (Children::Elements(elements), PathStep::Index(index)) => elements.get(index),
                _ => return Err(Clash::Conflict { earlier: node.path }),
            };
            at = child.and_then(|id| self.node(*id));
        }
        at.map_or(Ok(()), |node| Err(Clash::Overlap { earlier: node.path }))
    }

    /// What `item` holds at the paths, in containers that hold nothing else; the elements of a list follow each other
    /// in their order, without the ones left out.
    pub(crate) fn project(&self, item: &AttributeMap) -> AttributeMap {
        self.project_members(&self.attributes, item)
    }

    // Goes as deep as the item does, which is 32 levels.
    fn project_members(&self, wanted: &BTreeMap<Arc<str>, NodeId>, members: &AttributeMap) -> AttributeMap {
        let found = wanted.iter().filter_map(|(name, id)| {
            let value = self.project_value(*id, members.get(&**name)?)?;
            Some((name.to_string(), value))
        });
        found.collect()
    }

    fn project_value(&self, id: NodeId, value: &AttributeValue) -> Option<AttributeValue> {
        match (&self.node(id)?.children, value) {
            (Children::End, value) => Some(value.clone()),
            (Children::Members(wanted), AttributeValue::M(members)) => {
                let found = self.project_members(wanted, members);
                (!found.is_empty()).then_some(AttributeValue::M(found))
            }
            (Children::Elements(wanted), AttributeValue::L(elements)) => {
                let found: Vec<_> = wanted
                    .iter()
                    .filter_map(|(index, id)| self.project_value(*id, elements.get(*index)?))
                    .collect();
                (!found.is_empty()).then_some(AttributeValue::L(found))
            }
            _ => None,
        }
    }
}
