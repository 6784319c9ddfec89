//! Work that may take a while, done by one thread of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, TryRecvError},
    },
};

use topwork_events::RunState;
use topwork_report::Results;
use topwork_store::{ImageSample, RunFolder, Runs};

use crate::{event::Event, views::features::Features};

/// What the dashboard asks of its caller. Called from a thread that may wait.
pub trait Control: Send + Sync {
    /// Asks the run to stop at its next step, or kills it. The error is a sentence.
    fn stop(&self, run: &RunFolder, kill: bool) -> Result<(), String>;
    /// Removes a run that has ended from disk. The error is a sentence.
    fn remove(&self, run: &RunFolder) -> Result<(), String>;
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Reads what sets the strategies of a run apart.
    ReadSettings(RunFolder),
    /// Lists the runs of a folder.
    ListRuns(PathBuf),
    /// Asks a run to stop, or kills it.
    Stop {
        /// The run.
        run: RunFolder,
        /// Without waiting for the next step.
        kill: bool,
    },
    /// Removes a run from disk.
    Remove(RunFolder),
    /// Reads a sample of features and works out what is drawn of it.
    ReadFeatures(PathBuf),
    /// Reads a sample of test images.
    ReadImages(PathBuf),
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What sets the strategies of a run apart.
    Settings(RunFolder, Settings),
    /// The runs of a folder, the oldest first.
    Runs(Vec<RunEntry>),
    /// A run was asked to stop.
    AskedToStop(RunFolder),
    /// A run is gone.
    Removed(RunFolder),
    /// The sample of features in a file, if it is there, or what is wrong with it.
    Features(PathBuf, Result<Option<Arc<Features>>, String>),
    /// The sample of test images in a file, likewise.
    Images(PathBuf, Result<Option<Arc<ImageSample>>, String>),
    /// It failed: one sentence.
    Failed(String),
}

/// The settings of an experiment by their dotted paths, as written in its file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Of the experiment as a whole.
    pub experiment: BTreeMap<String, String>,
    /// Of every strategy, by its name.
    pub strategies: Vec<(String, BTreeMap<String, String>)>,
}

/// One run of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Where it is.
    pub folder: RunFolder,
    /// How it stands, in a few words.
    pub standing: String,
    /// Whether it may still go on.
    pub alive: bool,
    /// When it was created, milliseconds since the Unix epoch.
    pub created_at: u64,
    /// How long it took, seconds.
    pub seconds: Option<f64>,
    /// Name and mean accuracy of its best strategy.
    pub best: Option<(String, f64)>,
}

impl Job {
    /// Whether a newer job of this kind makes an older one pointless.
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::ListRuns(new), Self::ListRuns(old)) => new == old,
            // Whoever steps through strategies wants the one arrived at.
            (Self::ReadFeatures(_), Self::ReadFeatures(_))
            | (Self::ReadImages(_), Self::ReadImages(_)) => true,
            _ => false,
        }
    }

    fn run(self, control: &dyn Control) -> Answer {
        let done = match self {
            Self::ReadSettings(run) => read_settings(&run).map(|read| Answer::Settings(run, read)),
            Self::ListRuns(folder) => list_runs(folder).map(Answer::Runs),
            Self::Stop { run, kill } => control.stop(&run, kill).map(|()| Answer::AskedToStop(run)),
            Self::Remove(run) => control.remove(&run).map(|()| Answer::Removed(run)),
            Self::ReadFeatures(path) => {
                let read = Features::read(&path).map(|read| read.map(Arc::new));
                Ok(Answer::Features(path, read))
            }
            Self::ReadImages(path) => {
                let read = ImageSample::read(&path).map_err(|error| error.to_string());
                Ok(Answer::Images(path, read.map(|read| read.map(Arc::new))))
            }
        };
        done.unwrap_or_else(Answer::Failed)
    }
}

/// Does jobs one after another until nobody is left to ask for any.
pub fn work(jobs: &Receiver<Job>, control: &Arc<dyn Control>, events: &Sender<Event>) {
    let mut waiting: VecDeque<Job> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match jobs.recv() {
                Ok(job) => waiting.push_back(job),
                Err(_) => return,
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => {
                    waiting.retain(|older| !job.replaces(older));
                    waiting.push_back(job);
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        if let Some(job) = waiting.pop_front() {
            let answer = job.run(control.as_ref());
            if events.send(Event::Answered(answer)).is_err() {
                return;
            }
        }
    }
}

fn read_settings(run: &RunFolder) -> Result<Settings, String> {
    let text = run.experiment().map_err(|error| error.to_string())?;
    let mut table: toml::Table = toml::from_str(&text).map_err(|error| {
        format!(
            "cannot read `{}`: {}",
            run.experiment_path().display(),
            error.message()
        )
    })?;
    let strategies = match table.remove("strategy") {
        Some(toml::Value::Array(strategies)) => strategies,
        _ => Vec::new(),
    };
    for key in ["name", "about", "reference"] {
        table.remove(key);
    }
    let mut settings = Settings::default();
    flatten("", &toml::Value::Table(table), &mut settings.experiment);
    for strategy in strategies {
        let name = strategy.get("name").and_then(toml::Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let mut flat = BTreeMap::new();
        flatten("", &strategy, &mut flat);
        flat.remove("name");
        settings.strategies.push((name, flat));
    }
    Ok(settings)
}

fn flatten(path: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(&path, value, into);
            }
        }
        toml::Value::String(text) => {
            into.insert(path.to_owned(), text.clone());
        }
        other => {
            into.insert(path.to_owned(), other.to_string());
        }
    }
}

fn list_runs(folder: PathBuf) -> Result<Vec<RunEntry>, String> {
    let runs = Runs::at(folder).list().map_err(|error| error.to_string())?;
    Ok(runs.into_iter().map(entry).collect())
}

fn entry(folder: RunFolder) -> RunEntry {
    // One damaged run must not hide the others.
    let (state, damage) = match folder.state() {
        Ok(state) => (state, None),
        Err(error) => (RunState::default(), Some(format!("damaged: {error}"))),
    };
    let created_at = folder
        .manifest()
        .map_or(state.started_at, |manifest| manifest.created_at);
    let (standing, alive) = match (&damage, &state.ending) {
        (Some(damage), _) => (damage.clone(), false),
        (None, Some(ending)) => (ending.status.word().to_owned(), false),
        (None, None) => match folder.owner().map(|owner| owner.alive()) {
            None => ("never started".to_owned(), false),
            Some(Some(false)) => ("crashed".to_owned(), false),
            Some(_) => ("running".to_owned(), true),
        },
    };
    let results = Results::from_state(&state);
    let best = results.as_ref().and_then(Results::best);
    RunEntry {
        standing,
        alive,
        created_at,
        seconds: state.ending.as_ref().map(|ending| ending.seconds),
        best: best.and_then(|row| Some((row.name.clone(), row.mean?))),
        folder,
    }
}
