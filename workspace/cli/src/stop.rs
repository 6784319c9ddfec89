//! `topwork stop`: asks a run to end, whoever has started it and wherever.

mod elements;

use std::{
    io::{IsTerminal, stderr},
    thread,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use rustix::process::{Signal, kill_process};
use topwork_events::RunState;
use topwork_store::{Owner, Process, RunFolder, Runs, Standing, StopRequest};

use crate::{
    arguments::StopArguments,
    failure::{Failure, RUN_FAILED, write},
    hints,
};

/// How often the run is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How long a run gets to come to its next step, and a supervisor to kill its worker.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the run to stop and waits until it has ended.
pub fn stop(arguments: &StopArguments) -> Result<u8, Failure> {
    let folder = Runs::at(&arguments.place.runs_dir).find(&arguments.run)?;
    folder.manifest_to_write()?;
    let mut reader = folder.event_reader();
    let mut state = RunState::from_records(&reader.poll()?);
    let mut standing = folder.standing(&state);
    if !standing.is_live() {
        write(&format!(
            "the run `{}` is not running: {standing}\n",
            folder.id()
        ));
        return Ok(0);
    }
    if folder.has_elements(&state) {
        return elements::stop(&folder, state, arguments.kill);
    }
    let progress = Progress::start(&folder, &standing);
    let begun = Instant::now();
    let mut steps = steps(arguments.kill).into_iter().peekable();
    while standing.is_live() {
        // Who has just made the run has yet to write down who looks after it.
        let owner = folder.owner();
        if let Some(owner) = &owner
            && let Some((_, step)) = steps.next_if(|(due, _)| begun.elapsed() >= *due)
        {
            progress.say(step, &folder);
            act(step, &folder, owner)?;
        }
        thread::sleep(POLL);
        for record in reader.poll()? {
            state.apply(&record);
        }
        standing = folder.standing(&state);
    }
    progress.end();
    write(&match standing {
        Standing::Stopped => format!("the run `{}` was stopped\n", folder.id()),
        standing => format!("the run `{}` has ended: {standing}\n", folder.id()),
    });
    Ok(0)
}

/// Asks the run to stop, or to be killed, and waits for nothing but for somebody to be there
/// who can hear it.
pub fn ask(folder: &RunFolder, kill: bool) -> Result<(), Failure> {
    let step = if kill { Step::AskToKill } else { Step::Ask };
    if folder.has_elements(&folder.state()?) {
        return elements::ask(folder, kill);
    }
    loop {
        if let Some(owner) = folder.owner() {
            return act(step, folder, &owner);
        }
        let standing = folder.standing(&folder.state()?);
        if !standing.is_live() {
            return Err(Failure::new(
                RUN_FAILED,
                format!("the run `{}` is not running: {standing}", folder.id()),
            ));
        }
        thread::sleep(POLL);
    }
}

/// One more thing to do about a run that is still there.
#[derive(Clone, Copy)]
enum Step {
    Ask,
    /// Say that asking was not enough so far.
    Tell,
    AskToKill,
    Kill,
}

/// What to do, and how long after the first look.
fn steps(kill: bool) -> Vec<(Duration, Step)> {
    let mut steps = vec![(Duration::ZERO, Step::Ask)];
    if kill {
        steps.push((PATIENCE, Step::AskToKill));
        steps.push((2 * PATIENCE, Step::Kill));
    } else {
        steps.push((PATIENCE, Step::Tell));
    }
    steps
}

fn act(step: Step, folder: &RunFolder, owner: &Owner) -> Result<(), Failure> {
    let request = match step {
        Step::Tell => return Ok(()),
        Step::Ask => StopRequest::Stop,
        Step::AskToKill => StopRequest::Kill,
        Step::Kill => {
            if owner.is_here() {
                // A supervisor that outlives its worker tells of its end.
                for process in owner.worker.into_iter().chain([owner.supervisor]) {
                    send(process, Signal::KILL);
                    thread::sleep(PATIENCE / 5);
                }
            }
            return Ok(());
        }
    };
    if !owner.is_here() {
        return Ok(folder.request_stop(request)?);
    }
    if owner.supervisor.alive() {
        // A second request kills.
        send(owner.supervisor, Signal::TERM);
    } else if let Some(worker) = owner.worker {
        let signal = match request {
            StopRequest::Stop => Signal::TERM,
            StopRequest::Kill => Signal::KILL,
        };
        send(worker, signal);
    }
    Ok(())
}

/// Fails when the process has just ended, which is what was asked for.
fn send(process: Process, signal: Signal) {
    if let Some(pid) = process.id().filter(|_| process.alive()) {
        let _ = kill_process(pid, signal);
    }
}

/// One line that says what is waited for: alive on a terminal.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn start(folder: &RunFolder, standing: &Standing) -> Self {
        let line = format!("stopping `{}` ({standing})", folder.id());
        if !stderr().is_terminal() {
            write(&format!("{line}\n"));
            return Self(None);
        }
        let bar = ProgressBar::new_spinner().with_message(line);
        bar.enable_steady_tick(POLL);
        Self(Some(bar))
    }

    fn say(&self, step: Step, folder: &RunFolder) {
        let line = match step {
            Step::Ask => return,
            Step::Tell => format!(
                "it has not come to a step boundary yet; {} kills it\n",
                hints::about("stop --kill", folder)
            ),
            Step::AskToKill | Step::Kill => "killing\n".to_owned(),
        };
        match &self.0 {
            Some(bar) => bar.suspend(|| write(&line)),
            None => write(&line),
        }
    }

    fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}
