//! Executes a checked plan and tells what happens as events: the only crate where the engine
//! and plugins meet. It runs in a process of its own, because plugins are native code.
//!
//! [`run`] is the life of such a process; [`probe`] is the short life of one that only looks
//! at plugins. Deliberately absent: the terminal. What the process prints ends in the run's log.

mod adopt;
mod augment;
mod backbone;
mod batches;
mod cells;
mod content;
mod draw;
mod emitter;
mod error;
mod evaluate;
mod execute;
mod extract;
mod features;
mod fit;
mod folds;
mod network;
mod planned;
mod predictions;
mod prepare;
mod probe;
mod probe_data;
mod proof;
mod reduce;
mod remarks;
mod resume;
mod run;
mod samples;
mod sampling;
mod source;
mod stages;
mod states;
mod strategy;
mod task;
mod training;
mod watchdog;

pub use cells::cells;
pub use error::WorkerError;
pub use planned::PlannedFeatures;
pub use probe::{BlueprintAnswer, Heard, ProbeAnswer, ProbeRequest, probe};
pub use run::{EXIT_FOLDER_LOST, ending, peak_memory_of, run, write_results};
pub use stages::{FrozenTrunk, Stage, Work, stages};
