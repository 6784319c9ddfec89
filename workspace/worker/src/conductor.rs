//! What the run does for its tasks: tells what they say as events, keeps what they make.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use topwork_engine::Blueprint;
use topwork_events::{EpochFigures, Event, LogLevel};
use topwork_graft::{Fold, Halt, Held, Progress, STATE, Saved, Services};
use topwork_host::Level;
use topwork_keys::FeatureKey;
use topwork_schema::{Component, Plan};
use topwork_store::{Checkpoints, FeatureCache, Found, Lookup, RunFolder};
use topwork_tasks::{Task, Tasks};

use crate::{WorkerError, emitter::Emitter, networks::network_plan, states};

/// So much of a key names a task's checkpoints.
const NAME: usize = 16;

/// The one who conducts the tasks of a run.
pub struct Conductor<'a> {
    pub folder: &'a RunFolder,
    pub emitter: &'a Emitter,
    pub plan: &'a Plan,
    pub tasks: &'a Tasks,
    /// Where features are kept across runs.
    pub cache: Option<FeatureCache>,
    /// How long a training may go on within an epoch without a checkpoint.
    pub checkpoint_every: Duration,
    /// The task at work.
    at: AtomicUsize,
    /// Whether it has asked for checkpoints: what trains nothing has none.
    trains: AtomicBool,
    /// Whether it was said that large states of classifiers are not kept.
    told_of_states: AtomicBool,
}

impl<'a> Conductor<'a> {
    pub fn new(
        folder: &'a RunFolder,
        emitter: &'a Emitter,
        plan: &'a Plan,
        tasks: &'a Tasks,
        cache: Option<FeatureCache>,
        checkpoint_every: Duration,
    ) -> Self {
        Self {
            folder,
            emitter,
            plan,
            tasks,
            cache,
            checkpoint_every,
            at: AtomicUsize::new(0),
            trains: AtomicBool::new(false),
            told_of_states: AtomicBool::new(false),
        }
    }

    /// Begins a task: what is told from here on belongs to its stage.
    pub fn begin(&self, task: usize) -> Result<(), WorkerError> {
        self.at.store(task, Ordering::Relaxed);
        self.trains.store(false, Ordering::Relaxed);
        Ok(self.emitter.begin(self.stage(task))?)
    }

    /// The stage of the run's plan that a task is told as: that with its key, and of rows that differ in their names alone the one
    /// that comes as late among them. The plan of a run that was begun before stages had keys has the same order.
    pub fn stage(&self, task: usize) -> usize {
        let key = &self.tasks[task].key;
        let twins = (0..task).filter(|&earlier| self.tasks[earlier].key == *key);
        let twins = twins.count();
        self.emitter.look(|state| {
            let stages = state.plan.iter().flat_map(|plan| &plan.stages);
            let mut found = (stages.enumerate())
                .filter(|(_, stage)| stage.key.as_ref() == Some(key))
                .map(|(stage, _)| stage);
            found.nth(twins).unwrap_or(task)
        })
    }

    /// Forgets where the training of a task stands: it is over.
    pub fn drop_checkpoints(&self, task: usize) -> Result<(), WorkerError> {
        Ok(self.folder.checkpoints().remove(&self.name(task))?)
    }

    /// The same of the task at work, which has come to its end.
    pub fn drop_own_checkpoints(&self) -> Result<(), WorkerError> {
        match self.trains.load(Ordering::Relaxed) {
            true => self.drop_checkpoints(self.at.load(Ordering::Relaxed)),
            false => Ok(()),
        }
    }

    /// A line for the run's log.
    pub fn note(&self, level: LogLevel, text: String) -> Result<(), WorkerError> {
        let from = "topwork".to_owned();
        Ok(self.emitter.emit(Event::Log { level, from, text })?)
    }

    /// Whether the state of a classifier of so many bytes is kept. The first one that is not is told.
    pub fn keeps_state(&self, title: &str, bytes: usize) -> Result<bool, WorkerError> {
        let share = states::share_of(self.plan);
        let keeps = bytes as u64 <= share;
        if !keeps && !self.told_of_states.swap(true, Ordering::Relaxed) {
            self.note(LogLevel::Info, states::not_kept(title, share, bytes))?;
        }
        Ok(keeps)
    }

    /// What names the checkpoints of a task.
    fn name(&self, task: usize) -> String {
        let stage = self.stage(task);
        let keyed = (self.emitter).look(|state| {
            let stages = state.plan.as_ref().map(|plan| &plan.stages);
            stages.is_some_and(|stages| stages.get(stage).is_some_and(|stage| stage.key.is_some()))
        });
        match keyed {
            true => self.tasks[task].key[..NAME].to_owned(),
            false => stage.to_string(),
        }
    }

    /// Where the training at work keeps its checkpoints, and under which name.
    fn checkpoints(&self) -> (Checkpoints, String) {
        self.trains.store(true, Ordering::Relaxed);
        let all = self.folder.checkpoints();
        let fold = self.emitter.fold();
        let checkpoints = fold.map_or_else(|| all.clone(), |fold| all.fold(fold));
        (checkpoints, self.name(self.at.load(Ordering::Relaxed)))
    }

    fn task(&self) -> &Task {
        &self.tasks[self.at.load(Ordering::Relaxed)]
    }
}

/// The word for viewers of what the host calls the same.
pub fn as_told(level: Level) -> LogLevel {
    match level {
        Level::Error => LogLevel::Error,
        Level::Warning => LogLevel::Warning,
        Level::Info => LogLevel::Info,
        Level::Debug => LogLevel::Debug,
    }
}

/// A refusal of the run folder is a reason to halt.
fn halt<E: Into<WorkerError>>(error: E) -> Halt {
    error.into().into()
}

impl Services for Conductor<'_> {
    fn step(&self, progress: Progress<'_>) -> Result<(), Halt> {
        self.emitter.step(progress).map_err(halt)
    }

    fn candidates(&self, done: u64, of: u64) -> Result<(), Halt> {
        self.emitter.candidates(done, of).map_err(halt)
    }

    fn check_stop(&self) -> Result<(), Halt> {
        self.emitter.check_stop().map_err(halt)
    }

    fn begin_fold(&self, fold: Fold) -> Result<(), Halt> {
        self.emitter.begin_fold(fold).map_err(halt)
    }

    fn fold(&self) -> Option<u32> {
        self.emitter.fold()
    }

    fn epoch_ended(&self, figures: &EpochFigures) -> Result<(), Halt> {
        let (stage, figures) = (self.emitter.stage(), *figures);
        let event = Event::EpochEnded { stage, figures };
        self.emitter.emit(event).map_err(halt)
    }

    fn epochs_before(&self, ended: &[EpochFigures]) -> Result<(), Halt> {
        let (stage, fold) = (self.emitter.stage(), self.emitter.fold());
        let told = self.emitter.look(|run| {
            let stage = run.stages.get(stage);
            let epochs = stage.map_or(&[][..], |stage| &stage.epochs);
            let of_fold = epochs.iter().filter(|epoch| epoch.fold == fold);
            of_fold.copied().collect::<Vec<_>>()
        });
        let known = (ended.iter().zip(&told))
            .take_while(|(figures, told)| figures == told)
            .count();
        ended[known..]
            .iter()
            .try_for_each(|figures| self.epoch_ended(figures))
    }

    fn network(
        &self,
        role: &str,
        component: &Component,
        before: usize,
        blueprint: &Blueprint,
    ) -> Result<(), Halt> {
        let shown = network_plan(role, component, before, blueprint);
        self.emitter.network(shown).map_err(halt)
    }

    fn log(&self, level: Level, from: &str, text: String) -> Result<(), Halt> {
        let (level, from) = (as_told(level), from.to_owned());
        let event = Event::Log { level, from, text };
        self.emitter.emit(event).map_err(halt)
    }

    fn checkpoint_every(&self) -> Duration {
        self.checkpoint_every
    }

    fn keep_checkpoint(&self, state: &[u8]) -> Result<(), Halt> {
        let (checkpoints, name) = self.checkpoints();
        checkpoints.write(&name, state).map_err(halt)
    }

    fn checkpoints(&self, read: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<(), Halt> {
        let (checkpoints, name) = self.checkpoints();
        let Found { unusable, .. } = checkpoints.newest(&name, read).map_err(halt)?;
        unusable.iter().try_for_each(|one| {
            let (path, reason) = (one.path.display(), &one.reason);
            let text = format!("checkpoint `{path}` is not used: {reason}");
            self.note(LogLevel::Warning, text).map_err(halt)
        })
    }

    fn features(&self, key: &FeatureKey) -> Result<Option<(Held, f64)>, Halt> {
        let Some(cache) = &self.cache else {
            return Ok(None);
        };
        let trouble = match cache.get(key) {
            Ok(Lookup::Hit(values, seconds)) => return Ok(Some((Box::new(values), seconds))),
            Ok(Lookup::Miss) => return Ok(None),
            Ok(Lookup::Damaged(reason)) => {
                format!("removed a damaged entry of the feature cache: {reason}")
            }
            Err(error) => format!("cannot use the feature cache: {error}"),
        };
        self.note(LogLevel::Warning, trouble).map_err(halt)?;
        Ok(None)
    }

    /// A cache that cannot be written costs time, not the run.
    fn keep_features(&self, key: &FeatureKey, values: &[f32], seconds: f64) -> Result<(), Halt> {
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(key, values, seconds)
        {
            let text = format!("cannot keep features for other runs: {error}");
            self.note(LogLevel::Warning, text).map_err(halt)?;
        }
        Ok(())
    }

    fn keep_model(&self, fold: Option<Fold>, parts: Vec<Saved>) -> Result<(), Halt> {
        let (Some(row), Some(seed)) = (self.task().row(), self.task().seed) else {
            return Ok(());
        };
        let title = self.plan.title(&self.plan.rows[row]);
        let model = (self.folder).model(row, &title, seed, fold.map(|fold| fold.number));
        let mut files = Vec::with_capacity(parts.len());
        for part in &parts {
            let is_state = part.extension == STATE;
            if is_state && !self.keeps_state(&title, part.bytes.len()).map_err(halt)? {
                continue;
            }
            let path = model.part(part.part, part.extension);
            files.push((path, part.bytes.as_slice()));
        }
        (self.folder.write_in(model.path(), &files)).map_err(halt)
    }

    fn keeps_features(&self) -> bool {
        self.cache.is_some()
    }

    fn may_have_features(&self, key: &FeatureKey) -> bool {
        (self.cache.as_ref()).is_some_and(|cache| cache.may_hold(key))
    }
}
