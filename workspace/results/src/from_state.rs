//! The figures of a run, worked out from its state.

use std::collections::BTreeMap;

use topwork_events::{Counts, Outcome, Pairing, RowPlan, RunState, Seconds, SourceOutcome};
use topwork_measure::{
    ACCURACY, Confusion, Disagreement, FIGURES, Figure, PairTest, holm, mcnemar_mid_p, mean_std,
    share,
};

use crate::results::{
    CountResult, FailedSeed, FigureResult, FoldResult, PairResult, PairSeed, Results, RowResult,
    SeedResult, SourceResult,
};

impl Results {
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
            accuracy: (sum.total > 0).then(|| share(sum.correct, sum.total)),
        })
    }
}

fn source(state: &RunState) -> Option<SourceResult> {
    let mut outcomes: Vec<&SourceOutcome> = state.source.iter().collect();
    outcomes.sort_by_key(|outcome| place(state, outcome.seed));
    let first = outcomes.first()?;
    let correct = state.source.iter().map(|outcome| outcome.correct).sum();
    let total = state.source.iter().map(|outcome| outcome.total).sum();
    Some(SourceResult {
        accuracy: share(correct, total),
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
                accuracy: share(outcome.correct, outcome.total),
                figures: BTreeMap::new(),
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
) -> RowResult {
    outcomes.sort_by_key(|outcome| place(state, outcome.seed));
    let first = outcomes.first();
    let figures = figures(&outcomes);
    let accuracy = figures.get(ACCURACY.id).copied();
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
    RowResult {
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
        mean: accuracy.map(|accuracy| accuracy.mean),
        std: accuracy.and_then(|accuracy| accuracy.std),
        interval: accuracy.and_then(|accuracy| accuracy.interval),
        figures,
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

/// The figures that every outcome of a row has, over its seeds.
fn figures(outcomes: &[&Outcome]) -> BTreeMap<String, FigureResult> {
    let examples = outcomes.first().map_or(0, |first| first.total);
    let over_seeds = |figure: &Figure| {
        let values = outcomes.iter().map(|o| o.figures.get(figure.id).copied());
        let spread = mean_std(&values.collect::<Option<Vec<f64>>>()?)?;
        let result = FigureResult {
            mean: spread.mean,
            std: spread.std,
            interval: figure.interval_of(spread.mean, examples),
        };
        Some((figure.id.to_owned(), result))
    };
    FIGURES.iter().filter_map(over_seeds).collect()
}

fn seed_result(outcome: &Outcome) -> SeedResult {
    let folds: Vec<FoldResult> = folds(outcome).collect();
    let accuracies: Vec<f64> = folds.iter().map(|fold| fold.accuracy).collect();
    let over_folds = mean_std(&accuracies);
    SeedResult {
        seed: outcome.seed,
        correct: outcome.correct,
        total: outcome.total,
        accuracy: share(outcome.correct, outcome.total),
        figures: outcome.figures.clone(),
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
        accuracy: share(fold.correct, fold.total),
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
                test: PairTest::McNemarMidP.id().to_owned(),
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
