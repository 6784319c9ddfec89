//! The run itself: stage after stage, seed after seed.

use std::sync::Arc;

use topwork_engine::{Blueprint, Compute, Network};
use topwork_events::Event;
use topwork_host::{Dataset, Options, Plugins};
use topwork_report::{percent, thousands};
use topwork_schema::{DatasetUse, Plan, Source, Weights};
use topwork_store::{FeatureCache, RunFolder};

use crate::{
    Stage, Work, WorkerError,
    draw::{Draw, draws},
    emitter::Emitter,
    features::{Trunk, TrunkIdentity},
    network::{backbone_blueprint, network_plan},
    prepare::{read_plan, run_plan, same_plugins, same_weights},
    stages,
    stages::on_features,
    task::Task,
};

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
    same_weights(&manifest)?;
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
    emitter.network(network_plan(
        "backbone",
        &plan.experiment.backbone,
        0,
        &backbone,
    ))?;
    let mut execution = Execution {
        folder,
        emitter,
        plan: &plan,
        plugins: &plugins,
        compute: &compute,
        identity: TrunkIdentity::of(&plan, &plugins),
        cache: manifest
            .feature_cache
            .as_ref()
            .map(|cache| FeatureCache::at(&cache.folder, cache.limit)),
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
pub struct Execution<'a> {
    pub folder: &'a RunFolder,
    pub emitter: &'a Emitter,
    pub plan: &'a Plan,
    pub plugins: &'a Plugins,
    pub compute: &'a Compute,
    pub backbone: Blueprint,
    pub identity: TrunkIdentity,
    pub cache: Option<FeatureCache>,
    pub tasks: Tasks,
    pub seed: SeedState,
}

/// The tasks, once the data is read.
#[derive(Default)]
pub struct Tasks {
    pub source: Option<Task>,
    pub target: Option<Task>,
}

/// What is known for the seed at work; begun anew with every seed.
#[derive(Default)]
pub struct SeedState {
    pub seed: Option<u64>,
    /// The backbone with the source's weights.
    pub trained: Option<Network>,
    /// The trunks in use, each for the strategies with its weights.
    pub trunks: Vec<(Weights, Trunk)>,
    /// Which examples each strategy uses.
    pub draws: Vec<Draw>,
    /// For every row done: its test examples' digest and which it got right.
    pub rows: Vec<(usize, String, Vec<bool>)>,
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
                draws: draws(&self.plan.experiment, self.target()?, seed)?,
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
                        .any(|stage| matches!(stage.work, Work::Strategy(row) if on_features(&strategies[row]) && strategies[row].weights == weights))
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

    /// The target task.
    pub fn target(&self) -> Result<&Task, WorkerError> {
        self.tasks
            .target
            .as_ref()
            .ok_or_else(|| out_of_order("the target's data was not read"))
    }
}

pub fn correct_of(correct: u64, total: u64) -> String {
    let share = correct as f64 / total.max(1) as f64;
    format!(
        "{} of {} correct, {}",
        thousands(correct),
        thousands(total),
        percent(share)
    )
}

pub fn engine(stage: &'static str) -> impl Fn(topwork_engine::EngineError) -> WorkerError {
    move |source| WorkerError::Engine {
        stage: stage.to_owned(),
        source,
    }
}

/// Stages come in the order [`stages`] gives them; if they ever did not, this says so.
pub fn out_of_order(what: &str) -> WorkerError {
    WorkerError::Experiment {
        message: format!("the stages ran out of order: {what}"),
        hint: None,
    }
}
