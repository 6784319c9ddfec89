//! The run itself: stage after stage, seed after seed.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use topwork_engine::{Blueprint, Compute, Network, Part, Stream};
use topwork_events::{Agreement, Event, Outcome, Seconds, SourceOutcome};
use topwork_host::{Dataset, Options, Plugins};
use topwork_report::{percent, thousands};
use topwork_schema::{DatasetUse, Plan, Source, Strategy, Weights};
use topwork_stats::{Confusion, Disagreement};
use topwork_store::{RunFolder, reason};

use crate::{
    Stage, Work, WorkerError,
    draw::stratified,
    emitter::Emitter,
    features::Trunk,
    network::{backbone_blueprint, head_blueprint, initialised},
    predictions::{Predictions, predicted},
    prepare::{read_plan, run_plan, same_plugins},
    stages,
    strategy::{Draw, Fit, Fitted},
    task::{SplitName, Task},
    training::train,
};

/// Test images read and classified at once.
const BLOCK: usize = 512;

/// Does what the run folder says.
pub fn execute(folder: &RunFolder, emitter: &Arc<Emitter>) -> Result<(), WorkerError> {
    let manifest = folder.manifest()?;
    let plugins = Plugins::load(Options {
        folders: manifest.plugin_folders.clone(),
        data_folders: manifest.data_folders.clone(),
        cache_folder: manifest.cache_folder.clone(),
        threads: manifest.threads,
        observer: Arc::clone(emitter) as Arc<dyn topwork_host::Observer>,
    });
    same_plugins(&manifest, &plugins)?;
    let plan = read_plan(folder, &plugins)?;
    let compute = Compute::new(manifest.threads).map_err(|source| WorkerError::Engine {
        stage: "starting".to_owned(),
        source,
    })?;
    let backbone = backbone_blueprint(&plugins, &plan.experiment.backbone)?;
    let trunk = backbone
        .keep(plan.cut_layers)
        .map_err(|source| WorkerError::Blueprint {
            component: format!("`{}`", plan.experiment.backbone.component),
            source,
        })?;
    let stages = stages(&plan);
    emitter.emit(Event::RunStarted(run_plan(
        &manifest, &plan, &stages, &trunk,
    )))?;
    let mut execution = Execution {
        folder,
        emitter,
        plan: &plan,
        plugins: &plugins,
        compute: &compute,
        backbone,
        tasks: Tasks::default(),
        seed: SeedState::default(),
    };
    for (index, stage) in stages.iter().enumerate() {
        emitter.begin(index)?;
        let detail = execution.stage(stage, &stages[index + 1..])?;
        emitter.end(detail)?;
    }
    Ok(())
}

/// A run in progress.
struct Execution<'a> {
    folder: &'a RunFolder,
    emitter: &'a Emitter,
    plan: &'a Plan,
    plugins: &'a Plugins,
    compute: &'a Compute,
    backbone: Blueprint,
    tasks: Tasks,
    seed: SeedState,
}

/// The tasks, once the data is read.
#[derive(Default)]
struct Tasks {
    source: Option<Task>,
    target: Option<Task>,
}

/// What is known for the seed at work; begun anew with every seed.
#[derive(Default)]
struct SeedState {
    seed: Option<u64>,
    /// The backbone with the source's weights.
    trained: Option<Network>,
    /// The trunks in use, each for the strategies with its weights.
    trunks: Vec<(Weights, Trunk)>,
    /// Which examples each strategy uses.
    draws: Vec<Draw>,
    /// For every row done: its test examples' digest and which it got right.
    rows: Vec<(usize, String, Vec<bool>)>,
}

impl Execution<'_> {
    /// Does one stage and says in a sentence what came out. `later` are the stages to come.
    fn stage(&mut self, stage: &Stage, later: &[Stage]) -> Result<String, WorkerError> {
        if self.emitter.stopping() {
            return Err(WorkerError::Stopped);
        }
        let Some(seed) = stage.seed else {
            return self.read_data();
        };
        if self.seed.seed != Some(seed) {
            self.seed = SeedState {
                seed: Some(seed),
                draws: self.draws(seed)?,
                ..SeedState::default()
            };
        }
        match stage.work {
            Work::Data => self.read_data(),
            Work::Source => self.train_source(seed),
            Work::Extract(weights) => self.extract(seed, weights),
            Work::Strategy(row) => {
                let detail = self.strategy(seed, row)?;
                let needed = |weights: Weights| {
                    let strategies = &self.plan.experiment.strategies;
                    (later.iter().take_while(|stage| stage.seed == Some(seed)))
                        .any(|stage| matches!(stage.work, Work::Strategy(row) if strategies[row].weights == weights))
                };
                // Features are large: they go as soon as nobody needs them any more.
                self.seed.trunks.retain(|(weights, _)| needed(*weights));
                Ok(detail)
            }
        }
    }

    fn read_data(&mut self) -> Result<String, WorkerError> {
        let experiment = &self.plan.experiment;
        let target = &experiment.target.dataset;
        let open = |used: &DatasetUse| -> Result<Arc<Dataset>, WorkerError> {
            let component = &used.component;
            Ok(Arc::new(self.plugins.dataset(
                &component.component,
                &component.parameters.clone().into(),
            )?))
        };
        let target_data = open(target)?;
        let mut detail = String::new();
        if let Some(Source {
            dataset: source, ..
        }) = &experiment.source
        {
            // One dataset for both tasks is opened, and held in memory, once.
            let same = source.component == target.component;
            let source_data = if same {
                Arc::clone(&target_data)
            } else {
                open(source)?
            };
            let task = Task::new(source_data, source)?;
            task.touch()?;
            detail = format!("source {}, ", task.sizes());
            self.tasks.source = Some(task);
        }
        let task = Task::new(target_data, target)?;
        task.touch()?;
        detail.push_str(&format!("target {}", task.sizes()));
        self.tasks.target = Some(task);
        Ok(detail)
    }

    fn target(&self) -> Result<&Task, WorkerError> {
        self.tasks
            .target
            .as_ref()
            .ok_or_else(|| out_of_order("the target's data was not read"))
    }

    /// The examples of every strategy. Strategies that want the same number get the same ones.
    fn draws(&self, seed: u64) -> Result<Vec<Draw>, WorkerError> {
        let target = self.target()?;
        let draw = |strategy: &Strategy, split, key: &str, count: Option<usize>| {
            let labels = &target.examples(split).labels;
            let Some(count) = count else {
                return Ok((0..labels.len()).collect());
            };
            let mut stream = Stream::new(seed, &format!("subset/{key}"));
            stratified(labels, target.classes, count, &mut stream).ok_or_else(|| WorkerError::Experiment {
                message: format!(
                    "strategy `{}`: `{key} = {count}`, but the target has {} such samples in its classes",
                    strategy.name,
                    thousands(labels.len() as u64)
                ),
                hint: Some(format!("leave `{key}` out to use all of them")),
            })
        };
        (self.plan.experiment.strategies.iter())
            .map(|strategy| {
                Ok(Draw {
                    train: draw(
                        strategy,
                        SplitName::Train,
                        "train-samples",
                        strategy.train_samples,
                    )?,
                    test: draw(
                        strategy,
                        SplitName::Test,
                        "test-samples",
                        strategy.test_samples,
                    )?,
                })
            })
            .collect()
    }

    fn train_source(&mut self, seed: u64) -> Result<String, WorkerError> {
        let begun = Instant::now();
        let (Some(source), Some(task)) = (&self.plan.experiment.source, &self.tasks.source) else {
            return Err(out_of_order("the source's data was not read"));
        };
        let features = self.backbone.output();
        let head = head_blueprint(self.plugins, &source.head, features.dims(), task.classes)?;
        let parts = vec![
            Part {
                network: initialised(&self.backbone, seed, "backbone"),
                trained: true,
            },
            Part {
                network: initialised(&head, seed, "source-head"),
                trained: true,
            },
        ];
        let trainable_parameters = parts
            .iter()
            .map(|part| part.network.parameters() as u64)
            .sum();
        let samples = task.train.positions.len();
        let mut parts = train(
            self.compute,
            self.emitter,
            parts,
            &source.train,
            samples,
            &mut Stream::new(seed, "shuffle/source"),
            |examples, images, labels| {
                task.read(SplitName::Train, examples, images)?;
                labels.clear();
                labels.extend(examples.iter().map(|&example| task.train.labels[example]));
                Ok(())
            },
        )?
        .into_iter();
        let (Some(backbone), Some(head)) = (parts.next(), parts.next()) else {
            return Err(out_of_order("training lost a part of the network"));
        };
        let (backbone, head) = (backbone.network, head.network);
        let correct = self.evaluate_source(task, &backbone, &head)?;
        for (name, network) in [("backbone", &backbone), ("source-head", &head)] {
            let bytes = network.to_safetensors().map_err(engine("saving weights"))?;
            self.folder
                .write(&self.folder.weights_path(name, seed), &bytes)?;
        }
        let total = task.test.labels.len() as u64;
        self.emitter.emit(Event::SourceEvaluated(SourceOutcome {
            seed,
            correct,
            total,
            epochs: source.train.epochs as u32,
            train_samples: samples as u64,
            trainable_parameters,
            seconds: begun.elapsed().as_secs_f64(),
        }))?;
        self.seed.trained = Some(backbone);
        Ok(correct_of(correct, total))
    }

    fn evaluate_source(
        &self,
        task: &Task,
        backbone: &Network,
        head: &Network,
    ) -> Result<u64, WorkerError> {
        let (mut images, mut features, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        let examples: Vec<usize> = (0..task.test.labels.len()).collect();
        let mut correct = 0;
        for block in examples.chunks(BLOCK) {
            task.read(SplitName::Test, block, &mut images)?;
            features.resize(block.len() * self.backbone.output().elements(), 0.0);
            scores.resize(block.len() * task.classes, 0.0);
            backbone
                .forward(self.compute, &images, &mut features)
                .map_err(engine("evaluating"))?;
            head.forward(self.compute, &features, &mut scores)
                .map_err(engine("evaluating"))?;
            correct += (block.iter().zip(scores.chunks_exact(task.classes)))
                .filter(|(example, scores)| {
                    predicted(scores) == task.test.labels[**example] as usize
                })
                .count() as u64;
        }
        Ok(correct)
    }

    fn extract(&mut self, seed: u64, weights: Weights) -> Result<String, WorkerError> {
        let network = self
            .backbone_with(seed, weights)?
            .keep(self.plan.cut_layers)
            .map_err(engine("cutting"))?;
        let needed = |pick: fn(&Draw) -> &Vec<usize>| -> Vec<usize> {
            let strategies = self.plan.experiment.strategies.iter().zip(&self.seed.draws);
            let examples: BTreeSet<usize> = strategies
                .filter(|(strategy, _)| strategy.weights == weights)
                .flat_map(|(_, draw)| pick(draw).iter().copied())
                .collect();
            examples.into_iter().collect()
        };
        let (train, test) = (needed(|draw| &draw.train), needed(|draw| &draw.test));
        let images = (train.len() + test.len()) as u64;
        let trunk = Trunk::extract(
            self.compute,
            self.emitter,
            network,
            self.target()?,
            train,
            test,
        )?;
        let detail = format!(
            "{} vectors of {} numbers",
            thousands(images),
            thousands(trunk.dim as u64)
        );
        self.seed.trunks.push((weights, trunk));
        Ok(detail)
    }

    /// The backbone as the source left it, as a file has it, or as it was initialised.
    fn backbone_with(&self, seed: u64, weights: Weights) -> Result<Network, WorkerError> {
        let initial = || initialised(&self.backbone, seed, "backbone");
        if weights == Weights::Random {
            return Ok(initial());
        }
        if let Some(trained) = &self.seed.trained {
            return Ok(trained.clone());
        }
        let Some(path) = &self.plan.experiment.backbone_weights else {
            return Err(out_of_order("the source was not trained"));
        };
        let fail = |reason: String| WorkerError::Weights {
            path: path.display().to_string(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|error| fail(reason(&error)))?;
        let mut network = initial();
        network
            .load_safetensors(&bytes)
            .map_err(|error| fail(error.to_string()))?;
        Ok(network)
    }

    fn strategy(&mut self, seed: u64, row: usize) -> Result<String, WorkerError> {
        let strategy = &self.plan.experiment.strategies[row];
        let draw = &self.seed.draws[row];
        let task = self.target()?;
        let position = self
            .seed
            .trunks
            .iter()
            .position(|(weights, _)| *weights == strategy.weights);
        let Some((_, trunk)) = position.map(|position| &self.seed.trunks[position]) else {
            return Err(out_of_order("the features were not extracted"));
        };
        let (compute, emitter, plugins) = (self.compute, self.emitter, self.plugins);
        let before = trunk.network.digest();
        let fitted = Fit {
            compute,
            emitter,
            plugins,
            task,
            trunk,
            draw,
            seed,
        }
        .run(strategy)?;
        let after = trunk.network.digest();
        // Against the digest at the cut, too: the features are those of that trunk.
        if after != before || after != trunk.digest {
            return Err(WorkerError::FrozenChanged {
                strategy: strategy.name.clone(),
                before,
                after,
            });
        }
        let measured = self.measure(row, seed, task, draw, &fitted)?;
        let outcome = Outcome {
            row,
            seed,
            correct: measured.confusion.correct(),
            total: measured.confusion.total(),
            test_set: task.digest(SplitName::Test, &draw.test),
            train_samples: draw.train.len() as u64,
            trainable_parameters: fitted.parameters,
            frozen_intact: true,
            trunk_digest: after,
            seconds: Seconds {
                extract: trunk.seconds,
                fit: fitted.fit_seconds,
                evaluate: fitted.evaluate_seconds,
            },
            features_cached: trunk.paid,
            confusion: measured.confusion.rows(),
            converged: fitted.converged,
            iterations: Some(fitted.iterations),
        };
        let detail = correct_of(outcome.correct, outcome.total);
        let test_set = outcome.test_set.clone();
        self.emitter.emit(Event::StrategyEvaluated(outcome))?;
        self.compare(seed, row, test_set, measured.right)?;
        if let Some((_, trunk)) = position.map(|position| &mut self.seed.trunks[position]) {
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
        if let Some(saved) = &fitted.saved {
            self.folder
                .write(&self.folder.head_path(row, name, seed), saved)?;
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

fn correct_of(correct: u64, total: u64) -> String {
    let share = correct as f64 / total.max(1) as f64;
    format!(
        "{} of {} correct, {}",
        thousands(correct),
        thousands(total),
        percent(share)
    )
}

fn engine(stage: &'static str) -> impl Fn(topwork_engine::EngineError) -> WorkerError {
    move |source| WorkerError::Engine {
        stage: stage.to_owned(),
        source,
    }
}

/// Stages come in the order [`stages`] gives them; if they ever did not, this says so.
fn out_of_order(what: &str) -> WorkerError {
    WorkerError::Experiment {
        message: format!("the stages ran out of order: {what}"),
        hint: None,
    }
}
