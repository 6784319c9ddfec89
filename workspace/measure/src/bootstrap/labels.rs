//! Figures of several labels on resamples. Draws are of all examples, so that a resample may have more examples with a label than
//! another, or none.

use super::{Counts, LANES, statistic::add};
use crate::{figures::Place, figures::Ranking, per_class::ClassCount};

/// An example that has a label, or is said to have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelRow {
    /// Which example.
    pub(crate) example: u32,
    /// Whether it has the label.
    pub(crate) truth: bool,
    /// Whether it is predicted to.
    pub(crate) predicted: bool,
}

/// A function of the counts of the labels; NaN where it is not defined.
pub(super) fn of_counts(
    labels: &[Vec<LabelRow>],
    of: fn(&[ClassCount]) -> Option<f64>,
    counts: &Counts,
) -> [f64; LANES] {
    let mut sums = vec![[[0_u32; LANES]; 3]; labels.len()];
    for (rows, [truth, predicted, right]) in labels.iter().zip(&mut sums) {
        for row in rows {
            let count = &counts[row.example as usize];
            if row.truth {
                add(truth, count);
            }
            if row.predicted {
                add(predicted, count);
            }
            if row.truth && row.predicted {
                add(right, count);
            }
        }
    }
    std::array::from_fn(|lane| {
        let of_label = |[truth, predicted, right]: &[[u32; LANES]; 3]| ClassCount {
            truth: truth[lane].into(),
            predicted: predicted[lane].into(),
            right: right[lane].into(),
        };
        let counts: Vec<ClassCount> = sums.iter().map(of_label).collect();
        of(&counts).unwrap_or(f64::NAN)
    })
}

/// The mean average precision of the labels that were drawn; NaN where none was.
pub(super) fn mean_average_precision(rankings: &[Ranking], counts: &Counts) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    let mut labels = [0_u32; LANES];
    for ranking in rankings {
        let (precisions, drawn) = average_precision(ranking, counts);
        for lane in (0..LANES).filter(|lane| drawn[*lane] > 0) {
            sums[lane] += precisions[lane] / f64::from(drawn[lane]);
            labels[lane] += 1;
        }
    }
    std::array::from_fn(|lane| match labels[lane] {
        0 => f64::NAN,
        labels => sums[lane] / f64::from(labels),
    })
}

/// The sum of the precisions at the positive examples that were drawn, each as often as it was, and how many those are.
pub(super) fn average_precision(
    ranking: &Ranking,
    counts: &Counts,
) -> ([f64; LANES], [u32; LANES]) {
    let mut sums = [0.0; LANES];
    let (mut hits, mut taken) = ([0_u32; LANES], [0_u32; LANES]);
    let mut positive = [0_u32; LANES];
    let mut any = false;
    // From the highest score down a group ends before the next higher place that ends one.
    let places = ranking.order.iter().rev();
    let ends = (ranking.order.iter().rev().skip(1)).map(|place: &Place| place.last_of_group);
    for (place, last) in places.zip(ends.chain([true])) {
        let count = &counts[place.example as usize];
        add(&mut taken, count);
        if place.positive {
            add(&mut positive, count);
            any = true;
        }
        if last && any {
            for lane in 0..LANES {
                hits[lane] += positive[lane];
                // Where nothing has been drawn yet there are no hits to be counted, either.
                let precision = f64::from(hits[lane]) / f64::from(taken[lane].max(1));
                sums[lane] += f64::from(positive[lane]) * precision;
            }
            (positive, any) = ([0; LANES], false);
        }
    }
    (sums, hits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Resamples;
    use crate::{Columns, Labelled, TargetKind};

    fn labelled<'a>(truth: &'a [f32], scores: &'a [f32], labels: usize) -> Labelled<'a> {
        let truth = Columns {
            values: truth,
            count: labels,
        };
        Labelled::new(truth, scores, 0.0).unwrap()
    }

    proptest! {
        /// A replicate is the figure of the examples that were drawn, each as often as it was.
        #[test]
        fn replicates_are_figures_of_copies(
            (labels, rows) in (1_usize..5).prop_flat_map(|labels| {
                let label = (any::<bool>(), -3_i8..4);
                (Just(labels), prop::collection::vec(prop::collection::vec(label, labels), 1..40))
            }),
            seed in any::<u64>(),
        ) {
            let all = || rows.iter().flatten();
            let truth: Vec<f32> = all().map(|(has, _)| f32::from(u8::from(*has))).collect();
            let scores: Vec<f32> = all().map(|(_, score)| f32::from(*score)).collect();
            let resamples = Resamples::new(&vec![0; rows.len()], seed);
            let counts = resamples.draw(3);
            for figure in TargetKind::Multilabel.figures() {
                let of = figure.labels.unwrap();
                let Some(statistic) = (of.statistic)(&labelled(&truth, &scores, labels)) else {
                    continue;
                };
                let replicates = resamples.replicates(&[statistic]).unwrap();
                for lane in [0, 7, 15] {
                    let (mut drawn, mut their_scores) = (Vec::new(), Vec::new());
                    for (index, count) in counts.iter().enumerate() {
                        for _ in 0..count[lane] {
                            drawn.extend_from_slice(&truth[index * labels..][..labels]);
                            their_scores.extend_from_slice(&scores[index * labels..][..labels]);
                        }
                    }
                    let found = replicates[0][3 * 16 + lane];
                    match (of.of)(&labelled(&drawn, &their_scores, labels)) {
                        Some(expected) => prop_assert!((found - expected).abs() < 1e-12, "{} {found} {expected}", figure.id),
                        None => prop_assert!(found.is_nan(), "{} {found}", figure.id),
                    }
                }
            }
        }
    }
}
