//! Watching a run: readers of its event stream, none of which the run depends on.

mod dashboard;
mod json;
mod plain;
mod tie;

use std::{process::Child, time::Duration};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use topwork_events::{EndStatus, Record, RunState};
use topwork_pages::comparisons;
use topwork_results::Tables;
use topwork_sniff::reason;
use topwork_store::{RunFolder, StoreError};

use crate::{
    arguments::{Ui, ViewArguments},
    failure::{Failure, RUN_FAILED, tell, write},
    hints, output,
};
use tie::Tie;

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

/// Listens for requests to stop.
pub fn signals() -> Result<Signals, Failure> {
    Signals::new([SIGINT, SIGTERM]).map_err(|error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot listen for signals: {}", reason(&error)),
        )
    })
}

/// Watches the run that this process has started until it ends and gives its exit code.
/// Ctrl-C and SIGTERM ask the run to stop, a second one kills it; on the dashboard they leave.
pub fn watch(
    folder: &RunFolder,
    supervisor: Child,
    signals: Signals,
    view: &ViewArguments,
) -> Result<u8, Failure> {
    follow(folder, Tie::own(supervisor), signals, view)
}

/// Watches a run of another process until it ends and gives its exit code. Ctrl-C and SIGTERM
/// leave it alone and end the watching.
pub fn attach(folder: &RunFolder, signals: Signals, view: &ViewArguments) -> Result<u8, Failure> {
    follow(folder, Tie::visit(), signals, view)
}

fn follow(
    folder: &RunFolder,
    mut tie: Tie,
    mut signals: Signals,
    view: &ViewArguments,
) -> Result<u8, Failure> {
    let ui = view.ui;
    if dashboard::wanted(view) {
        let shown = dashboard::show(folder)?;
        // Another run may have been opened there.
        let tie = if shown == *folder { tie } else { Tie::visit() };
        // Asked before the stream is read for the last words, as below.
        let live = shown.standing(&shown.state()?).is_live();
        return match live {
            true => leave(&shown),
            false => finish(&shown, &shown.state()?, ui, tie),
        };
    }
    let mut viewer: Box<dyn Viewer> = match ui {
        Ui::Auto | Ui::Tui | Ui::Plain => Box::new(plain::Plain::new(folder)),
        Ui::Json => Box::new(json::Json),
        Ui::None => Box::new(Silent),
    };
    let mut reader = folder.event_reader();
    let mut state = RunState::default();
    loop {
        // Asked before the stream is read: what was written last is then seen.
        let gone = tie.is_gone(folder, &state);
        for record in reader.poll()? {
            state.apply(&record);
            viewer.show(&record, &state).map_err(|failure| {
                failure.hint(format!(
                    "the run goes on; {} comes back to it",
                    hints::about("attach", folder)
                ))
            })?;
        }
        if gone || state.ending.is_some() {
            break;
        }
        for _ in signals.pending() {
            if tie.interrupt(viewer.as_mut()) {
                viewer.close();
                return leave(folder);
            }
        }
        tie.send(folder);
        std::thread::sleep(POLL);
    }
    viewer.close();
    finish(folder, &state, ui, tie)
}

/// Leaves a run that goes on.
fn leave(folder: &RunFolder) -> Result<u8, Failure> {
    write(&format!(
        "the run goes on: {} comes back to it, {} stops it\n",
        hints::about("attach", folder),
        hints::about("stop", folder)
    ));
    Ok(0)
}

/// The last words: the comparison on stdout, how it ended on stderr.
fn finish(folder: &RunFolder, state: &RunState, ui: Ui, tie: Tie) -> Result<u8, Failure> {
    let own = matches!(tie, Tie::Own(_));
    let supervisor = tie.end();
    let something = !state.outcomes.is_empty() || !state.source.is_empty();
    if ui != Ui::Json
        && something
        && let Some(tables) = Tables::of(state)
    {
        output::print(&comparisons(&tables, output::width()))?;
    }
    let Some(ending) = &state.ending else {
        return Err(match own {
            true => lost_folder(folder, supervisor),
            false => {
                failure(folder, &folder.standing(state).to_string()).hint(hints::goes_on(folder))
            }
        });
    };
    match ending.status {
        EndStatus::Done => {}
        EndStatus::Stopped => tell(
            &format!("the run `{}` was stopped", folder.id()),
            Some(&hints::goes_on(folder)),
        ),
        EndStatus::Failed | EndStatus::Crashed => {
            // What the failure suggests comes first; where it has nothing to say, what was done is not lost.
            let hint = ending
                .hint
                .clone()
                .unwrap_or_else(|| hints::goes_on(folder));
            let message = ending.message.as_deref().unwrap_or("the run failed");
            tell(message, Some(&hint));
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
    failure(folder, &format!("ended without saying how: {reason}"))
}

/// What a run came to that does not tell of it itself.
fn failure(folder: &RunFolder, end: &str) -> Failure {
    Failure::new(RUN_FAILED, format!("the run `{}` {end}", folder.id())).hint(format!(
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
