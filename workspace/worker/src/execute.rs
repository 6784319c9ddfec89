//! The run itself: task after task, seed after seed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use topwork_engine::{Compute, Network};
use topwork_events::{Came, Event, Judging, LogLevel, RunState};
use topwork_graft::{
    Backbone, Features, Tools,
    data::{Draw, TaskExamples, Twins, draws},
    engine, out_of_order,
};
use topwork_host::{Options, Plugins};
use topwork_keys::Adopted;
use topwork_schema::{Plan, Row};
use topwork_store::{FeatureCache, Manifest, RunFolder, StoreError, sha256_of_file};
use topwork_tasks::{Tasks, TrunkId, Work};

use crate::{
    WorkerError,
    adopt::copy_source,
    conductor::Conductor,
    emitter::Emitter,
    networks::backbone_plan,
    prepare::{made, read_plan, run_plan, same_plugins, same_weights},
    resampling::Resampling,
    share::{Duty, Share},
};

/// Does what the run folder says, part after part.
pub fn execute(folder: &RunFolder, duty: Duty, emitter: &Arc<Emitter>) -> Result<(), WorkerError> {
    let manifest = folder.manifest()?;
    let threads = folder.assignment().threads.unwrap_or(manifest.threads);
    let share = Share::of(folder, duty);
    let plugins = Plugins::load(Options {
        folders: manifest.plugin_folders.clone(),
        data_folders: manifest.data_folders.clone(),
        cache_folder: manifest.cache_folder.clone(),
        threads,
        observer: Arc::clone(emitter) as Arc<dyn topwork_host::Observer>,
    });
    same_plugins(&manifest, &plugins)?;
    let parts = folder.parts();
    if let [only] = parts.as_slice() {
        let part = Part::open(only, &plugins)?;
        part.announce(emitter)?;
        return match duty {
            Duty::Plan => Ok(()),
            Duty::Work | Duty::End => part.execute(&plugins, threads, &share, emitter),
        };
    }
    let known: Result<Vec<RunState>, StoreError> = parts.iter().map(RunFolder::state).collect();
    emitter.of_parts(known?);
    let mut opened = Vec::new();
    for (index, folder) in parts.iter().enumerate() {
        emitter.begin_part(index);
        let part = Part::open(folder, &plugins)?;
        part.announce(emitter)?;
        opened.push(part);
    }
    if duty == Duty::Plan {
        return Ok(());
    }
    for (index, part) in opened.into_iter().enumerate() {
        emitter.check_stop()?;
        emitter.begin_part(index);
        if index > 0 {
            part.take_over_sources(&parts[..index], emitter)?;
        }
        part.execute(&plugins, threads, &share, emitter)?;
    }
    Ok(())
}

/// One backbone with one target: all of a run of no other.
struct Part<'a> {
    folder: &'a RunFolder,
    manifest: Manifest,
    plan: Plan,
    backbone: Backbone,
    tasks: Tasks,
}

impl<'a> Part<'a> {
    fn open(folder: &'a RunFolder, plugins: &Plugins) -> Result<Self, WorkerError> {
        let manifest = folder.manifest()?;
        same_weights(&manifest)?;
        let plan = read_plan(folder, plugins)?;
        let backbone = Backbone::of_plan(plugins, &plan)?;
        let tasks = Tasks::of(&plan, &made(&manifest.plugins, manifest.weights.as_ref()));
        Ok(Self {
            folder,
            manifest,
            plan,
            backbone,
            tasks,
        })
    }

    /// Says what is going to be done, unless that was said.
    fn announce(&self, emitter: &Emitter) -> Result<(), WorkerError> {
        if emitter.look(|state| state.plan.is_none()) {
            let plan = run_plan(&self.manifest, &self.plan, &self.tasks, &self.backbone)?;
            emitter.emit(Event::RunStarted(plan))?;
        }
        Ok(())
    }

    /// Takes the trained backbones of earlier parts that have trained the same.
    fn take_over_sources(
        &self,
        earlier: &[RunFolder],
        emitter: &Emitter,
    ) -> Result<(), WorkerError> {
        let known = |seed: u64| emitter.look(|state| state.source.get(&(0, seed)).is_some());
        let mut wanted = self.manifest.cells.sources.clone();
        wanted.retain(|source| !known(source.seed));
        for other in earlier.iter().filter(|_| !wanted.is_empty()) {
            let theirs = other.manifest()?.cells.sources;
            if !wanted.iter().any(|source| theirs.contains(source)) {
                continue;
            }
            let state = other.state()?;
            for source in wanted.iter().filter(|source| theirs.contains(source)) {
                let outcome = state.source.get(&(0, source.seed));
                if let Some(outcome) = outcome.filter(|_| !known(source.seed))
                    && copy_source(other, self.folder, source.seed)?
                {
                    emitter.emit(Event::SourceEvaluated(outcome.clone()))?;
                }
            }
        }
        Ok(())
    }

    fn execute(
        &self,
        plugins: &Plugins,
        threads: usize,
        share: &Share,
        emitter: &Arc<Emitter>,
    ) -> Result<(), WorkerError> {
        let Self {
            folder,
            manifest,
            plan,
            backbone,
            tasks,
        } = self;
        let compute = Compute::new(threads).map_err(engine("starting"))?;
        emitter.network(backbone_plan(backbone, &plan.experiment.backbone))?;
        let conductor = Conductor::new(
            folder,
            emitter,
            plan,
            tasks,
            (manifest.feature_cache.as_ref())
                .map(|cache| FeatureCache::at(&cache.folder, cache.limit)),
            Duration::try_from_secs_f64(manifest.checkpoint_every).unwrap_or(Duration::MAX),
        );
        let mut execution = Execution {
            tools: Tools {
                plan,
                plugins,
                compute: &compute,
                backbone,
                services: &conductor,
            },
            folder,
            emitter,
            plan,
            tasks,
            conductor: &conductor,
            share,
            judging: emitter
                .look(|state| state.plan.as_ref().map(|plan| plan.judging.clone()))
                .unwrap_or_default(),
            resampling: Resampling::default(),
            data: Data::default(),
            seed: SeedState::default(),
        };
        execution.same_program(manifest)?;
        let runtime = plan.extractor.as_ref().and_then(|of| of.runtime.as_ref());
        if let Some(runtime) = runtime {
            conductor.note(
                LogLevel::Info,
                format!("features are computed by {runtime}"),
            )?;
        }
        // What waits for another process is put off until nothing else is left.
        for patient in [false, true] {
            let mut put_off = BTreeSet::new();
            for task in 0..tasks.len() {
                emitter.check_stop()?;
                let waits = tasks[task].needs.iter().any(|need| put_off.contains(need));
                if waits || !execution.attempt(task, patient, &manifest.adopted)? {
                    put_off.insert(task);
                }
            }
            if put_off.is_empty() {
                break;
            }
        }
        execution.give_up_missing()?;
        execution.judge()
    }
}

/// A part of a run in progress.
pub struct Execution<'a> {
    pub tools: Tools<'a>,
    pub folder: &'a RunFolder,
    pub emitter: &'a Emitter,
    pub plan: &'a Plan,
    pub tasks: &'a Tasks,
    pub conductor: &'a Conductor<'a>,
    /// Which of the tasks are this process's.
    pub share: &'a Share,
    /// What rows are judged by.
    pub judging: Judging,
    /// What figures come to on resamples.
    pub resampling: Resampling,
    pub data: Data,
    pub seed: SeedState,
}

/// What the data stage has made.
#[derive(Default)]
pub struct Data {
    pub source: Option<TaskExamples>,
    pub target: Option<TaskExamples>,
    /// The target's further test sets.
    pub further: Vec<TaskExamples>,
    /// The target's examples with the same image, where there are any.
    pub twins: Option<Twins>,
}

/// What the tasks of the seed at work have made; begun anew with every seed.
#[derive(Default)]
pub struct SeedState {
    pub seed: Option<u64>,
    /// The backbone with the source's weights.
    pub trained: Option<Network>,
    /// The features in use.
    pub features: Vec<(TrunkId, Features)>,
    /// Which examples each row uses, fold by fold.
    pub draws: Vec<Vec<Draw>>,
    /// The rows measured, by this session or earlier ones.
    pub rows: BTreeSet<usize>,
}

impl Execution<'_> {
    /// Does a task, if it is this process's and not done; false when another process is at it that is not waited for.
    fn attempt(
        &mut self,
        task: usize,
        patient: bool,
        adopted: &Adopted,
    ) -> Result<bool, WorkerError> {
        let is_data = self.tasks[task].work == Work::Data;
        let known = is_data && self.data.target.is_some();
        if known || !self.concerns(task)? {
            return Ok(true);
        }
        self.begin_seed(task)?;
        let Some(_claim) = self.claim(task, patient)? else {
            return Ok(self.tasks[task].row().is_some());
        };
        // Another may have done it since, up to the moment of the claim.
        if !self.still_concerns(task)? {
            return Ok(true);
        }
        if self.nothing_to_do(task)? {
            // A worker that was killed just after the stage left them.
            self.conductor.drop_checkpoints(task)?;
            return Ok(true);
        }
        self.conductor.begin(task)?;
        match self.run(task) {
            Ok(made) => {
                self.emitter.end(made, false)?;
                if is_data {
                    self.adopt(adopted)?;
                }
                self.conductor.drop_own_checkpoints()?;
            }
            Err(error) => self.give_up(task, error)?,
        }
        Ok(true)
    }

    /// Makes ready for the seed of this task, unless it is at work already.
    pub fn begin_seed(&mut self, task: usize) -> Result<(), WorkerError> {
        let wanted = self.tasks[task].seed;
        let Some(seed) = wanted.filter(|_| self.seed.seed != wanted) else {
            return Ok(());
        };
        if self.seed.seed.is_some() {
            self.judge()?;
        }
        let draws = draws(self.plan, self.target()?, seed)?;
        self.keep_examples(seed, &draws)?;
        self.seed = SeedState {
            seed: Some(seed),
            rows: self.measured_before(seed, &draws)?,
            draws,
            ..SeedState::default()
        };
        Ok(())
    }

    /// Does one task and says what came out.
    fn run(&mut self, task: usize) -> Result<Came, WorkerError> {
        let Some(seed) = self.tasks[task].seed else {
            return self.read_data().map(Came::Made);
        };
        match &self.tasks[task].work {
            Work::Data => self.read_data().map(Came::Made),
            Work::Source => self.train_source(seed).map(Came::Made),
            Work::Features(trunk) => self.extract(seed, task, trunk).map(Came::Made),
            Work::Row(row) => {
                let made = self.measure_row(seed, *row);
                // Features are large: they go as soon as nobody needs them any more.
                let later = &self.tasks[task + 1..];
                let plan = self.plan;
                self.seed.features.retain(|(trunk, _)| {
                    (later.iter().take_while(|task| task.seed == Some(seed)))
                        .filter_map(|task| task.row())
                        .any(|row| works_on(plan, &plan.rows[row], trunk))
                });
                made
            }
        }
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
        self.conductor.note(
            LogLevel::Warning,
            format!(
                "the run began with another build of topwork ({}): its figures may differ from those of one build in the last digits",
                manifest.version
            ),
        )
    }

    /// The target task.
    pub fn target(&self) -> Result<&TaskExamples, WorkerError> {
        let target = self.data.target.as_ref();
        Ok(target.ok_or_else(|| out_of_order("the target's data was not read"))?)
    }
}

/// Whether a row works on the features of this trunk.
pub fn works_on(plan: &Plan, row: &Row, trunk: &TrunkId) -> bool {
    TrunkId::of(plan, row).contains(trunk)
}
