//! Puts names and values in the place of placeholders, for every kind of expression.

use crate::ast::{Offset, PathText, StepText};
use crate::problems::{Problems, Rule};
use crate::{Bindings, DocumentPath, ExpressionProblem, Literal, PathStep};
use std::sync::Arc;

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
        let mut steps = path.0.iter().map(|element| match &element.step {
            StepText::Name(name) => Some(PathStep::Name(Arc::clone(name))),
            StepText::Index(index) => Some(PathStep::Index(*index)),
            StepText::Placeholder(placeholder) => {
                let name = self.bindings.name(placeholder);
                if name.is_none() {
                    let problem = ExpressionProblem::UndefinedName { placeholder: placeholder.to_string() };
                    self.problems.note(Rule::DefinedName, element.offset, problem);
                }
                name.map(PathStep::Name)
            }
        });
        match steps.next()?? {
            PathStep::Name(attribute) => {
                Some(DocumentPath { attribute, steps: steps.collect::<Option<_>>()? })
            }
            PathStep::Index(_) => None,
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
