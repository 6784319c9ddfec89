//! The reducer: a stream of records becomes what is known of the run.

use crate::{
    came::Came,
    curve::Curve,
    data::{DataContent, DataRemarks},
    elements::Element,
    event::{EndStatus, Event, LogLevel, NetworkPlan, Record, RunPlan, StagePlan},
    keyed::Keyed,
    outcome::{Agreement, Elsewhere, Failure, Outcome, Resampled, SourceOutcome},
    parts::Part,
};
use topwork_measure::EpochFigures;

/// Log lines kept; older ones are only in the event file.
const LOG_LINES: usize = 10_000;

/// Everything the stream has said so far. A pure function of the records applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// The plan; `None` until the first record. In a run of several parts that of the first one, with the rows and stages
    /// of all.
    pub plan: Option<RunPlan>,
    /// The parts of the run, one backbone with one target each, in their order; most runs have one.
    pub parts: Vec<Part>,
    /// When the first record was written, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// When the latest record was written.
    pub latest_at: u64,
    /// The networks used so far: the backbone first, then the heads of layers, one of a
    /// strategy for each of its cuts.
    pub networks: Vec<NetworkPlan>,
    /// One entry per stage of the plan.
    pub stages: Vec<StageState>,
    /// The source task's outcome, one entry per seed.
    pub source: Keyed<SourceOutcome>,
    /// The strategies' outcomes, in the order they came.
    pub outcomes: Keyed<Outcome>,
    /// The strategies' outcomes on further test sets, in the order they came.
    pub elsewhere: Keyed<Elsewhere>,
    /// The comparisons of pairs that streams of earlier versions have.
    pub agreements: Keyed<Agreement>,
    /// How sure figures without a closed form are.
    pub resampled: Keyed<Resampled>,
    /// What could not be measured.
    pub failures: Keyed<Failure>,
    /// What the data of the first part is recognised by, once it was read.
    pub data: Option<String>,
    /// What the examples of the first part show, once all images were read; runs of earlier versions do not say.
    pub content: Option<DataContent>,
    /// What is odd about the data of the first part.
    pub remarked: DataRemarks,
    /// The longest silence between two records of one session, milliseconds.
    pub longest_gap: u64,
    /// Time spent on the run over all sessions, from record to record, milliseconds.
    pub active: u64,
    /// How often the run was taken up again.
    pub resumed: u32,
    /// The latest log lines.
    pub log: std::collections::VecDeque<LogLine>,
    /// The processes that work on it, where these are several; in the order they began.
    pub elements: Vec<Element>,
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
    /// The fold left out, from 1, where there are any.
    pub fold: Option<u32>,
    /// The epoch running.
    pub epoch: u32,
    /// Latest loss.
    pub loss: Option<f64>,
    /// Units a second.
    pub per_second: Option<f64>,
    /// The loss over the units done.
    pub loss_curve: Curve,
    /// Complete epochs, with folds fold after fold.
    pub epochs: Vec<EpochFigures>,
    /// When it began, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// Wall-clock time, once it has ended.
    pub seconds: Option<f64>,
    /// What came out.
    pub came: Came,
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
    /// Could not be completed.
    Failed,
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

    /// Seconds spent on the run over all sessions, the present one up to `now` (milliseconds
    /// since the Unix epoch).
    pub fn seconds_until(&self, now: u64) -> f64 {
        let since = match self.latest_at {
            0 => 0,
            latest => now.saturating_sub(latest),
        };
        (self.active + since) as f64 / 1000.0
    }

    /// Rows, times seeds, that are neither measured nor given up.
    pub fn rows_left(&self) -> usize {
        let plan = self.plan.as_ref();
        let all = plan.map_or(0, |plan| plan.rows.len() * plan.seeds.len());
        all.saturating_sub(self.outcomes.len() + self.failures.len())
    }

    /// Whether all rows are measured, and who was to bring them together was stopped, or could not.
    pub fn is_unfinished(&self) -> bool {
        let ending = self.ending.as_ref();
        let interrupted = ending.is_some_and(|ending| ending.status != EndStatus::Done);
        interrupted && self.failures.is_empty() && self.rows_left() == 0
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
        // The pause before a run is taken up again is nobody's silence.
        if self.latest_at > 0 && !matches!(record.event, Event::RunResumed { .. }) {
            let gap = record.at.saturating_sub(self.latest_at);
            self.longest_gap = self.longest_gap.max(gap);
            self.active += gap;
        }
        self.latest_at = self.latest_at.max(record.at);
        let placed = self.placed(record);
        if let Some(element) = &record.element
            && !self.apply_to_element(element, record, &placed)
        {
            return;
        }
        match placed.as_ref() {
            Event::RunStarted(plan) => self.begin_part(record.part, plan),
            Event::Network(network) => {
                let place = |known: &NetworkPlan| {
                    (known.part, known.first) == (network.part, network.first)
                        && known.role == network.role
                };
                match self.networks.iter_mut().find(|known| place(known)) {
                    Some(known) => *known = network.clone(),
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
                fold,
                epoch,
                loss,
                per_second,
            } => {
                if let Some(stage) = self.stages.get_mut(*stage) {
                    stage.done = *done;
                    stage.total = *total;
                    stage.unit.clone_from(unit);
                    stage.fold = *fold;
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
                    // Told again by a run that went on from before the end of this epoch.
                    let place = |epoch: &EpochFigures| (epoch.fold, epoch.epoch);
                    stage.epochs.retain(|epoch| place(epoch) < place(figures));
                    stage.epochs.push(*figures);
                    // A stage shorter than the time between two words of its progress has told
                    // of its first batch alone.
                    stage.fold = figures.fold;
                    stage.epoch = figures.epoch;
                    stage.loss = Some(figures.loss);
                }
            }
            Event::StageEnded {
                stage,
                seconds,
                came,
                failed,
            } => {
                if let Some(stage) = self.stages.get_mut(*stage) {
                    stage.status = if *failed {
                        StageStatus::Failed
                    } else {
                        StageStatus::Done
                    };
                    stage.seconds = Some(*seconds);
                    stage.came.clone_from(came);
                }
            }
            Event::SourceEvaluated(outcome) => self.source.put(outcome.clone()),
            Event::RowMeasured(outcome) => {
                self.failures.remove(&(outcome.row, outcome.seed));
                self.outcomes.put(outcome.clone().upgraded());
            }
            Event::MeasuredElsewhere(outcome) => self.elsewhere.put(outcome.clone()),
            Event::Compared(agreement) => self.agreements.put(*agreement),
            Event::Resampled(resampled) => self.resampled.put(resampled.clone()),
            Event::RowFailed(failure) => self.failures.put(failure.clone()),
            event @ (Event::DataRead { .. } | Event::DataCompared(_) | Event::DataRemarked(_)) => {
                self.data_of(record.part, event);
            }
            Event::RunResumed { .. } => {
                self.resumed += 1;
                self.ending = None;
                self.failures.clear();
                for stage in &mut self.stages {
                    if matches!(stage.status, StageStatus::Running | StageStatus::Failed) {
                        stage.status = StageStatus::Waiting;
                    }
                }
            }
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
            event @ Event::RunEnded { .. } => {
                // The first word counts: a supervisor that adds its own later cannot undo it.
                if self.ending.is_none() {
                    self.ending = Ending::of(event);
                }
            }
            Event::ElementStarted { .. } | Event::Unknown => {}
        }
    }
}

impl Ending {
    /// What an event says of the end; `None` for one that is none.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::RunEnded {
                status,
                message,
                hint,
                exit_code,
                seconds,
                peak_bytes,
            } => Some(Self {
                status: *status,
                message: message.clone(),
                hint: hint.clone(),
                exit_code: *exit_code,
                seconds: *seconds,
                peak_bytes: *peak_bytes,
            }),
            _ => None,
        }
    }
}

impl StageState {
    /// The complete epochs of the latest fold; without folds all.
    pub fn latest_epochs(&self) -> &[EpochFigures] {
        let Some(last) = self.epochs.last() else {
            return &[];
        };
        let first = self.epochs.partition_point(|epoch| epoch.fold < last.fold);
        &self.epochs[first..]
    }

    pub(crate) fn waiting(plan: StagePlan) -> Self {
        Self {
            plan,
            status: StageStatus::Waiting,
            done: 0,
            total: 0,
            unit: String::new(),
            fold: None,
            epoch: 0,
            loss: None,
            per_second: None,
            loss_curve: Curve::default(),
            epochs: Vec::new(),
            started_at: 0,
            seconds: None,
            came: Came::Said(String::new()),
        }
    }
}

#[cfg(test)]
mod tests;
