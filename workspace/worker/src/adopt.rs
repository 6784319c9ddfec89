//! Taking over what other runs have measured, for a run that is asked to do only what is missing.

use std::{collections::HashMap, fs};

use topwork_events::{Event, LogLevel, Outcome, RunState};
use topwork_graft::{PARTS, STATE, out_of_order};
use topwork_keys::Adopted;
use topwork_keys::sha256;
use topwork_store::RunFolder;

use crate::{WorkerError, execute::Execution, resume::with_right};

impl Execution<'_> {
    /// Takes over the results that the manifest names, once the data is known to be the same.
    /// What cannot be taken over is measured.
    pub fn adopt(&self, adopted: &Adopted) -> Result<(), WorkerError> {
        // Each is read once, however many rows it has for this run.
        let mut others = HashMap::new();
        for source in &adopted.sources {
            let known = |state: &RunState| state.source.get(&(0, source.seed)).is_some();
            if self.emitter.look(known) {
                continue;
            }
            let (other, state) = self.other(&mut others, &source.run)?;
            if let Some(outcome) = state.source.get(&(0, source.seed))
                && copy_source(other, self.folder, outcome.seed)?
            {
                self.took_over(other, &format!("the source with seed {}", source.seed))?;
                self.emitter.emit(Event::SourceEvaluated(outcome.clone()))?;
            }
        }
        for row in &adopted.rows {
            let known = |state: &RunState| state.outcomes.get(&(row.row, row.seed)).is_some();
            if self.emitter.look(known) {
                continue;
            }
            let (other, state) = self.other(&mut others, &row.run)?;
            if let Some(outcome) = state.outcomes.get(&(row.from, row.seed))
                && let Some(outcome) = self.copy_row(other, outcome, row.row, &row.name)?
            {
                let title = self.plan.title(&self.plan.rows[row.row]);
                if !self.copy_elsewhere((other, state), (row.from, &row.name), &outcome, row.row)? {
                    continue;
                }
                self.took_over(other, &format!("`{title}` with seed {}", row.seed))?;
                self.emitter.emit(Event::RowMeasured(Outcome {
                    row: row.row,
                    features_cached: true,
                    ..outcome
                }))?;
            }
        }
        Ok(())
    }

    /// Another run, with what it says; nothing when it read other data.
    fn other<'a>(
        &self,
        known: &'a mut HashMap<String, (RunFolder, RunState)>,
        run: &str,
    ) -> Result<&'a (RunFolder, RunState), WorkerError> {
        if !known.contains_key(run) {
            let folder = self.folder.sibling(run);
            let state = folder.state()?;
            let same = self.emitter.look(|ours| ours.data == state.data);
            let state = if same { state } else { RunState::default() };
            known.insert(run.to_owned(), (folder, state));
        }
        let known = known.get(run);
        Ok(known.ok_or_else(|| out_of_order("an earlier run was not read"))?)
    }

    /// Copies what a row of another run has left; `None` where that is not what it was.
    fn copy_row(
        &self,
        other: &RunFolder,
        outcome: &Outcome,
        row: usize,
        their_name: &str,
    ) -> Result<Option<Outcome>, WorkerError> {
        let (name, seed) = (self.plan.title(&self.plan.rows[row]), outcome.seed);
        let predictions = other.predictions_path(outcome.row, their_name, seed);
        let bytes = fs::read(predictions).unwrap_or_default();
        if outcome.predictions.as_deref() != Some(sha256(&bytes).as_str()) {
            return Ok(None);
        }
        self.folder
            .write(&self.folder.predictions_path(row, &name, seed), &bytes)?;
        let of = u32::try_from(outcome.folds.len()).unwrap_or(u32::MAX);
        let folds: Vec<Option<u32>> = match of {
            0 => vec![None],
            of => (1..=of).map(Some).collect(),
        };
        for fold in folds {
            let theirs = other.model(outcome.row, their_name, seed, fold);
            let ours = self.folder.model(row, &name, seed, fold);
            for (part, extension) in PARTS {
                if let Some(bytes) = theirs.read(part, extension)
                    && (extension != STATE || self.conductor.keeps_state(&name, bytes.len())?)
                {
                    self.folder.write(&ours.part(part, extension), &bytes)?;
                }
            }
        }
        Ok(Some(with_right(outcome.clone(), &bytes)))
    }

    fn took_over(&self, other: &RunFolder, what: &str) -> Result<(), WorkerError> {
        self.conductor.note(
            LogLevel::Info,
            format!("took over {what} from the run `{}`", other.whole().id()),
        )
    }
}

/// Copies the backbone that another run, or another part of this one, has trained with a seed, and its head; false where they
/// are not there.
pub fn copy_source(from: &RunFolder, to: &RunFolder, seed: u64) -> Result<bool, WorkerError> {
    for name in ["backbone", "source-head"] {
        let Ok(bytes) = fs::read(from.weights_path(name, seed)) else {
            return Ok(false);
        };
        to.write(&to.weights_path(name, seed), &bytes)?;
    }
    Ok(true)
}
