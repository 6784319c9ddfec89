//! Pairs of rows: what a test says of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use topwork_measure::{ACCURACY, Figure, Interval};

/// A pair of rows on the same test examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PairResult {
    /// The first row's title.
    pub a: String,
    /// The second row's title.
    pub b: String,
    /// The figure they are compared by.
    #[serde(default = "accuracy")]
    pub metric: String,
    /// How that is done.
    pub test: PairTest,
    /// How much more the first row has, mean over the seeds; `null` in files of earlier versions.
    #[serde(default)]
    pub difference: Option<f64>,
    /// Its 95 % interval.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// The probability of a difference as large, either way, if there were none.
    pub p: f64,
    /// The same raised for the number of pairs of the family, by Holm's method: what decides whether
    /// the pair counts as told apart. `null` for a pair of different families.
    pub p_holm: Option<f64>,
    /// The larger p of two one-sided tests that the difference is as large as the margin of the
    /// experiment, raised in the same way; `null` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_equivalent: Option<f64>,
    /// How many seeds have a difference with the sign of the mean.
    #[serde(default)]
    pub seeds_agree: u64,
    /// One entry per seed both were measured with.
    pub seeds: Vec<PairSeed>,
}

/// How two rows are set against each other.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PairTest {
    /// McNemar's mid-p: two fitted models, on the examples they share.
    #[serde(rename = "mcnemar-mid-p")]
    McNemarMidP,
    /// The mean of the differences over seeds and test examples, which are crossed.
    TwoWay,
    /// The corrected resampled t over folds.
    Folds,
    /// Student's t over the differences of the seeds.
    Seeds,
    /// Test examples resampled, with several seeds crossed with these.
    Bootstrap,
}

impl PairTest {
    /// How it is done, and of what it speaks.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::McNemarMidP => {
                "McNemar mid-p on the test examples, of these two fitted models alone"
            }
            Self::TwoWay => {
                "t of the mean difference over seeds and test examples, both taken as samples"
            }
            Self::Folds => "corrected resampled t over the folds",
            Self::Seeds => "t over the seeds",
            Self::Bootstrap => {
                "bootstrap over the test examples, with several seeds crossed with these"
            }
        }
    }
}

/// Below this p a pair counts as told apart. A convention, named where it is used.
pub const ALPHA: f64 = 0.05;

/// What the test says of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Told apart.
    Apart,
    /// Told apart if there were no other pairs; among so many, chance alone may do this.
    Chance,
    /// Not told apart, and the difference is smaller than the margin of the experiment.
    Equivalent,
    /// Not told apart, which does not say that they are equal.
    Alike,
    /// Not asked: the rows belong to different families.
    Unmarked,
}

impl PairResult {
    /// What p comes to, with [`ALPHA`].
    pub fn verdict(&self) -> Verdict {
        let Some(p_holm) = self.p_holm else {
            return Verdict::Unmarked;
        };
        match (self.p < ALPHA, p_holm < ALPHA) {
            (true, true) => Verdict::Apart,
            _ if self.p_equivalent.is_some_and(|p| p < ALPHA) => Verdict::Equivalent,
            (true, false) => Verdict::Chance,
            (false, _) => Verdict::Alike,
        }
    }

    /// The figure they are compared by.
    pub fn figure(&self) -> &'static Figure {
        Figure::named(&self.metric).unwrap_or(&ACCURACY)
    }
}

/// A pair with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PairSeed {
    /// The seed.
    pub seed: u64,
    /// Examples only `a` classifies correctly.
    pub only_a: u64,
    /// Examples only `b` classifies correctly.
    pub only_b: u64,
    /// McNemar's mid-p, of the two fitted models.
    pub p: f64,
    /// How much more `a` has of the figure they are compared by.
    #[serde(default)]
    pub difference: Option<f64>,
}

fn accuracy() -> String {
    ACCURACY.id.to_owned()
}
