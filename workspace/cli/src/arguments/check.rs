//! `topwork check` and `topwork plan` as typed.

use clap::Args;

use super::{FileArguments, Place, TasksFormat};

pub(super) const CHECKED: &str = "\
The JSON has `format` (1), `file`, `ok`, `experiment` (left out where there are mistakes), `errors` and
`warnings`, each with `message`, `hint`, `category`, `line` and `column`. The exit code is the same.

Example:
  topwork check experiments/mnist-transfer.toml";

pub(super) const PLANNED: &str = "\
The JSON has `format` (1), `file` and `parts`, one for each backbone with each target: `stages`,
`results` row by row and seed by seed, and what of them is to do, in seconds and bytes.

Example:
  topwork plan experiments/mnist-transfer.toml";

/// `topwork check`.
#[derive(Debug, Args)]
pub struct CheckFileArguments {
    #[command(flatten)]
    pub file: FileArguments,
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// `topwork plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub file: FileArguments,
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Give the tasks instead, for programs that have them done by `topwork task`
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub tasks: Option<TasksFormat>,
    #[command(flatten)]
    pub place: Place,
}
