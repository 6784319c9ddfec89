//! Why finished work cannot be used.

use topwork_graft::GraftError;
use topwork_host::HostError;
use topwork_schema::{Category, Problem};
use topwork_store::StoreError;
use topwork_tables::Error as TableError;
use topwork_worker::{WorkerError, problem};

/// A reason why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A plugin, the engine or the experiment stands against it.
    #[error(transparent)]
    Graft(#[from] GraftError),
    /// The run folder cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run's experiment no longer holds.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Nobody wanted the rest.
    #[error("stopped")]
    Stopped,
    /// What was asked for does not fit.
    #[error("{message}")]
    Other {
        /// What does not fit.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
}

impl From<HostError> for ApplyError {
    fn from(error: HostError) -> Self {
        Self::Graft(error.into())
    }
}

impl ApplyError {
    /// Whether nobody reads any more what is written.
    pub fn is_broken_pipe(&self) -> bool {
        let Self::Table(TableError::Write { source, .. }) = self else {
            return false;
        };
        source.kind() == std::io::ErrorKind::BrokenPipe
    }

    /// As the one who asked wants it.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Graft(error) => problem(error),
            Self::Worker(error) => Problem {
                category: Category::Experiment,
                message: error.to_string(),
                hint: error.hint(),
            },
            Self::Stopped => Problem {
                category: Category::Experiment,
                message: self.to_string(),
                hint: None,
            },
            Self::Store(_) | Self::Table(_) => Problem {
                category: Category::Data,
                message: self.to_string(),
                hint: None,
            },
            Self::Other { message, hint } => Problem {
                category: Category::Experiment,
                message: message.clone(),
                hint: hint.clone(),
            },
        }
    }
}
