//! Tests keep their level and intervals hold what they should, in a few of the simulations that
//! `bench/calibration` makes many of.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../../../bench/calibration/columns.rs"]
mod columns;
#[path = "../../../bench/calibration/folds.rs"]
mod folds;
#[path = "../../../bench/calibration/models.rs"]
mod models;
#[path = "../../../bench/calibration/random.rs"]
mod random;
#[path = "../../../bench/calibration/rates.rs"]
mod rates;
#[path = "../../../bench/calibration/scores.rs"]
mod scores;

use columns::OfColumns;
use folds::{By, Folds};
use models::{OneSeed, Seeds};
use rates::{Scenario, rates};
use scores::Scores;
use topwork_measure::TargetKind;

/// Two equal rows are told apart in 1 to 6 % of draws, and 95 % intervals hold what is true in 93 to
/// 99 %: but for 2.6 standard errors of so many draws. Rows that are four standard errors apart are told
/// apart in at least the share `power` of draws, where there is one.
fn check(scenario: &dyn Scenario, draws: u64, power: Option<f64>) {
    let nulls = rates(scenario, 0.0, draws, 7);
    for (null, cells) in nulls.iter().zip(scenario.cells()) {
        let within = |found: f64, [low, high]: [f64; 2], draws: u64, what: &str| {
            let chance = |bound: f64| 2.6 * (bound * (1.0 - bound) / draws as f64).sqrt();
            let fits = low - chance(low) <= found && found <= high + chance(high);
            assert!(fits, "{cells:?}: {what} in {found}");
        };
        let held = [0.93, 0.99];
        within(null.rejected, [0.01, 0.06], draws, "rejected");
        within(null.pair_held, held, draws, "difference held");
        within(null.row_held.unwrap(), held, draws, "row held");
        if let Some(power) = power.filter(|_| scenario.has_power()) {
            let apart = &rates(scenario, -4.0 * null.error, draws / 4, 8)[0];
            assert!(
                apart.rejected >= power,
                "{cells:?}: power {}",
                apart.rejected
            );
            within(apart.pair_held, held, draws / 4, "true difference held");
        }
    }
}

#[test]
fn one_seed() {
    for (share, examples) in [(0.9, 500), (0.98, 1000)] {
        check(&OneSeed { share, examples }, 800, Some(0.85));
    }
}

#[test]
fn several_seeds() {
    for (seeds, power) in [(3, 0.3), (5, 0.6), (10, 0.8)] {
        let (share, examples) = (0.9, 300);
        for (spread, own) in [(0.01, 0.0), (0.04, 0.0), (0.02, 0.3)] {
            let scenario = Seeds {
                share,
                spread,
                own,
                examples,
                seeds,
            };
            check(&scenario, 500, Some(power));
        }
    }
}

/// McNemar's test of all examples pooled is not held to its level: it is in the table beside this one
/// because it is known to miss it.
#[test]
fn folds_of_real_refits() {
    for (folds, repeats) in [(5, 1), (10, 1), (5, 3)] {
        check(
            &Folds::new(100, folds, repeats, By::Folds, 200),
            600,
            Some(0.3),
        );
    }
    let pooled = Folds::new(100, 5, 1, By::Pooled, 100);
    assert!(rates(&pooled, 0.0, 200, 7)[0].rejected < 0.2);
}

#[test]
fn figures_of_numbers_and_labels() {
    for (kind, ids) in [
        (TargetKind::Numbers, ["r2", "rmse", "mae"]),
        (TargetKind::Multilabel, ["map", "micro-f1", "lrap"]),
    ] {
        check(&OfColumns::new(kind, 1.2, &ids, 200, 15), 100, None);
    }
}

#[test]
fn figures_by_the_bootstrap() {
    for seeds in [1, 3] {
        let figures = ["balanced-accuracy", "auroc", "log-loss"];
        check(&Scores::new(&figures, 200, seeds, 15), 100, None);
    }
}
