//! Figures made ready to be taken of many resamples: what does not depend on the draw is worked out
//! once, and the rest goes through a block of resamples side by side.

use super::{Counts, LANES, labels, labels::LabelRow};
use crate::{
    bits::Bits,
    figures::{Binned, Confident, Place, Ranking, complete},
    per_class::{ClassCount, ClassCounts},
    scores::predicted,
};

/// A figure of some examples, made ready for [`Resamples::replicates`](super::Resamples::replicates).
/// [`Figure::statistic`](crate::Figure) makes it.
#[derive(Clone, Debug)]
pub struct Statistic {
    examples: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The mean of one value for each example.
    Mean(Vec<f64>),
    /// The root of such a mean.
    RootMean(Vec<f64>),
    /// 1 − Σ squared errors / Σ (number − mean number)², the mean that of the resample.
    Determination {
        squares: Vec<f64>,
        numbers: Vec<f64>,
    },
    /// A function of the counts of the classes.
    Classes {
        /// How many examples of each class there are: the same in every resample.
        truth: Vec<u64>,
        errors: Vec<Error>,
        of: fn(&ClassCounts) -> Option<f64>,
    },
    /// The mean over some classes of a function of the order of their scores.
    Rankings {
        rankings: Vec<Ranking>,
        of: fn(&Ranking, &Counts) -> [f64; LANES],
    },
    /// A function of the counts of several labels.
    Labels {
        labels: Vec<Vec<LabelRow>>,
        of: fn(&[ClassCount]) -> Option<f64>,
    },
    /// The mean average precision of several labels.
    LabelRankings(Vec<Ranking>),
    /// The mean of other statistics of the same examples.
    MeanOf(Vec<Statistic>),
    /// The mean over examples of how far the sum of these values in their bin is from 0.
    Bins { bins: Vec<u8>, values: Vec<f64> },
}

/// An example taken for another class.
#[derive(Clone, Copy, Debug)]
struct Error {
    example: u32,
    truth: u32,
    predicted: u32,
}

/// `examples × classes` beyond which the orders of all classes' scores are not kept: they take 12 bytes
/// each, and go through all examples for every class.
const MOST_RANKED: usize = 4_000_000;

impl Statistic {
    /// The mean of one value for each example.
    pub(crate) fn mean(values: Vec<f64>) -> Self {
        Self {
            examples: values.len(),
            kind: Kind::Mean(values),
        }
    }

    /// The root of the mean of one value, none below 0, for each example.
    pub(crate) fn root_mean(values: Vec<f64>) -> Self {
        Self {
            examples: values.len(),
            kind: Kind::RootMean(values),
        }
    }

    /// The coefficient of determination, of the squared error of every example and its true number.
    pub(crate) fn determination(squares: Vec<f64>, mut numbers: Vec<f64>) -> Self {
        // Around their mean: sums of squares far from 0 would lose their digits.
        let mean = numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
        numbers.iter_mut().for_each(|number| *number -= mean);
        Self {
            examples: squares.len(),
            kind: Kind::Determination { squares, numbers },
        }
    }

    /// A function of the counts of several labels.
    pub(crate) fn labels(
        examples: usize,
        labels: Vec<Vec<LabelRow>>,
        of: fn(&[ClassCount]) -> Option<f64>,
    ) -> Self {
        Self {
            examples,
            kind: Kind::Labels { labels, of },
        }
    }

    /// The mean average precision of several labels, of which one at least occurs.
    pub(crate) fn label_rankings<R: Iterator<Item = Ranking>>(
        examples: usize,
        rankings: impl FnOnce() -> R,
    ) -> Option<Self> {
        let rankings = rankings().filter(|ranking| ranking.positive > 0);
        let rankings: Vec<Ranking> = rankings.take(MOST_RANKED / examples.max(1) + 1).collect();
        let usable = !rankings.is_empty() && rankings.len() * examples <= MOST_RANKED;
        usable.then_some(Self {
            examples,
            kind: Kind::LabelRankings(rankings),
        })
    }

    /// The mean of statistics of the same examples; `None` of none.
    pub(crate) fn mean_of(mut statistics: Vec<Self>) -> Option<Self> {
        match statistics.len() {
            0 | 1 => statistics.pop(),
            _ => Some(Self {
                examples: statistics[0].examples,
                kind: Kind::MeanOf(statistics),
            }),
        }
    }

    /// The share of bits that are 1.
    pub(crate) fn share(bits: &Bits) -> Self {
        Self::mean(bits.iter().map(|bit| f64::from(u8::from(bit))).collect())
    }

    /// A function of the classes' counts; arguments as in [`Figure::of`](crate::Figure).
    pub(crate) fn classes(
        targets: &[u32],
        scores: &[f32],
        classes: usize,
        of: fn(&ClassCounts) -> Option<f64>,
    ) -> Option<Self> {
        if !complete(targets, scores, classes) {
            return None;
        }
        let mut truth = vec![0; classes];
        let mut errors = Vec::new();
        for ((row, &target), example) in scores.chunks_exact(classes).zip(targets).zip(0..) {
            truth[target as usize] += 1;
            // Fits: it is a class, as targets are.
            let predicted = predicted(row) as u32;
            if predicted != target {
                errors.push(Error {
                    example,
                    truth: target,
                    predicted,
                });
            }
        }
        Some(Self {
            examples: targets.len(),
            kind: Kind::Classes { truth, errors, of },
        })
    }

    /// The area under the receiver operating characteristic, as the figure has it.
    pub(crate) fn auroc(targets: &[u32], scores: &[f32], classes: usize) -> Option<Self> {
        let defined = |ranking: &Ranking| (1..ranking.order.len()).contains(&ranking.positive);
        Self::rankings(targets, scores, classes, defined, auroc)
    }

    /// The average precision, as the figure has it.
    pub(crate) fn average_precision(
        targets: &[u32],
        scores: &[f32],
        classes: usize,
    ) -> Option<Self> {
        let defined = |ranking: &Ranking| ranking.positive > 0;
        Self::rankings(targets, scores, classes, defined, average_precision)
    }

    fn rankings(
        targets: &[u32],
        scores: &[f32],
        classes: usize,
        defined: impl Fn(&Ranking) -> bool,
        of: fn(&Ranking, &Counts) -> [f64; LANES],
    ) -> Option<Self> {
        let usable = complete(targets, scores, classes)
            && scores.len() <= MOST_RANKED
            && !scores.iter().any(|score| score.is_nan());
        if !usable {
            return None;
        }
        let rankings: Vec<Ranking> = (0..classes)
            .map(|class| Ranking::of(targets, scores, classes, class))
            .filter(defined)
            .collect();
        (!rankings.is_empty()).then_some(Self {
            examples: targets.len(),
            kind: Kind::Rankings { rankings, of },
        })
    }

    /// The expected calibration error with the bins of the examples there are: a resample is not
    /// binned anew.
    pub(crate) fn ece(targets: &[u32], scores: &[f32], classes: usize) -> Option<Self> {
        let Binned { bins, examples } = Binned::of(targets, scores, classes)?;
        let gap = |example: &Confident| f64::from(u8::from(example.right)) - example.confidence;
        Some(Self {
            examples: examples.len(),
            kind: Kind::Bins {
                values: examples.iter().map(gap).collect(),
                bins,
            },
        })
    }

    /// How many examples it is of.
    pub(super) fn examples(&self) -> usize {
        self.examples
    }

    /// What it comes to on each of a block of resamples; NaN where it is not defined.
    pub(super) fn of(&self, counts: &Counts) -> [f64; LANES] {
        match &self.kind {
            Kind::Mean(values) => sums(counts, values).map(|sum| sum / self.examples as f64),
            Kind::RootMean(values) => {
                sums(counts, values).map(|sum| (sum / self.examples as f64).sqrt())
            }
            Kind::Determination { squares, numbers } => {
                let errors = sums(counts, squares);
                let of_numbers = sums(counts, numbers);
                let of_squares = {
                    let squares: Vec<f64> = numbers.iter().map(|number| number * number).collect();
                    sums(counts, &squares)
                };
                std::array::from_fn(|lane| {
                    let spread = of_squares[lane] - of_numbers[lane].powi(2) / self.examples as f64;
                    // Of equal numbers, as chance may draw them, it is not defined.
                    match spread > 0.0 {
                        true => 1.0 - errors[lane] / spread,
                        false => f64::NAN,
                    }
                })
            }
            Kind::Classes { truth, errors, of } => of_classes(truth, errors, *of, counts),
            Kind::Rankings { rankings, of } => {
                let mut sums = [0.0; LANES];
                for ranking in rankings {
                    let values = of(ranking, counts);
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += value;
                    }
                }
                sums.map(|sum| sum / rankings.len() as f64)
            }
            Kind::Labels { labels, of } => labels::of_counts(labels, *of, counts),
            Kind::LabelRankings(rankings) => labels::mean_average_precision(rankings, counts),
            Kind::MeanOf(statistics) => {
                let mut sums = [0.0; LANES];
                for statistic in statistics {
                    for (sum, value) in sums.iter_mut().zip(statistic.of(counts)) {
                        *sum += value;
                    }
                }
                sums.map(|sum| sum / statistics.len() as f64)
            }
            Kind::Bins { bins, values } => {
                let most = bins.iter().max().map_or(0, |bin| usize::from(*bin) + 1);
                let mut sums = vec![[0.0; LANES]; most];
                for ((count, value), bin) in counts.iter().zip(values).zip(bins) {
                    for (sum, count) in sums[usize::from(*bin)].iter_mut().zip(count) {
                        *sum += f64::from(*count) * value;
                    }
                }
                std::array::from_fn(|lane| {
                    let gaps = sums.iter().map(|sums: &[f64; LANES]| sums[lane].abs());
                    gaps.sum::<f64>() / self.examples as f64
                })
            }
        }
    }
}

/// The sum of values of the examples of each resample.
fn sums(counts: &Counts, values: &[f64]) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    for (count, value) in counts.iter().zip(values) {
        for (sum, count) in sums.iter_mut().zip(count) {
            *sum += f64::from(*count) * value;
        }
    }
    sums
}

/// Only errors are gone through: a class has as many examples in every resample, and those that are no
/// errors are right.
fn of_classes(
    truth: &[u64],
    errors: &[Error],
    of: fn(&ClassCounts) -> Option<f64>,
    counts: &Counts,
) -> [f64; LANES] {
    let mut missed = vec![[0_u32; LANES]; truth.len()];
    let mut mistaken = vec![[0_u32; LANES]; truth.len()];
    for error in errors {
        let count = &counts[error.example as usize];
        add(&mut missed[error.truth as usize], count);
        add(&mut mistaken[error.predicted as usize], count);
    }
    let mut class_counts = ClassCounts {
        classes: vec![ClassCount::default(); truth.len()],
    };
    std::array::from_fn(|lane| {
        for (class, counts) in class_counts.classes.iter_mut().enumerate() {
            let right = truth[class] - u64::from(missed[class][lane]);
            *counts = ClassCount {
                truth: truth[class],
                predicted: right + u64::from(mistaken[class][lane]),
                right,
            };
        }
        of(&class_counts).unwrap_or(f64::NAN)
    })
}

pub(super) fn add(sums: &mut [u32; LANES], counts: &[u8; LANES]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += u32::from(*count);
    }
}

/// As the figure, with every example there as often as it was drawn.
fn auroc(ranking: &Ranking, counts: &Counts) -> [f64; LANES] {
    let positive = ranking.positive as f64;
    let negative = (ranking.order.len() - ranking.positive) as f64;
    let mut twice = [0.0; LANES];
    // Of examples of other classes, with lower scores and in the group.
    let (mut before, mut others) = ([0_u32; LANES], [0_u32; LANES]);
    let mut of_class = [0_u32; LANES];
    let mut any = false;
    for &Place {
        example,
        positive,
        last_of_group,
    } in &ranking.order
    {
        let count = &counts[example as usize];
        match positive {
            true => add(&mut of_class, count),
            false => add(&mut others, count),
        }
        any |= positive;
        // Groups without examples of the class may well be taken together.
        if last_of_group && any {
            for lane in 0..LANES {
                let pairs = f64::from(before[lane]) * 2.0 + f64::from(others[lane]);
                twice[lane] += f64::from(of_class[lane]) * pairs;
                before[lane] += others[lane];
            }
            (others, of_class, any) = ([0; LANES], [0; LANES], false);
        } else if last_of_group {
            for lane in 0..LANES {
                before[lane] += others[lane];
            }
            others = [0; LANES];
        }
    }
    twice.map(|twice| twice / (2.0 * positive * negative))
}

/// As the figure, with every example there as often as it was drawn.
fn average_precision(ranking: &Ranking, counts: &Counts) -> [f64; LANES] {
    let (sums, _) = labels::average_precision(ranking, counts);
    sums.map(|sum| sum / ranking.positive as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Resamples;
    use crate::{Figure, figures::FIGURES, figures::TOP_K, softmax};

    proptest! {
        /// A replicate is the figure of the examples that were drawn, each as often as it was.
        #[test]
        fn replicates_are_figures_of_copies(
            (classes, rows) in (2_usize..7).prop_flat_map(|classes| {
                let scores = prop::collection::vec(-3_i8..4, classes);
                (Just(classes), prop::collection::vec((0..classes as u32, scores), 1..40))
            }),
            seed in any::<u64>(),
        ) {
            let targets: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let logits: Vec<f32> = rows.iter().flat_map(|row| &row.1).map(|z| f32::from(*z)).collect();
            let scores = softmax(&logits, classes);
            let resamples = Resamples::new(&targets, seed);
            let figures: Vec<&Figure> = FIGURES.iter().chain(&TOP_K[..2])
                .filter(|figure| figure.id != "ece")
                .filter(|figure| (figure.statistic)(&targets, &scores, classes).is_some())
                .collect();
            let statistics: Vec<_> = figures.iter()
                .filter_map(|figure| (figure.statistic)(&targets, &scores, classes))
                .collect();
            let replicates = resamples.replicates(&statistics).unwrap();
            for lane in [0, 7, 15] {
                let counts = resamples.draw(3);
                let mut drawn = Vec::new();
                let mut their_scores = Vec::new();
                for (index, count) in counts.iter().enumerate() {
                    for _ in 0..count[lane] {
                        drawn.push(targets[index]);
                        their_scores.extend_from_slice(&scores[index * classes..][..classes]);
                    }
                }
                for (figure, replicates) in figures.iter().zip(&replicates) {
                    let found = replicates[3 * 16 + lane];
                    match (figure.of)(&drawn, &their_scores, classes) {
                        Some(expected) => prop_assert!((found - expected).abs() < 1e-12, "{} {found} {expected}", figure.id),
                        None => prop_assert!(found.is_nan(), "{} {found}", figure.id),
                    }
                }
            }
            prop_assert!(Resamples::new(&targets[1..], seed).replicates(&statistics).is_none());
        }

        /// The bins of a resample are those of all examples, so that without doubles the error is
        /// the figure's.
        #[test]
        fn calibration_of_the_whole(rows in prop::collection::vec((0_u32..2, 0_i8..50), 2..60)) {
            let targets: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let logits: Vec<f32> = rows.iter().flat_map(|row| [0.0, f32::from(row.1) / 10.0]).collect();
            let scores = softmax(&logits, 2);
            let figure = Figure::named("ece").unwrap();
            let statistic = (figure.statistic)(&targets, &scores, 2).unwrap();
            let found = statistic.of(&vec![[1; 16]; targets.len()]);
            let expected = (figure.of)(&targets, &scores, 2).unwrap();
            prop_assert!(found.iter().all(|found| (found - expected).abs() < 1e-12), "{found:?} {expected}");
        }
    }
}
