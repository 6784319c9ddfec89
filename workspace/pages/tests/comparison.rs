//! Tables and `results.json` from event streams, as snapshots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use topwork_events::{
    Agreement, EndStatus, Event, FORMAT, Failure, FoldOutcome, Outcome, Record, Reference, RowPlan,
    RunPlan, RunState, Seconds, SourceOutcome, Start,
};
use topwork_pages::{PAGES, Report, comparison};
use topwork_results::Results;

fn row(name: &str, kind: &str, head: &str, weights: Start) -> RowPlan {
    RowPlan {
        name: name.into(),
        kind: kind.into(),
        cut: "features".into(),
        feature_dim: 800,
        head: head.into(),
        weights,
        ..RowPlan::default()
    }
}

fn plan(seeds: &[u64]) -> Event {
    Event::RunStarted(RunPlan {
        classes: vec!["5".into(), "6".into()],
        format: FORMAT,
        run: "0001-test".into(),
        name: "test".into(),
        seeds: seeds.to_vec(),
        rows: vec![
            row("frozen backbone", "frozen-backbone", "mlp", Start::Source),
            row(
                "feature classifier, 1,000 samples",
                "feature-classifier",
                "logistic-regression",
                Start::Source,
            ),
            row(
                "frozen random backbone",
                "frozen-backbone",
                "mlp",
                Start::Random,
            ),
        ],
        references: vec![
            Reference {
                strategy: "source".into(),
                metric: "accuracy".into(),
                value: 0.99747,
                note: Some("three rounds".into()),
            },
            Reference {
                strategy: "frozen random backbone".into(),
                metric: "accuracy".into(),
                value: 0.947542,
                note: None,
            },
        ],
        ..RunPlan::default()
    })
}

fn source(seed: u64, correct: u64) -> Event {
    Event::SourceEvaluated(SourceOutcome {
        part: 0,
        seed,
        correct,
        total: 5139,
        epochs: 3,
        train_samples: 30_596,
        trainable_parameters: 429_075,
        seconds: 9.0,
        weights: None,
    })
}

fn outcome(row: usize, seed: u64, correct: u64) -> Outcome {
    Outcome {
        row,
        seed,
        correct,
        total: 4861,
        test_set: "all".into(),
        train_samples: 29_404,
        trainable_parameters: 403_005,
        frozen_intact: Some(true),
        frozen_before: Some("ab".into()),
        frozen_after: Some("ab".into()),
        seconds: Seconds {
            extract: 1.25,
            fit: 2.5,
            evaluate: 0.042,
        },
        features_cached: row == 1,
        confusion: vec![vec![correct, 0], vec![4861 - correct, 0]].into(),
        fit: topwork_measure::FitReport {
            converged: (row == 1).then_some(true),
            iterations: Some(1),
            ..Default::default()
        },
        ..Outcome::default()
    }
}

fn results(events: Vec<Event>) -> Results {
    let records: Vec<_> = events
        .into_iter()
        .map(|event| Record::new(1, event))
        .collect();
    Results::from_state(&RunState::from_records(&records)).unwrap()
}

fn ended() -> Event {
    let (message, hint) = (None, None);
    Event::RunEnded {
        status: EndStatus::Done,
        message,
        hint,
        exit_code: 0,
        seconds: 20.0,
        peak_bytes: None,
    }
}

fn one_seed() -> Results {
    results(vec![
        plan(&[1]),
        source(1, 5125),
        Event::RowMeasured(outcome(0, 1, 4796)),
        Event::RowMeasured(Outcome {
            train_samples: 1000,
            trainable_parameters: 1602,
            ..outcome(1, 1, 4760)
        }),
        Event::RowMeasured(outcome(2, 1, 4690)),
        Event::Compared(Agreement {
            a: 0,
            b: 1,
            seed: 1,
            only_a: 60,
            only_b: 24,
        }),
        Event::Compared(Agreement {
            a: 0,
            b: 2,
            seed: 1,
            only_a: 150,
            only_b: 44,
        }),
        Event::Compared(Agreement {
            a: 1,
            b: 2,
            seed: 1,
            only_a: 40,
            only_b: 36,
        }),
        ended(),
    ])
}

#[test]
fn a_finished_run_in_full() {
    insta::assert_snapshot!(comparison(&one_seed(), None));
}

#[test]
fn a_finished_run_in_80_columns() {
    let text = comparison(&one_seed(), Some(80));
    // The first line is a sentence, which a terminal may break.
    for line in text
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("95 %"))
    {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_finished_run_in_40_columns() {
    insta::assert_snapshot!(comparison(&one_seed(), Some(40)));
}

#[test]
fn several_seeds_show_their_spread() {
    let mut events = vec![plan(&[1, 2, 3])];
    for (seed, a, b) in [(1, 4796, 4760), (2, 4790, 4770), (3, 4801, 4755)] {
        events.push(source(seed, 5120 + seed));
        events.push(Event::RowMeasured(outcome(0, seed, a)));
        events.push(Event::RowMeasured(Outcome {
            fit: topwork_measure::FitReport {
                converged: Some(seed != 2),
                iterations: Some(1),
                ..Default::default()
            },
            ..outcome(1, seed, b)
        }));
        events.push(Event::Compared(Agreement {
            a: 0,
            b: 1,
            seed,
            only_a: 50,
            only_b: 20 + seed,
        }));
    }
    insta::assert_snapshot!(comparison(&results(events), None));
}

/// Counts of three folds; together 4,861 examples.
fn in_folds(row: usize, seed: u64, correct: [u64; 3]) -> Event {
    let folds = correct.into_iter().zip([1621, 1620, 1620]);
    Event::RowMeasured(Outcome {
        folds: folds
            .map(|(correct, total)| FoldOutcome { correct, total })
            .collect(),
        train_samples: 3240,
        ..outcome(row, seed, correct.iter().sum())
    })
}

#[test]
fn folds_show_their_spread_and_what_they_come_to_together() {
    let one = results(vec![
        plan(&[1]),
        in_folds(0, 1, [1600, 1590, 1606]),
        in_folds(1, 1, [1580, 1580, 1580]),
        Event::Compared(Agreement {
            a: 0,
            b: 1,
            seed: 1,
            only_a: 60,
            only_b: 24,
        }),
        ended(),
    ]);
    insta::assert_snapshot!(comparison(&one, None));
    let row = &one.strategies[0];
    assert_eq!(
        (row.seeds[0].correct, row.seeds[0].total),
        (Some(4796), 4861)
    );
    assert_eq!(row.mean, Some(4796.0 / 4861.0));
    insta::assert_snapshot!(
        "folds_in_the_file_for_programs",
        serde_json::to_string_pretty(&row.seeds).unwrap()
    );
    let text = comparison(&one, Some(80));
    for line in text.lines().take_while(|line| !line.starts_with("95 %")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn folds_of_several_seeds() {
    let several = results(vec![
        plan(&[1, 2]),
        in_folds(0, 1, [1600, 1590, 1606]),
        in_folds(0, 2, [1604, 1588, 1600]),
        in_folds(1, 1, [1580, 1580, 1580]),
    ]);
    insta::assert_snapshot!(comparison(&several, None));
}

#[test]
fn notes_stand_under_the_table_once_where_seeds_agree() {
    let mut events = vec![plan(&[1, 2])];
    for seed in [1, 2] {
        for (row, note) in [
            (0, None),
            (1, Some("picked lda".to_owned())),
            (2, Some(format!("picked model {seed}"))),
        ] {
            let measured = outcome(row, seed, 4700);
            let fit = topwork_measure::FitReport {
                note,
                ..measured.fit.clone()
            };
            events.push(Event::RowMeasured(Outcome { fit, ..measured }));
        }
    }
    let results = results(events);
    assert_eq!(
        results.strategies[1].seeds[1].fit.note.as_deref(),
        Some("picked lda")
    );
    let text = comparison(&results, None);
    let notes: Vec<&str> = (text.lines())
        .filter(|line| line.contains("picked"))
        .collect();
    let expected = [
        "feature classifier, 1,000 samples: picked lda",
        "frozen random backbone, seed 1: picked model 1",
        "frozen random backbone, seed 2: picked model 2",
    ];
    assert_eq!(notes, expected);
}

#[test]
fn other_test_examples_are_not_ranked_and_missing_rows_are_dashes() {
    let events = vec![
        plan(&[1]),
        Event::RowMeasured(outcome(0, 1, 4796)),
        Event::RowMeasured(Outcome {
            total: 100,
            test_set: "a hundred".into(),
            frozen_intact: Some(false),
            ..outcome(1, 1, 96)
        }),
    ];
    insta::assert_snapshot!(comparison(&results(events), None));
}

/// Two strategies with two cuts and three numbers of training samples each.
fn a_grid() -> Results {
    let mut rows = Vec::new();
    let mut events = Vec::new();
    for name in ["frozen backbone", "feature classifier"] {
        for (cut, feature_dim) in [("pool1", 2880), ("features", 800)] {
            for samples in [50, 100, 1000] {
                let correct = 4000 + 60 * rows.len() as u64;
                let row = rows.len();
                rows.push(RowPlan {
                    detail: Some(format!("{cut} · {samples}")),
                    cut: cut.into(),
                    feature_dim,
                    train_samples: Some(samples),
                    ..row_of(name)
                });
                // The last one is still to come.
                if row < 11 {
                    events.push(Event::RowMeasured(Outcome {
                        train_samples: samples,
                        ..outcome(row, 1, correct)
                    }));
                }
                for a in 0..row.min(10) {
                    events.push(Event::Compared(Agreement {
                        a,
                        b: row,
                        seed: 1,
                        only_a: 10,
                        only_b: if a + 1 == row { 12 } else { 70 },
                    }));
                }
            }
        }
    }
    let references = vec![Reference {
        strategy: "feature classifier".into(),
        metric: "accuracy".into(),
        value: 0.96,
        note: Some("96 of 100".into()),
    }];
    events.insert(
        0,
        Event::RunStarted(RunPlan {
            format: FORMAT,
            run: "0001-grid".into(),
            name: "grid".into(),
            seeds: vec![1],
            rows,
            references,
            ..RunPlan::default()
        }),
    );
    results(events)
}

fn row_of(name: &str) -> RowPlan {
    row(
        name,
        "feature-classifier",
        "logistic-regression",
        Start::Source,
    )
}

#[test]
fn a_grid_of_twelve_rows() {
    let results = a_grid();
    insta::assert_snapshot!("grid_in_full", comparison(&results, None));
    for width in [120, 80] {
        let text = comparison(&results, Some(width));
        for line in text.lines().take_while(|line| !line.starts_with("95 %")) {
            assert!(line.chars().count() <= width, "{line}");
        }
        insta::assert_snapshot!(format!("grid_in_{width}_columns"), text);
    }
}

/// A layer curve has hundreds of pairs; those alike must not push the table off the screen.
#[test]
fn not_all_pairs_that_are_alike_are_listed() {
    let check = |rows: usize, listed: usize, last: &str| {
        let mut events = vec![Event::RunStarted(RunPlan {
            format: FORMAT,
            rows: (0..rows).map(|row| row_of(&format!("row {row}"))).collect(),
            seeds: vec![1],
            ..RunPlan::default()
        })];
        events.extend((0..rows).map(|row| Event::RowMeasured(outcome(row, 1, 4000))));
        for b in 0..rows {
            events.extend((0..b).map(|a| {
                Event::Compared(Agreement {
                    a,
                    b,
                    seed: 1,
                    only_a: 10,
                    only_b: 12,
                })
            }));
        }
        let text = comparison(&results(events), None);
        assert_eq!(
            text.matches("cannot be told apart").count(),
            listed,
            "{text}"
        );
        assert_eq!(text.lines().last(), Some(last));
    };
    let alike = "  row 6 / row 7  -0.04 points (-0.25 to +0.16)  p = 0.6776  (only one right: 10 / 12)  ≈ cannot be told apart";
    check(8, 28, alike);
    check(9, 30, "  … and 6 more, under `pairs` in results.json");
    check(40, 30, "  … and 750 more, under `pairs` in results.json");
    // Beyond that they are compared with the first of their family alone.
    check(41, 30, "  … and 10 more, under `pairs` in results.json");
}

/// A pair that would count alone may be chance among several.
#[test]
fn what_may_be_chance_is_marked() {
    let check = |others: usize, expected: &str| {
        let rows = 2 + others;
        let mut events = vec![Event::RunStarted(RunPlan {
            format: FORMAT,
            rows: (0..rows).map(|row| row_of(&format!("row {row}"))).collect(),
            seeds: vec![1],
            ..RunPlan::default()
        })];
        events.extend((0..rows).map(|row| Event::RowMeasured(outcome(row, 1, 4000))));
        let pairs = (1..rows).map(|b| Agreement {
            a: 0,
            b,
            seed: 1,
            only_a: 5,
            only_b: if b == 1 { 15 } else { 5 },
        });
        events.extend(pairs.map(Event::Compared));
        let text = comparison(&results(events), None);
        let line = text.lines().find(|line| line.contains("row 0 / row 1"));
        assert_eq!(line, Some(expected), "{text}");
    };
    let alone =
        "  row 0 / row 1  -0.21 points (-0.42 to -0.03)  p = 0.0266  (only one right: 5 / 15)";
    check(0, alone);
    check(1, &format!("{alone}  ? may be chance among 2 pairs"));
    check(5, &format!("{alone}  ? may be chance among 6 pairs"));
}

#[test]
fn the_file_for_programs() {
    insta::assert_snapshot!(one_seed().to_json().unwrap());
}

#[test]
fn the_file_reads_back() {
    let results = one_seed();
    let text = results.to_json().unwrap();
    assert_eq!(Results::from_json(&text).unwrap(), results);
    // As an earlier version has written it.
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    for row in old["strategies"].as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("figures").unwrap();
        for seed in row["seeds"].as_array_mut().unwrap() {
            seed.as_object_mut().unwrap().remove("figures").unwrap();
        }
    }
    let mut expected = results;
    for row in &mut expected.strategies {
        for figure in row.figures.values_mut() {
            figure.interval_by = None;
        }
    }
    assert_eq!(Results::from_json(&old.to_string()).unwrap(), expected);
}

#[test]
fn before_the_plan_there_is_nothing() {
    assert!(Results::from_state(&RunState::default()).is_none());
}

#[test]
fn rows_that_failed_are_marked() {
    let failed = |row, seed, status, message: &str| {
        Event::RowFailed(Failure {
            row,
            seed,
            status,
            message: message.into(),
            hint: None,
            exit_code: 3,
        })
    };
    let crash = "crashed: SIGSEGV in plugin \"x\" while fitting \"x\"";
    let results = results(vec![
        plan(&[1, 2]),
        // The second seed's row was measured first: the first one failed and was tried again.
        Event::RowMeasured(outcome(0, 2, 4790)),
        Event::RowMeasured(outcome(0, 1, 4796)),
        failed(1, 1, EndStatus::Crashed, crash),
        failed(1, 2, EndStatus::Crashed, crash),
        Event::RowMeasured(outcome(2, 1, 4690)),
        failed(
            2,
            2,
            EndStatus::Failed,
            "training: the loss is NaN at step 12",
        ),
    ]);
    let seeds: Vec<u64> = results.strategies[0].seeds.iter().map(|s| s.seed).collect();
    assert_eq!(seeds, [1, 2]);
    insta::assert_snapshot!(comparison(&results, None));
}

/// Markdown, CSV and LaTeX of one run, in one snapshot.
#[test]
fn the_other_pages() {
    let report = Report::of(one_seed());
    let mut pages = String::new();
    for page in PAGES
        .iter()
        .filter(|page| ["markdown", "csv", "latex"].contains(&page.id))
    {
        let written = (page.write)(&report, None).unwrap();
        pages.push_str(&format!("=== {}\n{}", page.id, written.replace('\r', "")));
    }
    insta::assert_snapshot!(pages);
}

#[test]
fn every_line_of_a_csv_has_a_value_for_every_name() {
    let check = |results: Results| {
        let csv = PAGES.iter().find(|page| page.id == "csv").unwrap();
        let text = (csv.write)(&Report::of(results.clone()), None).unwrap();
        // Names in the fixtures that hold commas are in quotes and hold no other.
        let lines: Vec<usize> = (text.lines())
            .map(|line| {
                let outside = line.split('"').step_by(2);
                1 + outside.map(|part| part.matches(',').count()).sum::<usize>()
            })
            .collect();
        assert_eq!(lines.len(), results.strategies.len() + 1);
        assert!(lines.iter().all(|fields| *fields == lines[0]), "{text}");
    };
    check(one_seed());
    check(a_grid());
    check(results(vec![plan(&[1])]));
    check(results(vec![
        plan(&[1]),
        in_folds(0, 1, [1600, 1590, 1606]),
    ]));
}
