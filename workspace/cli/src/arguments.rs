//! The command line as typed.

mod apply;
mod cache;
mod check;
mod cluster;
mod latest;
mod new;
mod report;
mod runs;
mod values;

use std::{path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use apply::{EVALUATE, EXPORT, FEATURES, PREDICT};
pub use apply::{
    EvaluateArguments, ExportArguments, FeaturesArguments, PredictArguments, WhichRow,
};
pub use cache::{CacheArguments, CacheCommand};
use check::{CHECKED, PLANNED};
pub use check::{CheckFileArguments, PlanArguments};
pub use cluster::{Destination, SubmitArguments, TaskArguments, TasksFormat};
use cluster::{SUBMIT, TASK};
pub use latest::with_latest;
use new::NEW_EXPERIMENT;
pub use new::NewExperimentArguments;
use report::{COMPARE_EXAMPLE, REPORT_EXAMPLE};
pub use report::{CompareArguments, ReportArguments};
pub use runs::{RemoveArguments, RunsArguments, RunsCommand};
use topwork_kinds::Kind;
pub use values::Limit;
use values::{Parameters, kind_of_plugin, parse_limit, parse_set, parse_time, parse_with};

/// Exit codes, as documented in `topwork help`.
const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the run failed
  2    the command or the experiment is wrong
  3    a plugin is wrong
  4    the data is wrong
  130  stopped by the user";

const EXAMPLE: &str = "\
Example:
  topwork run experiments/mnist-transfer.toml
  topwork run experiments/mnist-transfer.toml --seed 1 --seed 2 --set source.train.epochs=1";

/// A terminal workbench for transfer learning: cut a trained backbone, graft new heads on it,
/// see which graft took best.
#[derive(Debug, Parser)]
#[command(name = "topwork", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    /// Use ASCII characters only, on the dashboard and in what is printed [default: only where the locale is not UTF-8]
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Print tables in full, however narrow the terminal is, as in a pipe
    #[arg(long, global = true)]
    pub wide: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line without what only the program itself asks of its own processes.
pub fn typed() -> clap::Command {
    let whole = Arguments::command();
    let subcommands = whole.get_subcommands();
    let for_people: Vec<_> = (subcommands.filter(|sub| !sub.is_hide_set()))
        .cloned()
        .collect();
    let mut typed = clap::Command::new("topwork")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXIT_CODES)
        .args(whole.get_arguments().cloned())
        .subcommands(for_people);
    if let Some(about) = whole.get_about() {
        typed = typed.about(about.clone());
    }
    typed
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented experiment for a folder of images, ready to run
    #[command(after_help = NEW_EXPERIMENT)]
    New(NewExperimentArguments),
    /// Run an experiment and compare its strategies
    #[command(after_help = EXAMPLE)]
    Run(RunArguments),
    /// Check an experiment file: show what it learns from, or all its mistakes at once
    #[command(after_help = CHECKED)]
    Check(CheckFileArguments),
    /// Show what a run of an experiment would do, and what earlier runs have done of it
    #[command(after_help = PLANNED)]
    Plan(PlanArguments),
    /// Continue a run that was stopped, failed or crashed
    #[command(after_help = RESUME)]
    Resume(ResumeArguments),
    /// Verify that a run killed at random moments gives the same bits as one left alone
    #[command(after_help = VERIFY_EXAMPLE)]
    VerifyResume(VerifyArguments),
    /// Classify images with what a run has fitted
    #[command(after_help = PREDICT)]
    Predict(PredictArguments),
    /// Export what a row has fitted as one ONNX file, verified on the run's test images
    #[command(after_help = EXPORT)]
    Export(ExportArguments),
    /// Measure the rows of a run on other labelled data
    #[command(after_help = EVALUATE)]
    Evaluate(EvaluateArguments),
    /// Write the features of images to a file, for NumPy, pandas and others
    #[command(after_help = FEATURES)]
    Features(FeaturesArguments),
    /// Show the networks of an experiment, or of an ONNX model: layers, shapes, parameters, cut points
    #[command(after_help = SHOW_EXAMPLE)]
    Show(ShowArguments),
    /// Print the JSON Schema of the experiment file, for editors
    Schema,
    /// List earlier runs, show or remove them
    Runs(RunsArguments),
    /// Write the results of runs as text, Markdown, CSV, LaTeX, JSON, or HTML with pictures
    #[command(after_help = REPORT_EXAMPLE)]
    Report(ReportArguments),
    /// Show the rows of several runs side by side, and test their differences where that is fair
    #[command(after_help = COMPARE_EXAMPLE)]
    Compare(CompareArguments),
    /// Watch a run that was started elsewhere, or look at a finished one again
    #[command(after_help = ATTACH)]
    Attach(AttachArguments),
    /// Stop a run, as Ctrl-C in its viewer does
    #[command(after_help = "Example:\n  topwork stop latest\n  topwork stop 7 --kill")]
    Stop(StopArguments),
    /// Run an experiment in several processes, on this machine or on those of a cluster
    #[command(after_help = SUBMIT)]
    Submit(SubmitArguments),
    /// Do some tasks of a run that several processes work on
    #[command(after_help = TASK)]
    Task(TaskArguments),
    /// List the installed components, or show one
    Plugins(PluginsArguments),
    /// List or clear the cache of extracted features
    Cache(CacheArguments),
    /// List the weights in a file from another program, or import them for a backbone
    Weights(WeightsArguments),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell to write it for
        shell: Shell,
    },
    /// Look after a run's worker process
    #[command(hide = true)]
    Supervise {
        /// The run's folder.
        run: PathBuf,
    },
    /// Execute a run
    #[command(hide = true)]
    Worker(WorkerArguments),
    /// Look at plugins on behalf of another process: a request on stdin, the answer on stdout
    #[command(hide = true)]
    Probe,
    /// Use what a run has fitted on behalf of another process: a request on stdin
    #[command(hide = true)]
    Apply,
    /// Try one case of `plugins check` on behalf of another process
    #[command(hide = true)]
    TryCase,
    /// Write a man page for every command
    #[command(hide = true)]
    ManPages {
        /// The folder to write them to, which is there already
        folder: PathBuf,
    },
    /// Write the references that are made from the code
    #[command(hide = true)]
    References {
        /// The project's folder.
        folder: PathBuf,
        /// Write nothing; fail when one is stale.
        #[arg(long)]
        check: bool,
    },
}

/// `topwork run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub file: FileArguments,
    #[command(flatten)]
    pub view: ViewArguments,
    /// Start the run in the background and print its id; `topwork attach` watches it
    #[arg(long)]
    pub detach: bool,
    /// Do only what is missing: continue the unfinished run of this experiment, or start a new one that takes over what
    /// earlier runs have measured; `topwork resume` continues one particular run
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub settings: RunSettings,
    #[command(flatten)]
    pub place: Place,
}

/// How a new run goes about its work.
#[derive(Debug, Args)]
pub struct RunSettings {
    /// Threads to compute with; the results do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Train the source and extract all features again, and keep no features for other runs
    #[arg(long)]
    pub no_cache: bool,
    /// Keep a checkpoint this often within an epoch, besides those at the ends of epochs: 90s, 5m, 1h 30m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_time)]
    pub checkpoint_every: Duration,
    /// Longest time a plugin call may go without any progress: 90s, 5m, 1h 30m, or `none` to wait for ever
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_limit)]
    pub call_limit: Limit,
}

/// What a worker is started with.
#[derive(Debug, Args)]
pub struct WorkerArguments {
    /// The run's folder.
    pub run: PathBuf,
    /// The element whose tasks are done.
    #[arg(long)]
    pub element: Option<String>,
    /// Say what is going to be done, and do nothing.
    #[arg(long)]
    pub plan: bool,
    /// End a run that others have worked on.
    #[arg(long)]
    pub end: bool,
}

/// Where runs are.
#[derive(Debug, Args)]
pub struct Place {
    /// Folder the run folders are in
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "TOPWORK_RUNS_DIR",
        default_value = "runs"
    )]
    pub runs_dir: PathBuf,
}

const RESUME: &str = "\
This continues the run as it was started: in its folder, with the experiment as it was then. `topwork run
FILE --resume` starts from the file instead, as it is now, and does only what no run has measured yet.

Examples:
  topwork resume latest
  topwork resume 7";

/// `topwork resume`.
#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// The run: its number, its id, the beginning of its id, or `latest` (`--last` means the same)
    pub run: String,
    #[command(flatten)]
    pub view: ViewArguments,
    /// Continue the run in the background
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub place: Place,
}

/// `topwork verify-resume`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    pub file: FileArguments,
    /// How many times to kill the worker
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub kills: u32,
    /// Threads to compute with [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

const VERIFY_EXAMPLE: &str = "\
Example:
  topwork verify-resume experiments/mnist-transfer.toml --kills 5

Runs the experiment once through, then again, killing the worker with SIGKILL at random moments
and going on, until it was killed often enough; then compares figures, weights and predictions.
Everything happens in a temporary folder.";

/// An experiment file, with what changes it.
#[derive(Debug, Args)]
pub struct FileArguments {
    /// The experiment file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Use this seed instead of the file's; repeat for several
    #[arg(long = "seed", value_name = "N")]
    pub seeds: Vec<u64>,
    /// Replace one value of the file, for example `source.train.epochs=1` or `'strategy.0.train-samples=[10, 100]'`:
    /// keys with dots between them, list items by number from 0; the value as in the file, text also without
    /// quotes; repeat for several
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
    /// Load plugins from this folder, too; repeat for several
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
}

/// `topwork show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The experiment, or a model file: then `--set` gives parameters of the backbone `onnx`.
    #[command(flatten)]
    pub file: FileArguments,
    /// Show every tensor of a model file, not only those that are most likely to be cut at
    #[arg(long)]
    pub all: bool,
    /// As JSON, for programs; of a model file every tensor
    #[arg(long)]
    pub json: bool,
}

const COMPLETIONS: &str = "\
`just install` has put them where bash, zsh and fish look. To have them without it, for bash:
  topwork completions bash > ~/.local/share/bash-completion/completions/topwork";

/// How to watch a run.
#[derive(Debug, Args)]
pub struct ViewArguments {
    /// How to watch the run
    #[arg(long, value_enum, default_value_t = Ui::Auto)]
    pub ui: Ui,
}

/// Ways to watch a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ui {
    /// The dashboard on a terminal, plain lines elsewhere
    Auto,
    /// The dashboard
    Tui,
    /// A progress bar on a terminal, plain lines elsewhere
    Plain,
    /// The event stream, one JSON object a line
    Json,
    /// Nothing but the final table
    None,
}

const ATTACH: &str = "\
Leaving (`q` on the dashboard, else Ctrl-C) lets the run go on. The exit code is that of the run,
once it has ended.

Example:
  topwork attach latest";

/// `topwork attach`.
#[derive(Debug, Args)]
pub struct AttachArguments {
    /// The run: its number, its id, the beginning of its id, or `latest` (`--last` means the same)
    pub run: String,
    #[command(flatten)]
    pub view: ViewArguments,
    #[command(flatten)]
    pub place: Place,
}

/// `topwork stop`.
#[derive(Debug, Args)]
pub struct StopArguments {
    /// The run: its number, its id, the beginning of its id, or `latest` (`--last` means the same)
    pub run: String,
    /// Kill it if it has not ended after a few seconds
    #[arg(long)]
    pub kill: bool,
    #[command(flatten)]
    pub place: Place,
}

/// `topwork plugins`.
#[derive(Debug, Args)]
pub struct PluginsArguments {
    /// What to do; lists the components when left out.
    #[command(subcommand)]
    pub command: Option<PluginsCommand>,
    /// Load plugins from this folder, too; repeat for several
    #[arg(long, global = true, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
}

/// The commands of `topwork plugins`.
#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// List the components of all plugins
    List,
    /// Show a component with its parameters, or a plugin
    #[command(after_help = "Example:\n  topwork plugins show classifiers")]
    Show {
        /// A component, as `component` or `plugin/component`, or a plugin
        id: String,
    },
    /// Create a plugin project that builds, tests and runs an experiment right away
    #[command(after_help = NEW_EXAMPLE)]
    New(NewArguments),
    /// Check that a plugin keeps the contract: named cases, each in a process of its own
    #[command(after_help = CHECK_EXAMPLE)]
    Check(CheckArguments),
}

const NEW_EXAMPLE: &str = "\
Example:
  topwork plugins new my-features --kind extractor
  cd my-features && make test && make check && make run";

/// `topwork plugins new`.
#[derive(Debug, Args)]
pub struct NewArguments {
    /// The plugin's id and the name of the folder to make: a-z, 0-9 and -
    pub name: String,
    /// What the plugin offers
    #[arg(long, value_parser = kind_of_plugin())]
    pub kind: Kind,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = NewLanguage::Rust)]
    pub lang: NewLanguage,
    /// Use the sdk in this folder; without it the project gets the sdk's sources
    #[arg(long, value_name = "DIR")]
    pub sdk_path: Option<PathBuf>,
}

/// What a new plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NewLanguage {
    /// With the sdk; needs cargo
    Rust,
    /// With one header; needs a C compiler
    C,
    /// One file, with NumPy; needs Python
    Python,
}

const CHECK_EXAMPLE: &str = "\
A case is ok, warned (nothing is broken), failed (the contract is broken), crashed or hung; it is skipped
where it needs parameters or data that are not there. The exit code is 3 if a case failed, crashed or
hung.

Examples:
  topwork plugins check target/release/libtopwork_plugin_mine.so
  topwork plugins check . --only dataset-
  topwork plugins check libtopwork_plugin_mine.so --with 'my-dataset={\"folder\": \"/data\"}'";

/// `topwork plugins check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// A plugin's library, or a folder with some
    pub path: PathBuf,
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Show every case, including those that are ok
    #[arg(long)]
    pub all: bool,
    /// Try only cases and components whose name contains this; repeat for several
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Longest time a case may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Parameters for all components, or for the one named before `=`; repeat for several
    #[arg(long, value_name = "[COMPONENT=]JSON", value_parser = parse_with)]
    pub with: Vec<(Option<String>, Parameters)>,
}

/// Both uses of `topwork show`.
const SHOW_EXAMPLE: &str = "\
Examples:
  topwork show experiments/mnist-transfer.toml
  topwork show model.onnx
  topwork show model.onnx --json
  topwork show model.onnx --set input=[3,224,224]";

/// `topwork weights`.
#[derive(Debug, Args)]
pub struct WeightsArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: WeightsCommand,
}

const FORMATS: &str = "\
Reads what PyTorch saves (.pth, .pt, .bin, old and new), safetensors and ONNX. Nothing in a file is
ever executed.";

const IMPORT_EXAMPLE: &str = "\
Example:
  topwork weights import efficientnet-lite0.pth --backbone efficientnet-lite -o lite0.safetensors

Then in an experiment:
  [backbone]
  use = \"efficientnet-lite\"
  weights = \"lite0.safetensors\"";

/// The commands of `topwork weights`.
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// List the tensors of a file: names, types, shapes
    #[command(after_help = FORMATS)]
    List {
        /// The file
        file: PathBuf,
    },
    /// Fit the weights in a file to a backbone and write them in the form experiments use
    #[command(after_help = IMPORT_EXAMPLE)]
    Import(ImportArguments),
}

/// `topwork weights import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The file: PyTorch, safetensors or ONNX
    pub file: PathBuf,
    /// The backbone that the weights are for
    #[arg(long, value_name = "ID")]
    pub backbone: String,
    /// Set a parameter of the backbone; repeat for several
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
    /// Take the tensors whose names begin with this: a key of a checkpoint (`student`), what a wrapper puts in front of
    /// names (`module.`), or both (`student.module.`) [default: whatever makes the names fit]
    #[arg(long, visible_alias = "key", value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// The file to write [default: the file's name with `.safetensors`, in this folder]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Load plugins from this folder, too; repeat for several
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn commands_in_the_docs_are_commands() {
        for (page, least) in [("models.md", 13), ("reports.md", 7)] {
            let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let lines = text.lines().filter_map(|line| {
                let command = line.rsplit("| ").next().unwrap_or(line);
                command.starts_with("topwork ").then_some(command)
            });
            let mut count = 0;
            for line in lines {
                // Words with blanks are in quotes.
                let parts = line.split('"').enumerate();
                let words = parts.flat_map(|(index, part)| match index % 2 {
                    0 => part.split_whitespace().map(Into::into).collect(),
                    _ => vec![part.into()],
                });
                let parsed = Arguments::try_parse_from(with_latest(words));
                assert!(parsed.is_ok(), "{page}: {line}\n{}", parsed.unwrap_err());
                count += 1;
            }
            assert!(count >= least, "{page}: {count} commands");
        }
    }
}
