//! The statistics against SciPy and a second implementation on top of it: `statistics.json` is
//! written by `bench/reference/statistics.py`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use serde::Deserialize;
use topwork_measure::{
    Bits, Disagreement, Estimate, Interval, corrected_t, equivalence, mcnemar_mid_p, paired_shares,
    two_way, two_way_pair, two_way_scores,
};

#[derive(Deserialize)]
struct Expected {
    folds: Vec<Folds>,
    rows: Vec<Rows>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Folds {
    values: Vec<f64>,
    ratio: f64,
    margin: f64,
    equivalence: f64,
    #[serde(flatten)]
    estimate: Estimate,
}

#[derive(Deserialize)]
struct Rows {
    a: Vec<String>,
    b: Vec<String>,
    row: Estimate,
    pair: Estimate,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pair {
    only_a: u64,
    only_b: u64,
    total: u64,
    interval: Interval,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("statistics.json")).unwrap()
}

/// Relative to what is expected: a p keeps its digits however small it is.
fn near(found: f64, expected: f64, what: &str) {
    let close = (found - expected).abs() <= 1e-12 * expected.abs();
    assert!(close, "{what}: {found}, expected {expected}");
}

fn same(found: &Estimate, expected: &Estimate) {
    near(found.value, expected.value, "value");
    near(
        found.standard_error,
        expected.standard_error,
        "standard error",
    );
    near(
        found.freedom.unwrap(),
        expected.freedom.unwrap(),
        "degrees of freedom",
    );
    near(found.interval.low, expected.interval.low, "low");
    near(found.interval.high, expected.interval.high, "high");
    near(found.p, expected.p, "p");
}

#[test]
fn folds() {
    for case in expected().folds {
        let found = corrected_t(&case.values, case.ratio).unwrap();
        same(&found, &case.estimate);
        near(
            equivalence(&found, case.margin),
            case.equivalence,
            "equivalence",
        );
    }
    assert_eq!(corrected_t(&[0.1], 0.1), None);
    assert_eq!(corrected_t(&[0.1, f64::NAN], 0.1), None);
    assert_eq!(corrected_t(&[0.1, 0.2], -0.1), None);
    let still = corrected_t(&[0.25, 0.25], 0.1).unwrap();
    assert_eq!((still.standard_error, still.p), (0.0, 0.0));
    assert_eq!(
        (equivalence(&still, 0.3), equivalence(&still, 0.2)),
        (0.0, 1.0)
    );
}

#[test]
fn seeds_and_examples() {
    for case in expected().rows {
        let bits = |row: &[String]| -> Vec<Bits> {
            let bits = |text: &String| text.bytes().map(|bit| bit == b'1').collect();
            row.iter().map(bits).collect()
        };
        let (a, b) = (bits(&case.a), bits(&case.b));
        same(&two_way(&a).unwrap(), &case.row);
        let pair = two_way_pair(&a, &b).unwrap();
        same(&pair, &case.pair);
        let number = |bit: bool| f64::from(u8::from(bit));
        let differences: Vec<Vec<f64>> = (a.iter().zip(&b))
            .map(|(a, b)| {
                a.iter()
                    .zip(b.iter())
                    .map(|(a, b)| number(a) - number(b))
                    .collect()
            })
            .collect();
        let differences: Vec<&[f64]> = differences.iter().map(Vec::as_slice).collect();
        let found = two_way_scores(&differences).unwrap();
        assert!((found.p - pair.p).abs() < 1e-12 && (found.value - pair.value).abs() < 1e-12);
    }
}

#[test]
fn one_pair_of_models() {
    for Pair {
        only_a,
        only_b,
        total,
        interval,
    } in expected().pairs
    {
        let disagreement = Disagreement { only_a, only_b };
        let found = paired_shares(disagreement, total).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-11;
        assert!(
            close(found.interval.low, interval.low) && close(found.interval.high, interval.high),
            "{disagreement:?} of {total}: {found:?}, expected {interval:?}"
        );
        assert_eq!(found.p, mcnemar_mid_p(disagreement));
        let other = paired_shares(
            Disagreement {
                only_a: only_b,
                only_b: only_a,
            },
            total,
        )
        .unwrap();
        assert!(
            close(other.interval.low, -found.interval.high),
            "{other:?} {found:?}"
        );
        assert_eq!((other.value, other.p), (-found.value, found.p));
    }
    let none = Disagreement::default();
    assert_eq!(paired_shares(none, 0), None);
    assert_eq!(
        paired_shares(
            Disagreement {
                only_a: 2,
                only_b: 2
            },
            3
        ),
        None
    );
    // Of a hundred answers that are all the same: Wilson's upper end with n + z² below z².
    let alike = paired_shares(none, 100).unwrap();
    let z2 = 1.959_963_984_540_054_f64.powi(2);
    assert!(
        (alike.interval.high - z2 / (100.0 + z2)).abs() < 1e-12,
        "{alike:?}"
    );
    assert!((alike.interval.low + alike.interval.high).abs() < 1e-12 && alike.p == 1.0);
}
