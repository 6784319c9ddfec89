//! The statistics of an honest comparison: how sure an accuracy is, whether two
//! classifiers can be told apart on the same test examples. And those
//! of a first look at features: which of them separate classes, in which plane they vary most.
//!
//! Deliberately absent: any input or output, and any idea of runs or strategies.

mod epoch;
mod interval;
mod paired;
mod pca;
mod seeds;
mod separation;

pub use epoch::EpochFigures;
pub use interval::{Interval, wilson};
pub use paired::{Disagreement, holm, mcnemar_mid_p};
pub use pca::{Plane, PrincipalComponents, principal_plane};
pub use seeds::{MeanStd, mean_std};
pub use separation::class_separation;
