//! A row: fitted, its predictions kept and counted.

use topwork_events::{
    Calibrated, Came, Counts, Event, FoldOutcome, LogLevel, Outcome, Proved, Seconds,
};
use topwork_graft::{Features, MeasuredRow, RowTask, data::SplitName, out_of_order};
use topwork_keys::sha256;
use topwork_measure::{Figure, ScoresFor, TargetKind};
use topwork_schema::CutPoint;
use topwork_tasks::TrunkId;

use crate::{WorkerError, execute::Execution, measured::Measured, predictions::Tested, selection};

impl Execution<'_> {
    /// Does one row, with folds once for each, and measures it.
    pub fn measure_row(&mut self, seed: u64, row: usize) -> Result<Came, WorkerError> {
        let planned = &self.plan.rows[row];
        let task = self.target()?;
        // The features of each of its cuts; none where its trunk learns.
        let shared: Vec<usize> = match TrunkId::of(self.plan, planned).as_slice() {
            [] => Vec::new(),
            trunks => (planned.cuts().iter())
                .map(|cut| self.extracted(trunks, cut))
                .collect::<Result<_, _>>()?,
        };
        let features: Vec<&Features> = (shared.iter())
            .map(|&shared| &self.seed.features[shared].1)
            .collect();
        let made = RowTask {
            tools: &self.tools,
            task,
            further: &self.data.further,
            row: planned,
            seed,
            draws: &self.seed.draws[row],
            features: &features,
            trained: self.seed.trained.as_ref(),
        }
        .run()?;
        let features_cached = !features.is_empty() && features.iter().all(|features| features.paid);
        let predictions = self.keep_predictions(row, seed, &made)?;
        let (are, scores) = (made.fitted.scores_are, &made.tested.scores);
        let truth = made.truth.targets();
        let measured = Measured::of(truth, scores, are, task.classes, &self.judging);
        let right: Vec<bool> = (measured.predicted.iter().zip(truth.classes()))
            .map(|(predicted, label)| *predicted == *label as usize)
            .collect();
        self.tell_clipped(row, truth.len(), measured.clipped)?;
        let calibrated = calibrated(&made, task.classes);
        let selected = selection::of_row(self.plan, planned, &made);
        if let Some(selected) = &selected {
            self.keep_selection(row, seed, selected, &made)?;
        }
        let MeasuredRow {
            fitted,
            tested,
            further,
            test_set,
            transferability,
            train_samples,
            extract_seconds,
            ..
        } = made;
        let proved = fitted.proof.as_ref().map(|proof| match proof.of {
            topwork_graft::Proved::Weights { frozen, of } => Proved::Weights { frozen, of },
            topwork_graft::Proved::Answers { images } => Proved::Answers { images },
        });
        let (before, after) = fitted
            .proof
            .map(|proof| (proof.before, proof.after))
            .unzip();
        let outcome = Outcome {
            row,
            seed,
            correct: measured.confusion.correct(),
            total: truth.len() as u64,
            figures: measured.figures,
            folds: match truth.kind() {
                TargetKind::Classes => of_folds(&tested.folds, &right),
                TargetKind::Numbers | TargetKind::Multilabel => Vec::new(),
            },
            test_set,
            train_samples,
            trainable_parameters: fitted.parameters,
            frozen_intact: before.as_ref().map(|before| Some(before) == after.as_ref()),
            frozen_before: before,
            frozen_after: after,
            learning_rate_multipliers: fitted.multipliers,
            seconds: Seconds {
                extract: extract_seconds,
                fit: fitted.fit_seconds,
                evaluate: fitted.evaluate_seconds,
            },
            features_cached,
            confusion: measured.confusion,
            fit: fitted.report,
            scores: Some(fitted.scores_are),
            transferability,
            proved,
            reliability: measured.reliability,
            calibrated,
            selected: selected.map(Box::new),
            right: measured.right,
            predictions: Some(predictions),
            columns: measured.columns,
            without_duplicates: (self.data.twins.as_ref())
                .filter(|_| truth.kind() == TargetKind::Classes)
                .map(|twins| without(&twins.learnt(&tested.examples, &tested.folds), &right)),
        };
        let came = outcome.came(false);
        self.measure_elsewhere(&outcome, &further)?;
        self.emitter.emit(Event::RowMeasured(outcome))?;
        self.seed.rows.insert(row);
        for shared in shared {
            self.seed.features[shared].1.paid = true;
        }
        Ok(came)
    }

    /// The place of the features that a row with these trunks has at this cut.
    fn extracted(&self, trunks: &[TrunkId], cut: &CutPoint) -> Result<usize, WorkerError> {
        let cut = cut.unfitted();
        let trunk = trunks.iter().find(|trunk| trunk.cut == cut);
        let mut known = self.seed.features.iter();
        let place = known.position(|(known, _)| Some(known) == trunk);
        Ok(place.ok_or_else(|| out_of_order("a row came before its features"))?)
    }

    /// Says for how many examples the log-loss, where it is shown, does not take the probability as it is.
    fn tell_clipped(&self, row: usize, examples: usize, count: u64) -> Result<(), WorkerError> {
        if count == 0 {
            return Ok(());
        }
        let title = self.plan.title(&self.plan.rows[row]);
        self.conductor.note(
            LogLevel::Info,
            format!("`{title}`: the log-loss clips the probability of the true class of {count} of {examples} test examples"),
        )
    }

    /// Keeps the predictions, and some pictures with theirs, in the run folder; gives the SHA-256 of the file.
    fn keep_predictions(
        &self,
        row: usize,
        seed: u64,
        made: &MeasuredRow,
    ) -> Result<String, WorkerError> {
        let title = self.plan.title(&self.plan.rows[row]);
        let tested = &made.tested;
        let called = self.target()?.called(SplitName::Test)?;
        let names: Vec<String> = match &called {
            Some(called) => (tested.examples.iter())
                .map(|&example| called[example].clone())
                .collect(),
            None => Vec::new(),
        };
        let predictions = Tested {
            positions: &made.positions,
            folds: &tested.folds,
            names: &names,
            truth: made.truth.targets(),
            scores: &tested.scores,
            are: made.fitted.scores_are,
            classes: &self.plan.target_classes,
        };
        let predictions = predictions.to_file()?;
        let path = self.folder.predictions_path(row, &title, seed);
        self.folder.write(&path, &predictions)?;
        // What is kept of images is what classes they were taken for.
        if self.plan.targets.is_classes() {
            self.keep_image_sample((row, &title), seed, tested, &names)?;
        }
        Ok(sha256(&predictions))
    }
}

/// What calibrating the scores of a row has changed.
fn calibrated(made: &MeasuredRow, classes: usize) -> Option<Calibrated> {
    let before = made.fitted.uncalibrated.as_ref()?;
    let scores = ScoresFor::new(before.are, &before.scores, classes);
    Some(Calibrated {
        temperatures: made.fitted.temperatures.clone(),
        ece_before: Figure::named("ece").and_then(|ece| scores.value(ece, made.truth.targets())),
    })
}

/// Correct of total in every fold.
fn of_folds(folds: &[u32], right: &[bool]) -> Vec<FoldOutcome> {
    let count = folds.iter().max().map_or(0, |last| *last as usize);
    let mut outcomes = vec![
        FoldOutcome {
            correct: 0,
            total: 0
        };
        count
    ];
    for (fold, right) in folds.iter().zip(right) {
        let fold = &mut outcomes[*fold as usize - 1];
        fold.total += 1;
        fold.correct += u64::from(*right);
    }
    outcomes
}

/// Correct of total, without the examples whose image was learnt from.
fn without(learnt: &[bool], right: &[bool]) -> Counts {
    let left = learnt.iter().zip(right).filter(|(learnt, _)| !**learnt);
    Counts {
        correct: left.clone().filter(|(_, right)| **right).count() as u64,
        total: left.count() as u64,
    }
}
