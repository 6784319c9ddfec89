//! `topwork cache` as typed.

use clap::{Args, Subcommand};

use super::FileArguments;

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
    /// Remove all entries, after asking
    Clear {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Explain whether an experiment's features would be found, and if not, why
    #[command(after_help = "Example:\n  topwork cache why experiments/mnist-transfer.toml")]
    Why(FileArguments),
}
