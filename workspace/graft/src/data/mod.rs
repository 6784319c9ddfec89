//! Examples: which belong to a task, which of them a row learns from and is measured on, how they are read.

mod ahead;
mod augment;
mod batches;
mod content;
mod digest;
mod draw;
mod examples;
pub(crate) mod folds;
pub(crate) mod groups;
mod iterative;
mod samples;
mod seen;
mod twins;

pub use ahead::{read_ahead, read_in_turns};
pub use augment::{Augment, normalise};
pub use batches::{Batch, each_batch};
pub use content::{Comparison, Copy, ExamplesOf, compare, examples_of};
pub use digest::is_of_positions;
pub use draw::{Draw, draws, hold_out, needed, passed};
pub use examples::{Examples, SplitName, TaskExamples, in_order_of_target};
pub use samples::{Images, Samples};
pub use seen::{channels_of, seen, view};
pub use twins::Twins;
