//! Failures as the check of an experiment tells them.

use topwork_host::{ErrorKind, HostError};
use topwork_schema::{Category, Problem};

use crate::WorkerError;

/// A failure as the check of an experiment file wants it.
pub(crate) fn problem(error: &WorkerError) -> Problem {
    let category = match error {
        WorkerError::Weights { .. } => Category::Data,
        WorkerError::Host(error) => category(error),
        WorkerError::Blueprint { .. } => Category::Plugin,
        _ => Category::Experiment,
    };
    Problem {
        category,
        message: error.to_string(),
        hint: error.hint(),
    }
}

fn category(error: &HostError) -> Category {
    match error.kind() {
        ErrorKind::Parameters | ErrorKind::Stopped => Category::Experiment,
        ErrorKind::Plugin => Category::Plugin,
        ErrorKind::Data => Category::Data,
    }
}
