//! What is measured: a function and an entry in the list for every figure.

use std::collections::BTreeMap;

use crate::{
    figure::{Better, Figure, IntervalBy, Needs, PairTest, Unit},
    scores::correct,
};

/// All figures. What is measured of a row, kept in files and in the index of runs, and what can be
/// shown, is read from this list.
pub const FIGURES: &[Figure] = &[ACCURACY];

/// How many of them have columns where nobody has asked for others. The first one ranks.
const SHOWN: usize = 1;

/// The share of the examples that are classified correctly.
pub const ACCURACY: Figure = Figure {
    id: "accuracy",
    name: "accuracy",
    unit: Unit::Share,
    better: Better::Higher,
    needs: Needs::Classes,
    interval: Some(IntervalBy::Wilson),
    pair_test: Some(PairTest::McNemarMidP),
    of: accuracy,
};

/// The figures that have columns, the one that ranks first; never none.
pub fn shown() -> &'static [Figure] {
    &FIGURES[..SHOWN]
}

/// All figures of some examples that a head which `gives` this can be measured by, under their ids:
/// those that are defined, and finite. Targets, scores and classes as in [`Figure::of`].
pub fn figures_of(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
    gives: Needs,
) -> BTreeMap<String, f64> {
    (FIGURES.iter())
        .filter(|figure| figure.needs <= gives)
        .filter_map(|figure| Some((figure, (figure.of)(targets, scores, classes)?)))
        .filter(|(_, value)| value.is_finite())
        .map(|(figure, value)| (figure.id.to_owned(), value))
        .collect()
}

/// A part of a whole; 0 where there is none.
pub fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn accuracy(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    let right = correct(scores, targets.iter().copied(), classes);
    (!targets.is_empty()).then(|| share(right, targets.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_there_once_and_fit_for_files() {
        for (index, figure) in FIGURES.iter().enumerate() {
            let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(figure.id.chars().all(fit), "{}", figure.id);
            let before = FIGURES[..index].iter();
            assert_eq!(before.filter(|other| other.id == figure.id).count(), 0);
        }
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
        let found = figures_of(&targets, &scores, 3, Needs::Scores);
        let check = |id: &str, expected: f64| {
            let value = found.get(id).copied();
            let near = value.is_some_and(|value| (value - expected).abs() < 1e-12);
            assert!(near, "{id}: {value:?}, expected {expected}");
        };
        check("accuracy", 0.5);
        assert_eq!(figures_of(&[], &[], 3, Needs::Scores), BTreeMap::new());
    }
}
