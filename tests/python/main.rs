//! Plugins in Python, through the real binary.
//!
//! Python is looked for as `TOPWORK_TEST_PYTHON` names it, else in `bench/.venv`, else as `python3` in the folders of `PATH`. What it
//! lacks for a test leaves that test listed as ignored.
#![allow(clippy::expect_used, reason = "helpers of tests are tests too")]

mod examples;
mod numbers;
mod projects;
mod wayward;
mod wheel;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Arguments, Failed, Trial};
use topwork_testkit::{Output, Project};

type Test = fn(&Python) -> Result<(), Failed>;

/// Each test with the packages that it needs.
const TESTS: [(&str, &[&str], Test); 13] = [
    (
        "a_new_plugin_of_every_kind_keeps_the_contract_and_runs",
        &["numpy"],
        projects::new_ones,
    ),
    ("layers_are_not_for_python", &["numpy"], projects::heads),
    (
        "what_a_file_does_not_offer_is_told",
        &["numpy"],
        projects::broken_files,
    ),
    (
        "what_was_asked_once_is_asked_again_when_it_has_changed",
        &["numpy"],
        projects::kept,
    ),
    (
        "whatever_goes_wrong_ends_in_a_sentence",
        &["numpy"],
        wayward::every_way,
    ),
    (
        "a_run_is_of_one_version_of_a_plugin",
        &["numpy"],
        wayward::edited,
    ),
    (
        "a_call_that_hangs_ends_with_all_that_was_started",
        &["numpy"],
        wayward::hangs,
    ),
    (
        "a_long_fit_stops_when_it_is_asked_to",
        &["numpy"],
        wayward::stops,
    ),
    (
        "classifiers_of_scikit_learn_are_heads",
        &["sklearn"],
        examples::scikit_learn,
    ),
    (
        "numbers_and_labels_pass_through_python",
        &["sklearn"],
        numbers::columns,
    ),
    (
        "modules_of_torch_are_backbones",
        &["timm", "torchvision"],
        examples::torch,
    ),
    (
        "what_a_run_left_is_read_by_others",
        &["pandas", "safetensors", "onnxruntime"],
        examples::reading,
    ),
    (
        "a_wheel_works_in_a_fresh_environment",
        &["numpy", "wheel"],
        wheel::installed,
    ),
];

fn main() {
    let arguments = Arguments::from_args();
    let python = Python::find();
    let trial = |(name, packages, test): (&str, &[&str], Test)| {
        let lacks = python
            .as_ref()
            .map_or(Some("python3"), |python| python.lacks(packages));
        let name = match lacks {
            None => name.to_owned(),
            Some(lacks) => format!("{name} (needs {lacks} in the Python of TOPWORK_TEST_PYTHON)"),
        };
        let python = python.clone();
        let test = move || python.as_ref().map_or(Ok(()), test);
        Trial::test(name, test).with_ignored_flag(lacks.is_some())
    };
    libtest_mimic::run(&arguments, TESTS.map(trial).into()).exit();
}

/// The Python that plugins are run by.
#[derive(Clone)]
pub struct Python {
    program: PathBuf,
    /// What `VIRTUAL_ENV` is set to.
    pub environment: PathBuf,
}

impl Python {
    fn find() -> Option<Self> {
        let named = env::var_os("TOPWORK_TEST_PYTHON").map(PathBuf::from);
        let peers = root().join("bench/.venv/bin/python");
        let program = named.or_else(|| peers.is_file().then_some(peers));
        let program = program.unwrap_or_else(|| PathBuf::from("python3"));
        let said = Command::new(&program)
            .args(["-c", "import sys; print(sys.prefix)"])
            .output();
        let prefix = String::from_utf8(said.ok()?.stdout).ok()?;
        let environment = PathBuf::from(prefix.trim());
        environment.is_absolute().then_some(Python {
            program,
            environment,
        })
    }

    fn lacks<'a>(&self, packages: &[&'a str]) -> Option<&'a str> {
        packages.iter().copied().find(|package| {
            let import = format!("import {package}");
            let said = Command::new(&self.program).args(["-c", &import]).output();
            !said.is_ok_and(|said| said.status.success())
        })
    }

    /// Runs the program with this Python as the active environment.
    pub fn topwork(&self, project: &Project, arguments: &[&str]) -> Output {
        project.output_of(self.command(project, arguments))
    }

    /// Runs Python itself in a project; it must succeed, and what it prints comes back.
    pub fn run(&self, project: &Project, arguments: &[&str]) -> Result<String, Failed> {
        let done = Command::new(&self.program)
            .args(arguments)
            .current_dir(project.path())
            .output()?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}{error}");
        Ok(said)
    }

    /// The same as a command.
    pub fn command(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut command = project.command(arguments);
        command.env("VIRTUAL_ENV", &self.environment);
        command
    }
}

/// The folder of this project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Copies a file into a project.
pub fn copy(project: &Project, from: &str) {
    let from = root().join(from);
    let name = from.file_name().unwrap_or_default();
    fs::copy(&from, project.path().join(name)).expect("a file of this project");
}
