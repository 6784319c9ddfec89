//! Figures of the order of scores.

use rayon::prelude::*;

use super::{complete, mean, share};
use crate::{bits::Bits, bootstrap::Statistic};

/// Which examples have their true class among the K largest scores; of equal scores those of lower
/// classes come first.
pub(super) fn among<const K: usize>(targets: &[u32], scores: &[f32], classes: usize) -> Bits {
    let is_among = |(scores, target): (&[f32], &u32)| {
        let target = *target as usize;
        let own = scores[target];
        let before = (scores.iter().enumerate())
            .filter(|(class, score)| **score > own || (**score == own && *class < target))
            .count();
        before < K && !own.is_nan()
    };
    (scores.chunks_exact(classes).zip(targets))
        .map(is_among)
        .collect()
}

pub(super) fn among_statistic<const K: usize>(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    let usable = classes > K && complete(targets, scores, classes);
    usable.then(|| Statistic::share(&among::<K>(targets, scores, classes)))
}

/// Not defined with K or fewer classes, of which it would be 1.
pub(super) fn top_k<const K: usize>(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<f64> {
    (classes > K && complete(targets, scores, classes)).then(|| {
        let among = among::<K>(targets, scores, classes);
        share(among.count_ones(), among.len() as u64)
    })
}

/// The area under the receiver operating characteristic: of the pairs of an example of the class
/// and one of another class, the share that the class's score puts in the right order, ties counted
/// half (Mann–Whitney). With two classes the score is that of class 1 less that of class 0, which
/// is the same for either class; with more the mean over classes, one against the rest, each by its
/// own score. Classes without examples, or with all of them, are left out.
///
/// Source: J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
/// characteristic (ROC) curve", Radiology 143 (1982), 29–36.
pub(super) fn auroc(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    over_classes(targets, scores, classes, |ranking| {
        let (positive, negative) = (ranking.positive, ranking.order.len() - ranking.positive);
        // Twice the number of pairs in the right order.
        let mut twice = 0_u128;
        let mut negative_before = 0_u128;
        for group in ranking.groups() {
            let of_class = group.iter().filter(|place| place.positive).count();
            let others = (group.len() - of_class) as u128;
            twice += of_class as u128 * (2 * negative_before + others);
            negative_before += others;
        }
        let pairs = 2 * positive as u128 * negative as u128;
        (pairs > 0).then(|| twice as f64 / pairs as f64)
    })
}

/// The area under the precision-recall curve as a sum of steps: the mean over the examples of the
/// class of the precision at their score, that is, among the examples with at least that score. The
/// mean over the classes that occur, also of two; scores as for the AUROC.
///
/// Source: scikit-learn, `average_precision_score`.
pub(super) fn average_precision(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    over_classes(targets, scores, classes, Ranking::average_precision)
}

/// The mean over the classes for which this is defined.
fn over_classes(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
    of: impl Fn(&Ranking) -> Option<f64> + Sync,
) -> Option<f64> {
    if !complete(targets, scores, classes) || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let of_classes: Vec<Option<f64>> = (0..classes)
        .into_par_iter()
        .map(|class| of(&Ranking::of(targets, scores, classes, class)))
        .collect();
    mean(of_classes.into_iter().flatten())
}

/// The examples in the order of one class's scores, the lowest first.
#[derive(Clone, Debug)]
pub(crate) struct Ranking {
    pub(crate) order: Vec<Place>,
    /// Examples of the class.
    pub(crate) positive: usize,
}

/// A place in the order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Which example stands there.
    pub(crate) example: u32,
    /// Whether it is of the class.
    pub(crate) positive: bool,
    /// Whether the next one has a higher score, or there is none.
    pub(crate) last_of_group: bool,
}

impl Ranking {
    /// None of the scores is NaN, and all is [`complete`].
    pub(crate) fn of(targets: &[u32], scores: &[f32], classes: usize, class: usize) -> Self {
        let examples = scores.chunks_exact(classes).zip(0_u32..);
        let keys: Vec<(u64, u32)> = match classes {
            2 => examples
                .map(|(row, example)| {
                    let margin = f64::from(row[1]) - f64::from(row[0]);
                    (ordered(if class == 1 { margin } else { -margin }), example)
                })
                .collect(),
            _ => examples
                .map(|(row, example)| (ordered(row[class].into()), example))
                .collect(),
        };
        Self::by(keys, |example| targets[example as usize] as usize == class)
    }

    /// The mean over the positive examples of the precision at their score; `None` without any.
    pub(crate) fn average_precision(&self) -> Option<f64> {
        let (mut sum, mut hits, mut taken) = (0.0, 0, 0);
        for group in self.groups().rev() {
            let positive = group.iter().filter(|place| place.positive).count();
            (hits, taken) = (hits + positive, taken + group.len());
            sum += positive as f64 * (hits as f64 / taken as f64);
        }
        (self.positive > 0).then(|| sum / self.positive as f64)
    }

    /// Of keys that rise with the scores, and whose examples are positive.
    pub(crate) fn by(mut keys: Vec<(u64, u32)>, positive: impl Fn(u32) -> bool) -> Self {
        keys.sort_unstable();
        let next = keys.iter().skip(1).map(|next| Some(next.0)).chain([None]);
        let order: Vec<Place> = (keys.iter().zip(next))
            .map(|(&(key, example), next)| Place {
                example,
                positive: positive(example),
                last_of_group: next != Some(key),
            })
            .collect();
        let positive = order.iter().filter(|place| place.positive).count();
        Self { order, positive }
    }

    /// The places with equal scores, together.
    fn groups(&self) -> impl DoubleEndedIterator<Item = &[Place]> {
        self.order.split_inclusive(|place| place.last_of_group)
    }
}

/// A number in the order of the values, 0 and −0 alike.
pub(crate) fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn order_by_hand() {
        let check =
            |targets: &[u32], scores: &[f32], classes: usize, expected: [Option<f64>; 2]| {
                let found = [
                    auroc(targets, scores, classes),
                    average_precision(targets, scores, classes),
                ];
                assert_eq!(found, expected, "{targets:?} {scores:?}");
            };
        // All in order; all against it; all alike.
        check(&[0, 1], &[1.0, 0.0, 0.0, 1.0], 2, [Some(1.0), Some(1.0)]);
        check(&[0, 1], &[0.0, 1.0, 1.0, 0.0], 2, [Some(0.0), Some(0.5)]);
        check(&[0, 1], &[0.0; 4], 2, [Some(0.5), Some(0.5)]);
        // 0 and −0 are alike; infinities have their place.
        check(&[0, 1], &[0.0, -0.0, 0.0, 0.0], 2, [Some(0.5), Some(0.5)]);
        check(
            &[0, 1],
            &[0.0, f32::NEG_INFINITY, 0.0, 1.0],
            2,
            [Some(1.0), Some(1.0)],
        );
        // One class alone has no pairs.
        check(&[1, 1], &[0.0, 1.0, 1.0, 0.0], 2, [None, Some(1.0)]);
        check(&[0, 1], &[f32::NAN, 0.0, 0.0, 1.0], 2, [None, None]);
    }

    proptest! {
        /// The AUROC is the share of pairs in order, counted pair by pair.
        #[test]
        fn auroc_counts_pairs(rows in prop::collection::vec((0_u32..2, -4_i8..5), 2..60)) {
            let targets: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let scores: Vec<f32> = rows.iter().flat_map(|row| [0.0, f32::from(row.1)]).collect();
            let (mut good, mut pairs) = (0.0, 0.0);
            for one in rows.iter().filter(|row| row.0 == 1) {
                for other in rows.iter().filter(|row| row.0 == 0) {
                    pairs += 1.0;
                    good += if one.1 > other.1 { 1.0 } else if one.1 == other.1 { 0.5 } else { 0.0 };
                }
            }
            let found = auroc(&targets, &scores, 2);
            match pairs == 0.0 {
                true => prop_assert_eq!(found, None),
                false => prop_assert!((found.unwrap() - good / pairs).abs() < 1e-12),
            }
        }
    }
}
