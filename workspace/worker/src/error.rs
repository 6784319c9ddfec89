//! Why a run cannot go on.

use topwork_events::EndStatus;
use topwork_graft::{GraftError, Halt};
use topwork_host::{ErrorKind, HostError};
use topwork_schema::Finding;
use topwork_store::StoreError;

/// A reason to end a run before it is done.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The user asked for it.
    #[error("stopped by the user")]
    Stopped,
    /// The process that looks after the worker is gone.
    #[error("the run's supervisor was killed, and the worker stopped at its next step")]
    Orphaned,
    /// The data is no longer what earlier sessions of the run read.
    #[error("the data has changed since the run began: its digest is {found}, expected {expected}")]
    DataChanged {
        /// The digest of the data there is.
        found: String,
        /// What it was.
        expected: String,
    },
    /// The run folder cannot be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A plugin is no longer the one the run was created with.
    #[error(
        "plugin `{plugin}` has changed since the run was created: SHA-256 {found}, expected {expected}"
    )]
    PluginChanged {
        /// Its id.
        plugin: String,
        /// The digest of the file there is.
        found: String,
        /// The digest in the manifest.
        expected: String,
    },
    /// The system refused something.
    #[error("cannot {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's words.
        reason: String,
    },
    /// A task cannot be done.
    #[error(transparent)]
    Task(GraftError),
}

impl From<GraftError> for WorkerError {
    /// What the conductor itself has given as the reason for a halt comes back as it was.
    fn from(error: GraftError) -> Self {
        match error {
            GraftError::Halted(Halt { stopped, cause }) => match cause.downcast::<Self>() {
                Ok(own) => *own,
                Err(cause) => Self::Task(GraftError::Halted(Halt { stopped, cause })),
            },
            other => Self::Task(other),
        }
    }
}

impl From<WorkerError> for Halt {
    fn from(error: WorkerError) -> Self {
        Self {
            stopped: error.status() != EndStatus::Failed,
            cause: Box::new(error),
        }
    }
}

impl From<HostError> for WorkerError {
    fn from(error: HostError) -> Self {
        GraftError::from(error).into()
    }
}

impl From<Finding> for WorkerError {
    fn from(finding: Finding) -> Self {
        GraftError::from(finding).into()
    }
}

impl WorkerError {
    /// The experiment does not fit the data or the plugins as they are now.
    pub fn experiment(message: String) -> Self {
        GraftError::Experiment {
            message,
            hint: None,
        }
        .into()
    }

    /// Whether it concerns the run as a whole: anything else costs the row it happened in.
    /// A trunk that changed while it was frozen casts doubt on every row after it.
    pub fn ends_run(&self) -> bool {
        match self {
            Self::Stopped
            | Self::Orphaned
            | Self::Store(_)
            | Self::System { .. }
            | Self::DataChanged { .. } => true,
            Self::PluginChanged { .. } => false,
            Self::Task(error) => match error {
                GraftError::Halted(_)
                | GraftError::System { .. }
                | GraftError::FrozenChanged { .. }
                | GraftError::NotFrozen { .. } => true,
                GraftError::Host(error) => error.kind() == ErrorKind::Stopped,
                _ => false,
            },
        }
    }

    /// The state the run, or its row, ends in.
    pub fn status(&self) -> EndStatus {
        match self {
            Self::Stopped => EndStatus::Stopped,
            Self::Orphaned => EndStatus::Crashed,
            Self::Task(error) if error.is_stop() => EndStatus::Stopped,
            _ => EndStatus::Failed,
        }
    }

    /// The documented exit code: 1 the run failed, 2 the experiment is wrong, 3 a plugin is
    /// wrong, 4 the data is wrong, 130 stopped by the user.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Stopped => 130,
            Self::Store(_) | Self::Orphaned | Self::System { .. } => 1,
            Self::PluginChanged { .. } => 3,
            Self::DataChanged { .. } => 4,
            Self::Task(error) => match error {
                GraftError::Halted(_)
                | GraftError::System { .. }
                | GraftError::Engine { .. }
                | GraftError::FrozenChanged { .. } => 1,
                GraftError::Experiment { .. } => 2,
                GraftError::Blueprint { .. } | GraftError::NotFrozen { .. } => 3,
                GraftError::Weights { .. } => 4,
                GraftError::Host(error) => match error.kind() {
                    ErrorKind::Parameters => 2,
                    ErrorKind::Plugin => 3,
                    ErrorKind::Data => 4,
                    ErrorKind::Stopped => 130,
                },
            },
        }
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::DataChanged { .. } => {
                Some("`topwork run --resume` with the experiment's file begins a new run on the data as it is now; this one can go on when the data is as it was".to_owned())
            }
            Self::PluginChanged { .. } => {
                Some("start a new run to use the plugin as it is now".to_owned())
            }
            Self::Task(error) => error.hint(),
            _ => None,
        }
    }
}
