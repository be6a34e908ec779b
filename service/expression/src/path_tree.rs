//! `PathTree`: several document paths that stay out of each other's way, and what an item holds at them.
//!
//! The nodes are kept side by side and name their children by number, so a path of two thousand steps is dropped
//! without recursion, and a new path is checked against all earlier ones in one walk.

use crate::DocumentPath;
use cairn_model::{AttributeMap, AttributeValue, PathSegment};
use std::collections::BTreeMap;

/// How a path gets in the way of an earlier one (semantics section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
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
    attributes: BTreeMap<String, NodeId>,
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
    Members(BTreeMap<String, NodeId>),
    Elements(BTreeMap<usize, NodeId>),
}

impl PathTree {
    /// Adds a path, the one with number `number`; one that clashes is left out.
    pub(crate) fn insert(&mut self, number: usize, path: &DocumentPath) -> Result<(), Clash> {
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
                (Children::Members(members), PathSegment::Name(name)) => {
                    *members.entry(name.clone()).or_insert(fresh)
                }
                (Children::Elements(elements), PathSegment::Index(index)) => {
                    *elements.entry(*index).or_insert(fresh)
                }
                (children, PathSegment::Name(name)) => {
                    *children = Children::Members([(name.clone(), fresh)].into());
                    fresh
                }
                (children, PathSegment::Index(index)) => {
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
                (Children::Members(members), PathSegment::Name(name)) => members.get(name),
                (Children::Elements(elements), PathSegment::Index(index)) => elements.get(index),
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
    fn project_members(&self, wanted: &BTreeMap<String, NodeId>, members: &AttributeMap) -> AttributeMap {
        let found = wanted.iter().filter_map(|(name, id)| {
            let value = self.project_value(*id, members.get(name)?)?;
            Some((name.clone(), value))
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
