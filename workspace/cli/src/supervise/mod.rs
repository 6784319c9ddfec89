//! The process that looks after a worker: it runs no plugin code, so it is there to tell how
//! the worker ended, whatever happened to it, and to start it again for what is left to do.

mod attendant;

use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGKILL, SIGTERM};
use topwork_events::{Came, EndStatus, Event, Failure, RunState, StageState};
use topwork_sniff::reason;
use topwork_store::{Machine, Owner, RunFolder, StoreError};
use topwork_worker::{Duty, EXIT_FOLDER_LOST, ending, made, write_results};

use crate::{
    crash::{Crash, crash},
    failure::{RUN_FAILED, WRONG_PLUGIN, WRONG_USE, tell},
    hints,
    worker_log::WorkerLog,
};
use attendant::Attendant;

/// How long a worker that has lost its supervisor gets to come to its next step before it is
/// killed: two workers must not write one run.
const FAREWELL: Duration = Duration::from_secs(10);

/// Starts the worker of the run in `folder`, or of the element whose view that is, waits for it and gives the exit code.
pub fn supervise(folder: &RunFolder, duty: Duty) -> u8 {
    match try_supervise(folder, duty) {
        Ok(code) => code,
        Err(error) => {
            tell(&error.to_string(), None);
            EXIT_FOLDER_LOST
        }
    }
}

fn try_supervise(folder: &RunFolder, duty: Duty) -> Result<u8, StoreError> {
    // Held as long as this process lives, however it ends.
    let Some(_lock) = folder.lock()? else {
        return Ok(match (folder.element_name(), duty) {
            // Another process does what this one was to do.
            (Some(_), _) | (None, Duty::End) => 0,
            (None, _) => {
                tell("another process looks after this run", None);
                WRONG_USE
            }
        });
    };
    outlive_worker(folder);
    let state = folder.state()?;
    if let Some(ending) = state.ending.as_ref().filter(|_| duty == Duty::End) {
        if !state.is_unfinished() {
            // Another process was faster.
            return Ok(ending.exit_code);
        }
        take_up_again(folder)?;
    }
    if folder.element_name().is_some() {
        folder.event_writer()?.append(Event::ElementStarted {
            host: Machine::here().host,
            job: folder.assignment().job,
            kind: made(&[], None).engine,
        })?;
    } else if duty == Duty::Work && (state.plan.is_some() || state.ending.is_some()) {
        take_up_again(folder)?;
    }
    let attendant = match Attendant::start(folder) {
        Ok(attendant) => attendant,
        Err(error) => {
            let message = format!("cannot listen for signals: {}", reason(&error));
            return end(folder, EndStatus::Failed, message, RUN_FAILED);
        }
    };
    if duty == Duty::End {
        // Of elements that were killed; one process writes over what it has left.
        folder.tidy();
    }
    let mut crashed = None;
    loop {
        if let Some(code) = session(folder, duty, &attendant)? {
            return Ok(match code {
                0 => crashed.unwrap_or(0),
                code => code,
            });
        }
        crashed = Some(WRONG_PLUGIN);
    }
}

/// Says that a run goes on that has ended, whoever asked it to stop.
pub fn take_up_again(run: &RunFolder) -> Result<(), StoreError> {
    run.withdraw_stop();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    run.event_writer()?.append(Event::RunResumed { version })?;
    Ok(())
}

/// One worker's life. `None` when it died of one row and others are left to do.
fn session(
    folder: &RunFolder,
    duty: Duty,
    attendant: &Attendant,
) -> Result<Option<u8>, StoreError> {
    let (mut worker, log) = match start_worker(folder, duty) {
        Ok(started) => started,
        Err(error) => {
            let message = format!("cannot start the worker: {}", reason(&error));
            return end(folder, EndStatus::Failed, message, RUN_FAILED).map(Some);
        }
    };
    // Only now, with the handlers in place: whoever reads it may send requests to stop.
    folder.write_owner(&Owner::this_process(Some(worker.id())))?;
    attendant.attend(&worker);
    // The worker reads this pipe to its end, which comes with the end of this process.
    let lifeline = worker.stdin.take();
    let status = worker.wait();
    attendant.leave();
    log.finish();
    drop(lifeline);
    let state = folder.state()?;
    if has_ended(folder, &state) {
        let code = status.ok().and_then(|status| status.code());
        return Ok(Some(code.map_or(RUN_FAILED, |code| code as u8)));
    }
    let Ok(status) = status else {
        let message = "crashed: the worker's end could not be awaited".to_owned();
        return end(folder, EndStatus::Crashed, message, RUN_FAILED).map(Some);
    };
    let crash = crash(status, &folder.call_path());
    // Out of a plugin's call it is the plugin that ended the process, with a code that means nothing.
    if status.code() == Some(i32::from(EXIT_FOLDER_LOST)) && !crash.in_plugin {
        return Ok(Some(EXIT_FOLDER_LOST));
    }
    if attendant.requests() > 0 && asked_to(status) {
        let message = "killed before it came to a step boundary".to_owned();
        return end(folder, EndStatus::Stopped, message, 130).map(Some);
    }
    let code = if crash.in_plugin {
        WRONG_PLUGIN
    } else {
        RUN_FAILED
    };
    if !give_up_row(folder, &state, &crash)? {
        let killed = status.signal() == Some(SIGKILL) && !crash.of_plugin;
        let hint = crash_hint(folder, killed, attendant.memory());
        return end_with(folder, EndStatus::Crashed, crash.message, Some(hint), code).map(Some);
    }
    let state = folder.state()?;
    if folder.element_name().is_none() && state.rows_left() == 0 {
        let ending = ending(&state, folder.now(), None);
        write_results(folder, state, &ending)?;
        folder.event_writer()?.append(ending)?;
        return Ok(Some(code));
    }
    match attendant.requests() {
        0 => Ok(None),
        _ => end(folder, EndStatus::Stopped, crash.message, 130).map(Some),
    }
}

/// Whether whoever is looked after has said how it ended.
fn has_ended(folder: &RunFolder, state: &RunState) -> bool {
    match folder.element_name() {
        Some(name) => (state.element(name)).is_some_and(|element| element.ending.is_some()),
        None => state.ending.is_some(),
    }
}

fn asked_to(status: ExitStatus) -> bool {
    matches!(status.signal(), Some(SIGTERM | SIGKILL | SIGINT))
}

/// The stage that the worker was at. Of several processes each has its own, which the last record of its stream tells.
fn running_stage_of<'a>(
    folder: &RunFolder,
    state: &'a RunState,
) -> Option<(usize, &'a StageState)> {
    if folder.element_name().is_none() {
        return state.running_stage();
    }
    let begun = folder.begun_stage()?;
    let stage = state.parts.get(begun.0)?.stages.start + begun.1;
    Some((stage, state.stages.get(stage)?))
}

/// When a plugin took the worker with it while a row was measured, that row is given up.
/// Whatever else ends a worker ends the run.
fn give_up_row(folder: &RunFolder, state: &RunState, crash: &Crash) -> Result<bool, StoreError> {
    let running = running_stage_of(folder, state);
    let Some((index, stage)) = running.filter(|_| crash.of_plugin) else {
        return Ok(false);
    };
    let (Some(row), Some(seed)) = (stage.plan.row, stage.plan.seed) else {
        return Ok(false);
    };
    let (part, row) = state.part_of_row(row);
    let first = state.parts.get(part).map_or(0, |part| part.stages.start);
    let mut writer = folder.event_writer()?;
    let mut tell = |event| writer.append_of(part, event);
    tell(Event::RowFailed(Failure {
        row,
        seed,
        status: EndStatus::Crashed,
        message: crash.message.clone(),
        hint: Some(log_hint(folder)),
        exit_code: WRONG_PLUGIN,
    }))?;
    tell(Event::StageEnded {
        stage: index - first.min(index),
        seconds: folder.now().saturating_sub(stage.started_at) as f64 / 1000.0,
        came: Came::Said(crash.message.clone()),
        failed: true,
    })?;
    Ok(true)
}

/// Waits for a worker whose supervisor was killed: it ends at its next step, or is made to.
fn outlive_worker(folder: &RunFolder) {
    let Some(owner) = folder.owner().filter(Owner::is_here) else {
        return;
    };
    let Some(worker) = owner.worker else { return };
    let begun = Instant::now();
    while worker.alive() {
        if let Some(pid) = worker.id().filter(|_| begun.elapsed() > FAREWELL) {
            // Fails when it has just ended.
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn start_worker(folder: &RunFolder, duty: Duty) -> std::io::Result<(Child, WorkerLog)> {
    let (log, stdout, stderr) = WorkerLog::open(&folder.log_path())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("worker").arg(folder.path());
    if let Some(name) = folder.element_name() {
        command.args(["--element", name]);
    }
    if duty == Duty::End {
        command.arg("--end");
    }
    let worker = command
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()?;
    Ok((worker, log))
}

/// Appends the last event on behalf of a worker that could not.
fn end(
    folder: &RunFolder,
    status: EndStatus,
    message: String,
    exit_code: u8,
) -> Result<u8, StoreError> {
    let hint = (status == EndStatus::Crashed).then(|| hints::goes_on(folder));
    end_with(folder, status, message, hint, exit_code)
}

/// The same with what to try.
fn end_with(
    folder: &RunFolder,
    status: EndStatus,
    message: String,
    hint: Option<String>,
    exit_code: u8,
) -> Result<u8, StoreError> {
    let state = folder.state()?;
    let ending = Event::RunEnded {
        status,
        message: Some(message),
        hint,
        exit_code,
        seconds: state.seconds_until(folder.now()),
        peak_bytes: None,
    };
    // What was measured before is worth a file, too; the end is told even if that fails.
    let results = match folder.element_name() {
        Some(_) => Ok(()),
        None => write_results(folder, state, &ending),
    };
    folder.event_writer()?.append(ending)?;
    results?;
    Ok(exit_code)
}

/// What to do about a worker that is gone without a word of its own.
fn crash_hint(folder: &RunFolder, killed: bool, memory: Option<u64>) -> String {
    let mut hint = hints::goes_on(folder);
    if killed {
        let held = memory.map_or(String::new(), |bytes| {
            format!(" (the worker held {} MB)", bytes / 1_000_000)
        });
        hint.push_str(&format!(
            "; unless somebody killed it, the system did, mostly for want of memory{held}: `dmesg` tells"
        ));
    }
    let log = folder.log_path();
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        hint.push_str(&format!("; {}", log_hint(folder)));
    }
    hint
}

fn log_hint(folder: &RunFolder) -> String {
    format!(
        "what it printed last is in `{}`",
        folder.log_path().display()
    )
}
