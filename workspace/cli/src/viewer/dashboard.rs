//! The dashboard, and what it asks for: it runs no processes and signals none itself.

use std::{
    io::{IsTerminal, stderr, stdin, stdout},
    sync::Arc,
};

use topwork_store::{RunFolder, Runs};
use topwork_tui::{Control, Options, Theme, TuiError};

use crate::{
    arguments::{Ui, ViewArguments},
    failure::{Failure, RUN_FAILED},
    output, stop,
};

/// Whether the run is to be shown on a dashboard: asked for, or possible and not declined.
pub fn wanted(view: &ViewArguments) -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    let possible = stdin().is_terminal()
        && stdout().is_terminal()
        && stderr().is_terminal()
        && !term.is_empty()
        && term != "dumb";
    view.ui == Ui::Tui || view.ui == Ui::Auto && possible
}

/// Shows a run until the user leaves, and gives the run that was shown last.
pub fn show(folder: &RunFolder) -> Result<RunFolder, Failure> {
    let options = Options {
        theme: Theme::from_environment(output::is_ascii(&stdout())),
    };
    Ok(topwork_tui::watch(folder, &options, Arc::new(Processes))?.run)
}

/// The processes of runs.
struct Processes;

impl Control for Processes {
    fn stop(&self, run: &RunFolder, kill: bool) -> Result<(), String> {
        stop::ask(run, kill).map_err(|failure| failure.message)
    }

    fn remove(&self, run: &RunFolder) -> Result<(), String> {
        let folder = run.path().parent().unwrap_or(run.path());
        Runs::at(folder)
            .remove(run)
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

impl From<TuiError> for Failure {
    fn from(error: TuiError) -> Self {
        Self::new(RUN_FAILED, error.to_string())
            .hint("`--ui plain` shows a run without a screen of its own")
    }
}
