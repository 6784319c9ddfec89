//! Starts the process that looks after a run, a new one or one that goes on.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use topwork_store::RunFolder;

use crate::{
    failure::{Failure, RUN_FAILED, write},
    hints, output,
};

/// Starts the process that looks after the run, in a process group of its own.
pub fn start_supervisor(folder: &RunFolder) -> Result<Child, Failure> {
    std::env::current_exe()
        .and_then(|binary| {
            let mut supervisor = Command::new(binary);
            detached(supervisor.arg("supervise").arg(folder.path()))
        })
        .map_err(|error| {
            Failure::new(
                RUN_FAILED,
                format!("cannot start the run's supervisor: {error}"),
            )
        })
}

/// Starts a process that outlives this one, and says what it has to say in the run's folder.
pub fn detached(command: &mut Command) -> io::Result<Child> {
    command
        // Ctrl-C in the terminal is for the viewer, which passes it on.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Leaves a run that was just started to itself.
pub fn leave(folder: &RunFolder) -> Result<u8, Failure> {
    let id = folder.id();
    output::print(&format!("{id}\n"))?;
    write(&format!(
        "started; {} watches it, {} stops it\n",
        hints::about("attach", folder),
        hints::about("stop", folder)
    ));
    Ok(0)
}
