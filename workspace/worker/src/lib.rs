//! Executes a checked plan and tells what happens as events: the only crate where the engine
//! and plugins meet. It runs in a process of its own, because plugins are native code.
//!
//! [`run`] is the life of such a process; [`probe`] is the short life of one that only looks
//! at plugins. Deliberately absent: the terminal. What the process prints ends in the run's log.

mod draw;
mod emitter;
mod error;
mod execute;
mod features;
mod network;
mod predictions;
mod prepare;
mod probe;
mod run;
mod stages;
mod strategy;
mod task;
mod training;

pub use error::WorkerError;
pub use probe::{NetworkEntry, ProbeAnswer, ProbeRequest, probe};
pub use run::{EXIT_FOLDER_LOST, run};
pub use stages::{Stage, Work, stages};
