//! The figures against scikit-learn, and where that has none against a second implementation:
//! `figures.json` is written by `bench/reference/statistics.py`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use topwork_measure::{Confusion, FIGURES, Figure, PerClass, predicted};

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Case {
    classes: usize,
    targets: Vec<u32>,
    scores: Vec<f32>,
    /// By id; what is not defined is there, too.
    figures: BTreeMap<String, Option<f64>>,
    per_class: Vec<PerClass>,
}

fn cases() -> Vec<Case> {
    let expected: Expected = serde_json::from_str(include_str!("figures.json")).unwrap();
    expected.cases
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
}

#[test]
fn figures_are_those_of_scikit_learn() {
    for (number, case) in cases().iter().enumerate() {
        for figure in FIGURES {
            assert!(
                case.figures.contains_key(figure.id),
                "{} is not compared",
                figure.id
            );
        }
        for (id, expected) in &case.figures {
            let figure = Figure::named(id).unwrap();
            let found = (figure.of)(&case.targets, &case.scores, case.classes);
            let same = match (found, *expected) {
                (Some(found), Some(expected)) => near(found, expected),
                (found, expected) => found == expected,
            };
            assert!(
                same,
                "{id} of case {number}: {found:?}, expected {expected:?}"
            );
        }
    }
}

#[test]
fn classes_are_those_of_scikit_learn() {
    for case in cases() {
        let mut confusion = Confusion::new(case.classes);
        for (scores, target) in case.scores.chunks_exact(case.classes).zip(&case.targets) {
            assert!(confusion.add(*target as usize, predicted(scores)));
        }
        let found = PerClass::of(&confusion);
        assert_eq!(found.len(), case.per_class.len());
        for (found, expected) in found.iter().zip(&case.per_class) {
            let same = near(found.precision, expected.precision)
                && near(found.recall, expected.recall)
                && near(found.f1, expected.f1)
                && found.support == expected.support;
            assert!(same, "{found:?}, expected {expected:?}");
        }
    }
}
