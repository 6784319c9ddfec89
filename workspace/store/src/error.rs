//! What can go wrong with a run folder.

use std::{io, path::PathBuf};

use topwork_sniff::reason;

/// A failure to write, read or find a run folder.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("cannot {action} `{path}`: {reason}")]
    Io {
        /// What was tried: `create`, `write`, `read`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file of the folder is not what it should be.
    #[error("`{path}` is damaged: {reason}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
    /// The folder is of a later layout than this version writes.
    #[error(
        "the run `{run}` was made by a newer topwork (format {format}, this one knows {})",
        crate::Manifest::FORMAT
    )]
    Newer {
        /// The run.
        run: String,
        /// Its layout.
        format: u32,
    },
    /// Somebody looks after the run.
    #[error("the run `{}` is {standing}", .run.id())]
    Live {
        /// The run.
        run: crate::RunFolder,
        /// How it stands.
        standing: String,
    },
    /// No run is called that.
    #[error("there is no run `{wanted}` in `{folder}`{}", .nearest.as_ref().map(|id| format!("; the latest is `{id}`")).unwrap_or_default())]
    NoSuchRun {
        /// What was asked for.
        wanted: String,
        /// Where.
        folder: PathBuf,
        /// The latest run there is.
        nearest: Option<String>,
    },
    /// Several runs could be meant.
    #[error("`{wanted}` could be any of the runs {}", .choices.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The runs it fits.
        choices: Vec<String>,
    },
}

impl StoreError {
    /// The same wording for every refusal of the system.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            reason: reason(error),
        }
    }
}
