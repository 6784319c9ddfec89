//! `topwork attach`: a viewer of a run that another process has started.

use topwork_store::{RunFolder, Runs, Standing};

use crate::{
    arguments::AttachArguments,
    failure::{Failure, write},
    runs::tell_newer,
    submit::states,
    viewer,
};

/// Watches a run, or an ended one again, and gives its exit code.
pub fn attach(arguments: &AttachArguments) -> Result<u8, Failure> {
    let folder = Runs::at(&arguments.place.runs_dir).find(&arguments.run)?;
    tell_newer(&folder.id(), folder.manifest()?.format);
    tell_queue(&folder)?;
    viewer::attach(&folder, viewer::signals()?, &arguments.view)
}

/// What a scheduler says of a run that waits for it. That explains, and decides nothing.
fn tell_queue(folder: &RunFolder) -> Result<(), Failure> {
    let submission = folder.submission().filter(|of| of.to == "slurm");
    let Some(submission) = submission.filter(|of| !of.jobs.is_empty()) else {
        return Ok(());
    };
    if matches!(folder.standing(&folder.state()?), Standing::Queued { .. })
        && let Some(told) = states(&submission.jobs)
    {
        write(&format!("{told}\n"));
    }
    Ok(())
}
