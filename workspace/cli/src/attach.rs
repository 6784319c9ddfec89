//! `topwork attach`: a viewer of a run that another process has started.

use topwork_store::Runs;

use crate::{arguments::AttachArguments, failure::Failure, runs::tell_newer, viewer};

/// Watches a run, or an ended one again, and gives its exit code.
pub fn attach(arguments: &AttachArguments) -> Result<u8, Failure> {
    let folder = Runs::at(&arguments.place.runs_dir).find(&arguments.run)?;
    tell_newer(&folder.id(), folder.manifest()?.format);
    viewer::attach(&folder, viewer::signals()?, &arguments.view)
}
