//! The life of a worker process.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use topwork_events::{EndStatus, Event, Failure, Record, RunState, StageStatus};
use topwork_results::Tables;
use topwork_store::{CallRecorder, Process, RunFolder, StoreError};

use crate::{
    WorkerError,
    emitter::{Emitter, Stop},
    execute::execute,
    share::Duty,
    watchdog::Watchdog,
};

/// The worker's exit code when the run folder can no longer be written, so that nothing more
/// can be told there.
pub const EXIT_FOLDER_LOST: u8 = 74;

/// Executes the run in `folder`, or what earlier sessions left of it, and gives the process's
/// exit code.
pub fn run(folder: &RunFolder, duty: Duty) -> u8 {
    match try_run(folder, duty) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            EXIT_FOLDER_LOST
        }
    }
}

/// Fails only when the folder cannot be written: every other end is an event.
fn try_run(folder: &RunFolder, duty: Duty) -> Result<u8, StoreError> {
    let stop = Arc::new(Stop::default());
    let signals = [SIGTERM, SIGINT]
        .map(|signal| signal_hook::flag::register(signal, Arc::clone(&stop.asked)));
    // A terminal that is closed sends SIGHUP; the run goes on without it.
    let hang_up = signal_hook::flag::register(SIGHUP, Arc::default());
    stop_with_supervisor(Arc::clone(&stop));
    let mut reader = folder.event_reader();
    let state = RunState::from_records(&reader.poll()?);
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
    let emitter = Arc::new(Emitter::new(writer, watchdog, state, stop));
    let element = folder.element_name();
    if let Some(own) = element {
        emitter.beside_others(own, reader);
    }
    let outcome = signals
        .into_iter()
        .chain([hang_up])
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| WorkerError::System {
            action: "listen for signals",
            reason: error.to_string(),
        })
        .and_then(|_| execute(folder, duty, &emitter));
    let state = emitter.state();
    let ending = match &outcome {
        Ok(()) if duty == Duty::Plan => return Ok(0),
        Ok(()) if element.is_some() => ending_of_element(emitter.gave_up(), &state, folder.now()),
        Ok(()) => ending(&state, folder.now(), peak_memory()),
        Err(error) => ending_of(error, &state, folder.now()),
    };
    let code = exit_code(&ending);
    if element.is_some() {
        // The figures are those of all: whoever ends the run writes them.
        emitter.emit(ending)?;
        return match outcome {
            Err(WorkerError::Store(error)) => Err(error),
            _ => Ok(code),
        };
    }
    match write_results(folder, state.clone(), &ending) {
        Err(error) if outcome.is_ok() => {
            emitter.emit(ending_of(&error.into(), &state, folder.now()))?
        }
        _ => emitter.emit(ending)?,
    }
    match outcome {
        Err(WorkerError::Store(error)) => Err(error),
        _ => Ok(code),
    }
}

/// Standard input is a pipe that only the supervisor holds open: when it ends, nobody is left
/// who could pass on a request to stop or tell how this process ended, so the run stops.
fn stop_with_supervisor(stop: Arc<Stop>) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // The supervisor also read what is printed here; without it a plugin that prints would
        // run into an error.
        if let Ok(nowhere) = std::fs::File::options().write(true).open("/dev/null") {
            let _ = rustix::stdio::dup2_stdout(&nowhere);
            let _ = rustix::stdio::dup2_stderr(&nowhere);
        }
        stop.orphaned.store(true, Ordering::Relaxed);
    });
}

/// The last event of a run in which nothing is left to try: all is done, or some rows failed.
pub fn ending(state: &RunState, now: u64, peak_bytes: Option<u64>) -> Event {
    let failures = &state.failures;
    let crashed = |failure: &&Failure| failure.status == EndStatus::Crashed;
    // The most telling one stands for all.
    let first = failures.iter().find(crashed).or(failures.first());
    let name = |failure: &Failure| {
        let row = state
            .plan
            .as_ref()
            .and_then(|plan| plan.rows.get(failure.row));
        row.map_or(String::new(), |row| row.name.clone())
    };
    let message = first.map(|failure| match state.outcomes.is_empty() {
        // Nothing came out at all: the reason stands for itself.
        true => (state.stages.iter())
            .find(|stage| stage.status == StageStatus::Failed)
            .map_or(failure.message.clone(), |stage| stage.came.to_string()),
        false => format!(
            "{} of {} results missing: `{}` with seed {}: {}",
            failures.len(),
            failures.len() + state.outcomes.len(),
            name(failure),
            failure.seed,
            failure.message
        ),
    });
    Event::RunEnded {
        status: first.map_or(EndStatus::Done, |failure| failure.status),
        message,
        hint: first.and_then(|failure| failure.hint.clone()),
        exit_code: first.map_or(0, |failure| failure.exit_code),
        seconds: state.seconds_until(now),
        peak_bytes,
    }
}

/// The last event of an element that has done what it was assigned, given the first row that it has given up.
fn ending_of_element(gave_up: Option<Failure>, state: &RunState, now: u64) -> Event {
    let rows = state.plan.as_ref().map_or(&[][..], |plan| &plan.rows);
    let message = gave_up.as_ref().map(|failure| {
        let row = rows.get(failure.row).map_or("", |row| &row.name);
        format!("`{row}` with seed {}: {}", failure.seed, failure.message)
    });
    Event::RunEnded {
        status: gave_up
            .as_ref()
            .map_or(EndStatus::Done, |failure| failure.status),
        message,
        exit_code: gave_up.as_ref().map_or(0, |failure| failure.exit_code),
        hint: gave_up.and_then(|failure| failure.hint),
        seconds: state.seconds_until(now),
        peak_bytes: peak_memory(),
    }
}

fn ending_of(error: &WorkerError, state: &RunState, now: u64) -> Event {
    let status = error.status();
    Event::RunEnded {
        status,
        message: Some(error.to_string()).filter(|_| status != EndStatus::Stopped),
        hint: error.hint(),
        exit_code: error.exit_code(),
        seconds: state.seconds_until(now),
        peak_bytes: peak_memory(),
    }
}

fn exit_code(ending: &Event) -> u8 {
    match ending {
        Event::RunEnded { exit_code, .. } => *exit_code,
        _ => 0,
    }
}

/// Writes `results.json` as it is once `ending` has been told. Comes before that event, so that
/// whoever sees the run end finds the figures.
pub fn write_results(
    folder: &RunFolder,
    mut state: RunState,
    ending: &Event,
) -> Result<(), StoreError> {
    state.apply(&Record::new(folder.now(), ending.clone()));
    let path = folder.results_path();
    let Some(results) = Tables::of(&state) else {
        return Ok(());
    };
    let text = results.to_json().map_err(|error| StoreError::Damaged {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    folder.write(&path, text.as_bytes())
}

fn peak_memory() -> Option<u64> {
    Process::of(std::process::id()).peak_memory()
}
