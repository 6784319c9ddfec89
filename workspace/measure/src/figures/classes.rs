//! Figures of the classes predicted.

use super::{complete, mean, share};
use crate::{bits::Bits, bootstrap::Statistic, per_class::ClassCounts, scores::predicted};

/// Which examples are classified correctly.
pub(super) fn right(targets: &[u32], scores: &[f32], classes: usize) -> Bits {
    (scores.chunks_exact(classes).zip(targets))
        .map(|(scores, target)| predicted(scores) == *target as usize)
        .collect()
}

pub(super) fn accuracy(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    complete(targets, scores, classes).then(|| {
        let right = right(targets, scores, classes);
        share(right.count_ones(), right.len() as u64)
    })
}

pub(super) fn balanced_accuracy(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    balanced_accuracy_of(&counts(targets, scores, classes)?)
}

pub(super) fn macro_f1(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    macro_f1_of(&counts(targets, scores, classes)?)
}

pub(super) fn mcc(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    mcc_of(&counts(targets, scores, classes)?)
}

pub(super) fn cohen_kappa(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    cohen_kappa_of(&counts(targets, scores, classes)?)
}

pub(super) fn accuracy_statistic(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    let usable = complete(targets, scores, classes);
    usable.then(|| Statistic::share(&right(targets, scores, classes)))
}

/// A mean over examples: each counts for one over the number of its class.
pub(super) fn balanced_accuracy_statistic(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    let counts = counts(targets, scores, classes)?;
    let each = targets.len() as f64 / counts.occurring().count() as f64;
    let value = |(right, target): (bool, &u32)| match right {
        true => each / counts.classes[*target as usize].truth as f64,
        false => 0.0,
    };
    let right = right(targets, scores, classes);
    Some(Statistic::mean(
        right.iter().zip(targets).map(value).collect(),
    ))
}

pub(super) fn macro_f1_statistic(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    Statistic::classes(targets, scores, classes, macro_f1_of)
}

pub(super) fn mcc_statistic(targets: &[u32], scores: &[f32], classes: usize) -> Option<Statistic> {
    Statistic::classes(targets, scores, classes, mcc_of)
}

pub(super) fn cohen_kappa_statistic(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    Statistic::classes(targets, scores, classes, cohen_kappa_of)
}

fn counts(targets: &[u32], scores: &[f32], classes: usize) -> Option<ClassCounts> {
    let predictions = || scores.chunks_exact(classes).map(predicted);
    complete(targets, scores, classes)
        .then(|| ClassCounts::of(targets.iter().copied().zip(predictions()), classes))
}

fn balanced_accuracy_of(counts: &ClassCounts) -> Option<f64> {
    mean(
        counts
            .occurring()
            .map(|class| share(class.right, class.truth)),
    )
}

fn macro_f1_of(counts: &ClassCounts) -> Option<f64> {
    mean(counts.occurring().map(|class| class.f1()))
}

/// Matthews' correlation coefficient for any number of classes; 0 where all examples are, or all
/// are taken for, one class, as in scikit-learn.
///
/// Source: J. Gorodkin, "Comparing two K-category assignments by a K-category correlation
/// coefficient", Comput. Biol. Chem. 28 (2004), 367–374.
fn mcc_of(counts: &ClassCounts) -> Option<f64> {
    let sums = Sums::of(counts)?;
    let covariance = sums.total * sums.right - sums.chance;
    let variance = |squares: i128| (sums.total * sums.total - squares) as f64;
    let product = variance(sums.predicted_squares) * variance(sums.true_squares);
    Some(match product > 0.0 {
        true => covariance as f64 / product.sqrt(),
        false => 0.0,
    })
}

/// Cohen's kappa, not weighted: agreement beyond that of chance. Not defined where all examples
/// are, and are taken for, one class.
///
/// Source: J. Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20
/// (1960), 37–46.
fn cohen_kappa_of(counts: &ClassCounts) -> Option<f64> {
    let sums = Sums::of(counts)?;
    let possible = sums.total * sums.total - sums.chance;
    (possible != 0).then(|| (sums.total * sums.right - sums.chance) as f64 / possible as f64)
}

/// Sums over classes; whole numbers, so that differences of large products keep their digits.
struct Sums {
    total: i128,
    right: i128,
    /// Of true count × predicted count.
    chance: i128,
    true_squares: i128,
    predicted_squares: i128,
}

impl Sums {
    fn of(counts: &ClassCounts) -> Option<Self> {
        let sum = |of: fn(&crate::per_class::ClassCount) -> i128| -> i128 {
            counts.classes.iter().map(of).sum()
        };
        let total = sum(|class| class.truth.into());
        (total > 0).then(|| Self {
            total,
            right: sum(|class| class.right.into()),
            chance: sum(|class| i128::from(class.truth) * i128::from(class.predicted)),
            true_squares: sum(|class| i128::from(class.truth).pow(2)),
            predicted_squares: sum(|class| i128::from(class.predicted).pow(2)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_alone() {
        let check = |pairs: &[(u32, usize)], mcc: f64, kappa: Option<f64>| {
            let counts = ClassCounts::of(pairs.iter().copied(), 2);
            assert_eq!(
                (mcc_of(&counts), cohen_kappa_of(&counts)),
                (Some(mcc), kappa)
            );
        };
        check(&[(0, 0), (0, 0)], 0.0, None);
        check(&[(0, 1), (0, 1)], 0.0, Some(0.0));
        check(&[(0, 0), (1, 0)], 0.0, Some(0.0));
        check(&[(0, 0), (1, 1)], 1.0, Some(1.0));
        check(&[(0, 1), (1, 0)], -1.0, Some(-1.0));
    }
}
