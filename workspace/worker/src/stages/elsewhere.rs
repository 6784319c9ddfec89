//! A row on the further test sets of its target: what was fitted is measured there, too.

use std::{collections::BTreeMap, fs, path::PathBuf};

use topwork_events::{Elsewhere, Event, Outcome, RunState};
use topwork_graft::data::{SplitName, TaskExamples};
use topwork_keys::sha256;
use topwork_measure::Scores;
use topwork_store::RunFolder;

use crate::{WorkerError, execute::Execution, measured::Measured, predictions::Tested};

impl Execution<'_> {
    /// Measures what was fitted for a row on every further test set, given its scores there, and keeps the predictions. `own` is what
    /// it came to on its own test examples.
    pub fn measure_elsewhere(
        &self,
        own: &Outcome,
        further: &[Vec<f32>],
    ) -> Result<(), WorkerError> {
        let are = own.scores.unwrap_or_default();
        for (test, (task, scores)) in self.data.further.iter().zip(further).enumerate() {
            let truth = task.measured().targets();
            let measured = Measured::of(truth, scores, are, task.classes, &self.judging);
            let predictions = self.predicted_elsewhere(task, scores, are)?;
            let path = self.elsewhere_path(own, test);
            self.folder.write(&path, &predictions)?;
            let outcome = Outcome {
                correct: measured.confusion.correct(),
                total: truth.len() as u64,
                columns: measured.columns,
                figures: measured.figures,
                folds: Vec::new(),
                test_set: task.digest_of_split(SplitName::Test)?,
                confusion: measured.confusion,
                reliability: measured.reliability,
                right: measured.right,
                calibrated: None,
                selected: None,
                without_duplicates: None,
                transferability: BTreeMap::new(),
                predictions: Some(sha256(&predictions)),
                ..own.clone()
            };
            let outcome = Elsewhere { test, outcome };
            self.emitter.emit(Event::MeasuredElsewhere(outcome))?;
        }
        Ok(())
    }

    fn predicted_elsewhere(
        &self,
        task: &TaskExamples,
        scores: &[f32],
        are: Scores,
    ) -> Result<Vec<u8>, WorkerError> {
        let examples = task.measured();
        let names = task.called(SplitName::Test)?.unwrap_or_default();
        let predictions = Tested {
            positions: &examples.positions,
            folds: &[],
            names: &names,
            truth: examples.targets(),
            scores,
            are,
            classes: &self.plan.target_classes,
        };
        predictions.to_file()
    }

    /// Where the predictions of a row on a further test set are.
    fn elsewhere_path(&self, own: &Outcome, test: usize) -> PathBuf {
        let title = self.plan.title(&self.plan.rows[own.row]);
        self.elsewhere_of(&title, own.row, own.seed, test)
    }

    fn elsewhere_of(&self, title: &str, row: usize, seed: u64, test: usize) -> PathBuf {
        let name = &self.plan.experiment.target.tests[test].name;
        (self.folder).predictions_elsewhere_path(row, title, seed, (test, name))
    }

    /// Takes over what another run, whose row `from` is our `row`, has measured on the same further test sets; false where that is not what
    /// it was.
    pub fn copy_elsewhere(
        &self,
        (other, state): (&RunFolder, &RunState),
        (from, their_title): (usize, &str),
        outcome: &Outcome,
        row: usize,
    ) -> Result<bool, WorkerError> {
        let title = self.plan.title(&self.plan.rows[row]);
        let theirs = state.plan.as_ref().map_or(&[][..], |plan| &plan.tests);
        let seed = outcome.seed;
        let mut taken = Vec::new();
        for test in 0..self.plan.experiment.target.tests.len() {
            // The same key: the same test sets in the same order, under whatever names.
            let known = state
                .elsewhere
                .get(&(test, from, seed))
                .zip(theirs.get(test));
            let Some((known, name)) = known else {
                return Ok(false);
            };
            let path = other.predictions_elsewhere_path(from, their_title, seed, (test, name));
            let bytes = fs::read(path).unwrap_or_default();
            if known.outcome.predictions.as_deref() != Some(sha256(&bytes).as_str()) {
                return Ok(false);
            }
            taken.push((test, known.outcome.clone(), bytes));
        }
        for (test, outcome, bytes) in taken {
            self.folder
                .write(&self.elsewhere_of(&title, row, seed, test), &bytes)?;
            let outcome = Outcome { row, ..outcome };
            let outcome = Elsewhere { test, outcome };
            self.emitter.emit(Event::MeasuredElsewhere(outcome))?;
        }
        Ok(true)
    }

    /// Whether a row that was measured before has been measured on all further test sets, too, and its predictions there are what they
    /// were.
    pub fn known_elsewhere(&self, own: &Outcome) -> bool {
        (0..self.plan.experiment.target.tests.len()).all(|test| {
            let key = (test, own.row, own.seed);
            let known = self.emitter.look(|state| {
                let known = state.elsewhere.get(&key);
                known.and_then(|known| known.outcome.predictions.clone())
            });
            let bytes = fs::read(self.elsewhere_path(own, test)).unwrap_or_default();
            known.is_some_and(|known| known == sha256(&bytes))
        })
    }
}
