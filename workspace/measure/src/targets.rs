//! What is to be predicted of each example: its class, a number or several, or which of several labels it has.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::figures::{ACCURACY, FIGURES};
use crate::pca::PrincipalComponents;

/// What a task asks of an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// One of some classes.
    #[default]
    Classes,
    /// A number or several, each in a unit of its own.
    Numbers,
    /// Of several labels those that it has, any number of them.
    Multilabel,
}

impl TargetKind {
    /// Whether it is the kind that files of before knew alone.
    pub fn is_classes(&self) -> bool {
        *self == Self::Classes
    }

    /// The words for what it has of an example, for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Numbers => "numbers",
            Self::Multilabel => "several labels",
        }
    }

    /// The figures that can be asked of it, in the order of [`FIGURES`].
    pub fn figures(self) -> impl Iterator<Item = &'static Figure> {
        (FIGURES.iter()).filter(move |figure| figure.is_of(self))
    }

    /// The figures there are among these, as a person reads them: `R² 0.5200, RMSE 52.6`.
    pub fn told(self, values: &BTreeMap<String, f64>) -> String {
        let said = self.figures().filter_map(|figure| {
            let value = values.get(figure.id)?;
            Some(format!("{} {}", figure.name, figure.unit.text(*value)))
        });
        said.collect::<Vec<String>>().join(", ")
    }

    /// The figure by which a training is followed from epoch to epoch, beside its loss.
    pub fn followed(self) -> Option<&'static Figure> {
        match self {
            Self::Classes => Some(&ACCURACY),
            Self::Numbers => Figure::named("rmse"),
            // The loss is the mean over labels already.
            Self::Multilabel => None,
        }
    }

    /// The figure that ranks where nobody asks for another.
    pub fn ranks(self) -> &'static Figure {
        self.usual_figures().first().copied().unwrap_or(&ACCURACY)
    }

    /// The figures that have columns where nobody asks for others; the first ranks.
    pub fn usual_figures(self) -> Vec<&'static Figure> {
        let mut figures: Vec<&Figure> = self.figures().collect();
        // Those of this kind alone come first.
        figures.sort_by_key(|figure| figure.needs.of() != self);
        if self == Self::Classes {
            figures.truncate(1);
        }
        figures
    }
}

/// What is true of some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Targets<'a> {
    /// The class of each, counted from 0.
    Classes(&'a [u32]),
    /// The numbers of each.
    Numbers(Columns<'a>),
    /// A column for each label: 1 for those that it has, 0 for others.
    Multilabel(Columns<'a>),
}

/// As many numbers for each example, at least one: example by example, column by column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Columns<'a> {
    /// `examples × count`.
    pub values: &'a [f32],
    /// How many columns there are, at least one.
    pub count: usize,
}

impl Columns<'_> {
    /// How many examples there are.
    pub fn examples(self) -> usize {
        self.values.len() / self.count
    }

    /// The numbers of every column.
    pub fn each(self) -> impl Iterator<Item = Vec<f32>> {
        let of = move |column| self.values.iter().skip(column).step_by(self.count);
        (0..self.count).map(move |column| of(column).copied().collect())
    }

    /// The numbers of some examples, in this order.
    pub fn of(self, examples: &[usize]) -> Vec<f32> {
        let row = |&example: &usize| &self.values[example * self.count..][..self.count];
        examples.iter().flat_map(row).copied().collect()
    }
}

/// What is true of some examples, kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// As [`Targets::Classes`].
    Classes(Vec<u32>),
    /// As [`Targets::Numbers`].
    Numbers {
        /// `examples × columns`.
        values: Vec<f32>,
        /// How many columns there are.
        columns: usize,
    },
    /// As [`Targets::Multilabel`].
    Multilabel {
        /// `examples × labels`, 0 or 1.
        values: Vec<f32>,
        /// How many labels there are.
        columns: usize,
    },
}

impl Truth {
    /// The same, lent.
    pub fn targets(&self) -> Targets<'_> {
        match self {
            Self::Classes(classes) => Targets::Classes(classes),
            Self::Numbers { values, columns } => Targets::Numbers(Columns {
                values,
                count: *columns,
            }),
            Self::Multilabel { values, columns } => Targets::Multilabel(Columns {
                values,
                count: *columns,
            }),
        }
    }
}

impl<'a> Targets<'a> {
    /// Which kind they are.
    pub fn kind(self) -> TargetKind {
        match self {
            Self::Classes(_) => TargetKind::Classes,
            Self::Numbers(_) => TargetKind::Numbers,
            Self::Multilabel(_) => TargetKind::Multilabel,
        }
    }

    /// How many examples there are.
    pub fn len(self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(columns) | Self::Multilabel(columns) => columns.examples(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The stratum of each example for resamples in which every stratum keeps its share: its class, or else
    /// none, as a resample of numbers or of several labels is one of all examples.
    pub fn strata_of_resamples(self) -> Vec<u32> {
        match self {
            Self::Classes(classes) => classes.to_vec(),
            Self::Numbers(columns) | Self::Multilabel(columns) => vec![0; columns.examples()],
        }
    }

    /// What is true of these of the examples, in this order.
    pub fn of(self, examples: &[usize]) -> Truth {
        match self {
            Self::Classes(classes) => {
                Truth::Classes(examples.iter().map(|&example| classes[example]).collect())
            }
            Self::Numbers(columns) => Truth::Numbers {
                values: columns.of(examples),
                columns: columns.count,
            },
            Self::Multilabel(columns) => Truth::Multilabel {
                values: columns.of(examples),
                columns: columns.count,
            },
        }
    }

    /// The stratum of each example in draws and folds, and how many strata there are: of so many classes its class, of numbers the
    /// tenth it is in, of several labels the rarest one it has.
    pub fn strata(self, classes: usize) -> (Cow<'a, [u32]>, usize) {
        match self {
            Self::Classes(labels) => (Cow::Borrowed(labels), classes),
            Self::Numbers(columns) => (Cow::Owned(quantile_strata(columns)), STRATA),
            Self::Multilabel(labels) => (Cow::Owned(rarest_label(labels)), labels.count + 1),
        }
    }

    /// The numbers of one of them, or 0 and 1 for its labels; none where they have classes.
    pub fn numbers_of(self, example: usize) -> Vec<f32> {
        match self {
            Self::Classes(_) => Vec::new(),
            Self::Numbers(columns) | Self::Multilabel(columns) => columns.of(&[example]),
        }
    }

    /// The class of each; none where they have numbers.
    pub fn classes(self) -> &'a [u32] {
        match self {
            Self::Classes(classes) => classes,
            Self::Numbers(_) | Self::Multilabel(_) => &[],
        }
    }
}

/// Strata that numbers are cut into for draws and folds, where there are enough of them.
const STRATA: usize = 10;

/// The stratum of each example: which tenth of all of them it is in, ordered by its number. Equal numbers are in one stratum, that of
/// the first of them. Of several columns the number is the coordinate along their first principal component, each column
/// standardised.
fn quantile_strata(columns: Columns<'_>) -> Vec<u32> {
    let numbers = match columns.count {
        1 => Cow::Borrowed(columns.values),
        _ => Cow::Owned(first_coordinate(columns)),
    };
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

/// Of the labels that each example has the one that the fewest have, of equals the first; those without any have a stratum behind all
/// labels. Draws that keep the shares of these strata keep those of rare labels, with which iterative stratification begins for the same
/// reason (K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011).
fn rarest_label(labels: Columns<'_>) -> Vec<u32> {
    let counts: Vec<usize> = (labels.each())
        .map(|column| column.iter().filter(|has| **has == 1.0).count())
        .collect();
    (labels.values.chunks_exact(labels.count))
        .map(|row| {
            let own = (0..labels.count).filter(|&label| row[label] == 1.0);
            // Below the number of labels, or it.
            own.min_by_key(|&label| counts[label])
                .unwrap_or(labels.count) as u32
        })
        .collect()
}

/// Where each example lies in the direction in which standardised columns vary most; 0 where none varies.
fn first_coordinate(columns: Columns<'_>) -> Vec<f32> {
    let mut standardised = columns.values.to_vec();
    for (at, column) in columns.each().enumerate() {
        let count = column.len() as f64;
        let mean = column.iter().copied().map(f64::from).sum::<f64>() / count;
        let squares = column.iter().map(|x| (f64::from(*x) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt().max(f64::MIN_POSITIVE);
        for (row, number) in column.into_iter().enumerate() {
            standardised[row * columns.count + at] =
                ((f64::from(number) - mean) / deviation) as f32;
        }
    }
    match PrincipalComponents::fit(&standardised, columns.count, 1) {
        Some(first) => first.transform(&standardised),
        None => vec![0.0; columns.examples()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_are_tenths_and_keep_equals_together() {
        let check = |numbers: &[f32], expected: &[u32]| {
            let one = Columns {
                values: numbers,
                count: 1,
            };
            assert_eq!(quantile_strata(one), expected, "{numbers:?}");
        };
        check(&[], &[]);
        check(&[5.0], &[0]);
        check(&[3.0, 1.0], &[5, 0]);
        check(&[2.0, 2.0, 2.0, 1.0], &[2, 2, 2, 0]);
        let twenty: Vec<f32> = (0..20).map(|x| -(x as f32)).collect();
        let expected: Vec<u32> = (0..20).map(|x| (19 - x) / 2).collect();
        check(&twenty, &expected);
    }

    /// Columns that rise together, whatever their units, have the order of either; what does not vary is of no account.
    #[test]
    fn several_columns_have_strata_along_what_they_share() {
        let check = |rows: &[[f32; 3]], expected: &[u32]| {
            let values: Vec<f32> = rows.iter().flatten().copied().collect();
            let columns = Columns {
                values: &values,
                count: 3,
            };
            let (found, _) = Targets::Numbers(columns).strata(0);
            assert_eq!(&*found, expected, "{rows:?}");
        };
        check(
            &[[1.0, 5000.0, 7.0], [2.0, 5001.0, 7.0], [1.5, 5000.5, 7.0]],
            &[0, 6, 3],
        );
        check(&[[3.0, 3.0, 3.0], [3.0, 3.0, 3.0]], &[0, 0]);
    }

    #[test]
    fn examples_are_in_the_stratum_of_their_rarest_label() {
        #[rustfmt::skip]
        let values = [
            1.0, 1.0, 0.0,
            1.0, 0.0, 0.0,
            0.0, 0.0, 0.0,
            1.0, 1.0, 1.0,
            0.0, 1.0, 0.0,
            1.0, 0.0, 0.0,
        ];
        let labels = Columns {
            values: &values,
            count: 3,
        };
        let (strata, count) = Targets::Multilabel(labels).strata(3);
        assert_eq!((&*strata, count), (&[1, 0, 3, 2, 1, 0][..], 4));
    }

    #[test]
    fn columns_are_told_apart_and_examples_kept_together() {
        let values = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        let columns = Columns {
            values: &values,
            count: 2,
        };
        let each: Vec<Vec<f32>> = columns.each().collect();
        assert_eq!(each, [vec![1.0, 2.0, 3.0], vec![10.0, 20.0, 30.0]]);
        let truth = Targets::Numbers(columns).of(&[2, 0]);
        let Targets::Numbers(some) = truth.targets() else {
            panic!("other kind");
        };
        assert_eq!(
            (some.values, some.examples()),
            (&[3.0, 30.0, 1.0, 10.0][..], 2)
        );
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
        assert_eq!(
            ids(TargetKind::Multilabel),
            ["map", "micro-f1", "subset-accuracy", "lrap", "macro-f1"]
        );
    }
}
