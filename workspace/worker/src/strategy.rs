//! Fitting a head on the features of a frozen trunk and trying it on test examples.

use std::time::Instant;

use topwork_engine::{Compute, Part, Stream};
use topwork_host::{FitOptions, Plugins};
use topwork_schema::{Strategy, StrategyKind};

use crate::{
    WorkerError,
    emitter::Emitter,
    features::Trunk,
    network::{head_blueprint, initialised},
    task::Task,
    training::train,
};

/// Which examples a strategy uses, as indices into the task's examples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// For fitting.
    pub train: Vec<usize>,
    /// For measuring.
    pub test: Vec<usize>,
}

/// A fitted head and what it says of the test examples.
pub struct Fitted {
    /// Parameters of the head.
    pub parameters: u64,
    /// Whether the fit converged, where that means something.
    pub converged: Option<bool>,
    /// Iterations, or epochs.
    pub iterations: u64,
    /// Scores of the test examples, `test × classes`.
    pub scores: Vec<f32>,
    /// Wall-clock time of the fit.
    pub fit_seconds: f64,
    /// Wall-clock time of scoring.
    pub evaluate_seconds: f64,
    /// The fitted head as bytes, where it can be saved.
    pub saved: Option<Vec<u8>>,
}

/// What a fit needs.
pub struct Fit<'a> {
    /// The pool.
    pub compute: &'a Compute,
    /// The worker's voice.
    pub emitter: &'a Emitter,
    /// Where heads come from.
    pub plugins: &'a Plugins,
    /// The target task.
    pub task: &'a Task,
    /// The frozen trunk with its features.
    pub trunk: &'a Trunk,
    /// The examples to use.
    pub draw: &'a Draw,
    /// The seed.
    pub seed: u64,
}

impl Fit<'_> {
    /// Fits the strategy's head.
    pub fn run(&self, strategy: &Strategy) -> Result<Fitted, WorkerError> {
        match (strategy.kind, &strategy.train) {
            (StrategyKind::FrozenBackbone, Some(settings)) => self.network_head(strategy, settings),
            (StrategyKind::FrozenBackbone, None) => Err(WorkerError::Experiment {
                message: format!(
                    "strategy `{}` does not say how to train its head",
                    strategy.name
                ),
                hint: Some("add `train = { epochs = 1, … }`".to_owned()),
            }),
            (StrategyKind::FeatureClassifier, _) => self.classifier_head(strategy),
        }
    }

    /// A network head, trained by gradient. The trunk is frozen and nothing changes its input
    /// from epoch to epoch, so its features stand for it: training on them gives the same head.
    fn network_head(
        &self,
        strategy: &Strategy,
        settings: &topwork_schema::Train,
    ) -> Result<Fitted, WorkerError> {
        let features = self.trunk.network.blueprint().output();
        let blueprint = head_blueprint(
            self.plugins,
            &strategy.head,
            features.dims(),
            self.task.classes,
        )?;
        let begun = Instant::now();
        // Every strategy of a seed starts from the same head and sees the same order, so that
        // strategies with the same head differ in nothing but their trunk.
        let network = initialised(&blueprint, self.seed, "head");
        let mut shuffle = Stream::new(self.seed, "shuffle/target");
        let (samples, labels) = (&self.draw.train, &self.task.train.labels);
        let mut examples = Vec::new();
        let parts = train(
            self.compute,
            self.emitter,
            vec![Part {
                network,
                trained: true,
            }],
            settings,
            samples.len(),
            &mut shuffle,
            |indices, inputs, batch_labels| {
                examples.clear();
                examples.extend(indices.iter().map(|&i| samples[i]));
                self.trunk.train.gather(&examples, inputs);
                batch_labels.clear();
                batch_labels.extend(examples.iter().map(|&example| labels[example]));
                Ok(())
            },
        )?;
        let fit_seconds = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let fail = |source| WorkerError::Engine {
            stage: strategy.name.clone(),
            source,
        };
        let test = self.test_features();
        let mut scores = vec![0.0; self.draw.test.len() * self.task.classes];
        let mut parameters = 0;
        let mut saved = None;
        for part in &parts {
            part.network
                .forward(self.compute, &test, &mut scores)
                .map_err(fail)?;
            parameters += part.network.parameters() as u64;
            saved = Some(part.network.to_safetensors().map_err(fail)?);
        }
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        Ok(Fitted {
            parameters,
            converged: None,
            iterations: settings.epochs as u64,
            scores,
            fit_seconds,
            evaluate_seconds,
            saved,
        })
    }

    /// A classifier head, fitted once by its plugin.
    fn classifier_head(&self, strategy: &Strategy) -> Result<Fitted, WorkerError> {
        let head = &strategy.head;
        let mut classifier = self
            .plugins
            .classifier(&head.component, &head.parameters.clone().into())?;
        let labels: Vec<u32> = self
            .draw
            .train
            .iter()
            .map(|&i| self.task.train.labels[i])
            .collect();
        let (dim, classes) = (self.trunk.dim, self.task.classes);
        let begun = Instant::now();
        let options = FitOptions {
            seed: self.seed,
            threads: self.compute.threads(),
        };
        let mut gathered = Vec::new();
        let features = self
            .trunk
            .train
            .all_of(&self.draw.train)
            .unwrap_or_else(|| {
                self.trunk.train.gather(&self.draw.train, &mut gathered);
                &gathered
            });
        let report = classifier.fit(features, labels.len(), dim, &labels, classes, options)?;
        let fit_seconds = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let scores =
            classifier.predict(&self.test_features(), self.draw.test.len(), dim, classes)?;
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        Ok(Fitted {
            parameters: report.parameters,
            converged: Some(report.converged),
            iterations: report.iterations,
            scores,
            fit_seconds,
            evaluate_seconds,
            saved: classifier.save().transpose()?,
        })
    }

    fn test_features(&self) -> std::borrow::Cow<'_, [f32]> {
        match self.trunk.test.all_of(&self.draw.test) {
            Some(all) => all.into(),
            None => {
                let mut gathered = Vec::new();
                self.trunk.test.gather(&self.draw.test, &mut gathered);
                gathered.into()
            }
        }
    }
}
