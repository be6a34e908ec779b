//! Puts names and values in the place of placeholders, for every kind of expression.

use crate::ast::{Offset, PathStep, PathText};
use crate::problems::{Problems, Rule};
use crate::{Bindings, DocumentPath, ExpressionProblem, Literal};
use cairn_model::PathSegment;

/// Resolves the placeholders of one expression and notes the ones that stand for nothing.
pub(crate) struct Binder<'b> {
    bindings: &'b mut Bindings,
    pub(crate) problems: Problems,
}

impl<'b> Binder<'b> {
    pub(crate) fn new(bindings: &'b mut Bindings, problems: Problems) -> Self {
        Self { bindings, problems }
    }

    /// The path, if all its names are defined.
    pub(crate) fn path(&mut self, path: &PathText) -> Option<DocumentPath> {
        let mut segments = Vec::with_capacity(path.0.len());
        for element in &path.0 {
            let segment = match &element.step {
                PathStep::Name(name) => Some(PathSegment::Name(name.to_string())),
                PathStep::Index(index) => Some(PathSegment::Index(*index)),
                PathStep::Placeholder(placeholder) => match self.bindings.name(placeholder) {
                    Some(name) => Some(PathSegment::Name(name.to_owned())),
                    None => {
                        let problem =
                            ExpressionProblem::UndefinedName { placeholder: placeholder.to_string() };
                        self.problems.note(Rule::DefinedName, element.offset, problem);
                        None
                    }
                },
            };
            segments.push(segment);
        }
        // Every placeholder was looked up, so that one undefined name does not leave the others unmentioned.
        let mut segments = segments.into_iter();
        match segments.next()?? {
            PathSegment::Name(attribute) => {
                Some(DocumentPath { attribute, steps: segments.collect::<Option<_>>()? })
            }
            PathSegment::Index(_) => None,
        }
    }

    /// The value, if it is defined.
    pub(crate) fn value(&mut self, placeholder: &str, offset: Offset) -> Option<Literal> {
        let value = self.bindings.value(placeholder);
        if value.is_none() {
            let problem = ExpressionProblem::UndefinedValue { placeholder: placeholder.to_owned() };
            self.problems.note(Rule::DefinedValue, offset, problem);
        }
        value
    }
}
