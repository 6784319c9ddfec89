//! Networks, layers, kernels, autodiff and optimizers: a blueprint in, trained weights out.
//!
//! This crate must not know files, plugins, experiments or the terminal: everything comes in and goes out
//! as values and bytes, and nothing is printed.
//!
//! From the outside in: a [`Blueprint`] is checked JSON; a [`Network`] is a blueprint with weights; a
//! [`Trainer`] puts networks together and trains them on the threads of a [`Compute`]. Within, `program`
//! compiles a blueprint of [`layers`] into operations, joined by the rules of `fuse`; `executor` runs them,
//! and `tape` listens and hangs them on dfdx's tape, which also holds the gradients and the loss.

mod blueprint;
mod compute;
mod denormals;
mod error;
#[cfg(test)]
mod example_networks;
mod executor;
mod fuse;
mod kernel;
pub mod layers;
mod layout;
mod matrix;
mod network;
mod operation;
mod optimizer;
mod place;
mod problem;
mod processor;
mod program;
mod rectifier;
#[cfg(test)]
mod reference_tests;
mod schedule;
mod shape;
mod stream;
mod sums;
mod tape;
mod trainer;

pub use blueprint::{Blueprint, ChannelNormalise, CutPoint, JoinedMaps, LayerSpec, LayerSummary};
pub use compute::Compute;
pub use error::EngineError;
pub use layers::LayerOp;
pub use network::{Assignment, NamedArray, Network, SeveralCuts, TensorEntry};
pub use optimizer::{NumberLoss, Optimizer, TrainSettings};
pub use problem::{BlueprintError, Problem};
pub use schedule::{Schedule, ScheduleShape};
pub use shape::Shape;
pub use stream::Stream;
pub use trainer::{NumberStep, Part, Step, Trainer};

/// Raised whenever the same weights and images give other bits than before: features and results
/// kept from an earlier engine are not taken for those of this one.
pub const REVISION: u32 = 7;
