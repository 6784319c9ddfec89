//! Taking over what other runs have measured, for a run that is asked to do only what is missing.

use std::fs;

use topwork_events::{Event, LogLevel, Outcome, RunState, SourceOutcome};
use topwork_store::{Adopted, RunFolder, sha256};

use crate::{WorkerError, emitter::Fold, execute::Execution, strategy::of_fold};

impl Execution<'_> {
    /// Takes over the results that the manifest names, once the data is known to be the same.
    /// What cannot be taken over is measured.
    pub fn adopt(&self, adopted: &Adopted) -> Result<(), WorkerError> {
        for source in &adopted.sources {
            let known = |state: &RunState| state.source.iter().any(|s| s.seed == source.seed);
            if self.emitter.look(known) {
                continue;
            }
            let (other, state) = self.other(&source.run)?;
            let found = state.source.into_iter().find(|s| s.seed == source.seed);
            if let Some(outcome) = found
                && self.copy_source(&other, &outcome)?
            {
                self.took_over(&other, &format!("the source with seed {}", source.seed))?;
                self.emitter.emit(Event::SourceEvaluated(outcome))?;
            }
        }
        for row in &adopted.rows {
            let same = |outcome: &Outcome| (outcome.row, outcome.seed) == (row.row, row.seed);
            if self.emitter.look(|state| state.outcomes.iter().any(same)) {
                continue;
            }
            let (other, state) = self.other(&row.run)?;
            let from = |outcome: &Outcome| (outcome.row, outcome.seed) == (row.from, row.seed);
            if let Some(outcome) = state.outcomes.into_iter().find(from)
                && self.copy_row(&other, &outcome, row.row, &row.name)?
            {
                let title = self.plan.title(&self.plan.rows[row.row]);
                self.took_over(&other, &format!("`{title}` with seed {}", row.seed))?;
                self.emitter.emit(Event::StrategyEvaluated(Outcome {
                    row: row.row,
                    features_cached: true,
                    ..outcome
                }))?;
            }
        }
        Ok(())
    }

    /// Another run, with what it says; nothing when it read other data.
    fn other(&self, run: &str) -> Result<(RunFolder, RunState), WorkerError> {
        let folder = self.folder.sibling(run);
        let state = folder.state()?;
        let same = self.emitter.look(|ours| ours.data == state.data);
        Ok((folder, if same { state } else { RunState::default() }))
    }

    fn copy_source(&self, other: &RunFolder, outcome: &SourceOutcome) -> Result<bool, WorkerError> {
        for name in ["backbone", "source-head"] {
            let Ok(bytes) = fs::read(other.weights_path(name, outcome.seed)) else {
                return Ok(false);
            };
            let path = self.folder.weights_path(name, outcome.seed);
            self.folder.write(&path, &bytes)?;
        }
        Ok(true)
    }

    fn copy_row(
        &self,
        other: &RunFolder,
        outcome: &Outcome,
        row: usize,
        their_name: &str,
    ) -> Result<bool, WorkerError> {
        let (name, seed) = (self.plan.title(&self.plan.rows[row]), outcome.seed);
        let predictions = other.predictions_path(outcome.row, their_name, seed);
        let bytes = fs::read(predictions).unwrap_or_default();
        if outcome.predictions.as_deref() != Some(sha256(&bytes).as_str()) {
            return Ok(false);
        }
        self.folder
            .write(&self.folder.predictions_path(row, &name, seed), &bytes)?;
        let of = u32::try_from(outcome.folds.len()).unwrap_or(u32::MAX);
        let folds: Vec<Option<Fold>> = match of {
            0 => vec![None],
            of => (1..=of).map(|number| Some(Fold { number, of })).collect(),
        };
        for (part, extension) in [
            ("head", "safetensors"),
            ("head", "state"),
            ("trunk", "safetensors"),
        ] {
            for part in folds.iter().map(|fold| of_fold(part, *fold)) {
                let theirs = other.fitted_path(&part, outcome.row, their_name, seed, extension);
                if let Ok(bytes) = fs::read(theirs) {
                    let ours = self.folder.fitted_path(&part, row, &name, seed, extension);
                    self.folder.write(&ours, &bytes)?;
                }
            }
        }
        Ok(true)
    }

    fn took_over(&self, other: &RunFolder, what: &str) -> Result<(), WorkerError> {
        self.note(
            LogLevel::Info,
            format!("took over {what} from the run `{}`", other.id()),
        )
    }
}
