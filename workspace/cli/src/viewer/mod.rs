//! Watching a run: readers of its event stream, none of which the run depends on.

mod json;
mod plain;

use std::{process::Child, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use topwork_events::{EndStatus, Record, RunState};
use topwork_report::{Results, comparison};
use topwork_store::{RunFolder, StoreError};

use crate::{
    arguments::Ui,
    failure::{Failure, RUN_FAILED, tell},
    output,
};

/// How often the event file is looked at.
const POLL: Duration = Duration::from_millis(50);

/// One way of telling what happens.
trait Viewer {
    /// A record was taken into the state.
    fn show(&mut self, record: &Record, state: &RunState) -> Result<(), Failure>;
    /// A line about the watching itself, for a person.
    fn say(&mut self, line: &str);
    /// The run has ended, or is lost: clears what is not meant to stay.
    fn close(&mut self);
}

/// Watches the run until it ends and gives its exit code. Ctrl-C and SIGTERM ask the run to
/// stop; a second one kills it.
pub fn watch(folder: &RunFolder, mut supervisor: Child, ui: Ui) -> Result<u8, Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::new(RUN_FAILED, format!("cannot listen for signals: {error}")))?;
    let mut viewer: Box<dyn Viewer> = match ui {
        Ui::Auto | Ui::Plain => Box::new(plain::Plain::new(folder)),
        Ui::Json => Box::new(json::Json),
        Ui::None => Box::new(Silent),
    };
    let pid = Pid::from_child(&supervisor);
    let mut reader = folder.event_reader();
    let mut state = RunState::default();
    let mut requests = 0;
    let mut lost = false;
    while state.ending.is_none() && !lost {
        // Asked before the stream is read: what a supervisor that has ended wrote last is then seen.
        lost = !matches!(supervisor.try_wait(), Ok(None));
        for record in reader.poll()? {
            state.apply(&record);
            viewer.show(&record, &state)?;
        }
        for _ in signals.pending() {
            requests += 1;
            viewer.say(match requests {
                1 => "stopping at the next step; once more to kill",
                _ => "killing",
            });
            let _ = kill_process(pid, Signal::TERM);
        }
        if state.ending.is_none() && !lost {
            std::thread::sleep(POLL);
        }
    }
    viewer.close();
    let status = supervisor.wait();
    finish(
        folder,
        &state,
        ui,
        status.ok().and_then(|status| status.code()),
    )
}

/// The last words: the comparison on stdout, how it ended on stderr.
fn finish(
    folder: &RunFolder,
    state: &RunState,
    ui: Ui,
    supervisor: Option<i32>,
) -> Result<u8, Failure> {
    let something = !state.outcomes.is_empty() || !state.source.is_empty();
    if ui != Ui::Json
        && something
        && let Some(results) = Results::from_state(state)
    {
        output::print(&comparison(&results, output::width()))?;
    }
    let Some(ending) = &state.ending else {
        return Err(lost_folder(folder, supervisor));
    };
    match ending.status {
        EndStatus::Done => {}
        EndStatus::Stopped => tell(&format!("the run `{}` was stopped", folder.id()), None),
        EndStatus::Failed => tell(
            ending.message.as_deref().unwrap_or("the run failed"),
            ending.hint.as_deref(),
        ),
        EndStatus::Crashed => {
            let message = ending
                .message
                .as_deref()
                .unwrap_or("the worker ended without a word");
            tell(&format!("crashed: {message}"), ending.hint.as_deref());
        }
    }
    Ok(ending.exit_code)
}

/// Why a run's folder no longer tells anything: found out by trying to write to it.
fn lost_folder(folder: &RunFolder, supervisor: Option<i32>) -> Failure {
    let trial = folder.path().join("trial");
    let reason = match folder.write(&trial, &[0; 4096]) {
        Err(StoreError::Io { reason, .. }) => reason,
        Err(error) => error.to_string(),
        Ok(()) => {
            let _ = std::fs::remove_file(&trial);
            supervisor.map_or("its supervisor was killed".to_owned(), |code| {
                format!("its supervisor ended with exit code {code}")
            })
        }
    };
    Failure::new(
        RUN_FAILED,
        format!(
            "the run `{}` ended without saying how: {reason}",
            folder.id()
        ),
    )
    .hint(format!(
        "what there is of it is in `{}`",
        folder.path().display()
    ))
}

/// Shows nothing.
struct Silent;

impl Viewer for Silent {
    fn show(&mut self, _: &Record, _: &RunState) -> Result<(), Failure> {
        Ok(())
    }
    fn say(&mut self, _: &str) {}
    fn close(&mut self) {}
}
