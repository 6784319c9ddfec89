//! The source task: the backbone learns.

use std::time::Instant;

use topwork_engine::{Network, Part};

use crate::{
    GraftError, Tools,
    data::{Augment, Images, SplitName, TaskExamples},
    error::out_of_order,
    evaluate::{correct, scores},
    network::{head_blueprint, initialised},
    training::{Trained, Training},
};

/// What the source task makes.
pub struct Source {
    /// The trained backbone.
    pub backbone: Network,
    /// The head it was trained with.
    pub head: Network,
    /// Test examples classified correctly.
    pub correct: u64,
    /// Test examples.
    pub total: u64,
    /// Epochs trained.
    pub epochs: u32,
    /// Training samples of one epoch.
    pub train_samples: u64,
    /// Trained parameters, head included.
    pub trainable_parameters: u64,
    /// Wall-clock time of training and evaluation.
    pub seconds: f64,
}

impl Tools<'_> {
    /// Trains the backbone with a head of its own on the source task and measures both.
    pub fn train_source(&self, task: &TaskExamples, seed: u64) -> Result<Source, GraftError> {
        let begun = Instant::now();
        let Some(source) = &self.plan.experiment.source else {
            return Err(out_of_order("there is no source to train on"));
        };
        let blueprint = self.backbone.blueprint()?;
        let features = blueprint.output();
        let head = head_blueprint(self.plugins, &source.head, features.dims(), task.classes)?;
        let before = blueprint.layers().len();
        (self.services).network("source head", &source.head, before, &head)?;
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
            services: self.services,
            settings: &source.train,
            samples: &images(SplitName::Train, augment),
            examples: &examples,
            targets: task.train.targets(),
            groups: task.groups(),
            classes: task.classes,
            seed,
            role: "source",
            unfreeze: None,
        };
        let Trained {
            networks,
            epochs,
            earlier_seconds,
            ..
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
        Ok(Source {
            correct: correct(&scores, labels.iter().copied(), task.classes),
            total: labels.len() as u64,
            epochs: u32::try_from(epochs).unwrap_or(u32::MAX),
            train_samples: samples as u64,
            trainable_parameters,
            seconds: earlier_seconds + begun.elapsed().as_secs_f64(),
            backbone,
            head,
        })
    }
}
