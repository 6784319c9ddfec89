//! The experiment that is tortured: small, but with every sort of training and with checkpoints many times a second.

use std::{
    fs,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use topwork_store::{Process, RunFolder};
use topwork_testkit::Project;

use crate::left::Left;

const EXPERIMENT: &str = r#"name = "tortured"

[backbone]
use = "lenet"

[source]
dataset = { use = "misbehave/misbehave", classes = [0, 1, 2, 3, 4] }
head    = { use = "mlp", hidden = [20] }
train   = { epochs = 12, batch-size = 10, optimizer = "sgd", learning-rate = 0.05, momentum = 0.9 }

[target]
dataset = { use = "misbehave/misbehave", classes = [5, 6, 7, 8, 9] }
cut     = "pool2"

[[strategy]]
name  = "frozen"
kind  = "frozen-backbone"
head  = { use = "mlp", hidden = [20] }
train = { epochs = 12, batch-size = 10, optimizer = "adam", learning-rate = 1e-3 }

[[strategy]]
name = "logistic"
kind = "feature-classifier"
head = { use = "logistic-regression" }

[[strategy]]
name  = "fine-tuned"
kind  = "fine-tune"
head  = { use = "mlp", hidden = [20] }
train = { epochs = 12, batch-size = 10, optimizer = "adam", learning-rate = 1e-3 }
"#;

/// Between two looks at a process.
const POLL: Duration = Duration::from_millis(5);

/// Nothing here takes as long; a process that does is a fault of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// The project, and what a run of it comes to that is left alone.
pub struct Subject {
    pub project: Project,
    /// What the run left alone left.
    pub expected: Left,
    /// How long it took.
    pub took: Duration,
}

impl Subject {
    /// Runs it once, undisturbed.
    pub fn new() -> Self {
        let mut project = Project::new();
        project.install("misbehave");
        project.write("tortured.toml", EXPERIMENT);
        let begun = Instant::now();
        let output = project.topwork(&["run", "tortured.toml", "--ui", "none", "--no-cache"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let took = begun.elapsed();
        let expected = Left::of(&RunFolder::at(project.run_folder(1)));
        Self {
            project,
            expected,
            took,
        }
    }

    /// The command that begins a new run.
    pub fn run(&self) -> Command {
        self.project.command(&[
            "run",
            "tortured.toml",
            "--ui",
            "none",
            "--no-cache",
            "--checkpoint-every",
            "50ms",
        ])
    }

    /// The command that goes on with a run.
    pub fn resume(&self, run: &RunFolder) -> Command {
        self.project.command(&["resume", &run.id(), "--ui", "none"])
    }

    /// Begins a new run, which may not be there yet.
    pub fn start(&self) -> (Child, RunFolder) {
        let number = fs::read_dir(self.project.path().join("runs")).map_or(0, |runs| {
            runs.flatten()
                .filter(|run| run.path().join("manifest.json").is_file())
                .count()
        });
        let child = silent(self.run());
        self.project.wait_for_run(number + 1);
        (child, RunFolder::at(self.project.run_folder(number + 1)))
    }

    /// Goes on with a run until it is done, and compares it with the one left alone.
    pub fn finish(&self, run: &RunFolder, what: &str) {
        let output = self.project.topwork(&["resume", &run.id(), "--ui", "none"]);
        assert_eq!(output.code, 0, "{what}: {}", output.snapshot());
        self.check(run, what);
    }

    /// Panics unless the run is done and has all that the one left alone has.
    pub fn check(&self, run: &RunFolder, what: &str) {
        self.expected.assert_same(&Left::of(run), what);
    }

    /// Panics unless runs can be listed, and gives the state `run` is listed in.
    pub fn state(&self, run: &RunFolder) -> String {
        let output = self.project.topwork(&["runs", "list"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let shown = self.project.topwork(&["runs", "show", &run.id()]);
        assert_eq!(shown.code, 0, "{}", shown.snapshot());
        let id = run.id();
        let line = output.stdout.lines().find(|line| line.starts_with(&id));
        let state = line.and_then(|line| line.split_whitespace().nth(1));
        state
            .unwrap_or_else(|| panic!("{}", output.snapshot()))
            .to_owned()
    }
}

/// Starts a command, its streams thrown away.
pub fn silent(mut command: Command) -> Child {
    let nothing = std::process::Stdio::null;
    command
        .stdout(nothing())
        .stderr(nothing())
        .spawn()
        .expect("a binary that starts")
}

/// The run's supervisor and worker, as far as they are known.
pub fn processes(run: &RunFolder) -> (Option<Process>, Option<Process>) {
    match run.owner() {
        Some(owner) => (Some(owner.supervisor), owner.worker),
        None => (None, None),
    }
}

/// Waits until somebody looks after the run, or `viewer`, who sees to that, has ended.
pub fn wait_for_session(run: &RunFolder, viewer: &mut Child) {
    while viewer.try_wait().expect("a child").is_none()
        && !processes(run).0.is_some_and(Process::alive)
    {
        thread::sleep(POLL);
    }
}

/// Waits until nobody is at work on the run.
pub fn wait_for_end(run: &RunFolder) {
    let begun = Instant::now();
    loop {
        let (supervisor, worker) = processes(run);
        if ![supervisor, worker]
            .into_iter()
            .flatten()
            .any(Process::alive)
        {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{} does not end",
            run.path().display()
        );
        thread::sleep(POLL);
    }
}

/// Waits for a child of this process.
pub fn wait_for(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        assert!(begun.elapsed() < PATIENCE, "a command does not end");
        thread::sleep(POLL);
    }
}
