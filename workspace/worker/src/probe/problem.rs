//! Failures as the check of an experiment tells them.

use topwork_graft::GraftError;
use topwork_host::{ErrorKind, HostError};
use topwork_schema::{Category, Problem};

/// A failure as the check of an experiment file wants it.
pub fn problem(error: &GraftError) -> Problem {
    let category = match error {
        GraftError::Weights { .. } => Category::Data,
        GraftError::Host(error) => category(error),
        GraftError::Blueprint { .. } => Category::Plugin,
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
