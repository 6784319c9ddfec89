//! The dashboard, and what it asks for: it runs no processes and signals none itself.

use std::{
    io::{IsTerminal, stderr, stdin, stdout},
    sync::Arc,
    thread,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use topwork_store::{RunFolder, reason};
use topwork_tui::{Control, Leave, Options, Theme, TuiError};

use super::{FAREWELL, finish};
use crate::{
    arguments::Ui,
    failure::{Failure, RUN_FAILED, write},
};

/// Whether there is a terminal that can show it.
pub fn possible() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    stdin().is_terminal()
        && stdout().is_terminal()
        && stderr().is_terminal()
        && !term.is_empty()
        && term != "dumb"
}

/// Shows a run until the user leaves, and gives the exit code: that of the run if it has ended,
/// else 0. What remains on the terminal is the comparison, or how to come back.
pub fn watch(folder: &RunFolder, ascii: bool) -> Result<u8, Failure> {
    let options = Options {
        theme: Theme::from_environment(ascii),
    };
    let left = topwork_tui::watch(folder, &options, Arc::new(Processes))?;
    let state = left.run.state()?;
    if state.ending.is_some() {
        return finish(&left.run, &state, Ui::Tui, None);
    }
    say_goodbye(&left);
    Ok(0)
}

fn say_goodbye(left: &Leave) {
    let id = left.run.id();
    let what = if left.asked_to_stop {
        "stops at its next step"
    } else {
        "goes on"
    };
    write(&format!(
        "the run `{id}` {what}; `topwork runs show {id}` tells of it\n"
    ));
}

/// Runs on this machine.
struct Processes;

impl Control for Processes {
    fn stop(&self, run: &RunFolder, _kill: bool) -> Result<(), String> {
        // A supervisor that has not written its name yet is not ready to hear of it.
        let limit = Instant::now() + FAREWELL;
        let owner = loop {
            match run.owner() {
                Some(owner) => break owner,
                None if Instant::now() > limit => {
                    return Err(format!("nobody looks after `{}`", run.id()));
                }
                None => thread::sleep(super::POLL),
            }
        };
        if owner.alive() != Some(true) {
            return Err(format!("`{}` does not run on this machine", run.id()));
        }
        let pid = i32::try_from(owner.pid).ok().and_then(Pid::from_raw);
        // The first asks, the second kills.
        pid.ok_or_else(|| format!("`{}` has no process", run.id()))
            .and_then(|pid| {
                kill_process(pid, Signal::TERM)
                    .map_err(|error| format!("cannot signal `{}`: {error}", run.id()))
            })
    }

    fn remove(&self, run: &RunFolder) -> Result<(), String> {
        let ended = run.state().is_ok_and(|state| state.ending.is_some());
        if !ended
            && run
                .owner()
                .is_some_and(|owner| owner.alive() != Some(false))
        {
            return Err(format!("`{}` still runs: stop it first", run.id()));
        }
        std::fs::remove_dir_all(run.path())
            .map_err(|error| format!("cannot remove `{}`: {}", run.id(), reason(&error)))
    }
}

impl From<TuiError> for Failure {
    fn from(error: TuiError) -> Self {
        Self::new(RUN_FAILED, error.to_string())
            .hint("`--ui plain` shows a run without a terminal of its own")
    }
}
