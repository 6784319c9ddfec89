//! Watching a run: readers of its event stream, none of which the run depends on.

pub mod dashboard;
mod json;
mod plain;

use std::{
    process::Child,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use topwork_events::{EndStatus, Record, RunState};
use topwork_report::{Results, comparison};
use topwork_store::{RunFolder, StoreError, reason};

use crate::{
    arguments::Ui,
    failure::{Failure, RUN_FAILED, tell},
    output,
};

/// How often the event file is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How long a worker that lost its supervisor gets to say how it ended.
const FAREWELL: Duration = Duration::from_secs(3);

/// One way of telling what happens.
trait Viewer {
    /// A record was taken into the state.
    fn show(&mut self, record: &Record, state: &RunState) -> Result<(), Failure>;
    /// A line about the watching itself, for a person.
    fn say(&mut self, line: &str);
    /// The run has ended, or is lost: clears what is not meant to stay.
    fn close(&mut self);
}

/// Listens for requests to stop.
pub fn signals() -> Result<Signals, Failure> {
    Signals::new([SIGINT, SIGTERM]).map_err(|error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot listen for signals: {}", reason(&error)),
        )
    })
}

/// Watches the run until it ends and gives its exit code. Ctrl-C and SIGTERM ask the run to
/// stop; a second one kills it.
pub fn watch(
    folder: &RunFolder,
    mut supervisor: Child,
    mut signals: Signals,
    ui: Ui,
) -> Result<u8, Failure> {
    let mut viewer: Box<dyn Viewer> = match ui {
        Ui::Auto | Ui::Tui | Ui::Plain => Box::new(plain::Plain::new(folder)),
        Ui::Json => Box::new(json::Json),
        Ui::None => Box::new(Silent),
    };
    let pid = Pid::from_child(&supervisor);
    let mut reader = folder.event_reader();
    let mut state = RunState::default();
    let (mut requests, mut unsent) = (0, 0);
    let mut lost_since: Option<Instant> = None;
    while state.ending.is_none() && lost_since.is_none_or(|since| since.elapsed() < FAREWELL) {
        // Asked before the stream is read: what a supervisor that has ended wrote last is then seen.
        let gone = !matches!(supervisor.try_wait(), Ok(None));
        for record in reader.poll()? {
            state.apply(&record);
            viewer.show(&record, &state).map_err(|failure| {
                failure.hint(format!(
                    "the run goes on; `topwork runs show {}` tells of it",
                    folder.id()
                ))
            })?;
        }
        if gone {
            // A worker whose supervisor was killed ends at its next step and says so itself.
            let supervised = folder.owner().is_some();
            lost_since.get_or_insert_with(|| match supervised {
                true => Instant::now(),
                false => Instant::now()
                    .checked_sub(FAREWELL)
                    .unwrap_or_else(Instant::now),
            });
        }
        for _ in signals.pending() {
            requests += 1;
            unsent += 1;
            viewer.say(match requests {
                1 => "stopping at the next step; once more to kill",
                _ => "killing",
            });
        }
        // A supervisor that has not written its name yet is not ready to hear of it.
        if unsent > 0 && folder.owner().is_some() {
            for _ in 0..unsent {
                let _ = kill_process(pid, Signal::TERM);
                // Two at the same moment would arrive as one.
                std::thread::sleep(POLL);
            }
            unsent = 0;
        }
        if state.ending.is_none() {
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
