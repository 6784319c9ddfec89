//! What came out: of the source, of rows, of pairs of rows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use topwork_measure::{
    ACCURACY, Against, Bits, Confusion, Estimate, FitReport, OfColumn, ReliabilityBin, Scores,
    TargetKind, share, thousands,
};

use crate::{
    came::{Came, Made},
    data::Counts,
    event::EndStatus,
    keyed::Key,
    selection::Selection,
};

/// The backbone on its source task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SourceOutcome {
    /// The part of the run whose backbone it is; streams say it in the record.
    #[serde(skip)]
    pub part: usize,
    /// The seed.
    pub seed: u64,
    /// Test examples classified correctly.
    pub correct: u64,
    /// Test examples.
    pub total: u64,
    /// Epochs trained.
    pub epochs: u32,
    /// Training samples of one epoch.
    pub train_samples: u64,
    /// Trained parameters, head included.
    pub trainable_parameters: u64,
    /// Wall-clock time of training and evaluation.
    pub seconds: f64,
    /// SHA-256 over the trained backbone's weights and buffers: a run that goes on checks by it
    /// that the file it finds is the one it left.
    #[serde(default)]
    pub weights: Option<String>,
}

/// One strategy, one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// Index into [`RunPlan::rows`](crate::RunPlan::rows).
    pub row: usize,
    /// The seed.
    pub seed: u64,
    /// Test examples classified correctly; with folds over all of them, every example once. 0 of numbers.
    pub correct: u64,
    /// Test examples.
    pub total: u64,
    /// What the predictions come to, by the figures' ids; those of [`topwork_measure::FIGURES`] that
    /// are defined for them. Older streams have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// Correct and total of every fold, in their order; empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<FoldOutcome>,
    /// SHA-256 over what the test examples show and their classes, after a mark of how it is made; of
    /// earlier versions over their positions, without one. Rows are only ranked when it is the same.
    pub test_set: String,
    /// Training samples used; with folds the fewest that one fit has used.
    pub train_samples: u64,
    /// Parameters of the head.
    pub trainable_parameters: u64,
    /// What was frozen is the same to the bit after the strategy as before: [`frozen_before`]
    /// and [`frozen_after`] are equal. `None` when nothing was frozen.
    ///
    /// [`frozen_before`]: Self::frozen_before
    /// [`frozen_after`]: Self::frozen_after
    pub frozen_intact: Option<bool>,
    /// SHA-256 over every frozen weight and buffer, before.
    pub frozen_before: Option<String>,
    /// The same, after.
    pub frozen_after: Option<String>,
    /// The learning-rate multipliers really used, by layer with weights, trunk first; `None`
    /// where the strategy has none.
    #[serde(default)]
    pub learning_rate_multipliers: Option<Vec<(String, f64)>>,
    /// Cost; with folds of all fits together.
    pub seconds: Seconds,
    /// The features had been extracted for an earlier row, at the cost that is told again here.
    pub features_cached: bool,
    /// Which classes were taken for which; of no classes where numbers are predicted.
    pub confusion: Confusion,
    /// What the head says of its fit.
    #[serde(flatten)]
    pub fit: FitReport,
    /// What the scores are; `None` in streams of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// How sure the scores are and how often right, where they are or give probabilities: the points
    /// of the reliability diagram.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<ReliabilityBin>,
    /// What calibrating the scores has changed; `None` without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Calibrated>,
    /// What was chosen on training samples; `None` where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<Box<Selection>>,
    /// Estimates of how well its features suit the target, by their ids; with folds the means.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transferability: BTreeMap<String, f64>,
    /// What the digests of what was frozen are of; `None` when nothing was, and in streams of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<Proved>,
    /// Which test examples count, in the order of the predictions, by the ids of figures that are a
    /// share of them: for the accuracy those that are classified correctly, and the same for others
    /// that have columns. Streams of earlier versions have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub right: BTreeMap<String, Bits>,
    /// SHA-256 of the file with the predictions.
    #[serde(default)]
    pub predictions: Option<String>,
    /// What each column of numbers, or each of several labels, comes to, in the order of the plan's; none of classes. Streams of earlier versions have the
    /// picture of one column here.
    #[serde(
        default,
        alias = "against",
        deserialize_with = "one_or_several",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub columns: Vec<OfColumn>,
    /// The same as `correct` of `total` without the test examples whose image was learnt from;
    /// `None` where the data has no such examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_duplicates: Option<Counts>,
}

impl Outcome {
    /// What its head predicts. Without classes no example counts as correct, and there is no confusion.
    pub fn targets(&self) -> TargetKind {
        self.scores.unwrap_or_default().gives().of()
    }

    /// What its stage has come to; `before` where an earlier session or another run has measured it. Of numbers a sentence,
    /// which readers of earlier versions know.
    pub fn came(&self, before: bool) -> Came {
        if self.targets() == TargetKind::Classes {
            return Came::Made(Made::Measured {
                correct: self.correct,
                total: self.total,
                before,
            });
        }
        let earlier = if before { ", measured before" } else { "" };
        Came::Said(format!(
            "{} on {} examples{earlier}",
            self.targets().told(&self.figures),
            thousands(self.total)
        ))
    }

    /// The outcome with figures: accuracy, where it was written without any, and those of an only column of numbers.
    pub(crate) fn upgraded(mut self) -> Self {
        if self.figures.is_empty() {
            let accuracy = share(self.correct, self.total);
            self.figures.insert(ACCURACY.id.to_owned(), accuracy);
        }
        if let [only] = self.columns.as_mut_slice()
            && only.figures.is_empty()
            && only.counts.is_none()
        {
            only.figures = self.figures.clone();
        }
        self
    }
}

/// Several columns, or the picture of one.
fn one_or_several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<OfColumn>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Columns {
        One(Against),
        Several(Vec<OfColumn>),
    }
    Ok(match Columns::deserialize(from)? {
        Columns::One(against) => vec![OfColumn {
            figures: BTreeMap::new(),
            against: Some(against),
            counts: None,
        }],
        Columns::Several(columns) => columns,
    })
}

/// One strategy, one seed, measured on a further test set of its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Elsewhere {
    /// Index into [`RunPlan::tests`](crate::RunPlan::tests).
    pub test: usize,
    /// What it comes to there: costs and proofs are those of the fit, which is the same.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Scores brought to a temperature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Calibrated {
    /// What the logits were divided by, with folds those of each.
    pub temperatures: Vec<f64>,
    /// The expected calibration error before; `None` where the head promises nothing of its scores.
    pub ece_before: Option<f64>,
}

/// What the proof that something stayed frozen covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proved {
    /// Every weight and buffer of the frozen layers.
    Weights {
        /// Parameters of the trunk's frozen layers.
        frozen: u64,
        /// Parameters of the trunk.
        of: u64,
    },
    /// What an extractor says of itself, and its answers to images of this run, each alone and all
    /// in one batch.
    Answers {
        /// So many.
        images: u64,
    },
}

/// One fold of a row: the examples it leaves out, classified by what was fitted on the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoldOutcome {
    /// Examples classified correctly.
    pub correct: u64,
    /// Examples of the fold.
    pub total: u64,
}

/// What a row costs, wall-clock seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Seconds {
    /// Features out of the trunk.
    pub extract: f64,
    /// Training or fitting the head.
    pub fit: f64,
    /// Classifying the test examples.
    pub evaluate: f64,
}

/// A row that could not be measured with one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// Index into [`RunPlan::rows`](crate::RunPlan::rows).
    pub row: usize,
    /// The seed.
    pub seed: u64,
    /// `failed`, or `crashed` when it took the worker process with it.
    pub status: EndStatus,
    /// What went wrong.
    pub message: String,
    /// What to try.
    #[serde(default)]
    pub hint: Option<String>,
    /// The exit code the command line gives for it.
    pub exit_code: u8,
}

/// Two rows on the same test examples, with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// Index into [`RunPlan::rows`](crate::RunPlan::rows).
    pub a: usize,
    /// Index into [`RunPlan::rows`](crate::RunPlan::rows).
    pub b: usize,
    /// The seed.
    pub seed: u64,
    /// Examples only `a` classifies correctly.
    pub only_a: u64,
    /// Examples only `b` classifies correctly.
    pub only_b: u64,
}

/// How sure a figure without a closed form is, over all seeds that were measured by then: what
/// resampling the test examples has shown, with several seeds crossed with these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resampled {
    /// Index into [`RunPlan::rows`](crate::RunPlan::rows).
    pub row: usize,
    /// The row it is set against, another such index; `None` for the figure of the row alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<usize>,
    /// The figure's id.
    pub figure: String,
    /// Over so many seeds.
    pub seeds: u64,
    /// The figure's mean, or how much more that of `row` is than that of `against`.
    pub estimate: Estimate,
}

impl Key for SourceOutcome {
    /// Part and seed.
    type Key = (usize, u64);
    fn key(&self) -> (usize, u64) {
        (self.part, self.seed)
    }
}

impl Key for Outcome {
    /// Row and seed.
    type Key = (usize, u64);
    fn key(&self) -> (usize, u64) {
        (self.row, self.seed)
    }
}

impl Key for Elsewhere {
    /// Test set, row and seed.
    type Key = (usize, usize, u64);
    fn key(&self) -> (usize, usize, u64) {
        (self.test, self.outcome.row, self.outcome.seed)
    }
}

impl Key for Failure {
    /// Row and seed.
    type Key = (usize, u64);
    fn key(&self) -> (usize, u64) {
        (self.row, self.seed)
    }
}

impl Key for Agreement {
    /// Both rows and the seed.
    type Key = (usize, usize, u64);
    fn key(&self) -> (usize, usize, u64) {
        (self.a, self.b, self.seed)
    }
}

impl Key for Resampled {
    /// Both rows and the figure.
    type Key = (usize, Option<usize>, String);
    fn key(&self) -> Self::Key {
        (self.row, self.against, self.figure.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_of_one_column_is_read_as_it_was_written_before() {
        let against = Against::of(&[1.0, 2.0], &[1.5, 2.0]).unwrap();
        let mut before = serde_json::to_value(Outcome {
            scores: Some(Scores::Numbers),
            figures: BTreeMap::from([("r2".to_owned(), 0.5)]),
            ..Outcome::default()
        })
        .unwrap();
        before["against"] = serde_json::to_value(&against).unwrap();
        let read: Outcome = serde_json::from_value(before).unwrap();
        let read = read.upgraded();
        let expected = OfColumn {
            figures: BTreeMap::from([("r2".to_owned(), 0.5)]),
            against: Some(against),
            counts: None,
        };
        assert_eq!(read.columns, [expected]);
        // As it is written now it is read again.
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), read);
    }
}
