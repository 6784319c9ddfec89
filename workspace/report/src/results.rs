//! `results.json`: the figures of a run, for programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use topwork_events::{
    Counts, Duplicates, Outcome, Pairing, Reference, RowPlan, RunState, Scope, Seconds,
    SourceOutcome, Weights,
};
use topwork_measure::{Confusion, Disagreement, Interval, holm, mcnemar_mid_p, mean_std, wilson};

use crate::layout;

/// The figures of a run. Rows without outcomes yet have no seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// Version of this layout.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The experiment's name.
    pub name: String,
    /// `running`, `done`, `failed`, `stopped` or `crashed`.
    pub status: String,
    /// What is odd about the experiment or its data, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Identical images within a task, where there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicates>,
    /// What computed the features, with its version, where that is not this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_by: Option<String>,
    /// The source task; `null` when nothing was trained on one.
    pub source: Option<SourceResult>,
    /// One entry per row: by strategy in the order of the file, then by cut, then by number of
    /// training samples.
    pub strategies: Vec<StrategyResult>,
    /// The target classes, in the order of the labels: that of the confusion matrices.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Which rows are set against each other: all, or those of one family.
    #[serde(default)]
    pub pairs_among: Scope,
    /// Pairs of rows measured on the same test examples.
    pub pairs: Vec<PairResult>,
    /// Figures from elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
}

/// The backbone on its source task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SourceResult {
    /// Correct of total.
    pub accuracy: f64,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StrategyResult {
    /// The strategy's name.
    pub name: String,
    /// The row's own name: the strategy's, and after it what tells it from the strategy's others.
    pub title: String,
    /// `frozen-backbone`, `feature-classifier`, `fine-tune` or `from-scratch`.
    pub kind: String,
    /// The cut point.
    pub cut: String,
    /// Length of a feature vector.
    pub feature_dim: usize,
    /// The head's component.
    pub head: String,
    /// Whose weights the trunk has.
    pub weights: Weights,
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
    /// Mean accuracy over seeds; with folds of the counts pooled over them.
    pub mean: Option<f64>,
    /// Sample standard deviation over seeds; `null` for a single one.
    pub std: Option<f64>,
    /// Wilson 95 % interval of the mean accuracy over the test examples.
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
    /// The learning-rate multipliers really used, by layer with weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate_multipliers: Option<Vec<(String, f64)>>,
    /// Mean wall-clock seconds over seeds.
    pub seconds: Option<Seconds>,
    /// The features were there already, from an earlier row or run.
    pub features_cached: Option<bool>,
    /// Counts summed over seeds; `null` before there are any.
    pub confusion: Option<Confusion>,
}

/// One seed's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// Test examples classified correctly.
    pub correct: u64,
    /// Test examples.
    pub total: u64,
    /// Correct of total.
    pub accuracy: f64,
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
    /// Whether the fit converged, where that means something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<bool>,
    /// What the head says of its fit, one line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Iterations of the fit, or epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// SHA-256 over what was frozen, before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_before: Option<String>,
    /// The same, after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_after: Option<String>,
}

/// Correct of some test examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CountResult {
    /// Classified correctly.
    pub correct: u64,
    /// All of them.
    pub total: u64,
    /// Correct of total; `null` where there are none.
    pub accuracy: Option<f64>,
}

impl CountResult {
    /// All of these counts together; `None` unless every one is known.
    fn sum(counts: impl IntoIterator<Item = Option<Counts>>) -> Option<Self> {
        let mut sum = Counts {
            correct: 0,
            total: 0,
        };
        let mut any = false;
        for counts in counts {
            let counts = counts?;
            sum.correct += counts.correct;
            sum.total += counts.total;
            any = true;
        }
        any.then(|| Self {
            correct: sum.correct,
            total: sum.total,
            accuracy: (sum.total > 0).then(|| accuracy(sum.correct, sum.total)),
        })
    }
}

/// One fold: the examples it leaves out, classified by what was fitted on the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// `failed`, or `crashed` when it took the worker process with it.
    pub status: String,
    /// What went wrong.
    pub message: String,
}

/// A pair of rows on the same test examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PairResult {
    /// The first row's title.
    pub a: String,
    /// The second row's title.
    pub b: String,
    /// `mcnemar-mid-p`.
    pub test: String,
    /// The largest p over the seeds: with every seed, the pair is told apart at least this well.
    pub p: f64,
    /// The same raised for the number of pairs, by Holm's method: what decides whether the pair counts as told apart.
    pub p_holm: f64,
    /// One entry per seed both were measured with.
    pub seeds: Vec<PairSeed>,
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
    /// Not told apart.
    Alike,
}

impl PairResult {
    /// What p comes to, with [`ALPHA`].
    pub fn verdict(&self) -> Verdict {
        match (self.p < ALPHA, self.p_holm < ALPHA) {
            (true, true) => Verdict::Apart,
            (true, false) => Verdict::Chance,
            (false, _) => Verdict::Alike,
        }
    }
}

/// A pair with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PairSeed {
    /// The seed.
    pub seed: u64,
    /// Examples only `a` classifies correctly.
    pub only_a: u64,
    /// Examples only `b` classifies correctly.
    pub only_b: u64,
    /// McNemar's mid-p.
    pub p: f64,
}

impl Results {
    /// The present [`Results::format`].
    pub const FORMAT: u32 = 2;

    /// The figures known so far; `None` before the plan is.
    pub fn from_state(state: &RunState) -> Option<Self> {
        let plan = state.plan.as_ref()?;
        let mut outcomes: Vec<Vec<&Outcome>> = vec![Vec::new(); plan.rows.len()];
        for outcome in &state.outcomes {
            if let Some(row) = outcomes.get_mut(outcome.row) {
                row.push(outcome);
            }
        }
        let mut failed: Vec<Vec<FailedSeed>> = vec![Vec::new(); plan.rows.len()];
        for failure in &state.failures {
            if let Some(row) = failed.get_mut(failure.row) {
                row.push(FailedSeed {
                    seed: failure.seed,
                    status: failure.status.word().to_owned(),
                    message: failure.message.clone(),
                });
            }
        }
        let pairing = Pairing::of(plan);
        Some(Self {
            format: Self::FORMAT,
            run: plan.run.clone(),
            name: plan.name.clone(),
            status: state
                .ending
                .as_ref()
                .map_or("running", |ending| ending.status.word())
                .to_owned(),
            remarks: state.remarked.remarks.clone(),
            duplicates: state.remarked.duplicates.clone(),
            computed_by: (state.networks.last()).and_then(|network| network.computed_by.clone()),
            source: source(state),
            strategies: (plan.rows.iter().zip(outcomes).zip(failed))
                .map(|((plan, outcomes), failed)| strategy(state, plan, outcomes, failed))
                .collect(),
            classes: plan.classes.clone(),
            pairs_among: pairing.scope(),
            pairs: pairs(state, &plan.rows, &pairing),
            references: plan.references.clone(),
        })
    }

    /// The rows that may be set in one order: measured on the same test examples as the first
    /// measured row. `None` in place of the others.
    pub fn comparable(&self) -> Vec<Option<f64>> {
        let test_set = self.strategies.iter().find_map(|row| row.test_set.as_ref());
        (self.strategies.iter())
            .map(|row| row.mean.filter(|_| row.test_set.as_ref() == test_set))
            .collect()
    }

    /// The best of the comparable rows, the first of equals.
    pub fn best(&self) -> Option<&StrategyResult> {
        let comparable = self.comparable();
        let best = comparable.iter().flatten().copied().reduce(f64::max)?;
        let row = comparable.iter().position(|mean| *mean == Some(best))?;
        self.strategies.get(row)
    }

    /// The file's content: a line for every figure of a row, and one for each pair.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        layout::to_string(self)
    }
}

fn accuracy(correct: u64, total: u64) -> f64 {
    if total == 0 {
        0.0
    } else {
        correct as f64 / total as f64
    }
}

fn source(state: &RunState) -> Option<SourceResult> {
    let mut outcomes: Vec<&SourceOutcome> = state.source.iter().collect();
    outcomes.sort_by_key(|outcome| place(state, outcome.seed));
    let first = outcomes.first()?;
    let correct = state.source.iter().map(|outcome| outcome.correct).sum();
    let total = state.source.iter().map(|outcome| outcome.total).sum();
    Some(SourceResult {
        accuracy: accuracy(correct, total),
        correct,
        total,
        epochs: first.epochs,
        train_samples: first.train_samples,
        trainable_parameters: first.trainable_parameters,
        seconds: mean(state.source.iter().map(|outcome| outcome.seconds)),
        seeds: (outcomes.iter())
            .map(|outcome| SeedResult {
                seed: outcome.seed,
                correct: outcome.correct,
                total: outcome.total,
                accuracy: accuracy(outcome.correct, outcome.total),
                folds: Vec::new(),
                fold_mean: None,
                fold_std: None,
                without_duplicates: None,
                converged: None,
                note: None,
                iterations: None,
                frozen_before: None,
                frozen_after: None,
            })
            .collect(),
    })
}

/// Seeds come in the order of the experiment, whatever order they were measured in: a row that
/// failed at first is measured after the others.
fn place(state: &RunState, seed: u64) -> usize {
    let seeds = state.plan.as_ref().map_or(&[][..], |plan| &plan.seeds);
    seeds
        .iter()
        .position(|known| *known == seed)
        .unwrap_or(seeds.len())
}

/// A row with what came of it.
fn strategy(
    state: &RunState,
    plan: &RowPlan,
    mut outcomes: Vec<&Outcome>,
    failed: Vec<FailedSeed>,
) -> StrategyResult {
    outcomes.sort_by_key(|outcome| place(state, outcome.seed));
    let first = outcomes.first();
    let accuracies: Vec<_> = outcomes
        .iter()
        .map(|o| accuracy(o.correct, o.total))
        .collect();
    let spread = mean_std(&accuracies);
    let folds: Vec<f64> = (outcomes.iter())
        .flat_map(|outcome| folds(outcome))
        .map(|fold| fold.accuracy)
        .collect();
    let over_folds = mean_std(&folds);
    let confusion = outcomes
        .iter()
        .fold(None, |sum: Option<Confusion>, outcome| {
            let mut sum = sum.unwrap_or_else(|| Confusion::new(outcome.confusion.classes()));
            sum.merge(&outcome.confusion);
            Some(sum)
        });
    StrategyResult {
        name: plan.name.clone(),
        title: plan.title(),
        kind: plan.kind.clone(),
        cut: plan.cut.clone(),
        feature_dim: plan.feature_dim,
        head: plan.head.clone(),
        weights: plan.weights,
        train_samples: first.map(|o| o.train_samples).or(plan.train_samples),
        trainable_parameters: first.map(|o| o.trainable_parameters),
        seeds: (outcomes.iter())
            .map(|outcome| seed_result(outcome))
            .collect(),
        failed,
        mean: spread.map(|spread| spread.mean),
        std: spread.and_then(|spread| spread.std),
        interval: spread
            .zip(first)
            .map(|(spread, first)| wilson(spread.mean, first.total)),
        fold_mean: over_folds.map(|spread| spread.mean),
        fold_std: over_folds.and_then(|spread| spread.std),
        without_duplicates: CountResult::sum(outcomes.iter().map(|o| o.without_duplicates)),
        test_set: first.map(|o| o.test_set.clone()),
        frozen_intact: outcomes
            .iter()
            .map(|o| o.frozen_intact)
            .reduce(|all, one| Some(all? && one?))
            .flatten(),
        learning_rate_multipliers: first.and_then(|o| o.learning_rate_multipliers.clone()),
        seconds: first.map(|_| Seconds {
            extract: mean(outcomes.iter().map(|o| o.seconds.extract)),
            fit: mean(outcomes.iter().map(|o| o.seconds.fit)),
            evaluate: mean(outcomes.iter().map(|o| o.seconds.evaluate)),
        }),
        features_cached: first.map(|_| outcomes.iter().all(|o| o.features_cached)),
        confusion,
    }
}

fn seed_result(outcome: &Outcome) -> SeedResult {
    let folds: Vec<FoldResult> = folds(outcome).collect();
    let accuracies: Vec<f64> = folds.iter().map(|fold| fold.accuracy).collect();
    let over_folds = mean_std(&accuracies);
    SeedResult {
        seed: outcome.seed,
        correct: outcome.correct,
        total: outcome.total,
        accuracy: accuracy(outcome.correct, outcome.total),
        folds,
        fold_mean: over_folds.map(|spread| spread.mean),
        fold_std: over_folds.and_then(|spread| spread.std),
        without_duplicates: CountResult::sum([outcome.without_duplicates]),
        converged: outcome.converged,
        note: outcome.note.clone(),
        iterations: outcome.iterations,
        frozen_before: outcome.frozen_before.clone(),
        frozen_after: outcome.frozen_after.clone(),
    }
}

fn folds(outcome: &Outcome) -> impl Iterator<Item = FoldResult> {
    outcome.folds.iter().map(|fold| FoldResult {
        correct: fold.correct,
        total: fold.total,
        accuracy: accuracy(fold.correct, fold.total),
    })
}

/// The pairs of these rows by their places in the file. A stream of format 1 has every pair of a
/// grid, of which only those that would be compared today count.
fn pairs(state: &RunState, rows: &[RowPlan], pairing: &Pairing) -> Vec<PairResult> {
    let mut pairs: BTreeMap<(usize, usize), Vec<PairSeed>> = BTreeMap::new();
    let compared = state.agreements.iter();
    for agreement in compared.filter(|agreement| pairing.has(agreement.a, agreement.b)) {
        let (only_a, only_b) = (agreement.only_a, agreement.only_b);
        pairs
            .entry((agreement.a, agreement.b))
            .or_default()
            .push(PairSeed {
                seed: agreement.seed,
                only_a,
                only_b,
                p: mcnemar_mid_p(Disagreement { only_a, only_b }),
            });
    }
    for seeds in pairs.values_mut() {
        seeds.sort_by_key(|pair| place(state, pair.seed));
    }
    let largest: Vec<f64> = (pairs.values())
        .map(|seeds| seeds.iter().map(|seed| seed.p).fold(0.0, f64::max))
        .collect();
    let raised = holm(&largest);
    (pairs.into_iter().zip(largest).zip(raised))
        .filter_map(|((((a, b), seeds), p), p_holm)| {
            Some(PairResult {
                a: rows.get(a)?.title(),
                b: rows.get(b)?.title(),
                test: "mcnemar-mid-p".to_owned(),
                p,
                p_holm,
                seeds,
            })
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    mean_std(&values.collect::<Vec<_>>()).map_or(0.0, |spread| spread.mean)
}
