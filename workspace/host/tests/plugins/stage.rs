//! What the tests need around a host: built libraries in a folder, and an observer that remembers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use topwork_host::{HostError, Level, Observer, Options, Plugins};

/// The file of a library that cargo built beside this test.
pub fn library(name: &str) -> PathBuf {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let file = format!("{prefix}{name}{suffix}");
    let test = std::env::current_exe().expect("the test knows where it is");
    test.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(&file))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("there is no {file}; build the workspace first: just test"))
}

/// A folder with these libraries, each given the name of a plugin.
pub fn folder_with(libraries: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for library_name in libraries {
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let plain = library_name
            .strip_prefix("topwork_plugin_")
            .unwrap_or(library_name);
        let file = format!("{prefix}topwork_plugin_{plain}{suffix}");
        std::fs::copy(library(library_name), folder.path().join(file)).expect("a copy");
    }
    folder
}

/// The repository's data folder.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

/// Remembers what it hears.
#[derive(Default)]
pub struct Memory(pub Mutex<Vec<String>>);

impl Memory {
    fn keep(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Memory {
    fn call(&self, plugin: &str, call: &str) {
        self.keep(format!("{plugin}: {call}"));
    }
    fn returned(&self) {
        self.keep("returned".to_owned());
    }
    fn log(&self, plugin: &str, level: Level, text: &str) {
        self.keep(format!("{plugin}: {level:?}: {text}"));
    }
    fn progress(&self, plugin: &str, done: u64, total: u64, text: &str) {
        self.keep(format!("{plugin}: {done}/{total} {text}"));
    }
    fn should_stop(&self) -> bool {
        false
    }
}

/// Loads the plugins of these folders, with an observer that remembers.
pub fn load(folders: &[&Path]) -> (Plugins, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let plugins = Plugins::load(Options {
        folders: folders.iter().map(|folder| folder.to_path_buf()).collect(),
        data_folders: vec![data()],
        cache_folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
        threads: 2,
        observer: memory.clone(),
    });
    (plugins, memory)
}

/// An error as a user would read it, with its kind.
pub fn told(error: &HostError) -> String {
    let hint = match error.hint() {
        Some(hint) => format!("\n  hint: {hint}"),
        None => String::new(),
    };
    format!("[{:?}] {error}{hint}", error.kind())
}

/// `text` without the parts that differ from machine to machine.
pub fn redact(text: &str, folder: &Path) -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    text.replace(&folder.display().to_string(), "[folder]")
        .replace(&format!("/{prefix}topwork_plugin"), "/topwork_plugin")
        .replace(suffix, ".so")
}
