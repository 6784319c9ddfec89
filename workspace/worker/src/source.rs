//! The source stage: the backbone learns, or its weights come from elsewhere.

use std::time::Instant;

use topwork_engine::{Network, Part};
use topwork_events::{Event, SourceOutcome};
use topwork_schema::Weights;

use crate::{
    WorkerError,
    augment::Augment,
    evaluate::{correct, scores},
    execute::{Execution, correct_of, engine, out_of_order},
    network::{head_blueprint, initialised, load_weights, network_plan},
    samples::Images,
    task::SplitName,
    training::{Trained, Training},
};

impl Execution<'_> {
    /// Trains the backbone with a head of its own on the source task and measures both.
    pub fn train_source(&mut self, seed: u64) -> Result<String, WorkerError> {
        let begun = Instant::now();
        let (Some(source), Some(task)) = (&self.plan.experiment.source, &self.tasks.source) else {
            return Err(out_of_order("the source's data was not read"));
        };
        let blueprint = self.backbone.blueprint()?;
        let features = blueprint.output();
        let head = head_blueprint(self.plugins, &source.head, features.dims(), task.classes)?;
        let before = blueprint.layers().len();
        let shown = network_plan("source head", &source.head, before, &head);
        self.emitter.network(shown)?;
        let parts = vec![
            Part::trained(initialised(blueprint, seed, "backbone")),
            Part::trained(initialised(&head, seed, "source-head")),
        ];
        let trainable_parameters = parts
            .iter()
            .map(|part| part.network.parameters() as u64)
            .sum();
        let samples = task.train.positions.len();
        let examples: Vec<usize> = (0..samples).collect();
        let augment = source.train.augment.as_ref().map(Augment::from);
        let images = |split, augment| Images {
            task,
            split,
            augment,
        };
        let training = Training {
            compute: self.compute,
            emitter: self.emitter,
            settings: &source.train,
            samples: &images(SplitName::Train, augment),
            examples: &examples,
            labels: &task.train.labels,
            classes: task.classes,
            seed,
            role: "source",
            unfreeze: None,
            checkpoints: &self.checkpoints,
        };
        let Trained {
            networks,
            epochs,
            earlier_seconds,
        } = training.run(parts)?;
        let [backbone, head] = <[Network; 2]>::try_from(networks)
            .map_err(|_| out_of_order("training lost a part of the network"))?;
        let tests: Vec<usize> = (0..task.measured().labels.len()).collect();
        let test = images(SplitName::Test, None);
        let networks = [&backbone, &head];
        let scores = scores(self.compute, &networks, &test, &tests, task.classes, |_| {
            Ok(())
        })?;
        let labels = &task.measured().labels;
        let correct = correct(&scores, labels.iter().copied(), task.classes);
        for (name, network) in [("backbone", &backbone), ("source-head", &head)] {
            let bytes = network.to_safetensors().map_err(engine("saving weights"))?;
            self.folder
                .write(&self.folder.weights_path(name, seed), &bytes)?;
        }
        let total = labels.len() as u64;
        self.emitter.emit(Event::SourceEvaluated(SourceOutcome {
            seed,
            correct,
            total,
            epochs: u32::try_from(epochs).unwrap_or(u32::MAX),
            train_samples: samples as u64,
            trainable_parameters,
            seconds: earlier_seconds + begun.elapsed().as_secs_f64(),
            weights: Some(backbone.digest()),
        }))?;
        self.seed.trained = Some(backbone);
        Ok(correct_of(correct, total))
    }

    /// The backbone as the source left it, as a file has it, or as it was initialised.
    pub fn backbone_with(&self, seed: u64, weights: Weights) -> Result<Network, WorkerError> {
        let blueprint = self.backbone.blueprint()?;
        let initial = || initialised(blueprint, seed, "backbone");
        if weights == Weights::Random {
            return Ok(initial());
        }
        if let Some(trained) = &self.seed.trained {
            return Ok(trained.clone());
        }
        let Some(path) = &self.plan.experiment.backbone_weights else {
            return Err(out_of_order("the source was not trained"));
        };
        let mut network = initial();
        load_weights(&mut network, path)?;
        Ok(network)
    }
}
