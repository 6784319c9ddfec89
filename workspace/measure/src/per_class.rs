//! What is measured of each class by itself, and how evenly test examples are spread over them.

use std::iter::Sum;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{confusion::Confusion, figures::share};

/// How well one class is recognised, as `precision_recall_fscore_support` of scikit-learn says it:
/// 0 where a figure is 0/0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PerClass {
    /// Of the examples taken for the class, the share that are of it.
    pub precision: f64,
    /// Of the examples of the class, the share taken for it.
    pub recall: f64,
    /// Harmonic mean of the two, `2·tp / (2·tp + fp + fn)`.
    pub f1: f64,
    /// Examples of the class.
    pub support: u64,
}

impl PerClass {
    /// One entry for each class, in their order.
    pub fn of(confusion: &Confusion) -> Vec<Self> {
        let mut counts = vec![ClassCount::default(); confusion.classes()];
        for (truth, predicted, count) in confusion.cells() {
            counts[truth].truth += count;
            counts[predicted].predicted += count;
            if truth == predicted {
                counts[truth].right += count;
            }
        }
        counts.into_iter().map(Self::from).collect()
    }
}

impl From<ClassCount> for PerClass {
    fn from(count: ClassCount) -> Self {
        Self {
            precision: share(count.right, count.predicted),
            recall: share(count.right, count.truth),
            f1: count.f1(),
            support: count.truth,
        }
    }
}

/// The share of the most frequent class, given how many examples each class has: the accuracy of
/// who always says that class. `None` without examples.
pub fn majority_rate(counts: &[u64]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let largest = counts.iter().max()?;
    (total > 0).then(|| share(*largest, total))
}

/// How many times as many examples as the smallest the largest class has, of the classes that have
/// any; `None` where none has.
pub fn unevenness(counts: &[u64]) -> Option<f64> {
    let occurring = || counts.iter().copied().filter(|count| *count > 0);
    Some(occurring().max()? as f64 / occurring().min()? as f64)
}

/// Counts of one class, or of one of several labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ClassCount {
    /// Examples of the class.
    pub truth: u64,
    /// Examples taken for it.
    pub predicted: u64,
    /// Both.
    pub right: u64,
}

impl Sum for ClassCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, count| Self {
            truth: sum.truth + count.truth,
            predicted: sum.predicted + count.predicted,
            right: sum.right + count.right,
        })
    }
}

impl ClassCount {
    pub(crate) fn f1(&self) -> f64 {
        share(2 * self.right, self.truth + self.predicted)
    }
}

/// The counts of all classes, which figures of the classes predicted follow from.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassCounts {
    pub(crate) classes: Vec<ClassCount>,
}

impl ClassCounts {
    /// Of pairs of true and predicted class, all of them below `classes`.
    pub(crate) fn of(pairs: impl Iterator<Item = (u32, usize)>, classes: usize) -> Self {
        let mut counts = vec![ClassCount::default(); classes];
        for (truth, predicted) in pairs {
            counts[truth as usize].truth += 1;
            counts[predicted].predicted += 1;
            counts[predicted].right += u64::from(truth as usize == predicted);
        }
        Self { classes: counts }
    }

    /// The classes that examples belong to.
    pub(crate) fn occurring(&self) -> impl Iterator<Item = &ClassCount> {
        self.classes.iter().filter(|class| class.truth > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_hand() {
        let confusion = Confusion::from(vec![vec![3, 1, 0], vec![0, 0, 0], vec![2, 0, 4]]);
        let check = |class: usize, precision: f64, recall: f64, f1: f64, support: u64| {
            let expected = PerClass {
                precision,
                recall,
                f1,
                support,
            };
            assert_eq!(PerClass::of(&confusion)[class], expected, "{class}");
        };
        check(0, 3.0 / 5.0, 3.0 / 4.0, 6.0 / 9.0, 4);
        check(1, 0.0, 0.0, 0.0, 0);
        check(2, 1.0, 4.0 / 6.0, 8.0 / 10.0, 6);
    }

    #[test]
    fn evenness_by_hand() {
        let check = |counts: &[u64], majority: Option<f64>, uneven: Option<f64>| {
            assert_eq!(
                (majority_rate(counts), unevenness(counts)),
                (majority, uneven)
            );
        };
        check(&[], None, None);
        check(&[0, 0], None, None);
        check(&[5], Some(1.0), Some(1.0));
        check(&[6, 2, 0], Some(0.75), Some(3.0));
    }
}
