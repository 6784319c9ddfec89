//! Fitting what a strategy grafts on, and trying it on test examples.

use std::time::Instant;

use serde_json::json;
use topwork_engine::{Blueprint, Compute, Network, Part};
use topwork_events::{Event, LogLevel};
use topwork_host::{FitOptions, Plugins};
use topwork_schema::{CutPoint, Pool, Strategy, StrategyKind, Train};

use crate::{
    WorkerError,
    augment::Augment,
    draw::Draw,
    emitter::Emitter,
    evaluate,
    execute::out_of_order,
    features::Trunk,
    network::{head_blueprint, initialised, network_plan},
    proof::{Frozen, Proof},
    samples::{Images, Samples},
    task::{SplitName, Task},
    training::{Trained, Training, TrainingCheckpoints},
};

/// What was fitted and what it says of the test examples.
pub struct Fitted {
    /// Parameters that were fitted.
    pub parameters: u64,
    /// Whether the fit converged, where that means something.
    pub converged: Option<bool>,
    /// What the head's plugin says of the fit.
    pub note: Option<String>,
    /// Iterations, or epochs.
    pub iterations: u64,
    /// Scores of the test examples, `test × classes`.
    pub scores: Vec<f32>,
    /// Wall-clock time of the fit.
    pub fit_seconds: f64,
    /// Wall-clock time of scoring.
    pub evaluate_seconds: f64,
    /// What can be saved.
    pub saved: Vec<Saved>,
    /// What was frozen, before and after; `None` when nothing was.
    pub proof: Option<Proof>,
    /// Multipliers really used, by layer with weights.
    pub multipliers: Option<Vec<(String, f64)>>,
}

/// The extension of what a classifier plugin saves of its fit.
pub const STATE: &str = "state";

/// A fitted part as bytes.
pub struct Saved {
    /// `head` or `trunk`.
    pub part: &'static str,
    /// The format: `safetensors`, or `state` of a classifier plugin.
    pub extension: &'static str,
    /// The content of its file.
    pub bytes: Vec<u8>,
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
    /// The examples to use.
    pub draw: &'a Draw,
    /// The seed.
    pub seed: u64,
    /// The strategy.
    pub strategy: &'a Strategy,
    /// Where checkpoints of trainings are kept.
    pub checkpoints: &'a TrainingCheckpoints,
}

impl Fit<'_> {
    /// A network head, trained by gradient. The trunk is frozen and nothing changes its input
    /// from epoch to epoch, so its features stand for it: training on them gives the same head.
    pub fn network_head(&self, trunk: &Trunk) -> Result<Fitted, WorkerError> {
        let settings = self.train_settings()?;
        let before = trunk.digest.clone();
        let blueprint = self.head(&trunk.shape, trunk.layers())?;
        let begun = Instant::now();
        // Every strategy of a seed starts from the same head and sees the same order, so that
        // strategies with the same head differ in nothing but their trunk.
        let network = initialised(&blueprint, self.seed, "head");
        let training = self.training(settings, &trunk.train, None);
        let Trained {
            networks,
            epochs,
            earlier_seconds,
        } = training.run(vec![Part::trained(network)])?;
        let fit_seconds = earlier_seconds + begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let scores = self.scores(&networks, trunk.tested())?;
        Ok(Fitted {
            parameters: parameters(&networks),
            converged: None,
            note: None,
            iterations: epochs as u64,
            scores,
            fit_seconds,
            evaluate_seconds: begun.elapsed().as_secs_f64(),
            saved: self.save(networks.iter().map(|head| ("head", head)))?,
            proof: Some(Proof {
                before,
                after: trunk.body.digest()?,
            }),
            multipliers: None,
        })
    }

    /// A classifier head, fitted once by its plugin.
    pub fn classifier_head(&self, trunk: &Trunk) -> Result<Fitted, WorkerError> {
        let head = &self.strategy.head;
        let parameters = head.parameters.clone();
        let mut classifier = self
            .plugins
            .classifier(&head.component, &parameters.into())?;
        // The plugin is native code and is lent the features themselves: they belong to what
        // must not change.
        let before = trunk.digest_with_features()?;
        let labels: Vec<u32> = (self.draw.train.iter())
            .map(|&i| self.task.train.labels[i])
            .collect();
        let (dim, classes) = (trunk.dim, self.task.classes);
        let begun = Instant::now();
        let options = FitOptions {
            seed: self.seed,
            threads: self.compute.threads(),
        };
        let mut gathered = Vec::new();
        let features = trunk.train.all_of(&self.draw.train).unwrap_or_else(|| {
            trunk.train.gather(&self.draw.train, &mut gathered);
            &gathered
        });
        let report = classifier.fit(features, labels.len(), dim, &labels, classes, options)?;
        let fit_seconds = begun.elapsed().as_secs_f64();
        if !report.converged && !report.note.is_empty() {
            self.emitter.emit(Event::Log {
                level: LogLevel::Warning,
                from: head.plugin().to_owned(),
                text: report.note.clone(),
            })?;
        }
        let begun = Instant::now();
        let mut gathered = Vec::new();
        let tested = trunk.tested();
        let features = tested.all_of(&self.draw.test).unwrap_or_else(|| {
            tested.gather(&self.draw.test, &mut gathered);
            &gathered
        });
        let scores = classifier.predict(features, self.draw.test.len(), dim, classes)?;
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        let saved = classifier.save().transpose()?;
        Ok(Fitted {
            parameters: report.parameters,
            converged: Some(report.converged),
            note: Some(report.note).filter(|note| !note.is_empty()),
            iterations: report.iterations,
            scores,
            fit_seconds,
            evaluate_seconds,
            saved: saved
                .map(|bytes| Saved {
                    part: "head",
                    extension: STATE,
                    bytes,
                })
                .into_iter()
                .collect(),
            proof: Some(Proof {
                before,
                after: trunk.digest_with_features()?,
            }),
            multipliers: None,
        })
    }

    /// Trunk and head together, trained on images: fine-tuning, or a start from scratch.
    pub fn whole_network(&self, trunk: Network, cut: &CutPoint) -> Result<Fitted, WorkerError> {
        let settings = self.train_settings()?;
        let activations = trunk.blueprint().output();
        let pooling = pooling(activations.dims(), cut)?;
        let features = pooling.as_ref().map_or(activations, Blueprint::output);
        let blueprint = self.head(features.dims(), trunk.blueprint().layers().len())?;
        let multipliers = self.multipliers(trunk.blueprint(), &blueprint)?;
        let (of_trunk, of_head) = multipliers.split_at(trunk.blueprint().layers().len());
        let head = initialised(&blueprint, self.seed, "head");
        let frozen = Frozen::of([(&trunk, of_trunk), (&head, of_head)]);
        let before = frozen.digest(&[&trunk, &head])?;
        let used = named(trunk.blueprint(), of_trunk)
            .chain(named(&blueprint, of_head).map(|(name, used)| (format!("head {name}"), used)))
            .collect();
        let begun = Instant::now();
        let unfreeze = self
            .strategy
            .unfreeze_after
            .map(|after| (after, of_trunk.to_vec()));
        let at_first = match unfreeze {
            Some(_) => vec![0.0; of_trunk.len()],
            None => of_trunk.to_vec(),
        };
        let fail = |source| WorkerError::Engine {
            stage: self.strategy.name.clone(),
            source,
        };
        let learnt =
            [(&trunk, of_trunk), (&head, of_head)].map(|(network, of)| learning(network, of));
        // Pooling has no weights; it stands between as a network of its own.
        let pooling =
            pooling.map(|pooling| Part::trained(initialised(&pooling, self.seed, "pool")));
        let parts: Vec<Part> = [Part::with(trunk, at_first).map_err(fail)?]
            .into_iter()
            .chain(pooling)
            .chain([Part::with(head, of_head.to_vec()).map_err(fail)?])
            .collect();
        let images = |split, augment| Images {
            task: self.task,
            split,
            augment,
        };
        let augment = settings.augment.as_ref().map(Augment::from);
        let samples = images(SplitName::Train, augment);
        let training = self.training(settings, &samples, unfreeze);
        let Trained {
            networks,
            epochs,
            earlier_seconds,
        } = training.run(parts)?;
        let fit_seconds = earlier_seconds + begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let scores = self.scores(&networks, &images(SplitName::Test, None))?;
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        let [trunk, .., head] = networks.as_slice() else {
            return Err(out_of_order("training lost a part of the network"));
        };
        let after = frozen.digest(&[trunk, head])?;
        Ok(Fitted {
            parameters: learnt.iter().sum(),
            converged: None,
            note: None,
            iterations: epochs as u64,
            scores,
            fit_seconds,
            evaluate_seconds,
            saved: self.save([("trunk", trunk), ("head", head)])?,
            proof: before
                .zip(after)
                .map(|(before, after)| Proof { before, after }),
            multipliers: Some(used),
        })
    }

    fn train_settings(&self) -> Result<&Train, WorkerError> {
        self.strategy
            .train
            .as_ref()
            .ok_or_else(|| WorkerError::Experiment {
                message: format!(
                    "strategy `{}` does not say how to train its head",
                    self.strategy.name
                ),
                hint: Some("add `train = { epochs = 1 }`".to_owned()),
            })
    }

    /// The head on features of this shape, `before` layers behind the image.
    fn head(&self, features: &[usize], before: usize) -> Result<Blueprint, WorkerError> {
        let component = &self.strategy.head;
        let head = head_blueprint(self.plugins, component, features, self.task.classes)?;
        let shown = network_plan(&self.strategy.name, component, before, &head);
        self.emitter.network(shown)?;
        Ok(head)
    }

    /// One multiplier per layer, trunk first.
    fn multipliers(&self, trunk: &Blueprint, head: &Blueprint) -> Result<Vec<f32>, WorkerError> {
        if self.strategy.kind != StrategyKind::FineTune {
            return Ok(vec![1.0; trunk.layers().len() + head.layers().len()]);
        }
        let names = |blueprint: &Blueprint| -> Vec<String> {
            blueprint
                .layers()
                .iter()
                .map(|layer| layer.name.clone())
                .collect()
        };
        let multipliers = self.strategy.multipliers(&names(trunk), &names(head));
        let multipliers = multipliers.map_err(|error| WorkerError::Experiment {
            message: format!("strategy `{}`: {error}", self.strategy.name),
            hint: None,
        })?;
        Ok(multipliers
            .into_iter()
            .map(|multiplier| multiplier as f32)
            .collect())
    }

    fn training<'a>(
        &'a self,
        settings: &'a Train,
        samples: &'a dyn Samples,
        unfreeze: Option<(usize, Vec<f32>)>,
    ) -> Training<'a> {
        Training {
            compute: self.compute,
            emitter: self.emitter,
            settings,
            samples,
            examples: &self.draw.train,
            labels: &self.task.train.labels,
            classes: self.task.classes,
            seed: self.seed,
            role: "target",
            unfreeze,
            checkpoints: self.checkpoints,
        }
    }

    fn scores(&self, networks: &[Network], samples: &dyn Samples) -> Result<Vec<f32>, WorkerError> {
        let networks: Vec<&Network> = networks.iter().collect();
        let (test, classes) = (&self.draw.test, self.task.classes);
        evaluate::scores(self.compute, &networks, samples, test, classes, |_| {
            self.emitter.check_stop()
        })
    }

    fn save<'n>(
        &self,
        networks: impl IntoIterator<Item = (&'static str, &'n Network)>,
    ) -> Result<Vec<Saved>, WorkerError> {
        (networks.into_iter())
            .map(|(part, network)| {
                let bytes = network
                    .to_safetensors()
                    .map_err(|source| WorkerError::Engine {
                        stage: "saving weights".to_owned(),
                        source,
                    })?;
                Ok(Saved {
                    part,
                    extension: "safetensors",
                    bytes,
                })
            })
            .collect()
    }
}

/// The layers that pool activations of this shape as the cut says, for a trunk that is trained.
fn pooling(activations: &[usize], cut: &CutPoint) -> Result<Option<Blueprint>, WorkerError> {
    let (Some(pool), [_, height, width]) = (cut.reduction.pool, activations) else {
        return Ok(None);
    };
    let flatten = json!({ "name": "flatten", "op": "flatten" });
    let layers = match pool {
        Pool::Gap => json!([{ "name": "gap", "op": "global-avg-pool2d" }, flatten]),
        Pool::Gmp => {
            json!([{ "name": "gmp", "op": "max-pool2d", "kernel": [height, width] }, flatten])
        }
        Pool::Flatten => json!([flatten]),
        Pool::Pyramid => return Err(out_of_order("a pyramid was to be trained")),
    };
    let layers = json!({ "format": 1, "input": activations, "layers": layers }).to_string();
    let blueprint = Blueprint::parse(&layers).map_err(|source| WorkerError::Blueprint {
        component: format!("the pooling at `{}`", cut.name),
        source,
    })?;
    Ok(Some(blueprint))
}

fn parameters(networks: &[Network]) -> u64 {
    networks
        .iter()
        .map(|network| network.parameters() as u64)
        .sum()
}

/// Parameters of the layers that learn.
fn learning(network: &Network, multipliers: &[f32]) -> u64 {
    (network.blueprint().summary().iter().zip(multipliers))
        .filter(|(_, multiplier)| **multiplier != 0.0)
        .map(|(layer, _)| layer.parameters as u64)
        .sum()
}

/// The layers with weights, each with its multiplier.
fn named<'a>(
    blueprint: &Blueprint,
    multipliers: &'a [f32],
) -> impl Iterator<Item = (String, f64)> + use<'a> {
    (blueprint.summary().into_iter().zip(multipliers))
        .filter(|(layer, _)| layer.parameters > 0)
        .map(|(layer, multiplier)| (layer.name, f64::from(*multiplier)))
}
