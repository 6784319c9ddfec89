//! What several processes do on one run: `topwork submit` and `topwork task`.

use std::{fmt, str::FromStr};

use clap::{Args, ValueEnum};

use super::{FileArguments, Place, RunSettings};

pub const SUBMIT: &str = "\
The run's tasks are cut into elements of about half an hour by what earlier runs took. Each is a process that
does its tasks and no task twice; sources and features come first. `topwork attach` watches the run, `topwork
stop` ends it, and whatever has happened, `topwork submit --missing RUN` asks for what is not there.

Examples:
  topwork submit experiments/grid.toml --to local:2
  topwork submit experiments/grid.toml --to slurm --partition cpu --time 2:00:00 --dry-run
  topwork submit experiments/grid.toml --to slurm -- --mem=8G --constraint=avx512
  topwork submit --missing latest --to slurm --time 6:00:00";

/// `topwork submit`.
#[derive(Debug, Args)]
pub struct SubmitArguments {
    #[command(flatten)]
    pub file: Option<FileArguments>,
    /// Ask for what is missing of this run, instead of beginning one: its number, its id, or `latest`
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with = "FileArguments",
        required_unless_present = "file"
    )]
    pub missing: Option<String>,
    /// Who is to start the elements: `slurm`, `hyperqueue`, or `local:N`, N processes on this machine
    #[arg(long, value_name = "WHERE")]
    pub to: Destination,
    /// Show what would be asked for, and ask for nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The scheduler's partition
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Longest time an element may take, as the scheduler writes it [default: that of the partition]
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// The account that is charged
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// At most so many elements at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub array_limit: Option<u32>,
    /// About so many minutes for an element
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub pack: u32,
    #[command(flatten)]
    pub settings: RunSettings,
    #[command(flatten)]
    pub place: Place,
    /// Further options of sbatch, or of hq submit
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

/// Who starts the elements of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Slurm,
    HyperQueue,
    /// So many processes on this machine.
    Local(usize),
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "slurm" => Ok(Self::Slurm),
            None if text == "hyperqueue" => Ok(Self::HyperQueue),
            Some(("local", count)) => match count.parse() {
                Ok(count @ 1..=1024) => Ok(Self::Local(count)),
                _ => Err(format!(
                    "`{count}` is no number of processes from 1 to 1024"
                )),
            },
            _ => Err("expected `slurm`, `hyperqueue` or `local:N`, such as `local:2`".to_owned()),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slurm => f.write_str("slurm"),
            Self::HyperQueue => f.write_str("hyperqueue"),
            Self::Local(count) => write!(f, "local:{count}"),
        }
    }
}

pub const TASK: &str = "\
What others do at the same time is left to them. The exit code is 0 when the tasks are done, or were done
already; 75 when the process was asked to stop (SIGTERM, SIGUSR1) and the same command goes on; else it is
that of `topwork run`.

Examples:
  topwork task latest
  topwork plan experiments/mnist-transfer.toml --tasks json
  topwork task 7 3f2a91c0 77d01b5e";

/// `topwork task`.
#[derive(Debug, Args)]
pub struct TaskArguments {
    /// The run: its number, its id, a unique beginning of it, or `latest`
    pub run: String,
    /// The tasks, by the beginnings of their keys [default: all that are missing]
    #[arg(value_name = "TASK")]
    pub tasks: Vec<String>,
    /// The element of a submitted run whose tasks are to be done
    #[arg(long, value_name = "NAME", conflicts_with = "tasks")]
    pub element: Option<String>,
    /// Threads to compute with [default: those of the run]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Do no task: end the run with what there is
    #[arg(long, conflicts_with_all = ["tasks", "element"])]
    pub end: bool,
    #[command(flatten)]
    pub place: Place,
}

/// How `topwork plan --tasks` gives the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TasksFormat {
    /// One JSON object
    Json,
}
