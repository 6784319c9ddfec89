//! How long it takes until a run stands on the screen, and how long a key waits there:
//! `open_speed RUN`, or `open_speed ROWS CLASSES SEEDS PAIRS` for a made-up grid of so many rows,
//! each compared with at most so many others.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{buffer::Buffer, layout::Rect};
use topwork_events::{
    Agreement, Came, EndStatus, Event as RunEvent, Outcome, Record, RowPlan, RunPlan, Seconds,
    StageKind, StagePlan, Start,
};
use topwork_store::RunFolder;
use topwork_tui::{App, Background, Colours, Event, Theme, draw, update};

/// Records of one event, as the follower hands them on.
const BATCH: usize = 2_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let batches = match numbers.as_slice() {
        [rows, classes, seeds, pairs] => {
            let records = grid(*rows, *classes, *seeds, *pairs);
            records.chunks(BATCH).map(<[Record]>::to_vec).collect()
        }
        _ => recorded(arguments.first().map_or("", String::as_str)),
    };
    let folder = RunFolder::at("runs/0001-speed");
    let theme = Theme {
        colours: Colours::True,
        background: Background::Dark,
        ascii: false,
    };
    let mut app = App::new(folder.clone(), theme, 200, 60, 0);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 60));
    let events: usize = batches.iter().map(Vec::len).sum();
    let begun = Instant::now();
    draw(&app, &mut buffer);
    let mut longest = Duration::ZERO;
    for records in batches {
        let taken = Instant::now();
        update(&mut app, Event::Records(folder.clone(), records));
        draw(&app, &mut buffer);
        longest = longest.max(taken.elapsed());
    }
    let whole = begun.elapsed();
    println!("{events} records taken in and drawn {whole:?}, the longest step {longest:?}");
    for (view, keys) in [
        ("Live", "1jjjkwf"),
        ("Compare", "2jjjooOp\n\x1bjkp"),
        ("Features", "3"),
        ("Confusion", "4njjlln"),
        ("Network", "5jjp"),
        ("Log", "6kkkf"),
    ] {
        let mut worst = Duration::ZERO;
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                key => KeyCode::Char(key),
            };
            let pressed = Instant::now();
            update(
                &mut app,
                Event::Key(KeyEvent::new(code, KeyModifiers::NONE)),
            );
            draw(&app, &mut buffer);
            worst = worst.max(pressed.elapsed());
        }
        println!("{view}: a key and its frame of 200x60 take at most {worst:?}");
    }
}

/// The records of a run's folder.
fn recorded(folder: &str) -> Vec<Vec<Record>> {
    let mut reader = RunFolder::at(folder).event_reader();
    let mut batches = Vec::new();
    while let Ok(records) = reader.next_batch(BATCH) {
        if records.is_empty() {
            break;
        }
        batches.push(records);
    }
    batches
}

/// A done run of one strategy at five cuts, with ever more training samples; the rows of one
/// cut are compared with each other.
fn grid(rows: usize, classes: usize, seeds: usize, pairs: usize) -> Vec<Record> {
    const CUTS: usize = 5;
    let classes: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    let row = |index: usize| RowPlan {
        name: "logistic".to_owned(),
        detail: Some(format!("block{} · {}", index % CUTS, 100 + index / CUTS)),
        kind: "feature-classifier".to_owned(),
        cut: format!("block{}", index % CUTS),
        feature_dim: 100,
        head: "logistic-regression".to_owned(),
        weights: Start::Source,
        train_samples: Some(100 + (index / CUTS) as u64),
        classes: classes.clone(),
        ..RowPlan::default()
    };
    let rows: Vec<RowPlan> = (0..rows).map(row).collect();
    let seeds: Vec<u64> = (1..=seeds as u64).collect();
    let stage = |seed: u64, row: usize| StagePlan {
        kind: StageKind::Row,
        title: rows[row].title(),
        seed: Some(seed),
        row: Some(row),
        key: None,
    };
    let stages = (seeds.iter()).flat_map(|seed| (0..rows.len()).map(|row| stage(*seed, row)));
    let plan = RunPlan {
        format: 1,
        run: "0001-speed".to_owned(),
        name: "speed".to_owned(),
        version: "0.1.0".to_owned(),
        seeds: seeds.clone(),
        stages: stages.collect(),
        rows: rows.clone(),
        ..RunPlan::default()
    };
    let mut events = vec![RunEvent::RunStarted(plan)];
    for (position, seed) in seeds.iter().enumerate() {
        for row in 0..rows.len() {
            let stage = position * rows.len() + row;
            events.push(RunEvent::StageStarted { stage });
            events.push(RunEvent::RowMeasured(outcome(row, *seed, classes.len())));
            let earlier = (row % CUTS..row).step_by(CUTS);
            let others = earlier.rev().take(pairs);
            events.extend(others.map(|a| {
                let (only_a, only_b) = (20, 22 + (row as u64 - a as u64) % 40);
                RunEvent::Compared(Agreement {
                    a,
                    b: row,
                    seed: *seed,
                    only_a,
                    only_b,
                })
            }));
            events.push(RunEvent::StageEnded {
                stage,
                seconds: 0.1,
                came: Came::Said("98.5 % of 4,861".to_owned()),
                failed: false,
            });
        }
    }
    events.push(RunEvent::RunEnded {
        status: EndStatus::Done,
        message: None,
        hint: None,
        exit_code: 0,
        seconds: 100.0,
        peak_bytes: None,
    });
    let numbered = events.into_iter().enumerate();
    numbered
        .map(|(at, event)| Record::new(1_760_000_000_000 + at as u64, event))
        .collect()
}

fn outcome(row: usize, seed: u64, classes: usize) -> Outcome {
    let cell = |truth: usize, predicted: usize| match (truth + row) % classes {
        _ if truth == predicted => 45,
        confused if confused == predicted => 5,
        _ => 0,
    };
    Outcome {
        row,
        seed,
        correct: 45 * classes as u64,
        total: 50 * classes as u64,
        test_set: "a".repeat(64),
        train_samples: 100 + row as u64 / 5,
        trainable_parameters: 1_000,
        frozen_intact: Some(true),
        frozen_before: Some("b".repeat(64)),
        frozen_after: Some("b".repeat(64)),
        seconds: Seconds {
            extract: 0.6,
            fit: 0.1,
            evaluate: 0.01,
        },
        features_cached: true,
        confusion: (0..classes)
            .map(|truth| {
                (0..classes)
                    .map(|predicted| cell(truth, predicted))
                    .collect()
            })
            .collect::<Vec<Vec<u64>>>()
            .into(),
        fit: topwork_measure::FitReport {
            converged: Some(true),
            iterations: Some(40),
            ..Default::default()
        },
        ..Outcome::default()
    }
}
