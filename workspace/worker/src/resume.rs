//! What earlier sessions of a run have left: a run that goes on does only what is missing, and
//! one row that fails leaves the others alone.

use std::collections::BTreeMap;

use topwork_events::{Agreement, Event, Failure, Key, LogLevel, Outcome, RunState, StageStatus};
use topwork_measure::Disagreement;
use topwork_schema::{Row, Weights};
use topwork_store::sha256;

use crate::{
    FrozenTrunk, Stage, Work, WorkerError,
    execute::{Execution, correct_of},
    network::{initialised, load_weights},
    predictions::right_of,
};

/// A row that was measured: which of its test examples it got right.
pub struct Measured {
    /// The row.
    pub row: usize,
    /// The test examples' digest.
    pub test_set: String,
    /// For every test example, whether it was classified correctly.
    pub right: Vec<bool>,
}

impl Execution<'_> {
    /// The rows of a seed that earlier sessions have measured and whose predictions are still
    /// what they were.
    pub fn measured_before(&self, seed: u64) -> Result<BTreeMap<usize, Measured>, WorkerError> {
        let outcomes: Vec<Outcome> = self.emitter.look(|state| {
            let of_seed = state.outcomes.iter().filter(|outcome| outcome.seed == seed);
            of_seed.cloned().collect()
        });
        let mut rows = BTreeMap::new();
        for outcome in outcomes {
            let Some(planned) = self.plan.rows.get(outcome.row) else {
                continue;
            };
            let title = self.plan.title(planned);
            let path = self.folder.predictions_path(outcome.row, &title, seed);
            let bytes = std::fs::read(&path).unwrap_or_default();
            let intact = outcome.predictions.as_deref() == Some(sha256(&bytes).as_str());
            match right_of(&bytes).filter(|right| intact && right.len() as u64 == outcome.total) {
                Some(right) => {
                    let measured = Measured {
                        row: outcome.row,
                        test_set: outcome.test_set,
                        right,
                    };
                    rows.insert(measured.row, measured);
                }
                None => self.note(
                    LogLevel::Warning,
                    format!(
                        "`{}` is missing or was altered: `{title}` is measured again",
                        path.display(),
                    ),
                )?,
            }
        }
        Ok(rows)
    }

    /// Whether a stage has nothing to do any more. What it left is taken up where it is needed.
    pub fn nothing_to_do(&mut self, index: usize, stage: &Stage) -> Result<bool, WorkerError> {
        let Some(seed) = stage.seed else {
            return Ok(false);
        };
        let status = self
            .emitter
            .look(|state| state.stages.get(index).map(|stage| stage.status));
        let nothing = match &stage.work {
            Work::Data => false,
            Work::Source if status == Some(StageStatus::Failed) => true,
            Work::Source => {
                let needed = self.pending(seed, |row| self.uses_source(row));
                let known = self.emitter.look(|state| state.source.get(&seed).is_some());
                known && (needed.is_empty() || self.take_up_source(seed)?)
            }
            Work::Extract(trunk) => !self.is_wanted(seed, trunk),
            Work::Strategy(row) => !self.is_pending(seed, *row),
        };
        if nothing && status == Some(StageStatus::Waiting) {
            self.close(index, stage, seed)?;
        }
        Ok(nothing)
    }

    /// Gives up a stage and what builds on it, unless the error concerns the whole run.
    pub fn give_up(&self, stage: &Stage, error: WorkerError) -> Result<(), WorkerError> {
        let Some(seed) = stage.seed.filter(|_| !error.ends_run()) else {
            return Err(error);
        };
        let (rows, prefix) = match &stage.work {
            Work::Data => return Err(error),
            Work::Source => (self.pending(seed, |row| self.uses_source(row)), "source: "),
            Work::Extract(trunk) => (
                self.pending(seed, |row| self.uses(row, trunk)),
                "extracting features: ",
            ),
            Work::Strategy(row) => (vec![*row], ""),
        };
        for row in rows {
            self.emitter.emit(Event::StrategyFailed(Failure {
                row,
                seed,
                status: error.status(),
                message: format!("{prefix}{error}"),
                hint: error.hint(),
                exit_code: error.exit_code(),
            }))?;
        }
        self.emitter.end(error.to_string(), true)?;
        Ok(())
    }

    /// Sets a row against those of its seed that it is to be compared with, as far as they were
    /// measured on the same test examples and that was not done before.
    pub fn compare(&self, seed: u64, row: &Measured) -> Result<(), WorkerError> {
        for other in self.seed.pairing.with(row.row) {
            let Some(other) = self.seed.rows.get(&other) else {
                continue;
            };
            if other.test_set != row.test_set {
                continue;
            }
            let (a, b) = if other.row < row.row {
                (other, row)
            } else {
                (row, other)
            };
            if let Some(Disagreement { only_a, only_b }) = Disagreement::count(&a.right, &b.right) {
                let agreement = Agreement {
                    a: a.row,
                    b: b.row,
                    seed,
                    only_a,
                    only_b,
                };
                let known = (self.emitter)
                    .look(|state| state.agreements.get(&agreement.key()) == Some(&agreement));
                if !known {
                    self.emitter.emit(Event::Compared(agreement))?;
                }
            }
        }
        Ok(())
    }

    /// A line for the run's log.
    pub fn note(&self, level: LogLevel, text: String) -> Result<(), WorkerError> {
        let from = "topwork".to_owned();
        Ok(self.emitter.emit(Event::Log { level, from, text })?)
    }

    /// Whether rows of the seed at work still need the features of this trunk.
    pub fn is_wanted(&self, seed: u64, trunk: &FrozenTrunk) -> bool {
        !self.pending(seed, |row| self.uses(row, trunk)).is_empty()
    }

    fn is_pending(&self, seed: u64, row: usize) -> bool {
        let failed = |state: &RunState| state.failures.get(&(row, seed)).is_some();
        !self.seed.rows.contains_key(&row) && !self.emitter.look(failed)
    }

    /// The rows of the seed at work that are neither measured nor given up, of those `wanted`.
    fn pending(&self, seed: u64, wanted: impl Fn(&Row) -> bool) -> Vec<usize> {
        (self.plan.rows.iter().enumerate())
            .filter(|(index, row)| wanted(row) && self.is_pending(seed, *index))
            .map(|(index, _)| index)
            .collect()
    }

    fn uses_source(&self, row: &Row) -> bool {
        self.plan.strategy(row).weights == Weights::Source
    }

    fn uses(&self, row: &Row, trunk: &FrozenTrunk) -> bool {
        FrozenTrunk::of(self.plan, row).as_ref() == Some(trunk)
    }

    /// Loads the backbone an earlier session trained; false when it has to be trained again.
    fn take_up_source(&mut self, seed: u64) -> Result<bool, WorkerError> {
        let expected = self.emitter.look(|state| {
            let known = state.source.get(&seed);
            known.and_then(|known| known.weights.clone())
        });
        let path = self.folder.weights_path("backbone", seed);
        let mut network = initialised(self.backbone.blueprint()?, seed, "backbone");
        let loaded = load_weights(&mut network, &path);
        if loaded.is_ok() && expected == Some(network.digest()) {
            self.seed.trained = Some(network);
            return Ok(true);
        }
        self.note(
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
    fn close(&self, index: usize, stage: &Stage, seed: u64) -> Result<(), WorkerError> {
        let counts = self.emitter.look(|state| match stage.work {
            Work::Data | Work::Extract(_) => None,
            Work::Source => (state.source.get(&seed)).map(|known| (known.correct, known.total)),
            Work::Strategy(row) => {
                (state.outcomes.get(&(row, seed))).map(|known| (known.correct, known.total))
            }
        });
        self.emitter.begin(index)?;
        match (counts, &stage.work) {
            (Some((correct, total)), _) => {
                let detail = format!("{}, measured before", correct_of(correct, total));
                self.emitter.end(detail, false)?;
            }
            (None, Work::Strategy(_)) => {
                let detail = "not tried: what it builds on is missing".to_owned();
                self.emitter.end(detail, true)?;
            }
            (None, _) => self.emitter.end("not needed".to_owned(), false)?,
        }
        Ok(())
    }
}
