//! The process that looks after a worker: it runs no plugin code, so it is there to tell how
//! the worker ended, whatever happened to it.

use std::{
    fs::OpenOptions,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use topwork_events::{EndStatus, Event};
use topwork_store::{CallRecorder, Owner, RunFolder, StoreError};
use topwork_worker::EXIT_FOLDER_LOST;

use crate::failure::{RUN_FAILED, WRONG_PLUGIN, tell};

/// Starts the worker of the run in `folder`, waits for it and gives the exit code.
pub fn supervise(folder: &RunFolder) -> u8 {
    match try_supervise(folder) {
        Ok(code) => code,
        Err(error) => {
            tell(&error.to_string(), None);
            EXIT_FOLDER_LOST
        }
    }
}

fn try_supervise(folder: &RunFolder) -> Result<u8, StoreError> {
    // A session of its own: neither Ctrl-C in the terminal nor its closing reach the run.
    // Fails only for a process that leads one already, which is just as well.
    let _ = rustix::process::setsid();
    folder.write_owner(&Owner::this_process())?;
    let begun = Instant::now();
    // Before the worker starts, so that no request to stop falls between.
    let signals = Signals::new([SIGTERM, SIGINT]);
    let started = signals.and_then(|signals| Ok((signals, start_worker(folder)?)));
    let (signals, mut worker) = match started {
        Ok(started) => started,
        Err(error) => {
            let message = format!("cannot start the worker: {error}");
            return end(folder, begun, EndStatus::Failed, message, RUN_FAILED);
        }
    };
    let requests = signals.handle();
    let forward = pass_on(signals, &worker);
    let status = worker.wait();
    requests.close();
    let killed = forward.join().unwrap_or(false);
    if folder.state()?.ending.is_some() {
        return Ok(status
            .ok()
            .and_then(|status| status.code())
            .map_or(RUN_FAILED, |code| code as u8));
    }
    let Ok(status) = status else {
        let message = "the worker's end could not be awaited".to_owned();
        return end(folder, begun, EndStatus::Crashed, message, RUN_FAILED);
    };
    if status.code() == Some(i32::from(EXIT_FOLDER_LOST)) {
        return Ok(EXIT_FOLDER_LOST);
    }
    if killed {
        let message = "killed before it came to a step boundary".to_owned();
        return end(folder, begun, EndStatus::Stopped, message, 130);
    }
    let in_plugin = CallRecorder::read(&folder.call_path()).is_some();
    let message = crash(status, &folder.call_path());
    let code = if in_plugin { WRONG_PLUGIN } else { RUN_FAILED };
    end(folder, begun, EndStatus::Crashed, message, code)
}

fn start_worker(folder: &RunFolder) -> std::io::Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.log_path())?;
    Command::new(std::env::current_exe()?)
        .arg("worker")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Passes requests to stop on to the worker: the first asks, the second kills. The thread
/// tells whether it came to that.
fn pass_on(mut signals: Signals, worker: &Child) -> thread::JoinHandle<bool> {
    let pid = Pid::from_child(worker);
    thread::spawn(move || {
        let mut requests = 0;
        for _ in signals.forever() {
            requests += 1;
            // Fails when the worker has just ended, which is what was asked for.
            let _ = kill_process(
                pid,
                if requests == 1 {
                    Signal::TERM
                } else {
                    Signal::KILL
                },
            );
        }
        requests > 1
    })
}

/// Appends the last event on behalf of a worker that could not.
fn end(
    folder: &RunFolder,
    begun: Instant,
    status: EndStatus,
    message: String,
    exit_code: u8,
) -> Result<u8, StoreError> {
    let hint = (status == EndStatus::Crashed).then(|| {
        format!(
            "what it printed last is in `{}`",
            folder.log_path().display()
        )
    });
    folder.event_writer()?.append(Event::RunEnded {
        status,
        message: Some(message),
        hint,
        exit_code,
        seconds: begun.elapsed().as_secs_f64(),
        peak_bytes: None,
    })?;
    Ok(exit_code)
}

/// What a process that runs plugins died of, with the call it was in.
pub fn crash(status: ExitStatus, call_path: &Path) -> String {
    let ended = how_it_ended(status);
    match CallRecorder::read(call_path) {
        Some((plugin, call)) => format!("{ended} in plugin \"{plugin}\" while {call}"),
        None => format!("{ended} outside of any plugin call"),
    }
}

/// The end of a process in words: `SIGSEGV`, `exit code 3`.
fn how_it_ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_hook::low_level::signal_name(signal) {
            Some(name) => name.to_owned(),
            None => format!("signal {signal}"),
        },
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "an unknown end".to_owned(),
    }
}
