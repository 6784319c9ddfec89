//! Stopping a run that several processes work on.

use std::{process::Command, thread, time::Instant};

use topwork_events::{EndStatus, Event, RunState};
use topwork_store::{RunFolder, Standing, StopRequest};

use super::{PATIENCE, POLL};
use crate::{
    failure::{Failure, write},
    hints,
};

/// Asks all elements to stop, withdraws those that have not begun, and waits until none is at work.
pub fn stop(folder: &RunFolder, state: RunState, kill: bool) -> Result<u8, Failure> {
    let mut state = state;
    write(&format!(
        "stopping `{}` ({})\n",
        folder.id(),
        folder.standing(&state)
    ));
    ask(folder, false)?;
    let begun = Instant::now();
    let mut reader = folder.event_reader();
    let mut killed = false;
    loop {
        for record in reader.poll()? {
            state.apply(&record);
        }
        let standing = folder.standing(&state);
        if !matches!(
            standing,
            Standing::Running { .. } | Standing::Stalled { .. }
        ) {
            break;
        }
        if kill && !killed && begun.elapsed() > PATIENCE {
            killed = true;
            ask(folder, true)?;
        }
        thread::sleep(POLL);
    }
    if state.ending.is_none() {
        folder.event_writer()?.append(Event::RunEnded {
            status: EndStatus::Stopped,
            message: None,
            hint: None,
            exit_code: 130,
            seconds: state.seconds_until(folder.now()),
            peak_bytes: None,
        })?;
    }
    write(&format!(
        "the run `{}` was stopped; {} goes on with it\n",
        folder.id(),
        hints::about("submit --missing", folder)
    ));
    Ok(0)
}

/// Asks all elements to stop, or to be killed.
pub fn ask(folder: &RunFolder, kill: bool) -> Result<(), Failure> {
    folder.request_stop(match kill {
        true => StopRequest::Kill,
        false => StopRequest::Stop,
    })?;
    if let Some(submission) = folder
        .submission()
        .filter(|of| of.to == "slurm" && !of.jobs.is_empty())
    {
        // Those that wait in the queue would only find that the run was stopped.
        let _ = Command::new("scancel")
            .args(["--quiet", "--state=PENDING"])
            .args(&submission.jobs)
            .status();
    }
    Ok(())
}
