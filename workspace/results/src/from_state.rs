//! The figures of a run, worked out from its state.

use std::collections::{BTreeMap, BTreeSet};

use topwork_events::{Counts, Outcome, RowPlan, RunPlan, RunState, Seconds, SourceOutcome};
use topwork_measure::{
    ACCURACY, ClassCount, Confusion, Estimate, Figure, FitReport, OfColumn, PerClass, TargetKind,
    holm, mean_std, share,
};

use crate::{
    Families, PairResult, PairSeed, judged,
    results::{
        ColumnResult, CountResult, FailedSeed, FigureResult, FoldResult, LEVEL, Results, RowResult,
        SeedResult, SourceResult,
    },
};

impl Results {
    /// The figures known so far; `None` before the plan is.
    pub fn from_state(state: &RunState) -> Option<Self> {
        let plan = state.plan.as_ref()?;
        let families = Families::of(plan);
        let mut results = Self::among(plan, state, &families);
        results.tests = (plan.tests.iter().enumerate())
            .filter_map(|(test, name)| {
                let elsewhere = state.elsewhere(test);
                let mut there = Self::among(elsewhere.plan.as_ref()?, &elsewhere, &families);
                there.test = Some(name.clone());
                for (row, own) in there.strategies.iter_mut().zip(&results.strategies) {
                    let measured = own.figures.iter().filter(|_| !row.seeds.is_empty());
                    row.own = measured
                        .map(|(id, figure)| (id.clone(), figure.mean))
                        .collect();
                }
                Some(there)
            })
            .collect();
        Some(results)
    }

    /// The figures of a state with this plan, its rows set against each other as these families say.
    pub(crate) fn among(plan: &RunPlan, state: &RunState, families: &Families) -> Self {
        let mut outcomes: Vec<Vec<&Outcome>> = vec![Vec::new(); plan.rows.len()];
        for outcome in &state.outcomes {
            if let Some(row) = outcomes.get_mut(outcome.row) {
                row.push(outcome);
            }
        }
        for row in &mut outcomes {
            row.sort_by_key(|outcome| place(state, outcome.seed));
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
        let pairs = pairs(plan, state, &outcomes, families);
        let mut sources = sources(state).into_iter();
        let mut results = Self {
            format: Self::FORMAT,
            run: plan.run.clone(),
            name: plan.name.clone(),
            target: plan.target.clone(),
            test: None,
            status: state
                .ending
                .as_ref()
                .map_or("running", |ending| ending.status.word())
                .to_owned(),
            remarks: state.remarked.remarks.clone(),
            duplicates: state.remarked.duplicates.clone(),
            data: state.content.clone(),
            computed_by: (state.networks.last()).and_then(|network| network.computed_by.clone()),
            source: sources.next(),
            other_sources: sources.collect(),
            judging: plan.judging.clone(),
            level: LEVEL,
            strategies: (plan.rows.iter().zip(outcomes).zip(failed))
                .map(|((row, outcomes), failed)| {
                    strategy(state, (row, &plan.classes), outcomes, failed)
                })
                .collect(),
            classes: plan.classes.clone(),
            targets: plan.targets,
            pairs_among: families.among(),
            pairs,
            references: plan.references.clone(),
            tests: Vec::new(),
        };
        for (row, rank) in results.ranks().into_iter().enumerate() {
            results.strategies[row].rank = rank;
        }
        results
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

/// The backbones on their source task, one for each part that has trained one.
fn sources(state: &RunState) -> Vec<SourceResult> {
    let parts: BTreeSet<usize> = state.source.iter().map(|outcome| outcome.part).collect();
    let sources: Vec<SourceResult> = (parts.into_iter())
        .filter_map(|part| source(state, part))
        .collect();
    // A backbone of several targets is trained once.
    let mut distinct: Vec<SourceResult> = Vec::new();
    for source in sources {
        if !distinct.contains(&source) {
            distinct.push(source);
        }
    }
    distinct
}

fn source(state: &RunState, part: usize) -> Option<SourceResult> {
    let of_part = state.source.iter().filter(|outcome| outcome.part == part);
    let mut outcomes: Vec<&SourceOutcome> = of_part.collect();
    outcomes.sort_by_key(|outcome| place(state, outcome.seed));
    let first = outcomes.first()?;
    let correct = outcomes.iter().map(|outcome| outcome.correct).sum();
    let total = outcomes.iter().map(|outcome| outcome.total).sum();
    let shares: Vec<f64> = (outcomes.iter())
        .map(|outcome| share(outcome.correct, outcome.total))
        .collect();
    let backbone = state
        .parts
        .get(part)
        .and_then(|part| part.plan.backbone.clone());
    Some(SourceResult {
        backbone,
        accuracy: share(correct, total),
        std: mean_std(&shares).and_then(|spread| spread.std),
        interval: judged::of_shares(&shares, first.total).map(|(interval, _)| interval),
        correct,
        total,
        epochs: first.epochs,
        train_samples: first.train_samples,
        trainable_parameters: first.trainable_parameters,
        seconds: mean(outcomes.iter().map(|outcome| outcome.seconds)),
        seeds: (outcomes.iter())
            .map(|outcome| SeedResult {
                seed: outcome.seed,
                correct: Some(outcome.correct),
                total: outcome.total,
                accuracy: Some(share(outcome.correct, outcome.total)),
                figures: BTreeMap::new(),
                folds: Vec::new(),
                fold_mean: None,
                fold_std: None,
                without_duplicates: None,
                fit: FitReport::default(),
                reliability: Vec::new(),
                calibrated: None,
                selected: None,
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
    (plan, names): (&RowPlan, &[String]),
    outcomes: Vec<&Outcome>,
    failed: Vec<FailedSeed>,
) -> RowResult {
    let first = outcomes.first();
    let figures = figures(state, &outcomes);
    let accuracy = figures.get(ACCURACY.id).cloned();
    let folds: Vec<f64> = (outcomes.iter())
        .flat_map(|outcome| folds(outcome))
        .map(|fold| fold.accuracy)
        .collect();
    let over_folds = mean_std(&folds);
    let confusion = (outcomes.iter())
        .filter(|outcome| outcome.targets() == TargetKind::Classes)
        .fold(None, |sum: Option<Confusion>, outcome| {
            let mut sum = sum.unwrap_or_else(|| Confusion::new(outcome.confusion.classes()));
            sum.merge(&outcome.confusion);
            Some(sum)
        });
    RowResult {
        name: plan.name.clone(),
        backbone: plan.backbone.clone(),
        title: plan.title(),
        rank: None,
        kind: plan.kind.clone(),
        cut: plan.cut.clone(),
        feature_dim: plan.feature_dim,
        head: plan.head.clone(),
        weights: plan.weights,
        protocol: plan.protocol.clone(),
        train_samples: first.map(|o| o.train_samples).or(plan.train_samples),
        trainable_parameters: first.map(|o| o.trainable_parameters),
        seeds: (outcomes.iter())
            .map(|outcome| seed_result(outcome))
            .collect(),
        failed,
        mean: accuracy.as_ref().map(|accuracy| accuracy.mean),
        std: accuracy.as_ref().and_then(|accuracy| accuracy.std),
        interval: accuracy.and_then(|accuracy| accuracy.interval),
        figures,
        own: BTreeMap::new(),
        transferability: transferability(&outcomes),
        fold_mean: over_folds.map(|spread| spread.mean),
        fold_std: over_folds.and_then(|spread| spread.std),
        without_duplicates: CountResult::sum(outcomes.iter().map(|o| o.without_duplicates)),
        test_set: first.map(|o| o.test_set.clone()),
        frozen_intact: outcomes
            .iter()
            .map(|o| o.frozen_intact)
            .reduce(|all, one| Some(all? && one?))
            .flatten(),
        proved: first.and_then(|o| o.proved),
        scores: first.and_then(|o| o.scores),
        learning_rate_multipliers: first.and_then(|o| o.learning_rate_multipliers.clone()),
        seconds: first.map(|_| Seconds {
            extract: mean(outcomes.iter().map(|o| o.seconds.extract)),
            fit: mean(outcomes.iter().map(|o| o.seconds.fit)),
            evaluate: mean(outcomes.iter().map(|o| o.seconds.evaluate)),
        }),
        features_cached: first.map(|_| outcomes.iter().all(|o| o.features_cached)),
        columns: columns(names, &outcomes),
        per_class: confusion.as_ref().map(PerClass::of).unwrap_or_default(),
        confusion,
    }
}

/// The columns of numbers or the labels, whose figures are means over seeds.
fn columns(names: &[String], outcomes: &[&Outcome]) -> Vec<ColumnResult> {
    let Some(first) = outcomes.first() else {
        return Vec::new();
    };
    let counts = |at: usize| {
        let of_seeds = outcomes
            .iter()
            .map(|outcome| outcome.columns.get(at)?.counts);
        of_seeds.sum::<Option<ClassCount>>()
    };
    let of_column = |(at, (name, column)): (usize, (&String, &OfColumn))| {
        let over_seeds = |id: &String| {
            let values = (outcomes.iter()).map(|outcome| {
                let column = outcome.columns.get(at)?;
                column.figures.get(id).copied()
            });
            let values: Vec<f64> = values.collect::<Option<_>>()?;
            Some((id.clone(), mean(values.into_iter())))
        };
        ColumnResult {
            name: name.clone(),
            figures: column.figures.keys().filter_map(over_seeds).collect(),
            against: column.against.clone(),
            label: counts(at).map(PerClass::from),
        }
    };
    let named = names.iter().zip(&first.columns).enumerate();
    named.map(of_column).collect()
}

/// The estimates that every outcome of a row has, over its seeds.
fn transferability(outcomes: &[&Outcome]) -> BTreeMap<String, f64> {
    let known = outcomes.first().map(|first| first.transferability.keys());
    let over_seeds = |id: &String| {
        let values = outcomes.iter().map(|o| o.transferability.get(id).copied());
        Some((
            id.clone(),
            mean(values.collect::<Option<Vec<f64>>>()?.into_iter()),
        ))
    };
    known.into_iter().flatten().filter_map(over_seeds).collect()
}

/// The figures that every outcome of a row has, over its seeds.
fn figures(state: &RunState, outcomes: &[&Outcome]) -> BTreeMap<String, FigureResult> {
    let known = outcomes.first().map(|first| first.figures.keys());
    let over_seeds = |id: &String| {
        let figure = Figure::named(id)?;
        let values = outcomes.iter().map(|o| o.figures.get(id).copied());
        let spread = mean_std(&values.collect::<Option<Vec<f64>>>()?)?;
        let (interval, interval_by) = judged::of_row(state, outcomes, figure).unzip();
        let result = FigureResult {
            mean: spread.mean,
            std: spread.std,
            interval,
            interval_by,
        };
        Some((id.clone(), result))
    };
    known.into_iter().flatten().filter_map(over_seeds).collect()
}

fn seed_result(outcome: &Outcome) -> SeedResult {
    let folds: Vec<FoldResult> = folds(outcome).collect();
    let accuracies: Vec<f64> = folds.iter().map(|fold| fold.accuracy).collect();
    let over_folds = mean_std(&accuracies);
    let correct = (outcome.targets() == TargetKind::Classes).then_some(outcome.correct);
    SeedResult {
        seed: outcome.seed,
        correct,
        total: outcome.total,
        accuracy: correct.map(|correct| share(correct, outcome.total)),
        figures: outcome.figures.clone(),
        folds,
        fold_mean: over_folds.map(|spread| spread.mean),
        fold_std: over_folds.and_then(|spread| spread.std),
        without_duplicates: CountResult::sum([outcome.without_duplicates]),
        fit: outcome.fit.clone(),
        reliability: outcome.reliability.clone(),
        calibrated: outcome.calibrated.clone(),
        selected: outcome.selected.as_deref().cloned(),
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

/// The pairs of rows by their places in the file. Holm's correction is for those of one family.
fn pairs(
    plan: &RunPlan,
    state: &RunState,
    outcomes: &[Vec<&Outcome>],
    families: &Families,
) -> Vec<PairResult> {
    let figure = plan.judging.ranked_by();
    let margin = plan.judging.equivalent_within;
    let mut pairs = Vec::new();
    for a in 0..plan.rows.len() {
        for b in families.with(a).into_iter().filter(|b| *b > a) {
            let judged = judged::of_pair(state, &outcomes[a], &outcomes[b], figure, margin);
            pairs.extend(judged.map(|judged| (a, b, families.corrected(a, b), judged)));
        }
    }
    let mut raised: Vec<(Option<f64>, Option<f64>)> = vec![(None, None); pairs.len()];
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, (_, _, family, _)) in pairs.iter().enumerate() {
        if let Some(family) = family {
            members.entry(*family).or_default().push(index);
        }
    }
    for members in members.into_values() {
        let p = members.iter().map(|index| pairs[*index].3.estimate.p);
        let holm_p = holm(&p.collect::<Vec<f64>>());
        let equivalent = members.iter().filter_map(|at| pairs[*at].3.p_equivalent);
        let holm_equivalent = holm(&equivalent.collect::<Vec<f64>>());
        for (place, index) in members.into_iter().enumerate() {
            raised[index] = (Some(holm_p[place]), holm_equivalent.get(place).copied());
        }
    }
    (pairs.into_iter().zip(raised))
        .map(|((a, b, _, judged), (p_holm, p_equivalent))| {
            let Estimate {
                value, interval, p, ..
            } = judged.estimate;
            let agree = |seed: &&PairSeed| {
                let difference = seed.difference.unwrap_or(0.0);
                difference * value > 0.0
            };
            PairResult {
                a: plan.rows[a].title(),
                b: plan.rows[b].title(),
                metric: figure.id.to_owned(),
                test: judged.test,
                difference: Some(value),
                interval: Some(interval),
                p,
                p_holm,
                p_equivalent,
                seeds_agree: judged.seeds.iter().filter(agree).count() as u64,
                seeds: judged.seeds,
            }
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    mean_std(&values.collect::<Vec<_>>()).map_or(0.0, |spread| spread.mean)
}
