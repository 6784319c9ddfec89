//! Conducts a run: takes its tasks one after the other, gives them what they need, tells what happens as events and keeps
//! what they make in the run folder. It runs in a process of its own, because plugins are native code.
//!
//! [`run`] is the life of such a process; [`probe`] is the short life of one that only looks
//! at plugins. Deliberately absent: how anything is computed (that is `topwork-graft`) and the terminal. What the process
//! prints ends in the run's log.

mod adopt;
mod conductor;
mod emitter;
mod error;
mod examples;
mod execute;
mod judge;
mod measured;
mod near;
mod networks;
mod planned;
mod predictions;
mod prepare;
mod probe;
mod remarks;
mod resampling;
mod resume;
mod run;
mod sampling;
mod selection;
mod share;
mod stages;
mod states;
mod watchdog;

pub use error::WorkerError;
pub use measured::Measured;
pub use planned::PlannedFeatures;
pub use predictions::{
    ALL_SCORES, PREDICTED, TOP, column_names, labels_predicted, true_columns, word,
};
pub use prepare::{made, plan_as_made};
pub use probe::problem;
pub use probe::{BlueprintAnswer, Heard, ProbeAnswer, ProbeRequest, probe};
pub use resampling::Resampling;
pub use run::{EXIT_FOLDER_LOST, ending, run, write_results};
pub use share::Duty;
pub use watchdog::Watchdog;
