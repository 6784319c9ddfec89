//! Writes a run of made-up figures, as large as one likes, to measure what lists, shows and attaches:
//!
//! ```text
//! cargo run --release -p topwork-index --example large -- RUNS-DIR ROWS CLASSES SEEDS [old]
//! time topwork runs show --runs-dir RUNS-DIR 1
//! ```
//!
//! With `old` as format 1 had it: confusion matrices with all their cells, the classes in every
//! row, every pair of rows.

use std::{env, error::Error, fs, iter, time::Instant};

use serde_json::{Value, json};
use topwork_events::{
    Agreement, Came, EndStatus, Event, Outcome, Record, RowPlan, RunPlan, RunState, Seconds,
    StageKind, StagePlan, Start,
};
use topwork_keys::{Adopted, Cells, KeyedCell};
use topwork_measure::Confusion;
use topwork_results::{Families, Results};
use topwork_store::{Machine, Manifest, RunFolder, Runs};

/// Test examples of every row.
const TESTED: usize = 10_000;

/// How much there is of what.
#[derive(Clone, Copy)]
pub struct Size {
    /// Rows: two methods with five cuts each, as many numbers of training samples as that takes.
    pub rows: usize,
    /// Classes of the target.
    pub classes: usize,
    /// Seeds.
    pub seeds: u64,
}

/// Numbers without any order, the same every time (Knuth's 64-bit generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        let (factor, step) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(factor).wrapping_add(step);
        ((self.0 >> 33) % limit.max(1) as u64) as usize
    }
}

/// The plan of such a run.
pub fn plan(size: Size) -> RunPlan {
    let rows = (0..size.rows).map(|index| {
        let (method, place) = (index * 2 / size.rows.max(1), index % size.rows.div_ceil(2));
        let (cut, samples) = (place % 5, 10 * (1 + place / 5));
        RowPlan {
            name: ["logistic", "knn"][method.min(1)].to_owned(),
            detail: Some(format!("cut{cut} · {samples}")),
            kind: "feature-classifier".to_owned(),
            cut: format!("cut{cut}"),
            feature_dim: 800,
            head: ["logistic-regression", "knn"][method.min(1)].to_owned(),
            weights: Start::Source,
            train_samples: Some(samples as u64),
            ..RowPlan::default()
        }
    });
    let rows: Vec<RowPlan> = rows.collect();
    RunPlan {
        format: topwork_events::FORMAT,
        run: "0001-large".to_owned(),
        name: "large".to_owned(),
        version: "0.1.0".to_owned(),
        seeds: (1..=size.seeds).collect(),
        threads: 2,
        classes: (0..size.classes)
            .map(|class| format!("class {class}"))
            .collect(),
        stages: (1..=size.seeds)
            .flat_map(|seed| {
                let rows = rows.iter().enumerate();
                rows.map(move |(row, plan)| StagePlan {
                    kind: StageKind::Row,
                    title: plan.title(),
                    seed: Some(seed),
                    row: Some(row),
                    key: None,
                })
            })
            .collect(),
        rows,
        ..RunPlan::default()
    }
}

fn outcome(row: usize, seed: u64, classes: usize) -> Outcome {
    let mut numbers = Numbers(row as u64 * 1_000_003 + seed);
    let mut confusion = Confusion::new(classes);
    for example in 0..TESTED {
        let truth = example % classes;
        let predicted = match numbers.below(100) {
            0..80 => truth,
            _ => numbers.below(classes),
        };
        confusion.add(truth, predicted);
    }
    Outcome {
        row,
        seed,
        correct: confusion.correct(),
        total: confusion.total(),
        test_set: "5a".repeat(32),
        train_samples: 100,
        trainable_parameters: 8010,
        frozen_intact: Some(true),
        frozen_before: Some("b2".repeat(32)),
        frozen_after: Some("b2".repeat(32)),
        seconds: Seconds {
            extract: 0.25 + row as f64 / 1e6,
            fit: 0.017_345_678_9,
            evaluate: 0.001_234_567,
        },
        features_cached: row > 0,
        confusion,
        fit: topwork_measure::FitReport {
            converged: Some(true),
            iterations: Some(12),
            ..Default::default()
        },
        predictions: Some("c3".repeat(32)),
        ..Outcome::default()
    }
}

/// The stream of such a run; in the form of format 1 with every pair of rows.
pub fn records(size: Size, old: bool) -> impl Iterator<Item = Record> {
    let plan = plan(size);
    let (families, all) = (Families::of(&plan), plan.rows.len());
    let of_seed = move |seed: u64| {
        let families = families.clone();
        (0..all).flat_map(move |row| {
            let stage = (seed - 1) as usize * all + row;
            let before = match old {
                true => (0..row).collect(),
                false => families.with(row),
            };
            let pairs = before.into_iter().filter(move |a| *a < row).map(move |a| {
                Event::Compared(Agreement {
                    a,
                    b: row,
                    seed,
                    only_a: (40 + a % 7) as u64,
                    only_b: (50 + row % 90) as u64,
                })
            });
            let came = Came::Said("8,000 of 10,000 correct, 80.00 %".to_owned());
            let ended = Event::StageEnded {
                stage,
                seconds: 0.25,
                came,
                failed: false,
            };
            (iter::once(Event::StageStarted { stage }))
                .chain(iter::once_with(move || {
                    Event::RowMeasured(outcome(row, seed, size.classes))
                }))
                .chain(pairs)
                .chain([ended])
        })
    };
    let ended = Event::RunEnded {
        status: EndStatus::Done,
        message: None,
        hint: None,
        exit_code: 0,
        seconds: 60.0,
        peak_bytes: None,
    };
    iter::once(Event::RunStarted(plan))
        .chain((1..=size.seeds).flat_map(of_seed))
        .chain([ended])
        .zip(1_000..)
        .map(|(event, at)| Record::new(at, event))
}

/// A record as a line of a stream of format 1.
pub fn old_line(record: &Record) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(record)?;
    if let Event::RunStarted(plan) = &record.event {
        value["format"] = json!(1);
        if let Some(map) = value.as_object_mut() {
            map.remove("classes");
        }
        for row in value["rows"].as_array_mut().into_iter().flatten() {
            row["classes"] = json!(plan.classes);
        }
    }
    if let Event::RowMeasured(outcome) = &record.event {
        let classes = outcome.confusion.classes();
        let mut rows = vec![vec![0; classes]; classes];
        for (truth, predicted, count) in outcome.confusion.cells() {
            rows[truth][predicted] = count;
        }
        value["confusion"] = json!(rows);
    }
    Ok(Value::to_string(&value) + "\n")
}

/// Writes the run as the next one of the folder.
pub fn write(runs: &Runs, size: Size, old: bool) -> Result<RunFolder, Box<dyn Error>> {
    let folder = runs.create("large")?;
    let keys = (1..=size.seeds).flat_map(|seed| {
        (0..size.rows).map(move |row| KeyedCell {
            row,
            seed,
            key: format!("{row:032x}{seed:032x}"),
        })
    });
    folder.write_manifest(&Manifest {
        format: if old { 1 } else { Manifest::FORMAT },
        run: folder.id(),
        name: "large".to_owned(),
        experiment: "large.toml".into(),
        version: "0.1.0".to_owned(),
        binary: None,
        created_at: 1_000,
        threads: 2,
        plugin_folders: Vec::new(),
        data_folders: Vec::new(),
        cache_folder: "cache".into(),
        feature_cache: None,
        checkpoint_every: Manifest::checkpoint_every(),
        call_limit: None,
        weights: None,
        plugins: Vec::new(),
        cells: Cells {
            rows: keys.collect(),
            sources: Vec::new(),
        },
        adopted: Adopted::default(),
        remarks: Vec::new(),
        computed_by: None,
        machine: Machine::here(),
    })?;
    let mut text = String::new();
    for record in records(size, old) {
        text.push_str(&match old {
            true => old_line(&record)?,
            false => record.to_line()?,
        });
    }
    fs::write(folder.events_path(), text)?;
    Ok(folder)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [runs, rows, classes, seeds, rest @ ..] = arguments.as_slice() else {
        return Err("expected RUNS-DIR ROWS CLASSES SEEDS [old]".into());
    };
    let size = Size {
        rows: rows.parse()?,
        classes: classes.parse()?,
        seeds: seeds.parse()?,
    };
    let folder = write(&Runs::at(runs), size, rest.iter().any(|word| word == "old"))?;
    let took = |what: &str, begun: Instant, bytes: u64| {
        println!(
            "{what}: {:.0} ms, {bytes} bytes",
            begun.elapsed().as_secs_f64() * 1e3
        );
    };
    let begun = Instant::now();
    let records = folder.event_reader().poll()?;
    let length = fs::metadata(folder.events_path())?.len();
    took("events read", begun, length);
    let begun = Instant::now();
    let state = RunState::from_records(&records);
    took("events reduced", begun, length);
    let begun = Instant::now();
    let results = Results::from_state(&state).ok_or("the stream has no plan")?;
    let text = results.to_json()?;
    folder.write(&folder.results_path(), text.as_bytes())?;
    took("results.json", begun, text.len() as u64);
    let begun = Instant::now();
    let table = topwork_pages::comparison(&results, Some(120));
    took("table", begun, table.len() as u64);
    Ok(())
}
