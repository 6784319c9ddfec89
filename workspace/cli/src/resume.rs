//! `topwork resume`: goes on with a run that ended before it was done.

use std::{process::Child, thread, time::Duration};

use topwork_events::RunState;
use topwork_store::{RunFolder, Runs, Standing};

use crate::{
    arguments::{ResumeArguments, Ui, ViewArguments},
    failure::{Failure, WRONG_USE, write},
    hints,
    start::{leave, start_supervisor},
    viewer,
};

/// How often a new supervisor is looked for.
const POLL: Duration = Duration::from_millis(20);

/// Goes on with a run and gives its exit code.
pub fn resume(arguments: &ResumeArguments) -> Result<u8, Failure> {
    let folder = Runs::at(&arguments.place.runs_dir).find(&arguments.run)?;
    go_on(&folder, &arguments.view, arguments.detach)
}

/// Goes on with the run in `folder`, unless nothing is missing or somebody is at it.
pub fn go_on(folder: &RunFolder, view: &ViewArguments, detach: bool) -> Result<u8, Failure> {
    folder.manifest_to_write()?;
    let id = folder.id();
    let state = folder.state()?;
    let standing = folder.standing(&state);
    if standing.is_live() {
        return Err(
            Failure::new(WRONG_USE, format!("the run `{id}` is {standing}"))
                .hint(format!("{} watches it", hints::about("attach", folder))),
        );
    }
    if standing == Standing::Done {
        write(&format!(
            "nothing is missing: all {} results of `{id}` are there\n",
            state.outcomes.len()
        ));
        let table = ViewArguments { ui: Ui::None };
        return viewer::attach(folder, viewer::signals()?, &table);
    }
    let signals = viewer::signals()?;
    let mut supervisor = start_supervisor(folder)?;
    await_session(folder, &state, &mut supervisor)?;
    if detach {
        return leave(folder);
    }
    viewer::watch(folder, supervisor, signals, view)
}

/// Waits until the supervisor has said that the run goes on: before that the stream still ends
/// with how it ended last time.
pub fn await_session(
    folder: &RunFolder,
    before: &RunState,
    supervisor: &mut Child,
) -> Result<(), Failure> {
    let mut reader = folder.event_reader();
    let mut state = RunState::default();
    loop {
        let gone = !matches!(supervisor.try_wait(), Ok(None));
        for record in reader.poll()? {
            state.apply(&record);
        }
        let fresh = before.plan.is_none() && before.ending.is_none();
        if fresh || state.resumed > before.resumed {
            return Ok(());
        }
        if gone {
            return Err(Failure::new(
                WRONG_USE,
                format!("another process looks after the run `{}`", folder.id()),
            ));
        }
        thread::sleep(POLL);
    }
}
