//! How well features suit a task, estimated without training on them, and how well such estimates rank.
//!
//! All of them take `values`, `labels.len() × dims`, row-major, with one label below `classes` for each row. `None` stands for what
//! has no value: lengths that do not agree, no dimension, a label out of range, numbers that are not finite, fewer
//! than two classes with examples.

mod h_score;
mod log_me;
mod spectrum;
mod weighted_tau;

pub use h_score::{h_score, shrunk_h_score};
pub use log_me::log_me;
pub use weighted_tau::weighted_tau;
