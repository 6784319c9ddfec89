//! The stages of the target: features out of a trunk, and the strategies that use them.

use topwork_engine::Network;
use topwork_events::{Event, Outcome, Seconds};
use topwork_report::thousands;
use topwork_schema::{Row, StrategyKind, Weights};
use topwork_stats::Confusion;
use topwork_store::sha256;

use crate::{
    FrozenTrunk, WorkerError,
    backbone::{Backbone, Body},
    draw::{Draw, needed},
    execute::{Execution, correct_of, engine, out_of_order},
    features::{Extractor, TrunkIdentity},
    fit::{Fit, Fitted, Saved},
    predictions::{Predictions, predicted},
    proof::Proof,
    resume::Measured,
    task::{SplitName, Task},
};

impl Execution<'_> {
    /// Freezes this trunk and gets the features that rows need of it.
    pub fn extract(&mut self, seed: u64, wanted: &FrozenTrunk) -> Result<String, WorkerError> {
        let body = match &self.backbone {
            Backbone::Network(_) => {
                let trunk = self.trunk_with(seed, wanted.weights, wanted.cut.layers)?;
                Body::Network(Box::new(trunk))
            }
            Backbone::Extractor(opaque) => Body::extractor(opaque, &wanted.cut),
        };
        let examples = needed(self.plan, &self.seed.draws, wanted);
        let images = (examples.train.len() + examples.test.len()) as u64;
        let test = examples.test.clone();
        let extractor = Extractor {
            compute: self.compute,
            emitter: self.emitter,
            task: self.target()?,
            cache: self.cache.as_ref(),
            identity: TrunkIdentity::of(self.plan, self.plugins, &wanted.cut),
        };
        let trunk = extractor.extract(body, &wanted.cut, examples)?;
        self.keep_feature_sample(seed, wanted, &trunk, &test)?;
        let cached = if trunk.paid { ", from the cache" } else { "" };
        let detail = format!(
            "{} vectors of {} numbers{cached}",
            thousands(images),
            thousands(trunk.dim as u64)
        );
        self.seed.trunks.push((wanted.clone(), trunk));
        Ok(detail)
    }

    fn trunk_with(
        &self,
        seed: u64,
        weights: Weights,
        layers: usize,
    ) -> Result<Network, WorkerError> {
        let backbone = self.backbone_with(seed, weights)?;
        backbone.keep(layers).map_err(engine("cutting"))
    }

    /// Does one row, measures it and sets it against the earlier ones.
    pub fn strategy(&mut self, seed: u64, row: usize) -> Result<String, WorkerError> {
        let planned = &self.plan.rows[row];
        let strategy = self.plan.strategy(planned);
        let (task, draw) = (self.target()?, &self.seed.draws[row]);
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
        let wanted = FrozenTrunk::of(self.plan, planned);
        let shared =
            (self.seed.trunks.iter()).position(|(trunk, _)| Some(trunk) == wanted.as_ref());
        let trunk = shared.map(|shared| &self.seed.trunks[shared].1);
        let principal = match (trunk, planned.cut.reduction.pca) {
            (Some(trunk), Some(components)) => Some(trunk.principal(draw, components)?),
            _ => None,
        };
        let trunk = principal.as_ref().or(trunk);
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
                let trunk = self.trunk_with(seed, strategy.weights, planned.cut.layers)?;
                (fit.whole_network(trunk, &planned.cut)?, 0.0, false)
            }
        };
        if let Some(proof) = fitted.proof.as_ref().filter(|proof| !proof.holds()) {
            let Proof { before, after } = proof.clone();
            let strategy = self.plan.title(planned);
            return Err(WorkerError::FrozenChanged {
                strategy,
                before,
                after,
            });
        }
        let counted = self.measure((row, planned), seed, task, draw, &fitted)?;
        let (before, after) = fitted
            .proof
            .map(|proof| (proof.before, proof.after))
            .unzip();
        let outcome = Outcome {
            row,
            seed,
            correct: counted.confusion.correct(),
            total: counted.confusion.total(),
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
            confusion: counted.confusion.rows(),
            converged: fitted.converged,
            note: fitted.note,
            iterations: Some(fitted.iterations),
            predictions: Some(counted.predictions),
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
        self.seed.rows.push(measured);
        if let Some((_, trunk)) = shared.map(|shared| &mut self.seed.trunks[shared]) {
            trunk.paid = true;
        }
        Ok(detail)
    }

    /// Counts, and keeps the predictions and the fitted head in the run folder.
    fn measure(
        &self,
        (row, planned): (usize, &Row),
        seed: u64,
        task: &Task,
        draw: &Draw,
        fitted: &Fitted,
    ) -> Result<Counted, WorkerError> {
        let title = self.plan.title(planned);
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
        let predictions = predictions.to_csv();
        self.folder.write(
            &self.folder.predictions_path(row, &title, seed),
            predictions.as_bytes(),
        )?;
        self.keep_image_sample((row, &title), seed, draw, &fitted.scores)?;
        for Saved {
            part,
            extension,
            bytes,
        } in &fitted.saved
        {
            let path = self.folder.fitted_path(part, row, &title, seed, extension);
            self.folder.write(&path, bytes)?;
        }
        Ok(Counted {
            confusion,
            right,
            predictions: sha256(predictions.as_bytes()),
        })
    }
}

/// A strategy's predictions, counted.
struct Counted {
    confusion: Confusion,
    right: Vec<bool>,
    /// SHA-256 of their file.
    predictions: String,
}
