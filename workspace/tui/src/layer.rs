//! Dialogs over the view. The top one is asked first.

use topwork_store::RunFolder;

use crate::keys::Place;

/// One dialog.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// The keys.
    Help {
        /// Rows scrolled.
        scroll: usize,
    },
    /// A question with yes and no.
    Question(Question),
    /// A line to type a filter into; the filter itself is the view's.
    Filter {
        /// What it was before, for those who change their mind.
        before: String,
    },
    /// Text to be read.
    Text {
        /// Its heading.
        title: String,
        /// Its lines, wrapped to the dialog's width when drawn.
        lines: Vec<String>,
        /// Rows scrolled.
        scroll: usize,
    },
}

/// What needs a yes.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Stop this run at its next step, or kill it where it was asked before.
    Stop {
        /// The run.
        run: RunFolder,
        /// Whether it is to be killed.
        kill: bool,
    },
    /// Remove this run from disk.
    Remove(RunFolder),
}

impl Layer {
    /// Which keys hold here.
    pub fn place(&self) -> Place {
        match self {
            Self::Help { .. } | Self::Text { .. } => Place::Reading,
            Self::Question(_) => Place::Question,
            Self::Filter { .. } => Place::Prompt,
        }
    }
}

impl Question {
    /// The question, as it is asked.
    pub fn text(&self) -> String {
        match self {
            Self::Stop { run, kill: false } => {
                format!("stop the run `{}` at its next step?", run.id())
            }
            Self::Stop { run, kill: true } => format!(
                "`{}` was asked to stop and has not yet: kill it now?",
                run.id()
            ),
            Self::Remove(run) => format!(
                "remove the run `{}` with all its files? this cannot be undone",
                run.id()
            ),
        }
    }
}
