//! The command line as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an experiment and compare its strategies
    #[command(after_help = EXAMPLE)]
    Run(RunArguments),
    /// Check an experiment file and tell all its mistakes at once
    Check(FileArguments),
    /// Show what a run of an experiment would do, stage by stage
    Plan(FileArguments),
    /// Show the networks of an experiment: layers, shapes, parameters, cut points
    Show(FileArguments),
    /// Print the JSON Schema of the experiment file, for editors
    Schema,
    /// List earlier runs, or show one
    Runs(RunsArguments),
    /// List the installed components, or show one
    Plugins(PluginsArguments),
    /// Look into the cache of extracted features
    Cache(CacheArguments),
    /// Look after a run's worker process
    #[command(hide = true)]
    Supervise {
        /// The run's folder.
        run: PathBuf,
    },
    /// Execute a run
    #[command(hide = true)]
    Worker {
        /// The run's folder.
        run: PathBuf,
    },
    /// Look at plugins on behalf of another process: a request on stdin, the answer on stdout
    #[command(hide = true)]
    Probe,
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
    /// How to watch the run
    #[arg(long, value_enum, default_value_t = Ui::Auto)]
    pub ui: Ui,
    /// Show the dashboard with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Threads to compute with; the results do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Extract features afresh and keep none for other runs
    #[arg(long)]
    pub no_cache: bool,
    /// Folder that run folders are made in
    #[arg(
        long,
        value_name = "DIR",
        env = "TOPWORK_RUNS_DIR",
        default_value = "runs"
    )]
    pub runs_dir: PathBuf,
}

/// An experiment file, with what changes it.
#[derive(Debug, Args)]
pub struct FileArguments {
    /// The experiment file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Use this seed instead of the file's; repeat for several
    #[arg(long = "seed", value_name = "N")]
    pub seeds: Vec<u64>,
    /// Replace one value of the file; repeat for several
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
    /// Load plugins from this folder, too; repeat for several
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
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

/// `topwork runs`.
#[derive(Debug, Args)]
pub struct RunsArguments {
    /// What to do; lists the runs when left out.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
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

/// The commands of `topwork runs`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List all runs, the latest last
    List,
    /// Show one run with its comparison
    #[command(after_help = "Example:\n  topwork runs show latest\n  topwork runs show 7")]
    Show {
        /// Its number, its id, a unique beginning of it, or `latest`
        run: String,
    },
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
    #[command(after_help = "Example:\n  topwork plugins show logistic-regression")]
    Show {
        /// A component, `plugin/component`, or a plugin
        id: String,
    },
}

/// Where the cache is and how large it may grow.
const CACHE_PLACE: &str = "\
The cache lies in $TOPWORK_CACHE_DIR, else in topwork/features of the user's cache folder, and
holds at most $TOPWORK_CACHE_LIMIT megabytes, else 4096; what was unused longest goes first.";

/// `topwork cache`.
#[derive(Debug, Args)]
#[command(after_help = CACHE_PLACE)]
pub struct CacheArguments {
    /// What to do; lists the entries when left out.
    #[command(subcommand)]
    pub command: Option<CacheCommand>,
}

/// The commands of `topwork cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List the entries, the one used last first
    List,
    /// Remove all entries
    Clear,
    /// Explain whether an experiment's features would be found, and if not, why
    #[command(after_help = "Example:\n  topwork cache why experiments/mnist-transfer.toml")]
    Why(FileArguments),
}

fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => {
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected PATH=VALUE, for example source.train.epochs=1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
