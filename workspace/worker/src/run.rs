//! The life of a worker process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use topwork_events::{EndStatus, Event, Record, RunState};
use topwork_report::Results;
use topwork_store::{CallRecorder, RunFolder, StoreError, now};

use crate::{WorkerError, emitter::Emitter, execute::execute, watchdog::Watchdog};

/// The worker's exit code when the run folder can no longer be written, so that nothing more
/// can be told there.
pub const EXIT_FOLDER_LOST: u8 = 74;

/// Executes the run in `folder` and gives the process's exit code.
pub fn run(folder: &RunFolder) -> u8 {
    let begun = Instant::now();
    match try_run(folder, begun) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            EXIT_FOLDER_LOST
        }
    }
}

/// Fails only when the folder cannot be written: every other end is an event.
fn try_run(folder: &RunFolder, begun: Instant) -> Result<u8, StoreError> {
    let stop = Arc::new(AtomicBool::new(false));
    let signals =
        [SIGTERM, SIGINT].map(|signal| signal_hook::flag::register(signal, Arc::clone(&stop)));
    // A terminal that is closed sends SIGHUP; the run goes on without it.
    let hang_up = signal_hook::flag::register(SIGHUP, Arc::default());
    stop_with_supervisor(Arc::clone(&stop));
    let writer = folder.event_writer()?;
    let calls = CallRecorder::create(&folder.call_path())?;
    let watchdog = Arc::new(Watchdog::new(calls));
    // A manifest that cannot be read is told by whoever needs the rest of it.
    let limit = folder
        .manifest()
        .ok()
        .and_then(|manifest| manifest.call_limit);
    if let Some(limit) = limit.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Arc::clone(&watchdog).watch(limit);
    }
    let emitter = Arc::new(Emitter::new(writer, watchdog, stop));
    let outcome = signals
        .into_iter()
        .chain([hang_up])
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| WorkerError::System {
            action: "listen for signals",
            reason: error.to_string(),
        })
        .and_then(|_| execute(folder, &emitter));
    let ending = ending(&outcome, begun);
    match write_results(folder, emitter.state(), &ending) {
        Err(error) if outcome.is_ok() => emitter.emit(self::ending(&Err(error.into()), begun))?,
        _ => emitter.emit(ending)?,
    }
    match outcome {
        Err(WorkerError::Store(error)) => Err(error),
        Err(error) => Ok(error.exit_code()),
        Ok(()) => Ok(0),
    }
}

/// Standard input is a pipe that only the supervisor holds open: when it ends, nobody is left
/// who could pass on a request to stop or tell how this process ended, so the run stops.
fn stop_with_supervisor(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // The supervisor also read what is printed here; without it a plugin that prints would
        // run into an error.
        if let Ok(nowhere) = std::fs::File::options().write(true).open("/dev/null") {
            let _ = rustix::stdio::dup2_stdout(&nowhere);
            let _ = rustix::stdio::dup2_stderr(&nowhere);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

fn ending(outcome: &Result<(), WorkerError>, begun: Instant) -> Event {
    let error = outcome.as_ref().err();
    let status = error.map_or(EndStatus::Done, WorkerError::status);
    Event::RunEnded {
        status,
        message: error
            .filter(|_| status != EndStatus::Stopped)
            .map(ToString::to_string),
        hint: error.and_then(WorkerError::hint),
        exit_code: error.map_or(0, WorkerError::exit_code),
        seconds: begun.elapsed().as_secs_f64(),
        peak_bytes: peak_memory(),
    }
}

/// Writes `results.json` as it is once `ending` has been told. Comes before that event, so that
/// whoever sees the run end finds the figures.
pub fn write_results(
    folder: &RunFolder,
    mut state: RunState,
    ending: &Event,
) -> Result<(), StoreError> {
    state.apply(&Record {
        at: now(),
        event: ending.clone(),
    });
    let path = folder.results_path();
    let Some(results) = Results::from_state(&state) else {
        return Ok(());
    };
    let text = results.to_json().map_err(|error| StoreError::Damaged {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    folder.write(&path, text.as_bytes())
}

/// The process's largest resident memory, where `/proc` tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}
