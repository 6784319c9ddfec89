//! The figures against scikit-learn, and where that has none against a second implementation:
//! `figures.json` is written by `bench/reference/statistics.py`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use topwork_measure::{
    Confusion, Figure, PerClass, TargetKind, cross_entropy, predicted, softmax_at, temperature,
};

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
    temperatures: Vec<Tempered>,
}

#[derive(Deserialize)]
struct Tempered {
    classes: usize,
    targets: Vec<u32>,
    logits: Vec<f32>,
    temperature: f64,
    /// Log-loss at temperature 1, and at the best.
    before: f64,
    after: f64,
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

fn expected() -> Expected {
    serde_json::from_str(include_str!("figures.json")).unwrap()
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
}

#[test]
fn figures_are_those_of_scikit_learn() {
    for (number, case) in expected().cases.iter().enumerate() {
        // Those of numbers are compared where they are computed.
        for figure in TargetKind::Classes.figures() {
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
    for case in expected().cases {
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

#[test]
fn temperatures_are_those_of_scipy() {
    for case in expected().temperatures {
        let (targets, logits, classes) = (&case.targets, &case.logits, case.classes);
        let found = temperature(targets, logits, classes).unwrap();
        assert!(
            (found / case.temperature - 1.0).abs() < 1e-9,
            "{found}, expected {}",
            case.temperature
        );
        let before = cross_entropy(logits, targets.iter().copied(), classes);
        assert!(
            near(before, case.before),
            "{before}, expected {}",
            case.before
        );
        // Probabilities are rounded to single precision.
        let log_loss = Figure::named("log-loss").unwrap();
        let after = (log_loss.of)(targets, &softmax_at(logits, classes, found), classes).unwrap();
        assert!(
            (after - case.after).abs() < 1e-6,
            "{after}, expected {}",
            case.after
        );
    }
}
