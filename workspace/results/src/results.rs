//! `results.json`: the figures of a run, for programs.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use topwork_events::{
    Calibrated, DataContent, Duplicates, Judging, Proved, Reference, Seconds, Selection, Start,
};
use topwork_measure::{
    ACCURACY, Against, Confusion, Figure, FitReport, Interval, PerClass, ReliabilityBin, Scores,
    TargetKind,
};

use crate::{Among, PairResult, layout};

/// The figures of a run. Rows without outcomes yet have no seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// Version of this layout.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The experiment's name.
    pub name: String,
    /// The target's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The further test set that its rows are measured on; their own test examples where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// `running`, `done`, `failed`, `stopped` or `crashed`.
    pub status: String,
    /// What is odd about the experiment or its data, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Identical images within a task, where there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicates>,
    /// What the examples are recognised by, split by split; not there in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataContent>,
    /// What computed the features, with its version, where that is not this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_by: Option<String>,
    /// The source task; `null` when nothing was trained on one. Of several backbones that of the first one trained.
    pub source: Option<SourceResult>,
    /// The source task with the other backbones that were trained on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_sources: Vec<SourceResult>,
    /// What the rows are judged by.
    #[serde(default, skip_serializing_if = "Judging::is_default")]
    pub judging: Judging,
    /// How much of the time an interval of this kind holds what it is for.
    #[serde(default = "level")]
    pub level: f64,
    /// One entry per row: by strategy in the order of the file, then by cut, then by number of
    /// training samples.
    pub strategies: Vec<RowResult>,
    /// The target classes, in the order of the labels: that of the confusion matrices. Of numbers the name of their column.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Whether the target's examples have classes or numbers.
    #[serde(default, skip_serializing_if = "TargetKind::is_classes")]
    pub targets: TargetKind,
    /// Which pairs of rows are corrected for: all, those of one family, or those with one row.
    #[serde(default)]
    pub pairs_among: Among,
    /// Pairs of rows measured on the same test examples.
    pub pairs: Vec<PairResult>,
    /// Figures from elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The same rows on the further test sets, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Results>,
}

/// The backbone on its source task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SourceResult {
    /// The backbone's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<String>,
    /// Correct of total.
    pub accuracy: f64,
    /// Sample standard deviation over seeds; `null` for a single one.
    #[serde(default)]
    pub std: Option<f64>,
    /// Its interval.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// Test examples classified correctly, summed over seeds.
    pub correct: u64,
    /// Test examples, summed over seeds.
    pub total: u64,
    /// Epochs trained.
    pub epochs: u32,
    /// Training samples of one epoch.
    pub train_samples: u64,
    /// Trained parameters.
    pub trainable_parameters: u64,
    /// Mean wall-clock seconds of training and evaluation.
    pub seconds: f64,
    /// One entry per seed.
    pub seeds: Vec<SeedResult>,
}

/// One row over all seeds: a strategy with one cut and one number of training samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RowResult {
    /// The strategy's name.
    pub name: String,
    /// The backbone's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<String>,
    /// The row's own name: the strategy's, and after it what tells it from the strategy's others.
    pub title: String,
    /// Its rank among the rows that may be set in one order, from 1, equals alike; `null` for the
    /// others.
    #[serde(default)]
    pub rank: Option<usize>,
    /// `frozen-backbone`, `feature-classifier`, `fine-tune` or `from-scratch`.
    pub kind: String,
    /// The cut point; `chosen of 3` where it was chosen on training samples, which the seeds tell of.
    pub cut: String,
    /// Length of a feature vector; of the longest where the cut was chosen.
    pub feature_dim: usize,
    /// The head's component.
    pub head: String,
    /// Whose weights the trunk has.
    pub weights: Start,
    /// The published protocol it follows; rows are ranked among those of the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Training samples used. Before there are figures those asked for, `null` for all; what
    /// follows is then `null` or empty.
    pub train_samples: Option<u64>,
    /// Parameters that were fitted.
    pub trainable_parameters: Option<u64>,
    /// One entry per seed, in the order of the experiment.
    pub seeds: Vec<SeedResult>,
    /// Seeds it could not be measured with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedSeed>,
    /// What the row comes to over its seeds, by the figures' ids: empty before it is measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, FigureResult>,
    /// On a further test set: the means on the target's own test examples, by the figures' ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, f64>,
    /// Estimates of how well its features suit the target, by their ids: the means over seeds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transferability: BTreeMap<String, f64>,
    /// The accuracy of `figures` once more, where this format has had it from the beginning.
    pub mean: Option<f64>,
    /// Its standard deviation.
    pub std: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
    /// Mean accuracy over the folds of all seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_mean: Option<f64>,
    /// Sample standard deviation over the folds of all seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_std: Option<f64>,
    /// Without the test examples whose image was learnt from, too, summed over seeds; only where
    /// the data has such examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_duplicates: Option<CountResult>,
    /// SHA-256 over the positions of the test examples.
    pub test_set: Option<String>,
    /// What was frozen was the same to the bit after every seed; `null` when nothing was.
    pub frozen_intact: Option<bool>,
    /// What says that it was; `null` when nothing was frozen, and in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<Proved>,
    /// What the scores in `predictions/` are; `null` in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The learning-rate multipliers really used, by layer with weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate_multipliers: Option<Vec<(String, f64)>>,
    /// Mean wall-clock seconds over seeds.
    pub seconds: Option<Seconds>,
    /// The features were there already, from an earlier row or run.
    pub features_cached: Option<bool>,
    /// Counts summed over seeds; `null` before there are any.
    pub confusion: Option<Confusion>,
    /// What each column of numbers, or each of several labels, comes to; not there for classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnResult>,
    /// What these counts come to for each class, in the order of the labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_class: Vec<PerClass>,
}

/// One of the columns of numbers, or one of several labels, that a row predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ColumnResult {
    /// What it is called.
    pub name: String,
    /// Its figures, the means over seeds, by their ids.
    pub figures: BTreeMap<String, f64>,
    /// Its predicted numbers against the true ones, of the first seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Of a label how well it is recognised, by counts summed over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<PerClass>,
}

/// A figure over the seeds of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FigureResult {
    /// Mean over seeds; with folds of the examples of all of them together.
    pub mean: f64,
    /// Sample standard deviation over seeds; `null` for a single one.
    pub std: Option<f64>,
    /// 95 % interval of the mean; `null` where there is none.
    pub interval: Option<Interval>,
    /// How the interval is made; `null` without one, and where an earlier version has not said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_by: Option<IntervalBy>,
}

/// How the interval of a row's figure is made.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalBy {
    /// Wilson's score interval: one seed, over the test examples.
    Wilson,
    /// Seeds and test examples crossed.
    TwoWay,
    /// The corrected resampled t over folds.
    Folds,
    /// Student's t over seeds, which have test examples of their own.
    Seeds,
    /// Test examples resampled, with several seeds crossed with these.
    Bootstrap,
}

/// One seed's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// Test examples classified correctly; not there where numbers are predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correct: Option<u64>,
    /// Test examples.
    pub total: u64,
    /// Correct of total; not there where numbers are predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// What the predictions come to, by the figures' ids; of the source none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// One entry per fold; `correct` and `total` are their sums.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<FoldResult>,
    /// Mean accuracy over the folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_mean: Option<f64>,
    /// Sample standard deviation over the folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_std: Option<f64>,
    /// The same without the test examples whose image was learnt from, too; only where the data has
    /// such examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_duplicates: Option<CountResult>,
    /// What the head says of its fit.
    #[serde(flatten)]
    pub fit: FitReport,
    /// The points of the reliability diagram; empty where scores give no probabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<ReliabilityBin>,
    /// What calibrating the scores has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Calibrated>,
    /// What was chosen on training samples, and from what; not there where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<Selection>,
    /// SHA-256 over what was frozen, before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_before: Option<String>,
    /// The same, after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_after: Option<String>,
}

/// Correct of some test examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CountResult {
    /// Classified correctly.
    pub correct: u64,
    /// All of them.
    pub total: u64,
    /// Correct of total; `null` where there are none.
    pub accuracy: Option<f64>,
}

/// One fold: the examples it leaves out, classified by what was fitted on the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FoldResult {
    /// Examples classified correctly.
    pub correct: u64,
    /// Examples of the fold.
    pub total: u64,
    /// Correct of total.
    pub accuracy: f64,
}

/// A seed that a strategy could not be measured with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// `failed`, or `crashed` when it took the worker process with it.
    pub status: String,
    /// What went wrong.
    pub message: String,
}

impl IntervalBy {
    /// How it is made, and of what it speaks.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Wilson => "Wilson interval over the test examples, of this fitted model alone",
            Self::TwoWay => {
                "interval of the mean over seeds and test examples, both taken as samples"
            }
            Self::Folds => "corrected resampled t interval over the folds",
            Self::Seeds => "t interval over the seeds",
            Self::Bootstrap => {
                "bootstrap over the test examples, with several seeds crossed with these"
            }
        }
    }
}

fn level() -> f64 {
    LEVEL
}

/// How much of the time an interval holds what it is for.
pub const LEVEL: f64 = 0.95;

impl Results {
    /// What tells this table from the others of its run: the target's name, the further test set, or both.
    pub fn heading(&self) -> Option<String> {
        let target = self
            .target
            .as_ref()
            .map(|target| format!("target {target}"));
        let test = self
            .test
            .as_ref()
            .map(|test| format!("further test set {test}"));
        let told: Vec<String> = [target, test].into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// The present [`Results::format`].
    pub const FORMAT: u32 = 2;

    /// The file's content read again. What an earlier version has written has no `figures`: they are
    /// made from what it says of the accuracy.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let mut results: Self = serde_json::from_str(text)?;
        for row in &mut results.strategies {
            if row.figures.is_empty()
                && let Some(mean) = row.mean
            {
                let (std, interval) = (row.std, row.interval);
                let figure = FigureResult {
                    mean,
                    std,
                    interval,
                    interval_by: None,
                };
                row.figures.insert(ACCURACY.id.to_owned(), figure);
                for seed in &mut row.seeds {
                    let accuracy = seed.accuracy.map(|value| (ACCURACY.id.to_owned(), value));
                    seed.figures.extend(accuracy);
                }
            }
        }
        Ok(results)
    }

    /// The figure that rows are ranked by.
    pub fn ranked_by(&self) -> &'static Figure {
        self.judging.ranked_by()
    }

    /// The figures that have columns, the one that ranks among them; never none.
    pub fn shown(&self) -> Vec<&'static Figure> {
        let mut shown = self.judging.shown(&self.class_counts());
        // What nobody has asked for is shown where there is such a figure: earlier versions have
        // measured the accuracy alone.
        let asked = |figure: &Figure| {
            let named = self.judging.metrics.iter().any(|id| id == figure.id);
            named || figure.id == self.ranked_by().id
        };
        let known = |figure: &Figure| {
            self.strategies
                .iter()
                .any(|row| row.figure(figure).is_some())
        };
        shown.retain(|figure| asked(figure) || known(figure));
        shown
    }

    /// How many test examples the classes have, in the order of the labels, of the first row that is
    /// measured; empty before.
    pub fn class_counts(&self) -> Vec<u64> {
        let measured = self.strategies.iter().find(|row| !row.per_class.is_empty());
        measured.map_or(Vec::new(), |row| {
            let seeds = row.seeds.len().max(1) as u64;
            let support = row.per_class.iter().map(|class| class.support);
            support.map(|support| support / seeds).collect()
        })
    }

    /// What rows are ranked by, of those that may be set in one order: measured on the same test
    /// examples as the first measured row. `None` in place of the others.
    fn comparable(&self) -> Vec<Option<f64>> {
        let test_set = self.strategies.iter().find_map(|row| row.test_set.as_ref());
        (self.strategies.iter())
            .map(|row| {
                let figure = row.figure(self.ranked_by())?;
                (row.test_set.as_ref() == test_set).then_some(figure.mean)
            })
            .collect()
    }

    /// The rank of every row that may be set in one order, from 1, the best first, equals alike: among
    /// the rows of its protocol, and those that follow none. None where only one may.
    pub fn ranks(&self) -> Vec<Option<usize>> {
        let order = |a: &f64, b: &f64| self.ranked_by().better.order(*a, *b);
        let comparable = self.comparable();
        let mut competitors: HashMap<Option<&str>, Vec<f64>> = HashMap::new();
        for (row, mean) in self.strategies.iter().zip(&comparable) {
            let of = competitors.entry(row.protocol.as_deref()).or_default();
            of.extend(mean);
        }
        for of_protocol in competitors.values_mut() {
            of_protocol.sort_by(order);
        }
        let rank = |row: &RowResult, mean: f64| {
            let competitors = competitors.get(&row.protocol.as_deref())?;
            let better = competitors.partition_point(|other| order(other, &mean).is_lt());
            (competitors.len() > 1).then_some(1 + better)
        };
        let rows = self.strategies.iter().zip(comparable);
        rows.map(|(row, mean)| rank(row, mean?)).collect()
    }

    /// The best of the comparable rows, the first of equals.
    pub fn best(&self) -> Option<&RowResult> {
        let comparable = self.comparable().into_iter().zip(&self.strategies);
        let measured = comparable.filter_map(|(mean, row)| Some((mean?, row)));
        let order = |a: f64, b: f64| self.ranked_by().better.order(a, b);
        measured.min_by(|a, b| order(a.0, b.0)).map(|(_, row)| row)
    }

    /// The file's content: a line for every figure of a row, and one for each pair.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        layout::to_string(self)
    }
}

impl RowResult {
    /// Whether each of its fits has chosen its cut, so that it has no place among the cuts.
    pub fn chooses_its_cut(&self) -> bool {
        let selected = self.seeds.iter().filter_map(|seed| seed.selected.as_ref());
        let mut parameters = selected.flat_map(|selected| &selected.parameters);
        parameters.any(|parameter| parameter == "cut")
    }

    /// What the row comes to by this figure, if it is known.
    pub fn figure(&self, figure: &Figure) -> Option<&FigureResult> {
        self.figures.get(figure.id)
    }

    /// Its 95 % interval, if there is one.
    pub fn interval_of(&self, figure: &Figure) -> Option<Interval> {
        self.figure(figure)?.interval
    }
}

/// The JSON Schema of `results.json`.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Results);
    schema.insert("title".to_owned(), "results.json of a topwork run".into());
    schema.to_value()
}
