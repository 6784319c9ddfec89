//! `topwork task`: one of several processes that work on a run.

use topwork_events::{EndStatus, Event, RunState};
use topwork_store::{Assignment, Machine, RunFolder, Runs, Standing, element_name};
use topwork_worker::Duty;

use crate::{
    arguments::TaskArguments,
    failure::{Failure, RUN_FAILED, WRONG_USE, write},
    hints,
    supervise::supervise,
};

/// Asked to stop; the same command goes on. That of `sysexits.h` for a temporary failure.
const TRY_AGAIN: u8 = 75;

/// The exit code of a run that was stopped.
const STOPPED: u8 = 130;

/// An element that has begun so often without completing anything is given up.
const FRUITLESS: u32 = 3;

/// Does some of a run's tasks and gives the exit code.
pub fn task(arguments: &TaskArguments) -> Result<u8, Failure> {
    let folder = Runs::at(&arguments.place.runs_dir).find(&arguments.run)?;
    folder.manifest_to_write()?;
    let state = folder.state()?;
    let id = folder.id();
    if state.plan.is_none() {
        return Err(
            Failure::new(WRONG_USE, format!("the run `{id}` has not been planned"))
                .hint("`topwork submit FILE` plans a run for several processes"),
        );
    }
    if state.is_unfinished() {
        // Who was to bring together what all have done was interrupted: a job that was preempted and has come back, say.
        return Ok(supervise(&folder, Duty::End));
    }
    if let Some(ending) = &state.ending {
        write(&format!(
            "the run `{id}` has ended: {}\n",
            folder.standing(&state)
        ));
        return Ok(match ending.status {
            EndStatus::Done => 0,
            _ => ending.exit_code,
        });
    }
    if arguments.end {
        return end(&folder, &state);
    }
    if folder.stop_requested().is_some() {
        write(&format!("somebody has asked the run `{id}` to stop\n"));
        return Ok(0);
    }
    let name = match &arguments.element {
        Some(name) => name.clone(),
        None => {
            let here = Machine::here().host;
            element_name(state.resumed, &format!("{here} {}", std::process::id()))
        }
    };
    if !name.starts_with(&format!("{}-", state.resumed)) {
        write(&format!(
            "the element `{name}` is of an earlier submission of the run `{id}`: nothing to do\n"
        ));
        return Ok(0);
    }
    for task in &arguments.tasks {
        known(task, &state)?;
    }
    if let Some(name) = &arguments.element {
        submitted(name, &folder)?;
    }
    let element = folder.of_element(&name)?;
    let mut assignment = match &arguments.element {
        Some(_) => element.assignment(),
        None => Assignment {
            tasks: arguments.tasks.clone(),
            ..Assignment::default()
        },
    };
    if let Some(threads) = arguments.threads {
        assignment.threads = Some(usize::from(threads));
    }
    assignment.job = job();
    element.assign(&assignment)?;
    if let Some(tries) = (state.element(&name)).map(|element| element.fruitless)
        && tries >= FRUITLESS
    {
        return give_up(&element, &name, tries);
    }
    let before = state.outcomes.len();
    let code = supervise(&element, Duty::Work);
    let state = folder.state()?;
    told(&folder, &state, &name, before);
    if state.rows_left() == 0 && state.ending.is_none() {
        // The last one brings together what all have done. Of several that come to this at once one has the lock.
        supervise(&folder, Duty::End);
    }
    Ok(match code {
        STOPPED => TRY_AGAIN,
        code => code,
    })
}

/// Ends a run whose elements are gone.
fn end(folder: &RunFolder, state: &RunState) -> Result<u8, Failure> {
    let standing = folder.standing(state);
    if matches!(
        standing,
        Standing::Running { .. } | Standing::Stalled { .. }
    ) {
        return Err(Failure::new(
            WRONG_USE,
            format!("the run `{}` is {standing}", folder.id()),
        )
        .hint(format!("{} watches it", hints::about("attach", folder))));
    }
    let left = state.rows_left();
    if left > 0 {
        write(&format!(
            "{left} results are missing; {} asks for them\n",
            hints::about("submit --missing", folder)
        ));
    }
    Ok(supervise(folder, Duty::End))
}

/// A task that was asked for is one of the run's.
fn known(task: &str, state: &RunState) -> Result<(), Failure> {
    let stages = state.plan.iter().flat_map(|plan| &plan.stages);
    let keys: Vec<&str> = stages.filter_map(|stage| stage.key.as_deref()).collect();
    if keys.iter().any(|key| key.starts_with(task)) {
        return Ok(());
    }
    let short = keys.iter().map(|key| key.get(..8).unwrap_or(key));
    let short: Vec<&str> = short.take(6).collect();
    Err(Failure::new(
        WRONG_USE,
        format!("the run has no task whose key begins with `{task}`"),
    )
    .hint(format!(
        "they begin with {}, …; `topwork plan FILE --tasks json` has all",
        short.join(", ")
    )))
}

/// An element that was asked for is one of the run's.
fn submitted(name: &str, folder: &RunFolder) -> Result<(), Failure> {
    let names = folder.submission().map_or(Vec::new(), |of| of.elements);
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let some: Vec<&str> = names.iter().take(6).map(String::as_str).collect();
    let failure = Failure::new(WRONG_USE, format!("the run has no element `{name}`"));
    Err(match some.as_slice() {
        [] => failure.hint("it was not submitted: without `--element` all that is missing is done"),
        some => failure.hint(format!("its elements begin with {}", some.join(", "))),
    })
}

/// What the process is to a scheduler.
fn job() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(job) = variable("HQ_JOB_ID") {
        let task = variable("HQ_TASK_ID").unwrap_or_default();
        return Some(format!("hyperqueue {job}.{task}"));
    }
    let array = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    match array {
        Some((job, task)) => Some(format!("slurm {job}_{task}")),
        None => variable("SLURM_JOB_ID").map(|job| format!("slurm {job}")),
    }
}

/// Says that an element that is begun again and again comes to nothing.
fn give_up(element: &RunFolder, name: &str, tries: u32) -> Result<u8, Failure> {
    let message =
        format!("begun {tries} times in a row without completing a row, a source or an epoch");
    let mut writer = element.event_writer()?;
    writer.append(Event::ElementStarted {
        host: Machine::here().host,
        job: job(),
        kind: String::new(),
    })?;
    writer.append(Event::RunEnded {
        status: EndStatus::Failed,
        message: Some(message.clone()),
        hint: None,
        exit_code: RUN_FAILED,
        seconds: element.state()?.seconds_until(element.now()),
        peak_bytes: None,
    })?;
    Err(Failure::new(
        RUN_FAILED,
        format!("the element `{name}` is given up: {message}"),
    )
    .hint(format!(
        "{} with more time asks for its tasks again",
        hints::about("submit --missing", &element.whole())
    )))
}

/// What has come of it, in a line.
fn told(folder: &RunFolder, state: &RunState, name: &str, before: usize) {
    let rows = state
        .plan
        .as_ref()
        .map_or(0, |plan| plan.rows.len() * plan.seeds.len());
    let how = (state
        .element(name)
        .and_then(|element| element.ending.as_ref()))
    .map_or("ended without a word".to_owned(), |ending| {
        match (&ending.message, ending.status) {
            (Some(message), _) => message.clone(),
            (None, EndStatus::Stopped) => "stopped; the same command goes on".to_owned(),
            (None, _) => "done".to_owned(),
        }
    });
    write(&format!(
        "element `{name}` of `{}`: {how}; {} of {rows} results are there, {} more than before\n",
        folder.id(),
        state.outcomes.len(),
        state.outcomes.len().saturating_sub(before)
    ));
}
