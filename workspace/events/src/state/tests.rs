//! What a state is of records.

use super::*;
use crate::event::{RowPlan, StageKind};
use proptest::prelude::*;

fn plan(stages: usize) -> RunPlan {
    let stage = StagePlan {
        kind: StageKind::Source,
        title: "source".into(),
        seed: Some(1),
        row: None,
        key: None,
    };
    RunPlan {
        format: 1,
        run: "1".into(),
        name: "test".into(),
        stages: vec![stage; stages],
        ..RunPlan::default()
    }
}

fn record(at: u64, event: Event) -> Record {
    Record::new(at, event)
}

fn ended(status: EndStatus) -> Event {
    Event::RunEnded {
        status,
        message: None,
        hint: None,
        exit_code: 0,
        seconds: 1.0,
        peak_bytes: None,
    }
}

#[test]
fn a_stage_goes_through_its_life() {
    let mut state = RunState::default();
    state.apply(&record(10, Event::RunStarted(plan(2))));
    assert!(state.running_stage().is_none());
    state.apply(&record(20, Event::StageStarted { stage: 1 }));
    state.apply(&record(
        30,
        Event::Progress {
            stage: 1,
            done: 64,
            total: 128,
            unit: "images".into(),
            fold: None,
            epoch: 1,
            loss: Some(0.5),
            per_second: Some(10.0),
        },
    ));
    let (index, stage) = state.running_stage().unwrap();
    assert_eq!(
        (index, stage.done, stage.total, stage.started_at),
        (1, 64, 128, 20)
    );
    state.apply(&record(
        40,
        Event::StageEnded {
            stage: 1,
            seconds: 2.0,
            came: Came::Said("fine".into()),
            failed: false,
        },
    ));
    assert_eq!(state.stages[1].status, StageStatus::Done);
    assert_eq!((state.started_at, state.latest_at), (10, 40));
}

#[test]
fn the_first_ending_counts() {
    let state = RunState::from_records(&[
        record(1, ended(EndStatus::Done)),
        record(2, ended(EndStatus::Crashed)),
    ]);
    assert_eq!(state.ending.unwrap().status, EndStatus::Done);
}

#[test]
fn a_run_with_all_its_results_is_unfinished_until_it_is_done() {
    let begun = |status: Option<EndStatus>, failed: bool| {
        let plan = RunPlan {
            seeds: vec![1],
            ..plan(1)
        };
        let mut state = RunState::from_records(&[record(1, Event::RunStarted(plan))]);
        if failed {
            let failure = Failure {
                row: 0,
                seed: 1,
                status: EndStatus::Stopped,
                message: "no".into(),
                hint: None,
                exit_code: 1,
            };
            state.apply(&record(2, Event::RowFailed(failure)));
        }
        if let Some(status) = status {
            state.apply(&record(2, ended(status)));
        }
        state.is_unfinished()
    };
    assert!(!begun(None, false), "it goes on");
    let with_a_row = RunPlan {
        rows: vec![RowPlan::default()],
        seeds: vec![1],
        ..plan(1)
    };
    let stopped = [
        record(1, Event::RunStarted(with_a_row)),
        record(2, ended(EndStatus::Stopped)),
    ];
    assert!(!RunState::from_records(&stopped).is_unfinished());
    assert!(!begun(Some(EndStatus::Done), false));
    for status in [EndStatus::Stopped, EndStatus::Crashed, EndStatus::Failed] {
        assert!(begun(Some(status), false), "{status:?}");
        assert!(
            !begun(Some(status), true),
            "{status:?}: something is missing"
        );
    }
}

#[test]
fn a_resumed_run_says_again_what_it_does_again() {
    let mut state = RunState::default();
    let figures = |epoch, loss| EpochFigures {
        fold: None,
        epoch,
        epochs: 3,
        loss,
        accuracy: Some(0.9),
        per_second: 5.0,
        seconds: 2.0,
        ..EpochFigures::default()
    };
    let epoch = |epoch, loss| Event::EpochEnded {
        stage: 1,
        figures: figures(epoch, loss),
    };
    let failed = |row| {
        Event::RowFailed(Failure {
            row,
            seed: 1,
            status: EndStatus::Failed,
            message: "no".into(),
            hint: None,
            exit_code: 1,
        })
    };
    let version = "1.0.0".to_owned();
    for (at, event) in [
        (10, Event::RunStarted(plan(2))),
        (11, Event::StageStarted { stage: 1 }),
        (12, epoch(1, 0.5)),
        (15, epoch(2, 0.4)),
        (16, failed(0)),
        (17, ended(EndStatus::Crashed)),
        (9_000, Event::RunResumed { version }),
    ] {
        state.apply(&record(at, event));
    }
    assert_eq!((&state.ending, state.resumed), (&None, 1));
    assert_eq!((state.failures.len(), state.longest_gap), (0, 3));
    assert_eq!(state.stages[1].status, StageStatus::Waiting);
    for (at, event) in [
        (9_001, epoch(2, 0.45)),
        (9_002, failed(1)),
        (9_003, failed(1)),
    ] {
        state.apply(&record(at, event));
    }
    let losses: Vec<f64> = state.stages[1]
        .epochs
        .iter()
        .map(|epoch| epoch.loss)
        .collect();
    assert_eq!(losses, [0.5, 0.45]);
    assert_eq!(state.failures.len(), 1);
}

#[test]
fn epochs_are_told_fold_by_fold() {
    let mut state = RunState::from_records(&[record(1, Event::RunStarted(plan(1)))]);
    let mut tell = |fold, epoch| {
        let figures = EpochFigures {
            fold: Some(fold),
            epoch,
            epochs: 2,
            loss: 0.5,
            accuracy: Some(0.9),
            per_second: 5.0,
            seconds: 2.0,
            ..EpochFigures::default()
        };
        state.apply(&record(2, Event::EpochEnded { stage: 0, figures }));
        let epochs = state.stages[0].epochs.iter();
        epochs
            .filter_map(|e| Some((e.fold?, e.epoch)))
            .collect::<Vec<_>>()
    };
    tell(1, 1);
    tell(1, 2);
    assert_eq!(tell(2, 1), [(1, 1), (1, 2), (2, 1)]);
    assert_eq!(tell(2, 2).len(), 4);
    // A run that went on from before the end of the first fold.
    assert_eq!(tell(1, 2), [(1, 1), (1, 2)]);
    tell(3, 1);
    let latest = state.stages[0].latest_epochs();
    assert_eq!((latest.len(), latest[0].fold), (1, Some(3)));
}

#[test]
fn unplanned_stages_and_newer_events_are_skipped() {
    let newer = Record::from_line(r#"{"at":5,"event":"telepathy","who":"me"}"#).unwrap();
    assert_eq!(newer.event, Event::Unknown);
    let state = RunState::from_records(&[newer, record(6, Event::StageStarted { stage: 9 })]);
    assert_eq!(
        state,
        RunState {
            started_at: 5,
            latest_at: 6,
            longest_gap: 1,
            active: 1,
            ..RunState::default()
        }
    );
}

#[test]
fn lines_round_trip() {
    let check = |event: Event| {
        let record = record(7, event);
        let line = record.to_line().unwrap();
        assert!(
            line.ends_with('\n') && line.trim_end().lines().count() == 1,
            "{line}"
        );
        assert_eq!(Record::from_line(&line), Some(record), "{line}");
    };
    check(Event::RunStarted(plan(1)));
    check(Event::EpochEnded {
        stage: 0,
        figures: EpochFigures {
            fold: Some(2),
            epoch: 1,
            epochs: 3,
            loss: 0.1,
            accuracy: Some(0.9),
            validation_accuracy: Some(0.8),
            per_second: 5.0,
            seconds: 2.0,
            ..EpochFigures::default()
        },
    });
    check(Event::Log {
        level: LogLevel::Warning,
        from: "x".into(),
        text: "two\nlines".into(),
    });
    check(ended(EndStatus::Stopped));
}

proptest! {
    #[test]
    fn no_line_panics(line in ".*") {
        if let Some(record) = Record::from_line(&line) {
            RunState::default().apply(&record);
        }
    }
}
