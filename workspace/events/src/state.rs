//! The reducer: a stream of records becomes what is known of the run.

use crate::{
    curve::Curve,
    event::{
        Agreement, EndStatus, EpochFigures, Event, LogLevel, NetworkPlan, Outcome, Record, RunPlan,
        SourceOutcome, StagePlan,
    },
};

/// Log lines kept; older ones are only in the event file.
const LOG_LINES: usize = 10_000;

/// Everything the stream has said so far. A pure function of the records applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// The plan; `None` until the first record.
    pub plan: Option<RunPlan>,
    /// When the first record was written, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// When the latest record was written.
    pub latest_at: u64,
    /// The networks used so far: the backbone first, then the heads of layers.
    pub networks: Vec<NetworkPlan>,
    /// One entry per stage of the plan.
    pub stages: Vec<StageState>,
    /// The source task's outcome, one entry per seed.
    pub source: Vec<SourceOutcome>,
    /// The strategies' outcomes, in the order they came.
    pub outcomes: Vec<Outcome>,
    /// The comparisons of pairs.
    pub agreements: Vec<Agreement>,
    /// The latest log lines.
    pub log: std::collections::VecDeque<LogLine>,
    /// How it ended; `None` while it has not said so.
    pub ending: Option<Ending>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageState {
    /// What was planned.
    pub plan: StagePlan,
    /// How far it is.
    pub status: StageStatus,
    /// Units done.
    pub done: u64,
    /// Units in all, 0 when unknown.
    pub total: u64,
    /// What is counted.
    pub unit: String,
    /// The epoch running.
    pub epoch: u32,
    /// Latest loss.
    pub loss: Option<f64>,
    /// Units a second.
    pub per_second: Option<f64>,
    /// The loss over the units done.
    pub loss_curve: Curve,
    /// Complete epochs.
    pub epochs: Vec<EpochFigures>,
    /// When it began, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// Wall-clock time, once it has ended.
    pub seconds: Option<f64>,
    /// What came out.
    pub detail: String,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageStatus {
    /// Not begun.
    Waiting,
    /// Running.
    Running,
    /// Complete.
    Done,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// How much it matters.
    pub level: LogLevel,
    /// Who says it.
    pub from: String,
    /// What is said.
    pub text: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// In one word.
    pub status: EndStatus,
    /// What went wrong.
    pub message: Option<String>,
    /// What to try.
    pub hint: Option<String>,
    /// The exit code for it.
    pub exit_code: u8,
    /// Wall-clock time of the run.
    pub seconds: f64,
    /// The worker's largest resident memory.
    pub peak_bytes: Option<u64>,
}

impl RunState {
    /// The state after `records`.
    pub fn from_records<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut state = Self::default();
        for record in records {
            state.apply(record);
        }
        state
    }

    /// The stage running now, with its index.
    pub fn running_stage(&self) -> Option<(usize, &StageState)> {
        self.stages
            .iter()
            .enumerate()
            .find(|(_, stage)| stage.status == StageStatus::Running)
    }

    /// Takes in one more record. Records that fit nothing known (a stage that was never
    /// planned, an event of a newer version) change nothing but the time.
    pub fn apply(&mut self, record: &Record) {
        if self.started_at == 0 {
            self.started_at = record.at;
        }
        self.latest_at = self.latest_at.max(record.at);
        match &record.event {
            Event::RunStarted(plan) => {
                self.stages = plan
                    .stages
                    .iter()
                    .cloned()
                    .map(StageState::waiting)
                    .collect();
                self.plan = Some(plan.clone());
            }
            Event::Network(network) => {
                let known = |other: &&mut NetworkPlan| other.role == network.role;
                match self.networks.iter_mut().find(known) {
                    Some(known) => known.clone_from(network),
                    None => self.networks.push(network.clone()),
                }
            }
            Event::StageStarted { stage } => {
                if let Some(stage) = self.stages.get_mut(*stage) {
                    stage.status = StageStatus::Running;
                    stage.started_at = record.at;
                }
            }
            Event::Progress {
                stage,
                done,
                total,
                unit,
                epoch,
                loss,
                per_second,
            } => {
                if let Some(stage) = self.stages.get_mut(*stage) {
                    stage.done = *done;
                    stage.total = *total;
                    stage.unit.clone_from(unit);
                    stage.epoch = *epoch;
                    stage.loss = *loss;
                    stage.per_second = *per_second;
                    if let Some(loss) = loss {
                        stage.loss_curve.push(*done as f64, *loss);
                    }
                }
            }
            Event::EpochEnded { stage, figures } => {
                if let Some(stage) = self.stages.get_mut(*stage) {
                    stage.epochs.push(*figures);
                }
            }
            Event::StageEnded {
                stage,
                seconds,
                detail,
            } => {
                if let Some(stage) = self.stages.get_mut(*stage) {
                    stage.status = StageStatus::Done;
                    stage.seconds = Some(*seconds);
                    stage.detail.clone_from(detail);
                }
            }
            Event::SourceEvaluated(outcome) => self.source.push(outcome.clone()),
            Event::StrategyEvaluated(outcome) => self.outcomes.push(outcome.clone()),
            Event::Compared(agreement) => self.agreements.push(*agreement),
            Event::Log { level, from, text } => {
                if self.log.len() == LOG_LINES {
                    self.log.pop_front();
                }
                self.log.push_back(LogLine {
                    at: record.at,
                    level: *level,
                    from: from.clone(),
                    text: text.clone(),
                });
            }
            Event::RunEnded {
                status,
                message,
                hint,
                exit_code,
                seconds,
                peak_bytes,
            } => {
                // The first word counts: a supervisor that adds its own later cannot undo it.
                self.ending.get_or_insert(Ending {
                    status: *status,
                    message: message.clone(),
                    hint: hint.clone(),
                    exit_code: *exit_code,
                    seconds: *seconds,
                    peak_bytes: *peak_bytes,
                });
            }
            Event::Unknown => {}
        }
    }
}

impl StageState {
    fn waiting(plan: StagePlan) -> Self {
        Self {
            plan,
            status: StageStatus::Waiting,
            done: 0,
            total: 0,
            unit: String::new(),
            epoch: 0,
            loss: None,
            per_second: None,
            loss_curve: Curve::default(),
            epochs: Vec::new(),
            started_at: 0,
            seconds: None,
            detail: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StageKind;
    use proptest::prelude::*;

    fn plan(stages: usize) -> RunPlan {
        let stage = StagePlan {
            kind: StageKind::Source,
            title: "source".into(),
            seed: Some(1),
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
        Record { at, event }
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
                detail: "fine".into(),
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
    fn unplanned_stages_and_newer_events_are_skipped() {
        let newer = Record::from_line(r#"{"at":5,"event":"telepathy","who":"me"}"#).unwrap();
        assert_eq!(newer.event, Event::Unknown);
        let state = RunState::from_records(&[newer, record(6, Event::StageStarted { stage: 9 })]);
        assert_eq!(
            state,
            RunState {
                started_at: 5,
                latest_at: 6,
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
                epoch: 1,
                epochs: 3,
                loss: 0.1,
                accuracy: 0.9,
                validation_loss: None,
                validation_accuracy: Some(0.8),
                per_second: 5.0,
                seconds: 2.0,
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
}
