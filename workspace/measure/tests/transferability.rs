//! Transferability estimates against the formulas of their papers: `transferability.json` is written by
//! `bench/reference/transferability.py`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde::Deserialize;
use topwork_measure::{h_score, log_me, shrunk_h_score, weighted_tau};

#[derive(Deserialize)]
struct Expected {
    features: Vec<Features>,
    rankings: Vec<Rankings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Features {
    dims: usize,
    classes: usize,
    values: Vec<f32>,
    labels: Vec<u32>,
    log_me: f64,
    h_score: f64,
    shrunk_h_score: f64,
}

#[derive(Deserialize)]
struct Rankings {
    a: Vec<f64>,
    b: Vec<f64>,
    tau: f64,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("transferability.json")).unwrap()
}

fn near(what: &str, found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    let apart = (found - expected).abs();
    assert!(
        apart <= 1e-8 * expected.abs().max(1e-2),
        "{what}: {found}, {expected}"
    );
}

#[test]
fn estimates_are_those_of_the_formulas() {
    for case in expected().features {
        let (values, dims) = (&*case.values, case.dims);
        let (labels, classes) = (&*case.labels, case.classes);
        let what = format!("{} × {dims}", labels.len());
        let found = log_me(values, dims, labels, classes);
        near(&format!("LogME, {what}"), found, case.log_me);
        let found = h_score(values, dims, labels, classes);
        near(&format!("H-score, {what}"), found, case.h_score);
        let found = shrunk_h_score(values, dims, labels, classes);
        near(
            &format!("shrunk H-score, {what}"),
            found,
            case.shrunk_h_score,
        );
    }
}

#[test]
fn rankings_agree_as_scipy_says() {
    for case in expected().rankings {
        near(
            &format!("{:?}", case.a),
            weighted_tau(&case.a, &case.b),
            case.tau,
        );
    }
}

#[test]
fn what_has_no_value() {
    type Case<'a> = (&'a [f32], usize, &'a [u32], usize);
    let cases: [Case<'_>; 8] = [
        (&[], 0, &[], 2),
        (&[], 2, &[], 2),
        (&[1.0, 2.0, 3.0], 2, &[0, 1], 2),
        (&[1.0, 2.0], 1, &[0, 2], 2),
        (&[1.0, 2.0], 1, &[1, 1], 2),
        (&[1.0, f32::NAN], 1, &[0, 1], 2),
        (&[1.0, f32::INFINITY], 1, &[0, 1], 2),
        (&[1.0, 2.0], 1, &[0, 0], 1),
    ];
    for (values, dims, labels, classes) in cases {
        for estimate in [log_me, h_score, shrunk_h_score] {
            let found = estimate(values, dims, labels, classes);
            assert_eq!(found, None, "{values:?} {dims} {labels:?} {classes}");
        }
    }
    // Nothing varies: no share of the variance, and no covariance to shrink.
    let same = [0.5; 12];
    assert_eq!(h_score(&same, 3, &[0, 1, 0, 1], 2), Some(0.0));
    assert_eq!(shrunk_h_score(&same, 3, &[0, 1, 0, 1], 2), None);
    for (a, b) in [
        (&[][..], &[][..]),
        (&[1.0], &[1.0]),
        (&[1.0, 2.0], &[1.0]),
        (&[1.0, 1.0], &[1.0, 2.0]),
        (&[1.0, f64::NAN], &[1.0, 2.0]),
    ] {
        assert_eq!(weighted_tau(a, b), None, "{a:?} {b:?}");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let case = &expected().features[2];
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let (values, labels) = (&*case.values, &*case.labels);
        pool.unwrap().install(|| {
            [log_me, h_score, shrunk_h_score]
                .map(|estimate| estimate(values, case.dims, labels, case.classes).map(f64::to_bits))
        })
    };
    assert_eq!(on(1), on(3));
}

proptest! {
    /// However features are turned and stretched, the H-score stays, from 0 to the classes less 1.
    #[test]
    fn the_h_score_does_not_depend_on_coordinates(
        values in prop::collection::vec(-100_i8..100, 24 * 3),
        stretch in 1_i8..20,
    ) {
        let labels: Vec<u32> = (0..24).map(|place| place % 3).collect();
        let plain: Vec<f32> = values.iter().copied().map(f32::from).collect();
        let turned: Vec<f32> = (plain.chunks(3))
            .flat_map(|x| [x[0] + x[1], f32::from(stretch) * (x[1] - x[2]), x[2] + 7.0])
            .collect();
        let score = h_score(&plain, 3, &labels, 3).unwrap();
        let after = h_score(&turned, 3, &labels, 3).unwrap();
        prop_assert!((-1e-9..=2.0 + 1e-9).contains(&score), "{score}");
        prop_assert!((score - after).abs() < 1e-6, "{score} {after}");
    }

    /// A ranking agrees with itself, and with its reverse not at all.
    #[test]
    fn a_ranking_agrees_with_itself(values in prop::collection::hash_set(-1000_i32..1000, 2..30)) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let reverse: Vec<f64> = values.iter().map(|x| -x).collect();
        prop_assert!((weighted_tau(&values, &values).unwrap() - 1.0).abs() < 1e-12);
        prop_assert!((weighted_tau(&values, &reverse).unwrap() + 1.0).abs() < 1e-12);
    }
}
