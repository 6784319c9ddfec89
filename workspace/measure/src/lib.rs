//! What is measured, and how it is judged: [`FIGURES`] declares it, and every other room reads the
//! declaration. How sure a figure is, of one seed and of several, whether two classifiers can be told
//! apart on the same test examples, which classes are taken for which, whether probabilities can be
//! believed. How figures are written for a person. And the
//! statistics of a first look at features: which of them separate classes, in which plane they vary
//! most, how well they suit a task before anything is trained on them.
//!
//! Deliberately absent: any input or output, and any idea of runs or strategies.

mod against;
mod bits;
mod bootstrap;
mod column;
mod confusion;
mod epoch;
mod estimate;
mod figure;
mod figures;
mod fit;
mod folds;
mod interval;
mod meaning;
mod number;
mod paired;
mod pca;
mod per_class;
mod ranks;
mod reference;
mod scores;
mod seeds;
mod separation;
mod targets;
mod temperature;
mod transferability;
mod two_way;

pub use against::Against;
pub use bits::Bits;
pub use bootstrap::{RESAMPLES, Resamples, Statistic, bootstrap_difference};
pub use column::OfColumn;
pub use confusion::Confusion;
pub use epoch::{EpochFigures, Followed};
pub use estimate::{Estimate, equivalence};
pub use figure::{
    Better, BitsOf, Figure, Needs, OfLabels, OfNumbers, SeedInterval, StatisticOf, Unit,
};
pub use figures::{
    ACCURACY, FIGURES, Labelled, ReliabilityBin, TOP_K, clipped, figures_of, reliability, share,
    softmax, softmax_at,
};
pub use fit::{Fact, FitReport};
pub use folds::corrected_t;
pub use interval::{Interval, wilson};
pub use meaning::{Scores, ScoresFor};
pub use number::{mean_count, p_value, percent, seconds, thousands};
pub use paired::{Disagreement, holm, mcnemar_mid_p, paired_shares};
pub use pca::{Plane, PrincipalComponents, principal_plane};
pub use per_class::{ClassCount, PerClass, majority_rate, unevenness};
pub use ranks::{ENOUGH, Friedman, MeanRanks, mean_ranks};
pub use reference::reference;
pub use scores::{correct, cross_entropy, highest, predicted};
pub use seeds::{MeanStd, mean_std};
pub use separation::{class_means, class_separation};
pub use targets::{Columns, TargetKind, Targets, Truth};
pub use temperature::{is_boundless, temperature};
pub use transferability::{
    TRANSFERABILITY, Transferability, h_score, log_me, shrunk_h_score, weighted_tau,
};
pub use two_way::{VarianceParts, two_way, two_way_pair, two_way_scores};
