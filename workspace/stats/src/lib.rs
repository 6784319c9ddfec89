//! The statistics of an honest comparison: how sure an accuracy is, whether two
//! classifiers can be told apart on the same test examples, which classes are confused.
//!
//! Deliberately absent: any input or output, and any idea of runs or strategies.

mod confusion;
mod interval;
mod paired;
mod seeds;

pub use confusion::Confusion;
pub use interval::{Interval, wilson};
pub use paired::{Disagreement, mcnemar_mid_p};
pub use seeds::{MeanStd, mean_std};
