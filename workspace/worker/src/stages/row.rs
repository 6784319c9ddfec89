//! A row: fitted, its predictions kept and counted, set against the others.

use std::collections::BTreeMap;

use topwork_events::{Counts, Event, FoldOutcome, Made, Outcome, Seconds};
use topwork_graft::{MeasuredRow, RowTask};
use topwork_keys::sha256;
use topwork_measure::{ACCURACY, Bits, Confusion, Needs, figures_of, predicted};
use topwork_tasks::TrunkId;

use crate::{WorkerError, execute::Execution, predictions::Predictions};

impl Execution<'_> {
    /// Does one row, with folds once for each, measures it and sets it against the earlier ones.
    pub fn measure_row(&mut self, seed: u64, row: usize) -> Result<Made, WorkerError> {
        let planned = &self.plan.rows[row];
        let task = self.target()?;
        let trunk = TrunkId::of(self.plan, planned);
        let shared =
            (self.seed.features.iter()).position(|(known, _)| Some(known) == trunk.as_ref());
        let features = shared.map(|shared| &self.seed.features[shared].1);
        let made = RowTask {
            tools: &self.tools,
            task,
            row: planned,
            seed,
            draws: &self.seed.draws[row],
            features,
            trained: self.seed.trained.as_ref(),
        }
        .run()?;
        let features_cached = features.is_some_and(|features| features.paid);
        let predictions = self.keep_predictions(row, seed, &made)?;
        let predicted = predictions_of(&made, task.classes);
        let right: Vec<bool> = (predicted.iter().zip(&made.labels))
            .map(|(predicted, label)| *predicted == *label as usize)
            .collect();
        let mut confusion = Confusion::new(task.classes);
        for (predicted, label) in predicted.iter().zip(&made.labels) {
            confusion.add(*label as usize, *predicted);
        }
        // No head says yet whether its scores are probabilities.
        let figures = figures_of(
            &made.labels,
            &made.tested.scores,
            task.classes,
            Needs::Scores,
        );
        let (figures, bits) = self.asked(&made, figures, &confusion);
        let MeasuredRow {
            fitted,
            tested,
            test_set,
            train_samples,
            extract_seconds,
            ..
        } = made;
        let (before, after) = fitted
            .proof
            .map(|proof| (proof.before, proof.after))
            .unzip();
        let outcome = Outcome {
            row,
            seed,
            correct: confusion.correct(),
            total: confusion.total(),
            figures,
            folds: of_folds(&tested.folds, &right),
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
            confusion,
            converged: fitted.converged,
            note: fitted.note,
            iterations: Some(fitted.iterations),
            right: bits,
            predictions: Some(predictions),
            without_duplicates: (self.data.twins.as_ref())
                .map(|twins| without(&twins.learnt(&tested.examples, &tested.folds), &right)),
        };
        let made = Made::Measured {
            correct: outcome.correct,
            total: outcome.total,
            before: false,
        };
        self.emitter.emit(Event::RowMeasured(outcome))?;
        self.seed.rows.insert(row);
        if let Some((_, features)) = shared.map(|shared| &mut self.seed.features[shared]) {
            features.paid = true;
        }
        Ok(made)
    }

    /// With the figures that nobody computes unasked; and which examples count for those that are a
    /// share of them.
    fn asked(
        &self,
        made: &MeasuredRow,
        mut figures: BTreeMap<String, f64>,
        confusion: &Confusion,
    ) -> (BTreeMap<String, f64>, BTreeMap<String, Bits>) {
        let classes = confusion.classes();
        let (labels, scores) = (&made.labels, &made.tested.scores);
        let mut bits = BTreeMap::new();
        let accuracy = std::iter::once(&ACCURACY);
        for figure in accuracy.chain(self.judging.shown(&of_classes(confusion))) {
            if !figures.contains_key(figure.id)
                && figure.needs <= Needs::Scores
                && let Some(value) = (figure.of)(labels, scores, classes)
            {
                figures.insert(figure.id.to_owned(), value);
            }
            if let Some(right) = figure.bits.filter(|_| figures.contains_key(figure.id)) {
                bits.insert(figure.id.to_owned(), right(labels, scores, classes));
            }
        }
        (figures, bits)
    }

    /// Keeps the predictions, and some pictures with theirs, in the run folder; gives the SHA-256 of the file.
    fn keep_predictions(
        &self,
        row: usize,
        seed: u64,
        made: &MeasuredRow,
    ) -> Result<String, WorkerError> {
        let title = self.plan.title(&self.plan.rows[row]);
        let predictions = Predictions {
            positions: &made.positions,
            folds: &made.tested.folds,
            labels: &made.labels,
            scores: &made.tested.scores,
            classes: &self.plan.target_classes,
        };
        let predictions = predictions.to_csv().map_err(|error| WorkerError::System {
            action: "put predictions into a file",
            reason: error.to_string(),
        })?;
        let path = self.folder.predictions_path(row, &title, seed);
        self.folder.write(&path, &predictions)?;
        let tested = &made.tested;
        self.keep_image_sample((row, &title), seed, &tested.examples, &tested.scores)?;
        Ok(sha256(&predictions))
    }
}

/// How many examples the classes have.
pub fn of_classes(confusion: &Confusion) -> Vec<u64> {
    (0..confusion.classes())
        .map(|class| confusion.of_class(class))
        .collect()
}

/// The class with the largest score, for every example.
fn predictions_of(made: &MeasuredRow, classes: usize) -> Vec<usize> {
    (made.tested.scores.chunks_exact(classes))
        .map(predicted)
        .collect()
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
