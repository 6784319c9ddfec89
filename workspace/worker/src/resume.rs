//! What earlier sessions of a run have left: a run that goes on does only what is missing, and
//! one row that fails leaves the others alone.

use std::collections::BTreeSet;

use topwork_events::{Came, Event, Failure, LogLevel, Made, Outcome, RunState, StageStatus};
use topwork_graft::{
    data::{Draw, SplitName, is_of_positions},
    initialised, load_weights,
};
use topwork_keys::sha256;
use topwork_measure::{ACCURACY, Bits, TargetKind};
use topwork_tasks::Work;

use crate::{WorkerError, execute::Execution, predictions::right_of, share::Share};

impl Execution<'_> {
    /// The rows of a seed that earlier sessions have measured and whose predictions are still
    /// what they were.
    pub fn measured_before(
        &self,
        seed: u64,
        draws: &[Vec<Draw>],
    ) -> Result<BTreeSet<usize>, WorkerError> {
        let outcomes: Vec<Outcome> = self.emitter.look(|state| {
            let of_seed = state.outcomes.iter().filter(|outcome| outcome.seed == seed);
            of_seed.cloned().collect()
        });
        let mut rows = BTreeSet::new();
        for outcome in outcomes {
            let Some(planned) = self.plan.rows.get(outcome.row) else {
                continue;
            };
            let title = self.plan.title(planned);
            let path = self.folder.predictions_path(outcome.row, &title, seed);
            let bytes = std::fs::read(&path).unwrap_or_default();
            if outcome.predictions.as_deref() != Some(sha256(&bytes).as_str()) {
                self.conductor.note(
                    LogLevel::Warning,
                    format!(
                        "`{}` is missing or was altered: `{title}` is measured again",
                        path.display(),
                    ),
                )?;
                continue;
            }
            if !self.known_elsewhere(&outcome) {
                self.conductor.note(
                    LogLevel::Warning,
                    format!("predictions on a further test set are missing or were altered: `{title}` is measured again"),
                )?;
                continue;
            }
            rows.insert(outcome.row);
            let told = with_right(self.with_content(outcome.clone(), draws)?, &bytes);
            if told != outcome {
                self.emitter.emit(Event::RowMeasured(told))?;
            }
        }
        Ok(rows)
    }

    /// An outcome of an earlier version says by positions which test examples it was measured on. Where these
    /// are the ones that the row has now, it gets the digest of their contents, so that rows
    /// measured before and after can be compared; otherwise it stays as it is, and is compared with none of the new.
    fn with_content(&self, outcome: Outcome, draws: &[Vec<Draw>]) -> Result<Outcome, WorkerError> {
        if !is_of_positions(&outcome.test_set) {
            return Ok(outcome);
        }
        let task = self.target()?;
        let tests = (draws.get(outcome.row).into_iter().flatten()).flat_map(|draw| &draw.test);
        let mut examples: Vec<usize> = tests.copied().collect();
        examples.sort_unstable();
        if task.digest_of_positions(&examples) != outcome.test_set {
            return Ok(outcome);
        }
        Ok(Outcome {
            test_set: task.digest(SplitName::Test, &examples)?,
            ..outcome
        })
    }

    /// Whether a task has nothing to do any more: nothing that builds on it is missing. What it left is taken up where it is
    /// needed.
    pub fn nothing_to_do(&mut self, task: usize) -> Result<bool, WorkerError> {
        let Some(seed) = self.tasks[task].seed else {
            return Ok(false);
        };
        let stage = self.conductor.stage(task);
        let status = self
            .emitter
            .look(|state| state.stages.get(stage).map(|stage| stage.status));
        let nothing = match &self.tasks[task].work {
            Work::Data => false,
            Work::Source if status == Some(StageStatus::Failed) => true,
            Work::Source if matches!(self.share, Share::None) => true,
            Work::Source => {
                let known = self
                    .emitter
                    .look(|state| state.source.get(&(0, seed)).is_some());
                known && (!self.is_wanted(task) || self.take_up_source(seed)?)
            }
            Work::Features(_) | Work::Row(_) => !self.is_wanted(task),
        };
        // Of an element that is gone a stage may seem to be running.
        let open = matches!(status, Some(StageStatus::Waiting | StageStatus::Running));
        if nothing && open {
            self.close(task, seed)?;
        }
        Ok(nothing)
    }

    /// Gives up a task and what builds on it, unless the error concerns the whole run.
    pub fn give_up(&self, task: usize, error: WorkerError) -> Result<(), WorkerError> {
        let Some(seed) = self.tasks[task].seed.filter(|_| !error.ends_run()) else {
            return Err(error);
        };
        let prefix = match &self.tasks[task].work {
            Work::Data => return Err(error),
            Work::Source => "source: ",
            Work::Features(_) => "extracting features: ",
            Work::Row(_) => "",
        };
        let pending =
            (self.tasks.rows_on(task).into_iter()).filter(|row| self.is_pending(seed, *row));
        for row in pending {
            self.emitter.emit(Event::RowFailed(Failure {
                row,
                seed,
                status: error.status(),
                message: format!("{prefix}{error}"),
                hint: error.hint(),
                exit_code: error.exit_code(),
            }))?;
        }
        self.emitter.end(Came::Said(error.to_string()), true)?;
        Ok(())
    }

    /// Whether something that builds on this task is left to do for this process.
    pub fn is_wanted(&self, task: usize) -> bool {
        (self.tasks.tasks_on(task).into_iter()).any(|index| self.is_left(index))
    }

    /// Whether a row is neither measured nor given up. What another process has measured at the same time is trusted; whoever ends the
    /// run looks at its predictions.
    pub fn is_pending(&self, seed: u64, row: usize) -> bool {
        let of_others = self.share.has_others();
        let over = |state: &RunState| {
            state.failures.get(&(row, seed)).is_some()
                || (of_others && state.outcomes.get(&(row, seed)).is_some())
        };
        let nobody_s = matches!(self.share, Share::None);
        // An element asks about seeds whose turn is yet to come, too.
        let known = self.seed.seed == Some(seed) && self.seed.rows.contains(&row);
        !nobody_s && !known && !self.emitter.look(over)
    }

    /// Loads the backbone an earlier session trained; false when it has to be trained again.
    fn take_up_source(&mut self, seed: u64) -> Result<bool, WorkerError> {
        let expected = self.emitter.look(|state| {
            let known = state.source.get(&(0, seed));
            known.and_then(|known| known.weights.clone())
        });
        let path = self.folder.weights_path("backbone", seed);
        let mut network = initialised(self.tools.backbone.blueprint()?, seed, "backbone");
        let loaded = load_weights(&mut network, &path);
        if loaded.is_ok() && expected == Some(network.digest()) {
            self.seed.trained = Some(network);
            return Ok(true);
        }
        self.conductor.note(
            LogLevel::Warning,
            format!(
                "`{}` is missing or was altered: the source is trained again",
                path.display()
            ),
        )?;
        Ok(false)
    }

    /// Tells the end of a stage that is not run: its result is there already, nobody needs it,
    /// or what it builds on has failed.
    fn close(&self, task: usize, seed: u64) -> Result<(), WorkerError> {
        let came = self.emitter.look(|state| match self.tasks[task].work {
            Work::Data | Work::Features(_) => None,
            Work::Source => (state.source.get(&(0, seed))).map(|known| {
                Came::Made(Made::Measured {
                    correct: known.correct,
                    total: known.total,
                    before: true,
                })
            }),
            Work::Row(row) => (state.outcomes.get(&(row, seed))).map(|known| known.came(true)),
        });
        self.conductor.begin(task)?;
        match (came, &self.tasks[task].work) {
            (Some(came), _) => self.emitter.end(came, false)?,
            (None, Work::Row(_)) => {
                let why = "not tried: what it builds on is missing".to_owned();
                self.emitter.end(Came::Said(why), true)?;
            }
            (None, _) => self.emitter.end(Came::Made(Made::Nothing {}), false)?,
        }
        Ok(())
    }
}

/// The outcome with what earlier versions did not say of it: which examples are right.
pub fn with_right(outcome: Outcome, predictions: &[u8]) -> Outcome {
    let mut outcome = outcome;
    if outcome.targets() != TargetKind::Classes {
        return outcome;
    }
    let right = right_of(predictions).filter(|right| right.len() as u64 == outcome.total);
    if let Some(right) = right {
        let accuracy = outcome.right.entry(ACCURACY.id.to_owned());
        accuracy.or_insert_with(|| Bits::from_bools(right));
    }
    outcome
}
