//! Event streams: one recorded from a real run of the flagship experiment, others made up.

use topwork_events::{
    Agreement, Came, CutPlan, EndStatus, EpochFigures, Event, FoldOutcome, LayerPlan, LogLevel,
    NetworkPlan, Outcome, Record, RowPlan, RunPlan, Seconds, SourceOutcome, StageKind, StagePlan,
    Start,
};

/// The flagship experiment as it ran, from its first record to its last.
pub fn flagship() -> Vec<Record> {
    recorded(include_str!("../recorded/flagship.jsonl"))
}

/// Two backbones on two targets as they ran: most words of their progress are left out.
pub fn several() -> Vec<Record> {
    recorded(include_str!("../recorded/several.jsonl"))
}

fn recorded(lines: &str) -> Vec<Record> {
    let record = |line| Record::from_line(line).unwrap();
    lines.lines().map(record).collect()
}

/// The flagship until a record of this kind, for the `nth` time.
pub fn flagship_until(kind: &str, nth: usize) -> Vec<Record> {
    until(include_str!("../recorded/flagship.jsonl"), kind, nth)
}

/// The same of two backbones on two targets.
pub fn several_until(kind: &str, nth: usize) -> Vec<Record> {
    until(include_str!("../recorded/several.jsonl"), kind, nth)
}

fn until(lines: &str, kind: &str, nth: usize) -> Vec<Record> {
    let mut left = nth;
    let mut records = Vec::new();
    for line in lines.lines() {
        records.push(Record::from_line(line).unwrap());
        left -= usize::from(line.contains(&format!("\"event\":\"{kind}\"")));
        if left == 0 {
            return records;
        }
    }
    panic!("the recording has fewer than {nth} `{kind}`");
}

/// What a made-up run is made of.
pub struct Made {
    /// Names of the strategies.
    pub names: Vec<String>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// The strategies differ in training samples alone.
    pub grid: bool,
    /// Folds the target's examples are cut into; none for a test split.
    pub folds: Option<u32>,
    /// How it ends; none while it runs.
    pub ending: Option<EndStatus>,
}

impl Made {
    /// `n` strategies, one seed, done.
    pub fn strategies(n: usize) -> Self {
        Self {
            names: (1..=n).map(|i| format!("strategy {i}")).collect(),
            seeds: vec![1],
            grid: false,
            folds: None,
            ending: Some(EndStatus::Done),
        }
    }

    /// The stream.
    pub fn records(&self) -> Vec<Record> {
        let mut stages = vec![StagePlan {
            kind: StageKind::Source,
            title: "source".into(),
            seed: Some(1),
            row: None,
            key: None,
        }];
        for seed in &self.seeds {
            stages.extend(self.names.iter().enumerate().map(|(row, name)| StagePlan {
                kind: StageKind::Row,
                title: name.clone(),
                seed: Some(*seed),
                row: Some(row),
                key: None,
            }));
        }
        let rows = (self.names.iter().enumerate()).map(|(index, name)| RowPlan {
            name: name.clone(),
            train_samples: self.grid.then(|| 100 << index),
            kind: match index % 3 {
                _ if self.grid => "feature-classifier",
                0 => "frozen-backbone",
                1 => "feature-classifier",
                _ => "from-scratch",
            }
            .into(),
            cut: "features".into(),
            feature_dim: 800,
            head: "mlp".into(),
            weights: Start::Source,
            classes: ["5", "6", "7"].map(str::to_owned).to_vec(),
            ..RowPlan::default()
        });
        let plan = RunPlan {
            format: 1,
            run: "0007-mnist-transfer".into(),
            name: "made-up".into(),
            version: "0.1.0".into(),
            seeds: self.seeds.clone(),
            threads: 2,
            folds: self.folds,
            stages: stages.clone(),
            rows: rows.collect(),
            ..RunPlan::default()
        };
        let mut events = vec![Event::RunStarted(plan), Event::Network(network())];
        events.push(Event::StageStarted { stage: 0 });
        for step in 1..=60_u64 {
            events.push(Event::Progress {
                stage: 0,
                done: step * 500,
                total: 30_000,
                unit: "images".into(),
                fold: None,
                epoch: 1 + (step as u32 - 1) / 20,
                loss: Some(1.5 / (step as f64).sqrt()),
                per_second: Some(9000.0),
            });
            if step % 20 == 0 {
                let epoch = step as u32 / 20;
                events.push(Event::EpochEnded {
                    stage: 0,
                    figures: EpochFigures {
                        fold: None,
                        epoch,
                        epochs: 3,
                        loss: 0.3 / f64::from(epoch),
                        accuracy: Some(1.0 - 0.1 / f64::from(epoch)),
                        rmse: None,
                        validation_loss: Some(0.35 / f64::from(epoch)),
                        validation_accuracy: Some(1.0 - 0.12 / f64::from(epoch)),
                        validation_rmse: None,
                        per_second: 9000.0,
                        seconds: 1.1,
                    },
                });
            }
        }
        events.push(Event::SourceEvaluated(SourceOutcome {
            part: 0,
            seed: 1,
            correct: 5100,
            total: 5139,
            epochs: 3,
            train_samples: 30_000,
            trainable_parameters: 431_080,
            seconds: 3.4,
            weights: None,
        }));
        events.push(ended(0));
        for (position, seed) in self.seeds.iter().enumerate() {
            for row in 0..self.names.len() {
                let stage = 1 + position * self.names.len() + row;
                events.push(Event::StageStarted { stage });
                for fold in 1..=self.folds.unwrap_or(0) {
                    events.extend(in_fold(stage, fold, self.folds.unwrap_or(0)));
                }
                let outcome = outcome(row, *seed, self.grid);
                events.push(Event::RowMeasured(Outcome {
                    folds: (0..self.folds.map_or(0, u64::from))
                        .map(|fold| FoldOutcome {
                            correct: outcome.correct / 5 + 4 * fold * (1 + row as u64)
                                - 8 * (1 + row as u64)
                                + if fold == 0 { outcome.correct % 5 } else { 0 },
                            total: 972 + u64::from(fold == 0),
                        })
                        .collect(),
                    ..outcome
                }));
                events.extend((0..row).map(|a| {
                    Event::Compared(Agreement {
                        a,
                        b: row,
                        seed: *seed,
                        only_a: 20 + a as u64,
                        only_b: 22 + 3 * row as u64,
                    })
                }));
                events.push(ended(stage));
            }
        }
        events.push(Event::Log {
            level: LogLevel::Warning,
            from: "mlp".into(),
            text: "one of 500 units is never active".into(),
        });
        if let Some(status) = self.ending {
            let failed = matches!(status, EndStatus::Crashed | EndStatus::Failed);
            events.push(Event::RunEnded {
                status,
                message: failed.then(|| {
                    "SIGSEGV in plugin \"misbehave\" while reading split \"train\"".to_owned()
                }),
                hint: None,
                exit_code: u8::from(failed),
                seconds: 12.5,
                peak_bytes: Some(310_000_000),
            });
        }
        let spaced = events.into_iter().enumerate();
        spaced
            .map(|(index, event)| Record::new(1_760_000_000_000 + 100 * index as u64, event))
            .collect()
    }
}

/// One strategy at every cut and every number of training samples, done with each of the seeds:
/// rows that all have the same name.
pub fn grid(cuts: &[&str], sizes: &[u64], seeds: Vec<u64>) -> Vec<Record> {
    let place = |row: usize| (cuts[row / sizes.len()], sizes[row % sizes.len()]);
    let made = Made {
        seeds,
        ..Made::strategies(cuts.len() * sizes.len())
    };
    let mut records = made.records();
    let title = |row: usize| {
        let (cut, size) = place(row);
        format!("logistic · {cut} · {size}")
    };
    for record in &mut records {
        match &mut record.event {
            Event::RunStarted(plan) => {
                for stage in &mut plan.stages {
                    stage.title = stage.row.map_or("source".to_owned(), title);
                }
                for (index, row) in plan.rows.iter_mut().enumerate() {
                    let (cut, size) = place(index);
                    row.name = "logistic".to_owned();
                    row.detail = Some(format!("{cut} · {size}"));
                    row.kind = "feature-classifier".to_owned();
                    row.cut = cut.to_owned();
                    row.head = "logistic-regression".to_owned();
                    row.train_samples = Some(size);
                }
            }
            Event::RowMeasured(outcome) => {
                outcome.train_samples = place(outcome.row).1;
                // The more samples, and the later the cut, the better.
                let (cut, size) = (outcome.row / sizes.len(), outcome.row % sizes.len());
                outcome.correct = 3_600 + 90 * cut as u64 + 110 * size as u64 + outcome.seed;
            }
            _ => {}
        }
    }
    records
}

/// A stage that is over before it has told of its progress twice: one word of its first batch,
/// then the ends of its epochs.
pub fn short_stage(epochs: u32) -> Vec<Record> {
    let mut records = Made::strategies(1).records();
    let begun = |record: &Record| matches!(record.event, Event::StageStarted { stage: 1 });
    let at = records.iter().position(begun).unwrap() + 1;
    let progress = Event::Progress {
        stage: 1,
        done: 64,
        total: 1_600 * u64::from(epochs),
        unit: "images".into(),
        fold: None,
        epoch: 1,
        loss: Some(1.5949),
        per_second: Some(9000.0),
    };
    let ends = (1..=epochs).map(|epoch| Event::EpochEnded {
        stage: 1,
        figures: EpochFigures {
            fold: None,
            epoch,
            epochs,
            loss: 0.1016 / f64::from(epoch),
            accuracy: Some(1.0 - 0.0048 / f64::from(epoch)),
            rmse: None,
            validation_loss: Some(0.15 / f64::from(epoch)),
            validation_accuracy: Some(0.98),
            validation_rmse: None,
            per_second: 9000.0,
            seconds: 0.012,
        },
    });
    let events = std::iter::once(progress).chain(ends);
    let told = events.map(|event| Record::new(records[at].at, event));
    let told: Vec<Record> = told.collect();
    records.splice(at..at, told);
    records
}

/// A run whose counts of images all belong to `number`: the steps of its source, its test
/// examples, the samples learnt from, its confusion. And all the numbers it has told.
pub fn counting(number: u64) -> (Vec<Record>, Vec<u64>) {
    let mut records = Made::strategies(2).records();
    // Numbers that do not depend on it: the length of a feature vector, what stages say they have
    // come to, durations whose unit stands in the next line.
    let mut told = vec![number, 800, 4_861, 600, 400, 200];
    let mut tell = |count: u64| {
        told.push(count);
        count
    };
    for record in &mut records {
        match &mut record.event {
            Event::Progress { done, total, .. } => {
                (*done, *total) = (tell(number * *done / 30_000), number);
            }
            Event::SourceEvaluated(outcome) => {
                (outcome.correct, outcome.total) = (tell(number - number / 9), number);
            }
            Event::RowMeasured(outcome) => {
                outcome.train_samples = number;
                outcome.trainable_parameters = number;
                (outcome.correct, outcome.total) = (tell(number - number / 7), number);
                let (right, wrong) = (tell(number / 3), tell(number / 11));
                let class =
                    |truth| (0..3).map(move |class| [wrong, right][usize::from(truth == class)]);
                let rows: Vec<Vec<u64>> = (0..3).map(|truth| class(truth).collect()).collect();
                outcome.confusion = rows.into();
                tell(right + 2 * wrong);
            }
            _ => {}
        }
    }
    (records, told)
}

/// A run of one strategy that tells apart so many classes.
pub fn many_classes(classes: usize) -> Vec<Record> {
    let mut records = Made::strategies(1).records();
    for record in &mut records {
        match &mut record.event {
            Event::RunStarted(plan) => {
                for row in &mut plan.rows {
                    row.classes = (0..classes).map(|class| format!("class {class}")).collect();
                }
            }
            Event::RowMeasured(outcome) => {
                let cell = |truth: usize, class: usize| match class {
                    class if class == truth => 45,
                    class if class == (truth + 1) % classes => 5,
                    _ => 0,
                };
                let rows: Vec<Vec<u64>> = (0..classes)
                    .map(|truth| (0..classes).map(|class| cell(truth, class)).collect())
                    .collect();
                outcome.confusion = rows.into();
            }
            _ => {}
        }
    }
    records
}

/// Two epochs of a fold.
fn in_fold(stage: usize, fold: u32, folds: u32) -> Vec<Event> {
    let mut events = Vec::new();
    for epoch in 1..=2_u32 {
        let accuracy = 1.0 - 0.1 / f64::from(epoch + fold);
        for part in 1..=20_u64 {
            let done = u64::from(fold - 1) * 800 + u64::from(epoch - 1) * 400 + part * 20;
            let step = f64::from(epoch - 1) * 20.0 + part as f64;
            events.push(Event::Progress {
                stage,
                done,
                total: u64::from(folds) * 800,
                unit: "images".into(),
                fold: Some(fold),
                epoch,
                loss: Some(1.5 / step.sqrt()),
                per_second: Some(9000.0),
            });
        }
        events.push(Event::EpochEnded {
            stage,
            figures: EpochFigures {
                fold: Some(fold),
                epoch,
                epochs: 2,
                loss: 0.3 / f64::from(epoch),
                accuracy: Some(accuracy),
                rmse: None,
                validation_loss: Some(0.35 / f64::from(epoch)),
                validation_accuracy: Some(accuracy - 0.02),
                validation_rmse: None,
                per_second: 9000.0,
                seconds: 0.1,
            },
        });
    }
    events
}

fn ended(stage: usize) -> Event {
    Event::StageEnded {
        stage,
        seconds: 1.25,
        came: Came::Said("98.5 % of 4,861".into()),
        failed: false,
    }
}

fn outcome(row: usize, seed: u64, grid: bool) -> Outcome {
    let correct = 4700 + 10 * row as u64 + seed;
    Outcome {
        row,
        seed,
        correct,
        total: 4861,
        test_set: "a".repeat(64),
        train_samples: if grid { 100 << row } else { 29_404 },
        trainable_parameters: 403_005,
        frozen_intact: (row % 3 != 2).then_some(true),
        frozen_before: (row % 3 != 2).then(|| "b".repeat(64)),
        frozen_after: (row % 3 != 2).then(|| "b".repeat(64)),
        seconds: Seconds {
            extract: 0.6,
            fit: 0.2 * (row + 1) as f64,
            evaluate: 0.01,
        },
        features_cached: row > 0,
        confusion: vec![vec![1600, 5, 3], vec![2, 1580, 9], vec![7, 1, 1654]].into(),
        fit: topwork_measure::FitReport {
            converged: Some(true),
            iterations: Some(40),
            facts: [(
                "largest-gradient".to_owned(),
                topwork_measure::Fact::Number(8.1e-5),
            )]
            .into(),
            ..Default::default()
        },
        ..Outcome::default()
    }
}

fn network() -> NetworkPlan {
    let layer = |name: &str, op: &str, output: &[usize], parameters, multiply_adds| LayerPlan {
        name: name.into(),
        op: op.into(),
        detail: String::new(),
        output: output.to_vec(),
        parameters,
        multiply_adds,
    };
    NetworkPlan {
        part: 0,
        computed_by: None,
        role: "backbone".into(),
        component: "lenet/lenet".into(),
        input: vec![1, 28, 28],
        first: 1,
        layers: vec![
            layer("conv1", "conv2d", &[20, 24, 24], 520, 288_000),
            layer("pool1", "max-pool2d", &[20, 12, 12], 0, 0),
            layer("conv2", "conv2d", &[50, 8, 8], 25_050, 1_600_000),
            layer("flatten", "flatten", &[800], 0, 0),
            layer("fc1", "linear", &[500], 400_500, 400_000),
        ],
        cuts: vec![
            CutPlan {
                name: "pool1".into(),
                layers: 2,
            },
            CutPlan {
                name: "features".into(),
                layers: 4,
            },
        ],
    }
}
