//! `topwork runs` as typed.

use std::time::Duration;

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use topwork_store::Standing;

use super::{Place, values::parse_time};

/// `topwork runs`.
#[derive(Debug, Args)]
pub struct RunsArguments {
    /// What to do; lists the runs when left out.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
    /// List as JSON, when no command is given
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub place: Place,
}

/// The commands of `topwork runs`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List all runs, the latest last
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Show one run with its comparison
    #[command(after_help = "Example:\n  topwork runs show latest\n  topwork runs show 7")]
    Show {
        /// The run: its number, its id, the beginning of its id, or `latest` (`--last` means the same)
        run: String,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Remove runs that have ended, with all their files
    #[command(after_help = REMOVE)]
    Rm(RemoveArguments),
}

const REMOVE: &str = "\
With several of --older, --state and --keep a run goes only if all of them say so. A run that is
going on is never removed.

Examples:
  topwork runs rm 3 4 5
  topwork runs rm --older 30d --keep 10
  topwork runs rm --state failed,crashed --dry-run";

/// What tells runs to remove without naming them.
const FILTERS: [&str; 3] = ["older", "state", "keep"];

/// `topwork runs rm`.
#[derive(Debug, Args)]
pub struct RemoveArguments {
    /// The runs: numbers, ids, beginnings of ids, or `latest`
    #[arg(value_name = "RUN", conflicts_with_all = FILTERS)]
    pub runs: Vec<String>,
    /// Remove runs that were started longer ago than this, for example 36h, 30d or 2w
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub older: Option<Duration>,
    /// Remove runs that ended so; several with commas between them
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = ended())]
    pub state: Vec<String>,
    /// Keep the newest N runs, however they ended
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,
    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// The words for how a run ended, as `runs list` has them.
fn ended() -> PossibleValuesParser {
    let message = String::new;
    let states = [
        Standing::Done,
        Standing::Stopped,
        Standing::Failed { message: message() },
        Standing::Crashed { message: message() },
        Standing::NeverStarted,
    ];
    PossibleValuesParser::new(states.map(|state| state.word()))
}
