//! The run itself: stage after stage, seed after seed.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use topwork_engine::{Compute, Network};
use topwork_events::{Event, LogLevel, Pairing};
use topwork_host::{Dataset, Options, Plugins};
use topwork_measure::{percent, thousands};
use topwork_schema::{DatasetUse, Plan, Source, TaskRole};
use topwork_store::{FeatureCache, Manifest, RunFolder, hexadecimal, sha256_of_file};

use crate::{
    FrozenTrunk, Stage, Work, WorkerError,
    backbone::Backbone,
    draw::{Draw, draws},
    emitter::Emitter,
    features::Trunk,
    prepare::{read_plan, run_plan, same_plugins, same_weights},
    remarks::Twins,
    resume::Measured,
    stages,
    task::Task,
    training::TrainingCheckpoints,
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
    let backbone = Backbone::open(&plugins, &plan.experiment.backbone)?;
    let stages = stages(&plan);
    if emitter.look(|state| state.plan.is_none()) {
        emitter.emit(Event::RunStarted(run_plan(
            &manifest, &plan, &stages, &backbone,
        )?))?;
    }
    emitter.network(backbone.plan(&plan.experiment.backbone))?;
    let mut execution = Execution {
        folder,
        emitter,
        plan: &plan,
        plugins: &plugins,
        compute: &compute,
        cache: manifest
            .feature_cache
            .as_ref()
            .map(|cache| FeatureCache::at(&cache.folder, cache.limit)),
        checkpoints: TrainingCheckpoints {
            store: folder.checkpoints(),
            every: Duration::try_from_secs_f64(manifest.checkpoint_every).unwrap_or(Duration::MAX),
        },
        backbone,
        tasks: Tasks::default(),
        seed: SeedState::default(),
        told_of_states: Cell::new(false),
    };
    execution.same_program(&manifest)?;
    if let Some(runtime) = plan
        .extractor
        .as_ref()
        .and_then(|extractor| extractor.runtime.as_ref())
    {
        execution.note(
            LogLevel::Info,
            format!("features are computed by {runtime}"),
        )?;
    }
    for (index, stage) in stages.iter().enumerate() {
        emitter.check_stop()?;
        execution.begin_seed(stage)?;
        if execution.nothing_to_do(index, stage)? {
            // A worker that was killed just after the stage left them.
            execution.checkpoints.store.remove(index)?;
            continue;
        }
        emitter.begin(index)?;
        match execution.stage(stage, &stages[index + 1..]) {
            Ok(detail) => {
                emitter.end(detail, false)?;
                if stage.work == Work::Data {
                    execution.adopt(&manifest.adopted)?;
                }
                execution.checkpoints.store.remove(index)?;
            }
            Err(error) => execution.give_up(stage, error)?,
        }
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
    pub backbone: Backbone,
    pub cache: Option<FeatureCache>,
    pub checkpoints: TrainingCheckpoints,
    pub tasks: Tasks,
    pub seed: SeedState,
    /// Whether it was said that large states of classifiers are not kept.
    pub told_of_states: Cell<bool>,
}

/// The tasks, once the data is read.
#[derive(Default)]
pub struct Tasks {
    pub source: Option<Task>,
    pub target: Option<Task>,
    /// The target's examples with the same image, where there are any.
    pub twins: Option<Twins>,
}

/// What is known for the seed at work; begun anew with every seed.
#[derive(Default)]
pub struct SeedState {
    pub seed: Option<u64>,
    /// The backbone with the source's weights.
    pub trained: Option<Network>,
    /// The trunks in use.
    pub trunks: Vec<(FrozenTrunk, Trunk)>,
    /// Which examples each row uses, fold by fold.
    pub draws: Vec<Vec<Draw>>,
    /// The rows measured, by this session or earlier ones.
    pub rows: BTreeMap<usize, Measured>,
    /// Which of them are set against each other.
    pub pairing: Pairing,
}

impl Execution<'_> {
    /// Makes ready for the seed of this stage, unless it is at work already.
    fn begin_seed(&mut self, stage: &Stage) -> Result<(), WorkerError> {
        let Some(seed) = stage.seed.filter(|_| self.seed.seed != stage.seed) else {
            return Ok(());
        };
        self.seed = SeedState {
            seed: Some(seed),
            draws: draws(self.plan, self.target()?, seed)?,
            rows: self.measured_before(seed)?,
            pairing: (self.emitter)
                .look(|state| state.plan.as_ref().map(Pairing::of))
                .unwrap_or_default(),
            ..SeedState::default()
        };
        self.seed
            .rows
            .values()
            .try_for_each(|row| self.compare(seed, row))
    }

    /// Does one stage and says in a sentence what came out. `later` are the stages to come.
    fn stage(&mut self, stage: &Stage, later: &[Stage]) -> Result<String, WorkerError> {
        let Some(seed) = stage.seed else {
            return self.read_data();
        };
        match &stage.work {
            Work::Data => self.read_data(),
            Work::Source => self.train_source(seed),
            Work::Extract(trunk) => self.extract(seed, trunk, later),
            Work::Strategy(row) => {
                let detail = self.strategy(seed, *row);
                // Features are large: they go as soon as nobody needs them any more.
                let plan = self.plan;
                let needed = |trunk: &FrozenTrunk| {
                    (later.iter())
                        .take_while(|stage| stage.seed == Some(seed))
                        .any(|stage| match stage.work {
                            Work::Strategy(row) => {
                                FrozenTrunk::of(plan, &plan.rows[row]).as_ref() == Some(trunk)
                            }
                            _ => false,
                        })
                };
                self.seed.trunks.retain(|(trunk, _)| needed(trunk));
                detail
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
            let task = Task::new(TaskRole::Source, source_data, source, None)?;
            task.touch()?;
            detail = format!("source {}; ", task.sizes());
            self.tasks.source = Some(task);
        }
        let folds = experiment.target.folds;
        let task = Task::new(TaskRole::Target, target_data, target, folds)?;
        task.touch()?;
        detail.push_str(&format!("target {}", task.sizes()));
        self.tasks.target = Some(task);
        self.same_data()?;
        self.compare_images()?;
        Ok(detail)
    }

    /// Another build may compute other bits: that is told, and no reason to lose a run.
    fn same_program(&self, manifest: &Manifest) -> Result<(), WorkerError> {
        let resumed = self.emitter.look(|state| state.resumed > 0);
        let Some(began) = manifest.binary.as_ref().filter(|_| resumed) else {
            return Ok(());
        };
        let now = std::env::current_exe().ok();
        let now = now.and_then(|program| sha256_of_file(&program).ok());
        if now.as_ref() == Some(&began.sha256) {
            return Ok(());
        }
        self.note(
            LogLevel::Warning,
            format!(
                "the run began with another build of topwork ({}): its figures may differ from those of one build in the last digits",
                manifest.version
            ),
        )
    }

    /// A run that goes on finds the data it began with.
    fn same_data(&self) -> Result<(), WorkerError> {
        let mut hash = Sha256::new();
        for task in [&self.tasks.source, &self.tasks.target]
            .into_iter()
            .flatten()
        {
            task.fingerprint(&mut hash)?;
        }
        let found = hexadecimal(&hash.finalize());
        match self.emitter.look(|state| state.data.clone()) {
            Some(expected) if expected != found => {
                Err(WorkerError::DataChanged { found, expected })
            }
            Some(_) => Ok(()),
            None => Ok(self.emitter.emit(Event::DataRead { digest: found })?),
        }
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
