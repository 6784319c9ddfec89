//! Does a plugin keep the contract of the ABI? Named cases, each for a process of its own: a plugin that crashes or hangs in one
//! of them fails this one alone.
//!
//! [`cases`] lists them. A process that may die is given a [`Request`] and calls [`examine`], which loads the plugin and
//! gives an [`Outcome`]; whoever started it adds crashes and hangs.
//!
//! Some cases go beyond the contract (text that is no JSON, an index behind the end): topwork itself never makes such calls, so
//! whatever comes of them is a warning at most. They are [`Case::beyond`].
//!
//! This crate must not know processes, the terminal or the worker.

mod cases;
mod inputs;
mod subject;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use subject::Subject;
use topwork_host::{Level, Observer, Options, Plugins};
use topwork_store::CallRecorder;

pub use cases::cases;
pub use topwork_host::{ComponentInfo, Kind, PluginInfo, is_plugin_file_name, plugin_file_names};

/// One thing that is tried.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, unique: `dataset-read-order`.
    pub name: &'static str,
    /// What holds when it is ok, as a sentence without its end.
    pub about: &'static str,
    /// The kinds of components it is for; empty for the plugin as a whole.
    pub kinds: &'static [Kind],
    /// Whether it goes beyond the contract, so that the plugin may do as it likes.
    pub beyond: bool,
    run: fn(&Subject) -> Outcome,
}

/// How a case ended that ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result", content = "why")]
pub enum Outcome {
    /// What the case is about holds.
    Ok,
    /// Nothing is broken, but the author may want to know.
    Warning(String),
    /// The contract is broken.
    Failed(String),
    /// It could not be tried, and why.
    Skipped(String),
}

/// What is to be tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// The library, with an absolute path.
    pub library: PathBuf,
    /// The case, by name.
    pub case: String,
    /// The component; `None` for a case that is about the whole plugin.
    pub component: Option<(Kind, String)>,
    /// Its parameters, where the user has given some.
    pub parameters: Option<Map<String, Value>>,
    /// Where data is looked for.
    pub data_folders: Vec<PathBuf>,
    /// Where plugins may keep files that can be made again.
    pub cache_folder: PathBuf,
    /// File the plugin call in progress is noted in.
    pub call_path: PathBuf,
}

/// Opens a library and says what it offers; an `Err` says why it cannot be used. What opening it makes may be kept in the cache folder.
pub fn look(library: &Path, cache_folder: &Path, call_path: &Path) -> Result<PluginInfo, String> {
    let options = options(&[], cache_folder, call_path);
    let plugins = Plugins::load_file(library, &options)?;
    let info = plugins.list().first().cloned();
    info.ok_or_else(|| "offers nothing".to_owned())
}

/// Loads the plugin and tries the case. Anything may happen in here.
pub fn examine(request: &Request) -> Outcome {
    let Some(case) = cases().iter().find(|case| case.name == request.case) else {
        return Outcome::Failed(format!("there is no case `{}`", request.case));
    };
    let options = options(
        &request.data_folders,
        &request.cache_folder,
        &request.call_path,
    );
    match Subject::new(request, options) {
        Ok(subject) => (case.run)(&subject),
        Err(problem) => Outcome::Failed(problem),
    }
}

fn options(data_folders: &[PathBuf], cache_folder: &Path, call_path: &Path) -> Options {
    Options {
        folders: Vec::new(),
        data_folders: data_folders.to_vec(),
        cache_folder: cache_folder.to_owned(),
        threads: 2,
        observer: Arc::new(Calls::note_in(call_path, false)),
    }
}

/// Notes the plugin call in progress.
struct Calls {
    recorder: Option<Mutex<CallRecorder>>,
    /// Whether every call should end soon.
    stop: bool,
}

impl Calls {
    fn note_in(call_path: &Path, stop: bool) -> Self {
        Calls {
            // Without the file a crash is told all the same, only not in which call.
            recorder: CallRecorder::create(call_path).ok().map(Mutex::new),
            stop,
        }
    }

    fn note(&self, note: impl FnOnce(&mut CallRecorder)) {
        if let Some(recorder) = &self.recorder {
            note(&mut recorder.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Observer for Calls {
    fn call(&self, plugin: &str, call: &str) {
        self.note(|recorder| recorder.entered(plugin, call));
    }
    fn returned(&self) {
        self.note(CallRecorder::left);
    }
    fn log(&self, _: &str, _: Level, _: &str) {}
    fn progress(&self, _: &str, _: u64, _: u64, _: &str) {}
    fn should_stop(&self) -> bool {
        self.stop
    }
}
