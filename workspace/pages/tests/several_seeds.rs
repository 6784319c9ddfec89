//! What is said of rows with several seeds: both seeds and test examples count.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use topwork_events::{
    Event, FORMAT, Judging, Outcome, Record, RowPlan, RunPlan, RunState, Seconds, Start,
};
use topwork_measure::{Bits, Confusion};
use topwork_pages::comparison;
use topwork_results::{PairTest, Results, Verdict};

/// Test examples.
const TESTED: usize = 4861;

fn row(name: &str) -> RowPlan {
    RowPlan {
        name: name.into(),
        kind: "feature-classifier".into(),
        cut: "features".into(),
        feature_dim: 800,
        head: "logistic-regression".into(),
        weights: Start::Source,
        ..RowPlan::default()
    }
}

/// A row that has all examples right but these.
fn outcome(row: usize, seed: u64, wrong: &[usize]) -> Event {
    let right = Bits::from_bools((0..TESTED).map(|example| !wrong.contains(&example)));
    let (correct, total) = (right.count_ones(), TESTED as u64);
    let mut confusion = Confusion::new(2);
    for example in 0..TESTED {
        let truth = example % 2;
        confusion.add(
            truth,
            if wrong.contains(&example) {
                1 - truth
            } else {
                truth
            },
        );
    }
    Event::RowMeasured(Outcome {
        row,
        seed,
        correct,
        total,
        figures: [("accuracy".to_owned(), correct as f64 / total as f64)].into(),
        test_set: "all".into(),
        train_samples: 1000,
        trainable_parameters: 4005,
        frozen_intact: Some(true),
        frozen_before: Some("ab".into()),
        frozen_after: Some("ab".into()),
        seconds: Seconds::default(),
        features_cached: false,
        confusion,
        fit: topwork_measure::FitReport {
            converged: Some(true),
            iterations: Some(1),
            ..Default::default()
        },
        right: [("accuracy".to_owned(), right)].into(),
        ..Outcome::default()
    })
}

/// Two rows with so many examples that only one of them has right, seed by seed, and so many that both
/// have wrong.
fn results(seeds: &[(usize, usize)], both_wrong: usize, judging: Judging) -> Results {
    let mut events = vec![Event::RunStarted(RunPlan {
        format: FORMAT,
        classes: vec!["5".into(), "6".into()],
        seeds: (1..=seeds.len() as u64).collect(),
        rows: vec![row("a"), row("b")],
        judging,
        ..RunPlan::default()
    })];
    for (seed, (only_a, only_b)) in (1..).zip(seeds) {
        // Difficult examples are difficult with every seed; the others are taken from all over.
        let at = |index: usize| {
            (index * 2003 + seed as usize * 701) % (TESTED - both_wrong) + both_wrong
        };
        let both = 0..both_wrong;
        let wrong = |from: usize, count: usize| -> Vec<usize> {
            both.clone().chain((from..from + count).map(at)).collect()
        };
        events.push(outcome(0, seed, &wrong(0, *only_b)));
        events.push(outcome(1, seed, &wrong(*only_b, *only_a)));
    }
    let records: Vec<Record> = (events.into_iter())
        .map(|event| Record::new(1, event))
        .collect();
    Results::from_state(&RunState::from_records(&records)).unwrap()
}

/// Each of three seeds sets the rows apart, but not all in the same direction: that was told apart once.
#[test]
fn seeds_that_contradict_each_other_set_nothing_apart() {
    let results = results(
        &[(900, 239), (1000, 271), (210, 366)],
        400,
        Judging::default(),
    );
    let pair = &results.pairs[0];
    assert!(pair.seeds.iter().all(|seed| seed.p < 1e-4), "{pair:?}");
    assert_eq!((pair.verdict(), pair.seeds_agree), (Verdict::Alike, 2));
    insta::assert_snapshot!(comparison(&results, None));
}

/// Five seeds that agree: the largest p of one of them is 0.24, which once stood for all.
#[test]
fn seeds_that_agree_say_more_together() {
    let seeds = [(21, 14), (18, 5), (25, 7), (28, 11), (25, 10)];
    let results = results(&seeds, 40, Judging::default());
    let pair = &results.pairs[0];
    assert_eq!(
        (pair.test, pair.verdict()),
        (PairTest::TwoWay, Verdict::Apart)
    );
    assert!(pair.seeds[0].p > 0.2 && pair.p < 1e-3, "{pair:?}");
    insta::assert_snapshot!(comparison(&results, None));
}

/// Within half a point of each other, and told to count that as equal.
#[test]
fn a_margin_makes_equal_what_cannot_be_told_apart() {
    let within = |margin: Option<f64>| {
        let judging = Judging {
            equivalent_within: margin,
            ..Judging::default()
        };
        let results = results(&[(21, 20), (18, 19), (25, 23)], 40, judging);
        (results.pairs[0].verdict(), comparison(&results, None))
    };
    assert_eq!(within(None).0, Verdict::Alike);
    assert_eq!(within(Some(0.0001)).0, Verdict::Alike);
    let (verdict, text) = within(Some(0.005));
    assert_eq!(verdict, Verdict::Equivalent);
    assert!(text.contains("≡ equal within 0.5 points"), "{text}");
}

/// The interval is of the mean over seeds: seeds that lie far apart make it wide.
#[test]
fn the_interval_holds_what_seeds_change() {
    let results = results(&[(0, 1200), (0, 2500), (0, 3300)], 0, Judging::default());
    let row = &results.strategies[0];
    let (interval, std) = (row.interval.unwrap(), row.std.unwrap());
    let width = interval.high - interval.low;
    // Wilson's of one seed is 2.8 points wide.
    assert!(std > 0.2 && width > 2.0 * std, "{interval:?} {std}");
}
