//! The strategies of the target: each row fitted, measured and set against the others.

use std::collections::BTreeMap;

use topwork_events::{Event, FoldOutcome, Outcome, Seconds};
use topwork_measure::{Confusion, Needs, figures_of};
use topwork_schema::{Row, StrategyKind};
use topwork_store::sha256;

use crate::{
    FrozenTrunk, WorkerError,
    draw::{Draw, passed},
    emitter::Fold,
    execute::{Execution, correct_of, out_of_order},
    fit::{Fit, STATE, Saved},
    folds::{Tested, joined},
    predictions::{Predictions, predicted},
    proof::Proof,
    resume::Measured,
    task::{SplitName, Task},
};

impl Execution<'_> {
    /// Does one row, with folds once for each, measures it and sets it against the earlier ones.
    pub fn strategy(&mut self, seed: u64, row: usize) -> Result<String, WorkerError> {
        let planned = &self.plan.rows[row];
        let strategy = self.plan.strategy(planned);
        let (task, draws) = (self.target()?, &self.seed.draws[row]);
        let wanted = FrozenTrunk::of(self.plan, planned);
        let shared =
            (self.seed.trunks.iter()).position(|(trunk, _)| Some(trunk) == wanted.as_ref());
        let trunk = shared.map(|shared| &self.seed.trunks[shared].1);
        let pca = planned.cut.reduction.pca;
        let mut extract = trunk.map_or(0.0, |trunk| trunk.cost(&passed(draws)));
        let mut scores = Vec::with_capacity(draws.len());
        let mut fits = Vec::with_capacity(draws.len());
        for (fold, draw) in folds(draws) {
            if let Some(fold) = fold {
                self.emitter.begin_fold(fold)?;
            }
            let fit = Fit {
                compute: self.compute,
                emitter: self.emitter,
                plugins: self.plugins,
                task,
                draw,
                seed,
                strategy,
                checkpoints: &self.checkpoints,
            };
            let principal = match (trunk, pca) {
                (Some(trunk), Some(components)) => {
                    let principal = trunk.principal(draw, components)?;
                    extract += principal.cost(draw) - trunk.cost(draw);
                    Some(principal)
                }
                _ => None,
            };
            let mut fitted = match (strategy.kind, principal.as_ref().or(trunk)) {
                (StrategyKind::FrozenBackbone, Some(trunk)) => fit.network_head(trunk)?,
                (StrategyKind::FeatureClassifier, Some(trunk)) => fit.classifier_head(trunk)?,
                (StrategyKind::FrozenBackbone | StrategyKind::FeatureClassifier, None) => {
                    return Err(out_of_order("the features were not extracted"));
                }
                (StrategyKind::FineTune | StrategyKind::FromScratch, _) => {
                    let trunk = self.trunk_with(seed, strategy.weights, planned.cut.layers)?;
                    fit.whole_network(trunk, &planned.cut)?
                }
            };
            self.stayed_frozen(planned, fitted.proof.as_ref())?;
            let saved = std::mem::take(&mut fitted.saved);
            self.keep_fitted((row, planned), seed, fold, &saved)?;
            scores.push(std::mem::take(&mut fitted.scores));
            fits.push(fitted);
        }
        let fitted = joined(fits, pca.is_some());
        let fitted = fitted.ok_or_else(|| out_of_order("the row has no examples"))?;
        self.stayed_frozen(planned, fitted.proof.as_ref())?;
        let tested = Tested::new(draws, scores, task.classes);
        let counted = self.measure((row, planned), seed, task, &tested)?;
        let (before, after) = fitted
            .proof
            .map(|proof| (proof.before, proof.after))
            .unzip();
        let outcome = Outcome {
            row,
            seed,
            correct: counted.confusion.correct(),
            total: counted.confusion.total(),
            figures: counted.figures,
            folds: counted.folds,
            test_set: task.digest(SplitName::Test, &tested.examples),
            train_samples: (draws.iter().map(|draw| draw.train.len() as u64))
                .min()
                .unwrap_or(0),
            trainable_parameters: fitted.parameters,
            frozen_intact: before.as_ref().map(|before| Some(before) == after.as_ref()),
            frozen_before: before,
            frozen_after: after,
            learning_rate_multipliers: fitted.multipliers,
            seconds: Seconds {
                extract,
                fit: fitted.fit_seconds,
                evaluate: fitted.evaluate_seconds,
            },
            features_cached: trunk.is_some_and(|trunk| trunk.paid),
            confusion: counted.confusion,
            converged: fitted.converged,
            note: fitted.note,
            iterations: Some(fitted.iterations),
            predictions: Some(counted.predictions),
            without_duplicates: (self.tasks.twins.as_ref())
                .map(|twins| twins.without(&tested, &counted.right)),
        };
        let detail = correct_of(outcome.correct, outcome.total);
        let test_set = outcome.test_set.clone();
        self.emitter.emit(Event::StrategyEvaluated(outcome))?;
        let measured = Measured {
            row,
            test_set,
            right: counted.right,
        };
        self.compare(seed, &measured)?;
        self.seed.rows.insert(row, measured);
        if let Some((_, trunk)) = shared.map(|shared| &mut self.seed.trunks[shared]) {
            trunk.paid = true;
        }
        Ok(detail)
    }

    /// Fails when what was frozen did not stay as it was.
    fn stayed_frozen(&self, row: &Row, proof: Option<&Proof>) -> Result<(), WorkerError> {
        let Some(changed) = proof.filter(|proof| !proof.holds()) else {
            return Ok(());
        };
        let Proof { before, after } = changed.clone();
        let strategy = self.plan.title(row);
        Err(WorkerError::FrozenChanged {
            strategy,
            before,
            after,
        })
    }

    /// Counts, and keeps the predictions in the run folder.
    fn measure(
        &self,
        (row, planned): (usize, &Row),
        seed: u64,
        task: &Task,
        tested: &Tested,
    ) -> Result<Counted, WorkerError> {
        let title = self.plan.title(planned);
        let measured = task.measured();
        let of = |all: &[u32]| -> Vec<u32> { tested.examples.iter().map(|&i| all[i]).collect() };
        let labels = of(&measured.labels);
        let positions: Vec<u64> = (tested.examples.iter())
            .map(|&example| measured.positions[example])
            .collect();
        let mut confusion = Confusion::new(task.classes);
        let mut right = Vec::with_capacity(labels.len());
        for (label, scores) in labels.iter().zip(tested.scores.chunks_exact(task.classes)) {
            let predicted = predicted(scores);
            confusion.add(*label as usize, predicted);
            right.push(predicted == *label as usize);
        }
        let mut folds = vec![
            FoldOutcome {
                correct: 0,
                total: 0
            };
            tested.folds.iter().max().map_or(0, |last| *last as usize)
        ];
        for (fold, right) in tested.folds.iter().zip(&right) {
            let fold = &mut folds[*fold as usize - 1];
            fold.total += 1;
            fold.correct += u64::from(*right);
        }
        let classes = &self.plan.target_classes;
        let predictions = Predictions {
            positions: &positions,
            folds: &tested.folds,
            labels: &labels,
            scores: &tested.scores,
            classes,
        };
        let predictions = predictions.to_csv();
        self.folder.write(
            &self.folder.predictions_path(row, &title, seed),
            predictions.as_bytes(),
        )?;
        self.keep_image_sample((row, &title), seed, &tested.examples, &tested.scores)?;
        Ok(Counted {
            confusion,
            // No head says yet whether its scores are probabilities.
            figures: figures_of(&labels, &tested.scores, task.classes, Needs::Scores),
            folds,
            right,
            predictions: sha256(predictions.as_bytes()),
        })
    }

    /// Keeps what was fitted, with folds what was fitted for one, in the run folder.
    fn keep_fitted(
        &self,
        (row, planned): (usize, &Row),
        seed: u64,
        fold: Option<Fold>,
        saved: &[Saved],
    ) -> Result<(), WorkerError> {
        let title = self.plan.title(planned);
        for Saved {
            part,
            extension,
            bytes,
        } in saved
        {
            if *extension == STATE && !self.keeps_state(&title, bytes.len())? {
                continue;
            }
            let part = of_fold(part, fold);
            let path = (self.folder).fitted_path(&part, row, &title, seed, extension);
            self.folder.write(&path, bytes)?;
        }
        Ok(())
    }
}

/// The name of a fitted part, which every fold has its own of.
pub fn of_fold(part: &str, fold: Option<Fold>) -> String {
    match fold {
        Some(Fold { number, .. }) => format!("{part}-fold-{number}"),
        None => part.to_owned(),
    }
}

/// The draws of a row with the fold that each leaves out; none where there is but one draw.
fn folds(draws: &[Draw]) -> impl Iterator<Item = (Option<Fold>, &Draw)> {
    let of = u32::try_from(draws.len()).unwrap_or(u32::MAX);
    (1..).zip(draws).map(move |(number, draw)| {
        let fold = Fold { number, of };
        ((of > 1).then_some(fold), draw)
    })
}

/// A strategy's predictions, counted.
struct Counted {
    confusion: Confusion,
    /// By id.
    figures: BTreeMap<String, f64>,
    folds: Vec<FoldOutcome>,
    /// For every test example, whether it was classified correctly.
    right: Vec<bool>,
    /// SHA-256 of their file.
    predictions: String,
}
