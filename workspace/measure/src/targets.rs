//! What is to be predicted: a class of each example, or a number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::figures::{ACCURACY, FIGURES};

/// What a task asks of an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// One of some classes.
    #[default]
    Classes,
    /// A number, in a unit of its own.
    Numbers,
}

impl TargetKind {
    /// Whether it is the kind that files of before knew alone.
    pub fn is_classes(&self) -> bool {
        *self == Self::Classes
    }

    /// The word for what it has of an example, for messages: `classes` or `numbers`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Numbers => "numbers",
        }
    }

    /// The figures that can be asked of it, in the order of [`FIGURES`].
    pub fn figures(self) -> impl Iterator<Item = &'static Figure> {
        (FIGURES.iter()).filter(move |figure| figure.needs.of() == self)
    }

    /// The figure by which a training is followed from epoch to epoch, beside its loss.
    pub fn followed(self) -> Option<&'static Figure> {
        Figure::named(match self {
            Self::Classes => ACCURACY.id,
            Self::Numbers => "rmse",
        })
    }

    /// The figures that have columns where nobody asks for others; the first ranks.
    pub fn usual_figures(self) -> Vec<&'static Figure> {
        let most = match self {
            Self::Classes => 1,
            Self::Numbers => usize::MAX,
        };
        self.figures().take(most).collect()
    }
}

/// What is true of some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Targets<'a> {
    /// The class of each, counted from 0.
    Classes(&'a [u32]),
    /// The number of each.
    Numbers(&'a [f32]),
}

impl<'a> Targets<'a> {
    /// Which of both they are.
    pub fn kind(self) -> TargetKind {
        match self {
            Self::Classes(_) => TargetKind::Classes,
            Self::Numbers(_) => TargetKind::Numbers,
        }
    }

    /// How many examples there are.
    pub fn len(self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The stratum of each example for draws in which every stratum keeps its share: its class, or of
    /// numbers none, as a resample of numbers is one of all examples.
    pub fn strata_of_resamples(self) -> Vec<u32> {
        match self {
            Self::Classes(classes) => classes.to_vec(),
            Self::Numbers(numbers) => vec![0; numbers.len()],
        }
    }
}

/// Strata that numbers are cut into for draws and folds, where there are enough of them.
pub const STRATA: usize = 10;

/// The stratum of each number: which tenth of all of them it is in, ordered by size. Equal numbers are in
/// one stratum, that of the first of them.
pub fn quantile_strata(numbers: &[f32]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut strata = vec![0; numbers.len()];
    let mut first = 0;
    for (place, &example) in order.iter().enumerate() {
        if numbers[order[first]] != numbers[example] {
            first = place;
        }
        // Below STRATA, so that it fits.
        strata[example] = (first * STRATA / numbers.len()) as u32;
    }
    strata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_are_tenths_and_keep_equals_together() {
        let check = |numbers: &[f32], expected: &[u32]| {
            assert_eq!(quantile_strata(numbers), expected, "{numbers:?}");
        };
        check(&[], &[]);
        check(&[5.0], &[0]);
        check(&[3.0, 1.0], &[5, 0]);
        check(&[2.0, 2.0, 2.0, 1.0], &[2, 2, 2, 0]);
        let twenty: Vec<f32> = (0..20).map(|x| -(x as f32)).collect();
        let expected: Vec<u32> = (0..20).map(|x| (19 - x) / 2).collect();
        check(&twenty, &expected);
    }

    #[test]
    fn every_kind_has_figures_and_the_usual_ones_are_among_them() {
        let ids = |kind: TargetKind| -> Vec<&str> {
            kind.usual_figures()
                .iter()
                .map(|figure| figure.id)
                .collect()
        };
        assert_eq!(ids(TargetKind::Classes), ["accuracy"]);
        assert_eq!(ids(TargetKind::Numbers), ["r2", "rmse", "mae"]);
    }
}
