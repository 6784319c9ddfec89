//! How sure a row's figure is, and the difference of two rows.
//!
//! Which method that is depends on what varies. With one seed the test examples alone do: what is
//! said is of the fitted models. With several seeds both do, crossed where every seed is measured on
//! the same test examples. With folds, fits share training samples, for which the variance over folds
//! is corrected.

use std::collections::BTreeMap;

use topwork_events::{Agreement, Outcome, RunState};
use topwork_measure::{
    ACCURACY, Bits, Disagreement, Estimate, Figure, Interval, VarianceParts, corrected_t,
    equivalence, mcnemar_mid_p, paired_shares, share, two_way, two_way_pair, wilson,
};

use crate::{IntervalBy, PairSeed, PairTest};

/// A pair as it is judged, before any correction.
pub struct Judged {
    /// How.
    pub test: PairTest,
    /// The difference.
    pub estimate: Estimate,
    /// The p of the two one-sided tests, where there is a margin.
    pub p_equivalent: Option<f64>,
    /// Seed by seed.
    pub seeds: Vec<PairSeed>,
}

/// How sure the mean of a figure over these outcomes of one row is.
pub fn of_row(
    state: &RunState,
    outcomes: &[&Outcome],
    figure: &Figure,
) -> Option<(Interval, IntervalBy)> {
    let first = outcomes.first()?;
    if figure.bits.is_none() {
        let resampled = state
            .resampled
            .get(&(first.row, None, figure.id.to_owned()))?;
        let all = resampled.seeds == outcomes.len() as u64;
        return all.then_some((resampled.estimate.interval, IntervalBy::Bootstrap));
    }
    if let Some(ratio) = fold_ratio(outcomes, figure) {
        let values: Vec<f64> = outcomes.iter().flat_map(|o| of_folds(o)).collect();
        let estimate = corrected_t(&values, ratio)?;
        // Folds that are all alike show no spread, which is not to say that there is none.
        if estimate.standard_error > 0.0 {
            return Some((estimate.interval.within(0.0, 1.0), IntervalBy::Folds));
        }
    }
    if let (2.., Some(bits)) = (outcomes.len(), crossed(outcomes, figure)) {
        return Some((two_way(&bits)?.interval, IntervalBy::TwoWay));
    }
    let shares = outcomes
        .iter()
        .map(|outcome| outcome.figures.get(figure.id));
    let shares: Vec<f64> = shares
        .collect::<Option<Vec<&f64>>>()?
        .into_iter()
        .copied()
        .collect();
    match same_examples(outcomes) {
        true => of_shares(&shares, first.total),
        false => {
            let estimate = corrected_t(&shares, 0.0)?;
            Some((estimate.interval.within(0.0, 1.0), IntervalBy::Seeds))
        }
    }
}

/// How sure the mean of each seed's share of the same `examples` is, when nothing is known of single
/// examples: as if seeds had none of their mistakes in common.
pub fn of_shares(shares: &[f64], examples: u64) -> Option<(Interval, IntervalBy)> {
    if let [one] = shares {
        return Some((wilson(*one, examples), IntervalBy::Wilson));
    }
    let estimate = corrected_t(shares, 0.0)?;
    let mean = estimate.value;
    let of_examples = mean * (1.0 - mean) / examples.max(1) as f64;
    let estimate = widened(estimate, of_examples, shares.len(), examples);
    Some((estimate.interval.within(0.0, 1.0), IntervalBy::TwoWay))
}

/// How much more the row of `a` has of a figure than that of `b`; `None` where they share no test
/// examples. `margin` is how far apart they may be and still count as equally good.
pub fn of_pair(
    state: &RunState,
    a: &[&Outcome],
    b: &[&Outcome],
    figure: &Figure,
    margin: Option<f64>,
) -> Option<Judged> {
    let pairs = shared(a, b);
    let (first_a, first_b) = *pairs.first()?;
    let seeds: Vec<PairSeed> = (pairs.iter())
        .filter_map(|(a, b)| seed(state, a, b, figure))
        .collect();
    let (test, estimate) = if figure.bits.is_some() {
        of_share(&pairs, &seeds, figure)?
    } else {
        let key = (first_a.row, Some(first_b.row), figure.id.to_owned());
        match state.resampled.get(&key) {
            Some(known) if known.seeds == pairs.len() as u64 => {
                (PairTest::Bootstrap, known.estimate)
            }
            _ => (PairTest::Seeds, over_seeds(&seeds)?),
        }
    };
    // Of shares no more than all can lie between two.
    let estimate = Estimate {
        interval: match figure.bits {
            Some(_) => estimate.interval.within(-1.0, 1.0),
            None => estimate.interval,
        },
        ..estimate
    };
    Some(Judged {
        test,
        p_equivalent: margin.map(|margin| equivalence(&estimate, margin)),
        estimate,
        seeds,
    })
}

fn of_share(
    pairs: &[(&Outcome, &Outcome)],
    seeds: &[PairSeed],
    figure: &Figure,
) -> Option<(PairTest, Estimate)> {
    let (of_a, of_b): (Vec<&Outcome>, Vec<&Outcome>) = pairs.iter().copied().unzip();
    if let Some(ratio) = fold_ratio(&of_a, figure).zip(fold_ratio(&of_b, figure)) {
        let folds = |of: &[&Outcome]| of.iter().flat_map(|o| of_folds(o)).collect::<Vec<f64>>();
        let (a, b) = (folds(&of_a), folds(&of_b));
        if a.len() == b.len() {
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            // Of rows with other numbers of training samples that of fewer: the wider one.
            let estimate = corrected_t(&differences, ratio.0.max(ratio.1))?;
            if estimate.standard_error > 0.0 {
                return Some((PairTest::Folds, estimate));
            }
        }
    }
    if let ([(a, _)], [seed]) = (pairs, seeds) {
        let disagreement = Disagreement {
            only_a: seed.only_a,
            only_b: seed.only_b,
        };
        let estimate = Estimate {
            p: seed.p,
            ..paired_shares(disagreement, a.total)?
        };
        return Some((PairTest::McNemarMidP, estimate));
    }
    if let (Some(a), Some(b)) = (crossed(&of_a, figure), crossed(&of_b, figure))
        && of_a[0].test_set == of_b[0].test_set
    {
        return Some((PairTest::TwoWay, two_way_pair(&a, &b)?));
    }
    let estimate = over_seeds(seeds)?;
    if !same_examples(&of_a) || seeds.len() < pairs.len() {
        return Some((PairTest::Seeds, estimate));
    }
    // As for rows: what is known is how far each seed's examples disagree.
    let variance = |seed: &PairSeed, total: u64| {
        let n = total.max(1) as f64;
        let difference = (seed.only_a as f64 - seed.only_b as f64) / n;
        ((seed.only_a + seed.only_b) as f64 / n - difference * difference) / n
    };
    let variances = (seeds.iter().zip(&of_a)).map(|(seed, a)| variance(seed, a.total));
    let of_examples = variances.sum::<f64>() / seeds.len() as f64;
    let total = of_a.first().map_or(0, |a| a.total);
    let estimate = widened(estimate, of_examples, seeds.len(), total);
    Some((PairTest::TwoWay, estimate))
}

/// One seed of a pair; `None` where only an earlier version could have said on which examples the
/// rows disagree, and has not.
fn seed(state: &RunState, a: &Outcome, b: &Outcome, figure: &Figure) -> Option<PairSeed> {
    let id = figure.bits.map_or(ACCURACY.id, |_| figure.id);
    let bits = a.right.get(id).zip(b.right.get(id));
    let disagreement = bits.and_then(|(a, b)| Disagreement::of(a, b));
    let disagreement = disagreement.or_else(|| told_before(state, a, b))?;
    let value = |of: &Outcome| of.figures.get(figure.id).copied();
    Some(PairSeed {
        seed: a.seed,
        only_a: disagreement.only_a,
        only_b: disagreement.only_b,
        p: mcnemar_mid_p(disagreement),
        difference: value(a).zip(value(b)).map(|(a, b)| a - b),
    })
}

/// What a stream of an earlier version has said of a pair.
fn told_before(state: &RunState, a: &Outcome, b: &Outcome) -> Option<Disagreement> {
    let known = |first: usize, second: usize| -> Option<&Agreement> {
        state.agreements.get(&(first, second, a.seed))
    };
    if let Some(told) = known(a.row, b.row) {
        return Some(Disagreement {
            only_a: told.only_a,
            only_b: told.only_b,
        });
    }
    known(b.row, a.row).map(|told| Disagreement {
        only_a: told.only_b,
        only_b: told.only_a,
    })
}

/// Student's t over the differences of the seeds.
fn over_seeds(seeds: &[PairSeed]) -> Option<Estimate> {
    let differences = seeds.iter().map(|seed| seed.difference);
    corrected_t(&differences.collect::<Option<Vec<f64>>>()?, 0.0)
}

/// The estimate over `seeds` with the variance that the examples add.
fn widened(estimate: Estimate, of_examples: f64, seeds: usize, examples: u64) -> Estimate {
    let parts = VarianceParts {
        examples: of_examples,
        seeds: estimate.standard_error.powi(2),
        residual: 0.0,
    };
    let examples = usize::try_from(examples).unwrap_or(usize::MAX);
    parts.estimate(estimate.value, seeds, examples)
}

/// The outcomes of two rows by the seeds with which both were measured on the same examples.
fn shared<'a>(a: &[&'a Outcome], b: &[&'a Outcome]) -> Vec<(&'a Outcome, &'a Outcome)> {
    let of_b: BTreeMap<u64, &Outcome> = b.iter().map(|outcome| (outcome.seed, *outcome)).collect();
    (a.iter())
        .filter_map(|a| Some((*a, *of_b.get(&a.seed)?)))
        .filter(|(a, b)| a.test_set == b.test_set)
        .collect()
}

/// Which examples each seed has right, where all seeds are measured on the same.
fn crossed<'a>(outcomes: &[&'a Outcome], figure: &Figure) -> Option<Vec<&'a Bits>> {
    let bits = outcomes.iter().map(|outcome| outcome.right.get(figure.id));
    let bits = bits.collect::<Option<Vec<&Bits>>>()?;
    same_examples(outcomes).then_some(bits)
}

fn same_examples(outcomes: &[&Outcome]) -> bool {
    let different = |pair: &[&Outcome]| pair[0].test_set != pair[1].test_set;
    !outcomes.windows(2).any(different)
}

/// Of outcomes with folds, how many examples are left out for one that is learnt from. Of single folds
/// the accuracy alone is known.
fn fold_ratio(outcomes: &[&Outcome], figure: &Figure) -> Option<f64> {
    if figure.id != ACCURACY.id {
        return None;
    }
    let left_out: Vec<u64> = (outcomes.iter())
        .flat_map(|outcome| outcome.folds.iter().map(|fold| fold.total))
        .collect();
    let learnt = outcomes.iter().map(|outcome| outcome.train_samples).min()?;
    let all: u64 = left_out.iter().sum();
    (left_out.len() > 1).then(|| all as f64 / left_out.len() as f64 / learnt.max(1) as f64)
}

fn of_folds(outcome: &Outcome) -> impl Iterator<Item = f64> {
    outcome
        .folds
        .iter()
        .map(|fold| share(fold.correct, fold.total))
}
