//! Projections: which parts of an item a read returns (semantics section 5.6).

use crate::ast::PathText;
use crate::bind::Binder;
use crate::lexer::Lexeme;
use crate::parse::Parser;
use crate::path_tree::{Clash, PathTree};
use crate::problems::{Problems, Rule};
use crate::{Bindings, DocumentPath, ExpressionError, ExpressionKind, ExpressionProblem};
use cairn_model::AttributeMap;
use std::collections::BTreeSet;
use std::fmt;

/// A projection as its text says it, placeholders still in it: what can be kept and bound again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedProjection {
    paths: Vec<PathText>,
}

/// The parts of an item that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    paths: Vec<DocumentPath>,
    tree: PathTree,
}

/// Document paths that cannot stand in one expression together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PathClashError {
    /// [`PathsOverlap`](ExpressionProblem::PathsOverlap) or [`PathsConflict`](ExpressionProblem::PathsConflict).
    pub problem: ExpressionProblem,
    /// The later one of the paths, counted from 0.
    pub later: usize,
}

/// Puts paths into one tree; what clashes is left out and said.
pub(crate) fn path_tree(paths: &[&DocumentPath]) -> (PathTree, Vec<(Rule, PathClashError)>) {
    let mut tree = PathTree::default();
    let mut clashes = Vec::new();
    for (later, path) in paths.iter().enumerate() {
        let Err(clash) = tree.insert(later, path) else { continue };
        let shown = |number: usize| paths.get(number).map(ToString::to_string).unwrap_or_default();
        let clash = match clash {
            Clash::Overlap { earlier } => {
                let problem = ExpressionProblem::PathsOverlap { one: shown(earlier), two: shown(later) };
                (Rule::Overlap, PathClashError { problem, later })
            }
            Clash::Conflict { earlier } => {
                let problem = ExpressionProblem::PathsConflict { one: shown(earlier), two: shown(later) };
                (Rule::Conflict, PathClashError { problem, later })
            }
        };
        clashes.push(clash);
    }
    (tree, clashes)
}

impl ParsedProjection {
    /// Parses a `ProjectionExpression`.
    ///
    /// # Errors
    /// The first rule the text breaks whatever its placeholders stand for.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser::new(ExpressionKind::Projection, text)?;
        let mut paths = vec![parser.path()?];
        while parser.take_if(Lexeme::Comma).is_some() {
            paths.push(parser.path()?);
        }
        if !parser.at_end() {
            return Err(parser.syntax_error());
        }
        parser.finish()?.result()?;
        Ok(Self { paths })
    }

    /// Puts names in the place of placeholders.
    ///
    /// # Errors
    /// The first rule the projection breaks, in the order of semantics section 20.5.
    pub fn bind(&self, bindings: &mut Bindings) -> Result<Projection, ExpressionError> {
        let mut binder = Binder::new(bindings, Problems::new(ExpressionKind::Projection));
        let bound = self.paths.iter().filter_map(|path| Some((path.offset(), binder.path(path)?)));
        let (offsets, paths): (Vec<_>, Vec<_>) = bound.unzip();
        let (tree, clashes) = path_tree(&paths.iter().collect::<Vec<_>>());
        for (rule, clash) in clashes {
            let offset = offsets.get(clash.later).copied().unwrap_or_default();
            binder.problems.note(rule, offset, clash.problem);
        }
        binder.problems.result()?;
        Ok(Projection { paths, tree })
    }

    /// Bytes it holds on the heap, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(self.paths.as_slice()) + self.paths.iter().map(PathText::heap_bytes).sum::<usize>()
    }
}

impl fmt::Display for ParsedProjection {
    /// A text that parses to the same projection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, path) in self.paths.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{path}")?;
        }
        Ok(())
    }
}

impl Projection {
    /// A projection of these paths.
    ///
    /// # Errors
    /// The first two of them that overlap or conflict.
    pub fn new(paths: Vec<DocumentPath>) -> Result<Self, PathClashError> {
        let (tree, clashes) = path_tree(&paths.iter().collect::<Vec<_>>());
        match clashes.into_iter().next() {
            Some((_, clash)) => Err(clash),
            None => Ok(Self { paths, tree }),
        }
    }

    /// What an item holds at the paths, in containers that hold nothing else. Several elements of one list follow
    /// each other in its order. Empty if the item holds nothing there; key attributes are not added.
    pub fn apply(&self, item: &AttributeMap) -> AttributeMap {
        self.tree.project(item)
    }

    /// The paths as written.
    pub fn paths(&self) -> &[DocumentPath] {
        &self.paths
    }

    /// The top-level attributes the projection mentions.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.paths.iter().map(|path| path.attribute.as_str()).collect()
    }
}
