//! How often the tests reject what is true, and the intervals hold what is true: `calibration FILE` simulates it and
//! writes the table; with a word behind the file only what has it in one of its first cells.
#![allow(
    clippy::expect_used,
    reason = "a simulation with sizes that are written here"
)]

mod columns;
mod folds;
mod models;
mod random;
mod rates;
mod scores;

use std::{env, fmt::Write as _, fs, io, time::Instant};

use columns::OfColumns;
use folds::{By, Folds};
use models::{OneSeed, Seeds};
use rates::{Scenario, rates};
use scores::Scores;
use topwork_measure::TargetKind;

const SEED: u64 = 20_261_128;

const HEAD: &str = "\
# How the tests and intervals are calibrated

Written by `just bench-calibration`; do not edit. Two rows with known true figures are drawn again and again, and judged as the rows
of a run are. *Rejected* is how often two equal rows are told apart at level 5 %; *pair* and *row* are how often
the 95 % interval of the difference, and of the first row, hold the true value. *Power* is how often rows are told apart whose true
difference is 1, 2 and 4 standard errors; a test that knew the standard error would have 17, 52 and 98 %.

What is to hold: rejected in 1 to 6 %, held in 93 to 99 %. What is outside by more than chance has in so many draws (2.6
standard errors) is marked with `!`. Nothing is promised of two seeds. `ece` is larger on few examples than on many, more than an interval from
the same examples can make good: its row is known to be held too seldom. So are rows of labels that are told apart nearly always: of a
rare label most draws have no error, and what varies is not seen.

";

fn scenarios() -> Vec<(Box<dyn Scenario>, u64)> {
    let mut all: Vec<(Box<dyn Scenario>, u64)> = Vec::new();
    for (share, examples) in [
        (0.6, 100),
        (0.9, 500),
        (0.9, 2000),
        (0.98, 2000),
        (0.98, 10_000),
    ] {
        all.push((Box::new(OneSeed { share, examples }), 10_000));
    }
    for seeds in [2, 3, 5, 10] {
        for (share, spread, own, examples) in [
            (0.9, 0.003, 0.0, 2000),
            (0.9, 0.01, 0.0, 2000),
            (0.9, 0.04, 0.0, 2000),
            (0.9, 0.01, 0.3, 500),
            (0.9, 0.02, 0.3, 500),
            (0.6, 0.04, 0.3, 500),
            (0.98, 0.003, 0.3, 2000),
            (0.98, 0.003, 0.3, 10_000),
        ] {
            let draws = if examples > 5000 { 1000 } else { 3000 };
            let scenario = Seeds {
                share,
                spread,
                own,
                examples,
                seeds,
            };
            all.push((Box::new(scenario), draws));
        }
    }
    for by in [By::Folds, By::Pooled] {
        for (folds, repeats) in [(5, 1), (10, 1), (5, 3), (10, 3)] {
            if by == By::Folds || repeats == 1 {
                all.push((Box::new(Folds::new(200, folds, repeats, by, 2000)), 10_000));
            }
        }
    }
    let figures = [
        "accuracy",
        "balanced-accuracy",
        "macro-f1",
        "auroc",
        "average-precision",
        "log-loss",
        "brier",
        "ece",
        "mcc",
    ];
    for (seeds, draws) in [(1, 1000), (3, 500), (5, 300)] {
        all.push((Box::new(Scores::new(&figures, 500, seeds, 60)), draws));
    }
    let numbers = ["r2", "rmse", "mae"];
    let labels = ["map", "micro-f1", "subset-accuracy", "lrap", "macro-f1"];
    for examples in [200, 1000] {
        for (kind, distance, figures) in [
            (TargetKind::Numbers, 0.0, &numbers[..]),
            (TargetKind::Multilabel, 1.2, &labels[..]),
            (TargetKind::Multilabel, 3.0, &labels[..]),
        ] {
            let scenario = OfColumns::new(kind, distance, figures, examples, 60);
            all.push((Box::new(scenario), 1000));
        }
    }
    all
}

/// A share in percent, marked where it is out of these bounds by more than chance has.
fn cell(share: f64, bounds: [f64; 2], draws: u64) -> String {
    let chance = |bound: f64| 2.6 * (bound * (1.0 - bound) / draws as f64).sqrt();
    let [low, high] = bounds;
    let outside = share < low - chance(low) || share > high + chance(high);
    format!("{:.1}{}", share * 100.0, if outside { " !" } else { "" })
}

fn main() -> io::Result<()> {
    let began = Instant::now();
    let mut text = String::from(HEAD);
    let mut row = |cells: &[String]| {
        // Writing to a string never fails.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    let heads = [
        "judged by",
        "what",
        "examples",
        "draws",
        "rejected, %",
        "pair, %",
        "row, %",
    ];
    let powers = ["power at 1, %", "at 2", "at 4"];
    row(&heads
        .iter()
        .chain(&powers)
        .map(|head| (*head).to_owned())
        .collect::<Vec<_>>());
    row(&["---", "---"]
        .iter()
        .chain(&["--:"; 8])
        .map(|rule| (*rule).to_owned())
        .collect::<Vec<_>>());
    let only = env::args().nth(2).unwrap_or_default();
    for (scenario, draws) in scenarios() {
        if !scenario
            .cells()
            .iter()
            .flatten()
            .any(|cell| cell.contains(&only))
        {
            continue;
        }
        let nulls = rates(&*scenario, 0.0, draws, SEED);
        for (null, cells) in nulls.iter().zip(scenario.cells()) {
            let mut cells = cells.to_vec();
            cells.push(draws.to_string());
            cells.push(cell(null.rejected, [0.01, 0.06], draws));
            cells.push(cell(null.pair_held, [0.93, 0.99], draws));
            let row_held = null.row_held.map(|held| cell(held, [0.93, 0.99], draws));
            cells.push(row_held.unwrap_or_default());
            for errors in [1.0, 2.0, 4.0] {
                let power = scenario.has_power().then(|| {
                    let draws = (draws / 4).max(500);
                    rates(&*scenario, -errors * null.error, draws, SEED + 1)[0].rejected
                });
                cells.push(power.map_or_else(String::new, |power| format!("{:.0}", power * 100.0)));
            }
            eprintln!(
                "{:.0} s: {}",
                began.elapsed().as_secs_f64(),
                cells.join(" | ")
            );
            row(&cells);
        }
    }
    let _ = writeln!(
        text,
        "\nSeed {SEED}; {:.0} s on {} threads.",
        began.elapsed().as_secs_f64(),
        rayon::current_num_threads()
    );
    match env::args().nth(1) {
        Some(file) => fs::write(file, text),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}
