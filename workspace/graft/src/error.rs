//! Why a task cannot be done.

use topwork_engine::{BlueprintError, EngineError};
use topwork_host::{ErrorKind, HostError};
use topwork_schema::Finding;

use crate::Halt;

/// A reason to end a task before it is done.
#[derive(Debug, thiserror::Error)]
pub enum GraftError {
    /// Whoever conducts it has ended it.
    #[error(transparent)]
    Halted(#[from] Halt),
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
        /// What to try.
        hint: Option<String>,
    },
    /// What is frozen has changed: the figures cannot be trusted.
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
    /// What an extractor answers is not fixed: the figures cannot be trusted.
    #[error("the extractor `{extractor}` is not frozen: at \"{cut}\" {problem}")]
    NotFrozen {
        /// The extractor.
        extractor: String,
        /// The cut it was asked at.
        cut: String,
        /// What gave it away.
        problem: String,
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
    /// Something this program made cannot be written or read as bytes.
    #[error("cannot {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why not.
        reason: String,
    },
}

impl From<Finding> for GraftError {
    fn from(finding: Finding) -> Self {
        Self::Experiment {
            message: finding.message,
            hint: finding.hint,
        }
    }
}

impl GraftError {
    /// Whether the task was only broken off and may go on from where it stands.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Halted(halt) => halt.stopped,
            Self::Host(error) => error.kind() == ErrorKind::Stopped,
            _ => false,
        }
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.hint().map(str::to_owned),
            Self::Engine { source, .. } => source.hint().map(str::to_owned),
            Self::Experiment { hint, .. } | Self::Weights { hint, .. } => hint.clone(),
            Self::NotFrozen { .. } => Some(
                "features must depend on the image alone, every time: a model is in evaluation mode then; `topwork plugins check` tries more"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Says in which stage the engine refused.
pub fn engine(stage: &'static str) -> impl Fn(EngineError) -> GraftError {
    move |source| GraftError::Engine {
        stage: stage.to_owned(),
        source,
    }
}

/// Tasks come in the order of [`topwork_tasks::Tasks`]; if they ever did not, this says so.
pub fn out_of_order(what: &str) -> GraftError {
    GraftError::Experiment {
        message: format!("the stages ran out of order: {what}"),
        hint: None,
    }
}
