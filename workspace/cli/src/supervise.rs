//! The process that looks after a worker: it runs no plugin code, so it is there to tell how
//! the worker ended, whatever happened to it.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM},
    iterator::Signals,
};
use topwork_events::{EndStatus, Event};
use topwork_store::{CallRecorder, Owner, RunFolder, StoreError, reason};
use topwork_worker::{EXIT_FOLDER_LOST, write_results};

use crate::{
    failure::{RUN_FAILED, WRONG_PLUGIN, tell},
    worker_log::WorkerLog,
};

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
    let begun = Instant::now();
    // A terminal that is closed sends SIGHUP; the run goes on without it.
    let hang_up = signal_hook::flag::register(SIGHUP, Arc::default());
    let signals = hang_up.and_then(|_| Signals::new([SIGTERM, SIGINT]));
    let started = signals.and_then(|signals| Ok((signals, start_worker(folder)?)));
    let (signals, (mut worker, log)) = match started {
        Ok(started) => started,
        Err(error) => {
            let message = format!("cannot start the worker: {}", reason(&error));
            return end(folder, begun, EndStatus::Failed, message, RUN_FAILED);
        }
    };
    // Only now, with the handlers in place: whoever reads it may send requests to stop.
    folder.write_owner(&Owner::this_process())?;
    // The worker reads this pipe to its end, which comes with the end of this process.
    let lifeline = worker.stdin.take();
    let handle = signals.handle();
    let forward = pass_on(signals, &worker);
    let status = worker.wait();
    log.finish();
    drop(lifeline);
    handle.close();
    let requests = forward.join().unwrap_or(0);
    if folder.state()?.ending.is_some() {
        let code = status.ok().and_then(|status| status.code());
        return Ok(code.map_or(RUN_FAILED, |code| code as u8));
    }
    let Ok(status) = status else {
        let message = "crashed: the worker's end could not be awaited".to_owned();
        return end(folder, begun, EndStatus::Crashed, message, RUN_FAILED);
    };
    // In a plugin's call it is the plugin that ended the process, with a code that means nothing.
    let in_plugin = in_call(&folder.call_path()).is_some();
    if status.code() == Some(i32::from(EXIT_FOLDER_LOST)) && !in_plugin {
        return Ok(EXIT_FOLDER_LOST);
    }
    let asked_to = matches!(status.signal(), Some(SIGTERM | SIGKILL | SIGINT));
    if requests > 0 && asked_to {
        let message = "killed before it came to a step boundary".to_owned();
        return end(folder, begun, EndStatus::Stopped, message, 130);
    }
    let code = if in_plugin { WRONG_PLUGIN } else { RUN_FAILED };
    let message = crash(status, &folder.call_path());
    end(folder, begun, EndStatus::Crashed, message, code)
}

fn start_worker(folder: &RunFolder) -> std::io::Result<(Child, WorkerLog)> {
    let (log, stdout, stderr) = WorkerLog::open(&folder.log_path())?;
    let worker = Command::new(std::env::current_exe()?)
        .arg("worker")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()?;
    Ok((worker, log))
}

/// Passes requests to stop on to the worker: the first asks, the second kills. The thread
/// tells how many there were.
fn pass_on(mut signals: Signals, worker: &Child) -> thread::JoinHandle<u32> {
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
        requests
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
    let ending = Event::RunEnded {
        status,
        message: Some(message),
        hint,
        exit_code,
        seconds: begun.elapsed().as_secs_f64(),
        peak_bytes: None,
    };
    // What was measured before is worth a file, too; the end is told even if that fails.
    let results = write_results(folder, folder.state()?, &ending);
    folder.event_writer()?.append(ending)?;
    results?;
    Ok(exit_code)
}

/// What a process that runs plugins died of, with the call it was in:
/// `crashed: SIGSEGV in plugin "x" while reading split "train"`.
pub fn crash(status: ExitStatus, call_path: &Path) -> String {
    let hung = CallRecorder::read(call_path).and_then(|last| last.hung);
    let ended = match hung.filter(|_| status.signal() == Some(SIGKILL)) {
        Some(silent) => format!("hung: no progress for {}", limit_in_words(silent)),
        None => format!("crashed: {}", how_it_ended(status)),
    };
    let call = in_call(call_path).unwrap_or_else(|| " outside of any plugin call".to_owned());
    format!("{ended}{call}")
}

/// The plugin call a process was in, as the end of a sentence.
pub fn in_call(call_path: &Path) -> Option<String> {
    let last = CallRecorder::read(call_path)?;
    Some(format!(
        " in plugin \"{}\" while {}",
        last.plugin, last.call
    ))
}

/// A limit that somebody has set, and so mostly a round one: `10 min`, `1.5 s`.
fn limit_in_words(limit: Duration) -> String {
    let seconds = limit.as_secs();
    if limit.subsec_nanos() == 0 && seconds >= 60 && seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        topwork_report::seconds(limit.as_secs_f64())
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
