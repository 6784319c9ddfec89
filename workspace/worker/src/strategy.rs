//! The stages of the target: features out of a trunk, and the strategies that use them.

use topwork_engine::Network;
use topwork_events::{Agreement, Event, Outcome, Seconds};
use topwork_report::thousands;
use topwork_schema::{StrategyKind, Weights};
use topwork_stats::{Confusion, Disagreement};

use crate::{
    WorkerError,
    draw::{Draw, needed},
    execute::{Execution, correct_of, engine, out_of_order},
    features::Extractor,
    fit::{Fit, Fitted, Saved},
    predictions::{Predictions, predicted},
    proof::Proof,
    task::{SplitName, Task},
};

impl Execution<'_> {
    /// Freezes the trunk with these weights and gets the features that strategies need of it.
    pub fn extract(&mut self, seed: u64, weights: Weights) -> Result<String, WorkerError> {
        let network = self.trunk_with(seed, weights)?;
        let examples = needed(&self.plan.experiment, &self.seed.draws, weights);
        let images = (examples.train.len() + examples.test.len()) as u64;
        let test = examples.test.clone();
        let extractor = Extractor {
            compute: self.compute,
            emitter: self.emitter,
            task: self.target()?,
            cache: self.cache.as_ref(),
            identity: &self.identity,
        };
        let trunk = extractor.extract(network, examples)?;
        self.keep_feature_sample(seed, weights, &trunk, &test)?;
        let cached = if trunk.paid { ", from the cache" } else { "" };
        let detail = format!(
            "{} vectors of {} numbers{cached}",
            thousands(images),
            thousands(trunk.dim as u64)
        );
        self.seed.trunks.push((weights, trunk));
        Ok(detail)
    }

    fn trunk_with(&self, seed: u64, weights: Weights) -> Result<Network, WorkerError> {
        let backbone = self.backbone_with(seed, weights)?;
        backbone
            .keep(self.plan.cut_layers)
            .map_err(engine("cutting"))
    }

    /// Does one strategy, measures it and sets it against the earlier rows.
    pub fn strategy(&mut self, seed: u64, row: usize) -> Result<String, WorkerError> {
        let strategy = &self.plan.experiment.strategies[row];
        let (task, draw) = (self.target()?, &self.seed.draws[row]);
        let fit = Fit {
            compute: self.compute,
            emitter: self.emitter,
            plugins: self.plugins,
            task,
            draw,
            seed,
            strategy,
        };
        let shared = self
            .seed
            .trunks
            .iter()
            .position(|(weights, _)| *weights == strategy.weights);
        let trunk = shared.map(|shared| &self.seed.trunks[shared].1);
        let (fitted, extract, cached) = match (strategy.kind, trunk) {
            (StrategyKind::FrozenBackbone, Some(trunk)) => {
                (fit.network_head(trunk)?, trunk.cost(draw), trunk.paid)
            }
            (StrategyKind::FeatureClassifier, Some(trunk)) => {
                (fit.classifier_head(trunk)?, trunk.cost(draw), trunk.paid)
            }
            (StrategyKind::FrozenBackbone | StrategyKind::FeatureClassifier, None) => {
                return Err(out_of_order("the features were not extracted"));
            }
            (StrategyKind::FineTune | StrategyKind::FromScratch, _) => {
                let trunk = self.trunk_with(seed, strategy.weights)?;
                (fit.whole_network(trunk)?, 0.0, false)
            }
        };
        if let Some(proof) = fitted.proof.as_ref().filter(|proof| !proof.holds()) {
            let Proof { before, after } = proof.clone();
            let strategy = strategy.name.clone();
            return Err(WorkerError::FrozenChanged {
                strategy,
                before,
                after,
            });
        }
        let measured = self.measure(row, seed, task, draw, &fitted)?;
        let (before, after) = fitted
            .proof
            .map(|proof| (proof.before, proof.after))
            .unzip();
        let outcome = Outcome {
            row,
            seed,
            correct: measured.confusion.correct(),
            total: measured.confusion.total(),
            test_set: task.digest(SplitName::Test, &draw.test),
            train_samples: draw.train.len() as u64,
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
            features_cached: cached,
            confusion: measured.confusion.rows(),
            converged: fitted.converged,
            iterations: Some(fitted.iterations),
        };
        let detail = correct_of(outcome.correct, outcome.total);
        let test_set = outcome.test_set.clone();
        self.emitter.emit(Event::StrategyEvaluated(outcome))?;
        self.compare(seed, row, test_set, measured.right)?;
        if let Some((_, trunk)) = shared.map(|shared| &mut self.seed.trunks[shared]) {
            trunk.paid = true;
        }
        Ok(detail)
    }

    /// Counts, and keeps the predictions and the fitted head in the run folder.
    fn measure(
        &self,
        row: usize,
        seed: u64,
        task: &Task,
        draw: &Draw,
        fitted: &Fitted,
    ) -> Result<Measured, WorkerError> {
        let name = &self.plan.experiment.strategies[row].name;
        let labels: Vec<u32> = draw
            .test
            .iter()
            .map(|&example| task.test.labels[example])
            .collect();
        let positions: Vec<u64> = draw
            .test
            .iter()
            .map(|&example| task.test.positions[example])
            .collect();
        let mut confusion = Confusion::new(task.classes);
        let mut right = Vec::with_capacity(labels.len());
        for (label, scores) in labels.iter().zip(fitted.scores.chunks_exact(task.classes)) {
            let predicted = predicted(scores);
            confusion.add(*label as usize, predicted);
            right.push(predicted == *label as usize);
        }
        let classes = &self.plan.target_classes;
        let predictions = Predictions {
            positions: &positions,
            labels: &labels,
            scores: &fitted.scores,
            classes,
        };
        self.folder.write(
            &self.folder.predictions_path(row, name, seed),
            predictions.to_csv().as_bytes(),
        )?;
        self.keep_image_sample(row, seed, draw, &fitted.scores)?;
        for Saved {
            part,
            extension,
            bytes,
        } in &fitted.saved
        {
            let path = self.folder.fitted_path(part, row, name, seed, extension);
            self.folder.write(&path, bytes)?;
        }
        Ok(Measured { confusion, right })
    }

    /// Sets a row against every earlier one on the same test examples.
    fn compare(
        &mut self,
        seed: u64,
        row: usize,
        test_set: String,
        right: Vec<bool>,
    ) -> Result<(), WorkerError> {
        for (earlier, set, outcomes) in &self.seed.rows {
            if *set != test_set {
                continue;
            }
            if let Some(Disagreement { only_a, only_b }) = Disagreement::count(outcomes, &right) {
                self.emitter.emit(Event::Compared(Agreement {
                    a: *earlier,
                    b: row,
                    seed,
                    only_a,
                    only_b,
                }))?;
            }
        }
        self.seed.rows.push((row, test_set, right));
        Ok(())
    }
}

/// A strategy's predictions, counted.
struct Measured {
    confusion: Confusion,
    right: Vec<bool>,
}
