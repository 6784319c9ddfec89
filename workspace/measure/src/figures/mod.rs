//! What is measured: a function and an entry in the list for every figure.

mod classes;
mod labels;
mod numbers;
mod probabilities;
mod ranking;

use std::collections::BTreeMap;

use crate::{
    bootstrap::Statistic,
    figure::{Better, Figure, Needs, OfLabels, OfNumbers, SHARES, SeedInterval, Unit},
    interval::Interval,
    meaning::ScoresFor,
    targets::Targets,
};

pub use labels::Labelled;
pub(crate) use probabilities::{Binned, Confident};
pub use probabilities::{ReliabilityBin, clipped, reliability, softmax, softmax_at};
pub(crate) use ranking::{Place, Ranking};

/// All figures. What is measured of a row, kept in files and in the index of runs, and what can be
/// shown, is read from this list.
pub const FIGURES: &[Figure] = &[
    ACCURACY,
    // Only the classes that occur in the test examples have a recall; the others are left out.
    Figure {
        id: "balanced-accuracy",
        name: "balanced accuracy",
        about: "mean of the recalls of the classes that occur in the test examples",
        statistic: classes::balanced_accuracy_statistic,
        of: classes::balanced_accuracy,
        ..of_classes(Unit::Share)
    },
    Figure {
        id: "macro-f1",
        name: "macro F1",
        about: "mean of the F1 of the classes, or of the labels, that occur in the test examples; F1 = 2tp / (2tp + fp + fn), 0 where that is 0/0",
        statistic: classes::macro_f1_statistic,
        of: classes::macro_f1,
        labels: Some(OfLabels {
            statistic: labels::macro_f1_statistic,
            of: labels::macro_f1,
        }),
        ..of_classes(Unit::Share)
    },
    top_k::<5>("top-5"),
    Figure {
        id: "auroc",
        name: "AUROC",
        about: "probability that an example of a class scores higher for it than one of another class, ties counted half; with more than two classes the mean over the classes of one against the rest",
        needs: Needs::Scores,
        statistic: Statistic::auroc,
        of: ranking::auroc,
        ..of_classes(Unit::Number)
    },
    Figure {
        id: "average-precision",
        name: "average precision",
        about: "area under precision against recall, in steps; the mean over the classes of one against the rest",
        needs: Needs::Scores,
        statistic: Statistic::average_precision,
        of: ranking::average_precision,
        ..of_classes(Unit::Number)
    },
    Figure {
        id: "log-loss",
        name: "log-loss",
        about: "mean of -ln of the probability of the true class, clipped to the machine precision of 32-bit numbers",
        better: Better::Lower,
        needs: Needs::Probabilities,
        range: ANY_ABOVE,
        statistic: probabilities::log_loss_statistic,
        of: probabilities::log_loss,
        ..of_classes(Unit::Nats)
    },
    Figure {
        id: "brier",
        name: "Brier score",
        about: "mean over the examples of the sum over classes of (probability - 1 for the true class, 0 for others) squared",
        better: Better::Lower,
        needs: Needs::Probabilities,
        range: Interval {
            low: 0.0,
            high: 2.0,
        },
        statistic: probabilities::brier_statistic,
        of: probabilities::brier,
        ..of_classes(Unit::Number)
    },
    Figure {
        id: "ece",
        name: "ECE",
        about: "expected calibration error: in 15 bins of equal size by the largest probability, how far that is from the accuracy, weighted by size",
        better: Better::Lower,
        needs: Needs::Probabilities,
        interval: Some(SeedInterval::BootstrapReflected),
        statistic: Statistic::ece,
        of: probabilities::ece,
        ..of_classes(Unit::Share)
    },
    Figure {
        id: "mcc",
        name: "MCC",
        about: "Matthews correlation coefficient of true and predicted classes",
        range: CORRELATION,
        statistic: classes::mcc_statistic,
        of: classes::mcc,
        ..of_classes(Unit::Number)
    },
    Figure {
        id: "cohen-kappa",
        name: "Cohen's kappa",
        about: "how much more often true and predicted class agree than by chance, of what is possible",
        range: CORRELATION,
        statistic: classes::cohen_kappa_statistic,
        of: classes::cohen_kappa,
        ..of_classes(Unit::Number)
    },
    Figure {
        id: "r2",
        name: "R²",
        about: "of numbers: share of their variance that the predictions explain, 1 - (sum of squared errors) / (sum of squared distances from the mean of the test examples); 0 for that mean itself, below 0 for worse; of several columns the mean over them",
        range: Interval {
            low: f64::NEG_INFINITY,
            high: 1.0,
        },
        ..of_numbers(
            Unit::Number,
            Better::Higher,
            OfNumbers {
                statistic: numbers::r2_statistic,
                of: numbers::r2,
            },
        )
    },
    Figure {
        id: "rmse",
        name: "RMSE",
        about: "of numbers: root of the mean squared error, in the unit of the target; of several columns the mean over them, whose units should be alike",
        ..of_numbers(
            Unit::OfTarget,
            Better::Lower,
            OfNumbers {
                statistic: numbers::rmse_statistic,
                of: numbers::rmse,
            },
        )
    },
    Figure {
        id: "mae",
        name: "MAE",
        about: "of numbers: mean of the absolute errors, in the unit of the target; of several columns the mean over them, whose units should be alike",
        ..of_numbers(
            Unit::OfTarget,
            Better::Lower,
            OfNumbers {
                statistic: numbers::mae_statistic,
                of: numbers::mae,
            },
        )
    },
    Figure {
        id: "map",
        name: "mAP",
        about: "of several labels: mean over the labels that occur of their average precision, the area under precision against recall in steps",
        ..of_labels(
            Unit::Number,
            OfLabels {
                statistic: labels::mean_average_precision_statistic,
                of: labels::mean_average_precision,
            },
        )
    },
    Figure {
        id: "micro-f1",
        name: "micro F1",
        about: "of several labels: 2tp / (2tp + fp + fn) with the counts of all labels together",
        ..of_labels(
            Unit::Share,
            OfLabels {
                statistic: labels::micro_f1_statistic,
                of: labels::micro_f1,
            },
        )
    },
    Figure {
        id: "subset-accuracy",
        name: "subset accuracy",
        about: "of several labels: share of the examples of which every label is right",
        ..of_labels(
            Unit::Share,
            OfLabels {
                statistic: labels::subset_accuracy_statistic,
                of: labels::subset_accuracy,
            },
        )
    },
    Figure {
        id: "lrap",
        name: "LRAP",
        about: "of several labels: label ranking average precision, the mean over examples and their labels of the share of their labels among those with at least this score",
        ..of_labels(
            Unit::Number,
            OfLabels {
                statistic: labels::lrap_statistic,
                of: labels::lrap,
            },
        )
    },
];

/// Further figures, which [`Figure::named`] finds but nobody measures unasked.
pub const TOP_K: &[Figure] = &[
    top_k::<2>("top-2"),
    top_k::<3>("top-3"),
    top_k::<4>("top-4"),
    top_k::<6>("top-6"),
    top_k::<7>("top-7"),
    top_k::<8>("top-8"),
    top_k::<9>("top-9"),
    top_k::<10>("top-10"),
    top_k::<20>("top-20"),
    top_k::<50>("top-50"),
    top_k::<100>("top-100"),
];

/// The share of the examples that are classified correctly.
pub const ACCURACY: Figure = Figure {
    id: "accuracy",
    name: "accuracy",
    about: "share of the examples that are classified correctly",
    interval: Some(SeedInterval::Wilson),
    bits: Some(classes::right),
    statistic: classes::accuracy_statistic,
    of: classes::accuracy,
    ..of_classes(Unit::Share)
};

/// What most figures have in common. `id`, `name`, `about` and `of` are always replaced.
const ANY_ABOVE: Interval = Interval {
    low: 0.0,
    high: f64::INFINITY,
};
const CORRELATION: Interval = Interval {
    low: -1.0,
    high: 1.0,
};

/// What most figures have in common. `id`, `name`, `statistic` and `of` are always replaced.
const fn of_classes(unit: Unit) -> Figure {
    Figure {
        id: "",
        name: "",
        about: "",
        unit,
        better: Better::Higher,
        needs: Needs::Classes,
        interval: Some(SeedInterval::Bootstrap),
        bits: None,
        range: SHARES,
        statistic: |_, _, _| None,
        of: |_, _, _| None,
        numbers: None,
        labels: None,
    }
}

/// What the figures of numbers have in common. `id`, `name` and `about` are always replaced.
const fn of_numbers(unit: Unit, better: Better, of: OfNumbers) -> Figure {
    Figure {
        better,
        needs: Needs::Numbers,
        range: ANY_ABOVE,
        numbers: Some(of),
        ..of_classes(unit)
    }
}

/// What the figures of several labels have in common. `id`, `name` and `about` are always replaced.
const fn of_labels(unit: Unit, of: OfLabels) -> Figure {
    Figure {
        needs: Needs::Labels,
        labels: Some(of),
        ..of_classes(unit)
    }
}

/// The share of the examples whose true class is among the K largest scores.
const fn top_k<const K: usize>(id: &'static str) -> Figure {
    Figure {
        id,
        name: id,
        about: match K {
            5 => {
                "share of the examples whose true class is among the k with the largest scores; of equal ones the class that comes first; only with more than k classes"
            }
            _ => "as `top-5`, with another k",
        },
        needs: Needs::Scores,
        interval: Some(SeedInterval::Wilson),
        bits: Some(ranking::among::<K>),
        statistic: ranking::among_statistic::<K>,
        of: ranking::top_k::<K>,
        ..of_classes(Unit::Share)
    }
}

impl Figure {
    /// The figure that files call so, of [`FIGURES`] or [`TOP_K`].
    pub fn named(id: &str) -> Option<&'static Self> {
        FIGURES.iter().chain(TOP_K).find(|figure| figure.id == id)
    }
}

/// All figures of some examples that these scores can give, under their ids: those that are defined,
/// and finite.
pub fn figures_of(targets: Targets<'_>, scores: &ScoresFor<'_>) -> BTreeMap<String, f64> {
    (FIGURES.iter())
        .filter_map(|figure| Some((figure.id.to_owned(), scores.value(figure, targets)?)))
        .collect()
}

/// A part of a whole; 0 where there is none.
pub fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Whether there are examples, each with a class that exists and a score for every class.
pub(crate) fn complete(targets: &[u32], scores: &[f32], classes: usize) -> bool {
    !targets.is_empty()
        && Some(scores.len()) == targets.len().checked_mul(classes)
        && targets.iter().all(|&target| (target as usize) < classes)
}

/// Mean of some values; `None` of none.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u64);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meaning::Scores;
    use proptest::prelude::*;

    #[test]
    fn every_id_is_there_once_and_fit_for_files() {
        let all: Vec<&Figure> = FIGURES.iter().chain(TOP_K).collect();
        for (index, figure) in all.iter().enumerate() {
            let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                figure.id.chars().all(fit) && !figure.id.is_empty(),
                "{}",
                figure.id
            );
            let before = all[..index].iter();
            assert_eq!(before.filter(|other| other.id == figure.id).count(), 0);
            assert_eq!(
                Figure::named(figure.id).map(|found| found.name),
                Some(figure.name)
            );
            // What is a share of examples, and only that, is judged by counts of them.
            let by_counts = figure.interval == Some(SeedInterval::Wilson);
            assert_eq!(figure.bits.is_some(), by_counts, "{}", figure.id);
        }
        assert!(Figure::named("top-0").is_none() && Figure::named("top-1").is_none());
        assert!(Figure::named("").is_none());
    }

    #[test]
    fn nothing_is_said_of_what_is_incomplete() {
        let check = |targets: &[u32], scores: &[f32], classes: usize| {
            for figure in FIGURES.iter().chain(TOP_K) {
                assert_eq!((figure.of)(targets, scores, classes), None, "{}", figure.id);
            }
        };
        check(&[], &[], 3);
        check(&[], &[], 0);
        check(&[0], &[], 0);
        check(&[0, 1], &[0.5, 0.5, 0.5], 2);
        check(&[0, 2], &[0.5; 4], 2);
    }

    /// Four examples of three classes: two right, one wrong, and one undecided between the first
    /// two, which the first gets.
    #[test]
    fn figures_by_hand() {
        let targets = [0, 1, 2, 1];
        #[rustfmt::skip]
        let scores = [
            0.7, 0.2, 0.1,
            0.1, 0.8, 0.1,
            0.6, 0.3, 0.1,
            0.4, 0.4, 0.2,
        ];
        let found = figures_of(
            Targets::Classes(&targets),
            &ScoresFor::new(Scores::Ranking, &scores, 3),
        );
        let check = |id: &str, expected: f64| {
            let value = found.get(id).copied();
            let near = value.is_some_and(|value| (value - expected).abs() < 1e-12);
            assert!(near, "{id}: {value:?}, expected {expected}");
        };
        check("accuracy", 0.5);
        check("balanced-accuracy", 0.5);
        // F1: 2/4, 2/3, 0.
        check("macro-f1", 7.0 / 18.0);
        assert!(!found.contains_key("top-5") && !found.contains_key("log-loss"));
        assert_eq!(
            figures_of(
                Targets::Classes(&[]),
                &ScoresFor::new(Scores::Logits, &[], 3)
            ),
            BTreeMap::new()
        );
        let top_2 = Figure::named("top-2").unwrap();
        assert_eq!((top_2.of)(&targets, &scores, 3), Some(0.75));
        assert_eq!((top_2.of)(&targets[..2], &scores[..4], 2), None);
    }

    proptest! {
        /// Shares are those of their bits, figures stay in their ranges, and classes may be
        /// named in any order.
        #[test]
        fn figures_hold_together(
            (classes, rows) in (2_usize..7).prop_flat_map(|classes| {
                let scores = prop::collection::vec(-3_i8..4, classes);
                (Just(classes), prop::collection::vec((0..classes as u32, scores), 1..40))
            })
        ) {
            let targets: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let logits: Vec<f32> = rows.iter().flat_map(|row| &row.1).map(|z| f32::from(*z)).collect();
            let scores = softmax(&logits, classes);
            // The classes the other way round; ties are for the first class, so they are left out.
            let mirrored: Vec<u32> = targets.iter().map(|target| classes as u32 - 1 - target).collect();
            let swapped: Vec<f32> = scores.chunks_exact(classes).flat_map(|row| row.iter().rev().copied()).collect();
            let undecided = scores.chunks_exact(classes).any(|row| {
                let mut sorted = row.to_vec();
                sorted.sort_by(f32::total_cmp);
                sorted.windows(2).any(|pair| pair[0] == pair[1])
            });
            for figure in FIGURES.iter().chain(TOP_K) {
                let Some(value) = (figure.of)(&targets, &scores, classes) else { continue };
                if let Some(bits) = figure.bits {
                    let bits = bits(&targets, &scores, classes);
                    prop_assert_eq!(value, share(bits.count_ones(), bits.len() as u64));
                }
                let Interval { low, high } = figure.range;
                prop_assert!((low..=high).contains(&value), "{} {value}", figure.id);
                if undecided {
                    continue;
                }
                let other = (figure.of)(&mirrored, &swapped, classes).unwrap();
                prop_assert!((value - other).abs() < 1e-9, "{} {value} {other}", figure.id);
            }
        }
    }
}
