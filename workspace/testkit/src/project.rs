//! A temporary project.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::redact;

/// A folder of its own for one test, gone at its end.
pub struct Project {
    folder: TempDir,
    plugin_folders: Vec<PathBuf>,
}

/// What a command gave.
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// Standard output, redacted.
    pub stdout: String,
    /// Standard error, redacted.
    pub stderr: String,
}

impl Output {
    /// Exit code and both streams, for a snapshot.
    pub fn snapshot(&self) -> String {
        format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

impl Project {
    /// An empty project.
    #[expect(clippy::new_without_default, reason = "making a folder is no default")]
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            plugin_folders: Vec::new(),
        }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, content).expect("a written file");
        path
    }

    /// Installs a built library as a plugin of this project: `install("misbehave")` copies
    /// `libmisbehave.so` to a plugin's name.
    pub fn install(&mut self, library: &str) -> PathBuf {
        let built = built_library(library);
        let extension = built
            .extension()
            .expect("an extension")
            .to_string_lossy()
            .into_owned();
        let folder = self.plugin_folder();
        let installed = folder.join(format!("libtopwork_plugin_{library}.{extension}"));
        fs::copy(&built, &installed).expect("a copied plugin");
        installed
    }

    /// Compiles a plugin of one C file, with the header that lies beside it, into this project: without a single warning.
    pub fn compile(&mut self, source: &Path, name: &str) -> PathBuf {
        let folder = self.plugin_folder();
        let library = folder.join(format!(
            "libtopwork_plugin_{name}{}",
            env::consts::DLL_SUFFIX
        ));
        let output = Command::new("cc")
            .args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"])
            .args(["-shared", "-fPIC", "-fvisibility=hidden", "-O2", "-o"])
            .args([&library, source])
            .arg("-lm")
            .output()
            .expect("a C compiler");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        library
    }

    /// The folder of this project's plugins.
    fn plugin_folder(&mut self) -> PathBuf {
        let folder = self.path().join("plugins");
        fs::create_dir_all(&folder).expect("a plugin folder");
        if !self.plugin_folders.contains(&folder) {
            self.plugin_folders.push(folder.clone());
        }
        folder
    }

    /// The binary, set up to run in this project and nowhere else.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .env("HOME", self.path())
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TOPWORK_RUNS_DIR")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_CACHE_HOME");
        match env::join_paths(&self.plugin_folders) {
            Ok(path) if !self.plugin_folders.is_empty() => command.env("TOPWORK_PLUGIN_PATH", path),
            _ => command.env_remove("TOPWORK_PLUGIN_PATH"),
        };
        command
    }

    /// Runs the binary to its end.
    pub fn topwork(&self, arguments: &[&str]) -> Output {
        self.output_of(self.command(arguments))
    }

    /// Runs a [command](Project::command) to its end.
    pub fn output_of(&self, mut command: Command) -> Output {
        let output = command.output().expect("a binary that starts");
        let text = |bytes: &[u8]| redact(&String::from_utf8_lossy(bytes), self.path());
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Starts the binary and leaves it running, its streams thrown away.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a binary that starts")
    }

    /// The folder of the run with this number.
    pub fn run_folder(&self, number: usize) -> PathBuf {
        let prefix = format!("{number:04}-");
        fs::read_dir(self.path().join("runs"))
            .expect("a folder of runs")
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
            })
            .unwrap_or_else(|| panic!("no run {number} in {}", self.path().display()))
    }

    /// The results of the run with this number.
    pub fn results(&self, number: usize) -> Value {
        let path = self.run_folder(number).join("results.json");
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).expect("results.json is JSON")
    }

    /// The mean accuracy of a strategy of the run with this number.
    pub fn accuracy(&self, number: usize, strategy: &str) -> f64 {
        let results = self.results(number);
        let rows = results["strategies"].as_array().expect("strategies");
        let row = rows.iter().find(|row| row["name"] == strategy);
        let row = row.unwrap_or_else(|| panic!("no strategy {strategy}: {results}"));
        row["mean"].as_f64().expect("a mean")
    }

    /// Waits until run `number` has been made.
    pub fn wait_for_run(&self, number: usize) {
        let prefix = format!("{number:04}-");
        let limit = Instant::now() + Duration::from_secs(60);
        while Instant::now() < limit {
            let folders = fs::read_dir(self.path().join("runs"))
                .into_iter()
                .flatten()
                .flatten();
            let mut names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
            if names.any(|name| name.starts_with(&prefix)) {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("run {number} was never made");
    }

    /// Waits until the events of run `number` hold `text`.
    pub fn wait_for_event(&self, number: usize, text: &str) {
        let limit = Instant::now() + Duration::from_secs(120);
        while Instant::now() < limit {
            let events = self
                .path()
                .join("runs")
                .is_dir()
                .then(|| self.try_events(number))
                .flatten();
            if events.is_some_and(|events| events.contains(text)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("run {number} never told of {text}");
    }

    fn try_events(&self, number: usize) -> Option<String> {
        let prefix = format!("{number:04}-");
        let folder = fs::read_dir(self.path().join("runs"))
            .ok()?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
            })?;
        fs::read_to_string(folder.join("events.jsonl")).ok()
    }
}

/// The folder the tests were built into, found from the test's own location.
pub(crate) fn build_folder() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    let deps = test.parent().expect("a folder");
    match deps.file_name() {
        Some(name) if name == "deps" => deps.parent().expect("the folder above deps").to_owned(),
        _ => deps.to_owned(),
    }
}

fn binary() -> PathBuf {
    built("topwork")
}

/// A library as cargo built it.
pub fn built_library(name: &str) -> PathBuf {
    built(&format!(
        "{}{name}{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    ))
}

fn built(file: &str) -> PathBuf {
    let path = build_folder().join(file);
    assert!(
        path.exists(),
        "{} is missing: build the workspace first, as `just test` does",
        path.display()
    );
    path
}
