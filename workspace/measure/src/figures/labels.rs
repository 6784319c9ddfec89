//! Figures of several labels.

use super::{mean, share};
use crate::{
    bootstrap::{LabelRow, Statistic},
    per_class::ClassCount,
    targets::Columns,
};

use super::ranking::{Ranking, ordered};

/// True labels of some examples, and a score for each: the greater, the likelier. From the threshold on, but not at it, a label is
/// predicted.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    truth: Columns<'a>,
    scores: &'a [f32],
    threshold: f32,
}

impl<'a> Labelled<'a> {
    /// `None` without examples, where there are not as many scores as labels, or one is NaN.
    pub(crate) fn new(truth: Columns<'a>, scores: &'a [f32], threshold: f32) -> Option<Self> {
        let fits = truth.values.len() == scores.len() && !scores.is_empty();
        (fits && !scores.iter().any(|score| score.is_nan())).then_some(Self {
            truth,
            scores,
            threshold,
        })
    }

    /// How many labels there are.
    fn labels(&self) -> usize {
        self.truth.count
    }

    /// For each example its true labels and its scores.
    fn rows(&self) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
        let truth = self.truth.values.chunks_exact(self.labels());
        truth.zip(self.scores.chunks_exact(self.labels()))
    }

    /// Of each label the examples that have it or are said to.
    fn of_labels(&self) -> Vec<Vec<LabelRow>> {
        let mut of_labels = vec![Vec::new(); self.labels()];
        for ((truth, scores), example) in self.rows().zip(0_u32..) {
            let pairs = truth.iter().zip(scores).zip(&mut of_labels);
            for ((truth, score), of_label) in pairs {
                let (truth, predicted) = (*truth == 1.0, *score > self.threshold);
                if truth || predicted {
                    of_label.push(LabelRow {
                        example,
                        truth,
                        predicted,
                    });
                }
            }
        }
        of_labels
    }

    /// The counts of every label.
    pub(crate) fn counts(&self) -> Vec<ClassCount> {
        let count = |rows: Vec<LabelRow>| {
            let of = |is: fn(&&LabelRow) -> bool| rows.iter().filter(is).count() as u64;
            ClassCount {
                truth: of(|row| row.truth),
                predicted: of(|row| row.predicted),
                right: of(|row| row.truth && row.predicted),
            }
        };
        self.of_labels().into_iter().map(count).collect()
    }

    /// The examples in the order of the scores of each label.
    fn rankings(&self) -> impl Iterator<Item = Ranking> {
        let labels = self.labels();
        (0..labels).map(move |label| {
            let scores = self.scores.iter().skip(label).step_by(labels);
            let keys = scores
                .zip(0_u32..)
                .map(|(score, example)| (ordered((*score).into()), example));
            let truth = |example: u32| self.truth.values[example as usize * labels + label] == 1.0;
            Ranking::by(keys.collect(), truth)
        })
    }

    /// Of each label the average precision; `None` of a label that no example has.
    pub(crate) fn average_precisions(&self) -> Vec<Option<f64>> {
        self.rankings()
            .map(|ranking| ranking.average_precision())
            .collect()
    }
}

/// The mean of the average precisions of the labels that occur.
pub(super) fn mean_average_precision(labelled: &Labelled<'_>) -> Option<f64> {
    mean(labelled.average_precisions().into_iter().flatten())
}

pub(super) fn mean_average_precision_statistic(labelled: &Labelled<'_>) -> Option<Statistic> {
    let examples = labelled.truth.examples();
    Statistic::label_rankings(examples, || labelled.rankings())
}

/// `2·tp / (2·tp + fp + fn)` with the counts of all labels together.
pub(super) fn micro_f1(labelled: &Labelled<'_>) -> Option<f64> {
    Some(micro_f1_of(&labelled.counts()))
}

pub(super) fn micro_f1_statistic(labelled: &Labelled<'_>) -> Option<Statistic> {
    let examples = labelled.truth.examples();
    Some(Statistic::labels(
        examples,
        labelled.of_labels(),
        |counts| Some(micro_f1_of(counts)),
    ))
}

fn micro_f1_of(counts: &[ClassCount]) -> f64 {
    counts.iter().copied().sum::<ClassCount>().f1()
}

/// The mean of the F1 of the labels that occur.
pub(super) fn macro_f1(labelled: &Labelled<'_>) -> Option<f64> {
    macro_f1_of(&labelled.counts())
}

pub(super) fn macro_f1_statistic(labelled: &Labelled<'_>) -> Option<Statistic> {
    macro_f1(labelled)?;
    let examples = labelled.truth.examples();
    Some(Statistic::labels(
        examples,
        labelled.of_labels(),
        macro_f1_of,
    ))
}

fn macro_f1_of(counts: &[ClassCount]) -> Option<f64> {
    let occurring = counts.iter().filter(|count| count.truth > 0);
    mean(occurring.map(ClassCount::f1))
}

/// The share of the examples of which all labels are right.
pub(super) fn subset_accuracy(labelled: &Labelled<'_>) -> Option<f64> {
    mean(all_right(labelled))
}

pub(super) fn subset_accuracy_statistic(labelled: &Labelled<'_>) -> Option<Statistic> {
    Some(Statistic::mean(all_right(labelled)))
}

fn all_right(labelled: &Labelled<'_>) -> Vec<f64> {
    let is_right = |(truth, scores): (&[f32], &[f32])| {
        let mut pairs = truth.iter().zip(scores);
        pairs.all(|(truth, score)| (*truth == 1.0) == (*score > labelled.threshold))
    };
    labelled
        .rows()
        .map(|row| f64::from(u8::from(is_right(row))))
        .collect()
}

/// Label ranking average precision: the mean over examples, and over the labels that each has, of the share of its labels among those
/// with at least this score; 1 for an example that has no label, or all.
///
/// Source: G. Tsoumakas, I. Katakis, I. Vlahavas, "Mining multi-label data", 2010; scikit-learn,
/// `label_ranking_average_precision_score`.
pub(super) fn lrap(labelled: &Labelled<'_>) -> Option<f64> {
    mean(ranking_precisions(labelled))
}

pub(super) fn lrap_statistic(labelled: &Labelled<'_>) -> Option<Statistic> {
    Some(Statistic::mean(ranking_precisions(labelled)))
}

fn ranking_precisions(labelled: &Labelled<'_>) -> Vec<f64> {
    let of_example = |(truth, scores): (&[f32], &[f32])| {
        let own = || truth.iter().zip(scores).filter(|(has, _)| **has == 1.0);
        let count = own().count();
        if count == 0 || count == truth.len() {
            return 1.0;
        }
        let precisions = own().map(|(_, score)| {
            let of_its_own = own().filter(|(_, other)| *other >= score).count() as u64;
            let of_all = scores.iter().filter(|other| *other >= score).count() as u64;
            share(of_its_own, of_all)
        });
        precisions.sum::<f64>() / count as f64
    };
    labelled.rows().map(of_example).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `average_precision_score`, `f1_score` (macro of the labels that occur), `accuracy_score` and
    /// `label_ranking_average_precision_score` of scikit-learn.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let near = |found: Option<f64>, expected: f64| {
            let found = found.unwrap();
            assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
        };
        let check = |truth: &[f32], scores: &[f32], expected: [f64; 5]| {
            let truth = Columns {
                values: truth,
                count: 3,
            };
            let labelled = Labelled::new(truth, scores, 0.5).unwrap();
            let all = [
                mean_average_precision(&labelled),
                micro_f1(&labelled),
                macro_f1(&labelled),
                subset_accuracy(&labelled),
                lrap(&labelled),
            ];
            for (found, expected) in all.into_iter().zip(expected) {
                near(found, expected);
            }
        };
        check(
            &[
                0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0,
            ],
            &[
                0.81, 0.81, 0.52, 0.29, 0.05, 0.38, 0.41, 0.05, 0.05, 1.0, 0.65, 0.23, 0.43, 0.97,
                0.9,
            ],
            [
                0.5291666666666667,
                0.42857142857142855,
                0.35555555555555557,
                0.0,
                0.5166666666666666,
            ],
        );
        check(
            &[
                0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0,
                1.0, 0.0,
            ],
            &[
                0.7, 0.0, 0.5, 0.4, 0.2, 0.3, 0.8, 0.3, 0.1, 0.7, 0.4, 0.8, 0.2, 0.3, 0.8, 0.5,
                0.5, 0.2,
            ],
            [
                0.6518518518518518,
                0.5,
                0.38888888888888884,
                0.3333333333333333,
                0.8333333333333334,
            ],
        );
        check(
            &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            &[0.6, 0.4, 0.8, 0.2, 0.4, 0.8, 0.4, 0.7, 0.6, 0.9, 1.0, 0.7],
            [0.75, 0.2, 0.5, 0.0, 0.8333333333333333],
        );
    }

    #[test]
    fn what_does_not_go_together_has_no_figures() {
        let check = |truth: &[f32], scores: &[f32]| {
            let truth = Columns {
                values: truth,
                count: 2,
            };
            assert!(Labelled::new(truth, scores, 0.5).is_none());
        };
        check(&[], &[]);
        check(&[1.0, 0.0], &[0.5]);
        check(&[1.0, 0.0], &[0.5, f32::NAN]);
    }

    #[test]
    fn labels_that_no_example_has_are_left_out() {
        let truth = Columns {
            values: &[1.0, 0.0, 1.0, 0.0],
            count: 2,
        };
        let labelled = Labelled::new(truth, &[0.9, 0.9, 0.1, 0.2], 0.5).unwrap();
        assert_eq!(labelled.average_precisions(), [Some(1.0), None]);
        assert_eq!(macro_f1(&labelled), Some(2.0 / 3.0));
        let counts: Vec<[u64; 3]> = (labelled.counts().iter())
            .map(|count| [count.truth, count.predicted, count.right])
            .collect();
        assert_eq!(counts, [[2, 1, 1], [0, 1, 0]]);
    }
}
