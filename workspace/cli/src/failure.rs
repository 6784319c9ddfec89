//! How the command line fails: one message, perhaps a hint, a documented exit code.

use std::{io::Write, process::ExitCode};

use topwork_schema::{Category, Problem};
use topwork_store::StoreError;

use crate::{hints, output};

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong.
    pub message: String,
    /// The whole text, where a library has rendered it with file and line.
    pub rendered: Option<String>,
    /// What to try.
    pub hint: Option<String>,
    /// The exit code.
    pub code: u8,
}

/// The run failed.
pub const RUN_FAILED: u8 = 1;
/// The command or the experiment is wrong.
pub const WRONG_USE: u8 = 2;
/// A plugin is wrong.
pub const WRONG_PLUGIN: u8 = 3;
/// The data is wrong.
pub const WRONG_DATA: u8 = 4;

impl Failure {
    /// A failure with this exit code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            rendered: None,
            hint: None,
            code,
        }
    }

    /// A failure whose text is ready.
    pub fn rendered(code: u8, text: String) -> Self {
        Self {
            rendered: Some(text),
            ..Self::new(code, "")
        }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on stderr and gives its exit code.
    pub fn report(self) -> ExitCode {
        match self.rendered {
            Some(text) => write(&text),
            None => tell(&self.message, self.hint.as_deref()),
        }
        self.code.into()
    }
}

/// Tells an error and its hint on stderr, in the one form all of them have.
pub fn tell(message: &str, hint: Option<&str>) {
    let mut text = String::new();
    text.push_str(&format!("error: {message}\n"));
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    write(&text);
}

/// Tells what may be wrong and stops nothing.
pub fn warn(message: &str) {
    write(&format!("warning: {message}\n"));
}

/// Talk for a person. Nobody is left to hear of it when stderr is gone.
pub fn write(text: &str) {
    let mut out = std::io::stderr();
    let text = output::shown(text, &out);
    let _ = out.write_all(text.as_bytes());
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = match problem.category {
            Category::Experiment => WRONG_USE,
            Category::Plugin => WRONG_PLUGIN,
            Category::Data => WRONG_DATA,
        };
        Self {
            hint: problem.hint,
            ..Self::new(code, problem.message)
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::NoSuchRun { .. }
            | StoreError::Ambiguous { .. }
            | StoreError::Newer { .. }
            | StoreError::Live { .. } => WRONG_USE,
            StoreError::Io { .. } | StoreError::Damaged { .. } => RUN_FAILED,
        };
        let hint = match &error {
            StoreError::NoSuchRun { folder, .. } => {
                Some(format!("{} lists them", hints::within("runs", folder)))
            }
            StoreError::Live { run, .. } => {
                Some(format!("{} ends it first", hints::about("stop", run)))
            }
            StoreError::Newer { .. } => Some("a newer topwork can do it".to_owned()),
            _ => None,
        };
        Self {
            message: error.to_string(),
            rendered: None,
            hint,
            code,
        }
    }
}
