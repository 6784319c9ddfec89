//! What can be wrong with a blueprint, told all at once.

use std::fmt;

/// One thing wrong with a blueprint, and, where one is known, the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: the place, the value found and what was expected.
    pub message: String,
    /// What would put it right.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the legal choice closest to `found` as a hint, if one is close at all.
    pub(crate) fn nearest<'a>(
        self,
        found: &str,
        choices: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match topwork_nearest::nearest(found, choices) {
            Some(choice) => self.hint(format!("did you mean `{choice}`?")),
            None => self,
        }
    }

    /// Puts the place of the problem in front of it.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

/// Everything wrong with a blueprint: one line per problem, its hint on the line below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlueprintError {
    problems: Vec<Problem>,
}

impl BlueprintError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for BlueprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let break_before = if index == 0 { "" } else { "\n" };
            write!(f, "{break_before}{}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for BlueprintError {}
