//! Work that may take a while, done by one thread of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, TryRecvError},
    },
};

use topwork_index::BestRow;
use topwork_store::{ImageSample, RunFolder, Runs, Standing};

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
    /// Reads what sets the strategies of a run apart, and where the files of its parts are.
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
    /// What sets the strategies of a run apart, part by part; of most runs there is one.
    Settings(RunFolder, Vec<PartFiles>),
    /// The runs of a folder, the oldest first.
    Runs(Vec<ListedRun>),
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

/// What was read of a run's part, one backbone with one target.
#[derive(Clone, Debug, PartialEq)]
pub struct PartFiles {
    /// Where its files are: of a run that has no parts the folder of the run.
    pub folder: RunFolder,
    /// The settings of its experiment.
    pub settings: Settings,
}

/// One run of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRun {
    /// Where it is.
    pub folder: RunFolder,
    /// How it stands, or why its folder cannot be read.
    pub standing: Result<Standing, String>,
    /// When it was created, milliseconds since the Unix epoch.
    pub created_at: u64,
    /// How long it took, seconds.
    pub seconds: Option<f64>,
    /// Its best row.
    pub best: Option<BestRow>,
}

impl ListedRun {
    /// Whether somebody works on it.
    pub fn is_live(&self) -> bool {
        self.standing.as_ref().is_ok_and(Standing::is_live)
    }

    /// How it stands, in a few words.
    pub fn words(&self) -> String {
        match &self.standing {
            Ok(standing) => standing.word().to_owned(),
            Err(damage) => format!("damaged: {damage}"),
        }
    }
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

fn read_settings(run: &RunFolder) -> Result<Vec<PartFiles>, String> {
    let of_part = |folder: RunFolder| {
        let settings = settings(&folder)?;
        Ok(PartFiles { folder, settings })
    };
    run.parts().into_iter().map(of_part).collect()
}

fn settings(run: &RunFolder) -> Result<Settings, String> {
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

fn list_runs(folder: PathBuf) -> Result<Vec<ListedRun>, String> {
    let overview =
        topwork_index::overview(&Runs::at(&folder)).map_err(|error| error.to_string())?;
    let damaged = overview
        .damaged
        .into_iter()
        .map(|(folder, error)| ListedRun {
            folder,
            standing: Err(error.to_string()),
            created_at: 0,
            seconds: None,
            best: None,
        });
    let mut runs: Vec<ListedRun> = (overview.runs.into_iter())
        .map(|run| ListedRun {
            folder: RunFolder::at(folder.join(&run.id)),
            standing: Ok(run.standing),
            created_at: run.created_at,
            seconds: run.seconds,
            best: run.best,
        })
        .chain(damaged)
        .collect();
    // Numbers only grow, and all have at least four digits.
    runs.sort_by_key(|run| {
        let id = run.folder.id();
        let number = id
            .split('-')
            .next()
            .and_then(|number| number.parse::<u64>().ok());
        (number, id)
    });
    Ok(runs)
}
