//! Why a run cannot go on.

use topwork_engine::{BlueprintError, EngineError};
use topwork_events::EndStatus;
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
    /// A plugin refused or failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The network cannot do what was asked.
    #[error("{stage}: {source}")]
    Engine {
        /// In which stage.
        stage: String,
        /// What the engine says.
        source: EngineError,
    },
    /// A plugin describes a network that cannot be built.
    #[error("{component} describes a network that cannot be built: {source}")]
    Blueprint {
        /// The plugin's component.
        component: String,
        /// What is wrong with it.
        source: BlueprintError,
    },
    /// The experiment does not fit the data or the plugins as they are now.
    #[error("{message}")]
    Experiment {
        /// What does not fit.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
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
    /// Something before the cut changed although it was frozen.
    #[error(
        "strategy `{strategy}` changed the frozen trunk: SHA-256 {after} after it, {before} before"
    )]
    FrozenChanged {
        /// The strategy.
        strategy: String,
        /// The trunk's digest before.
        before: String,
        /// The trunk's digest after.
        after: String,
    },
    /// A file of trained weights cannot be used.
    #[error("cannot use the weights `{path}`: {reason}")]
    Weights {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
        /// What to try.
        hint: Option<String>,
    },
    /// The system refused something.
    #[error("cannot {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's words.
        reason: String,
    },
}

impl From<Finding> for WorkerError {
    fn from(finding: Finding) -> Self {
        Self::Experiment {
            message: finding.message,
            hint: finding.hint,
        }
    }
}

impl WorkerError {
    /// Whether it concerns the run as a whole: anything else costs the row it happened in.
    /// A trunk that changed while it was frozen casts doubt on every row after it.
    pub fn ends_run(&self) -> bool {
        match self {
            Self::Stopped
            | Self::Orphaned
            | Self::Store(_)
            | Self::System { .. }
            | Self::FrozenChanged { .. }
            | Self::DataChanged { .. } => true,
            Self::Host(error) => error.kind() == ErrorKind::Stopped,
            _ => false,
        }
    }

    /// The state the run, or its row, ends in.
    pub fn status(&self) -> EndStatus {
        match self {
            Self::Stopped => EndStatus::Stopped,
            Self::Host(error) if error.kind() == ErrorKind::Stopped => EndStatus::Stopped,
            Self::Orphaned => EndStatus::Crashed,
            _ => EndStatus::Failed,
        }
    }

    /// The documented exit code: 1 the run failed, 2 the experiment is wrong, 3 a plugin is
    /// wrong, 4 the data is wrong, 130 stopped by the user.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Stopped => 130,
            Self::Store(_)
            | Self::Engine { .. }
            | Self::FrozenChanged { .. }
            | Self::Orphaned
            | Self::System { .. } => 1,
            Self::Experiment { .. } => 2,
            Self::Blueprint { .. } | Self::PluginChanged { .. } => 3,
            Self::Weights { .. } | Self::DataChanged { .. } => 4,
            Self::Host(error) => match error.kind() {
                ErrorKind::Parameters => 2,
                ErrorKind::Plugin => 3,
                ErrorKind::Data => 4,
                ErrorKind::Stopped => 130,
            },
        }
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.hint().map(str::to_owned),
            Self::Engine { source, .. } => source.hint().map(str::to_owned),
            Self::Experiment { hint, .. } | Self::Weights { hint, .. } => hint.clone(),
            Self::DataChanged { .. } => {
                Some("`topwork run --resume` with the experiment's file begins a new run on the data as it is now; this one can go on when the data is as it was".to_owned())
            }
            Self::PluginChanged { .. } => {
                Some("start a new run to use the plugin as it is now".to_owned())
            }
            _ => None,
        }
    }
}
