//! `topwork report --to`: a run's figures for a tracker of experiments.

use std::path::Path;

use topwork_nearest::nearest;
use topwork_results::Tables;
use topwork_trackers::{Run, TRACKERS};

use super::Loaded;
use crate::{
    failure::{Failure, WRONG_USE, warn},
    files,
    folders::absolute,
    output::print,
    settings::flat,
};

/// Writes the files of the tracker that is named.
pub fn track(runs: &[Loaded], tracker: &Path, folder: &Path) -> Result<u8, Failure> {
    let wanted = tracker.to_string_lossy();
    let Some(tracker) = TRACKERS.iter().find(|tracker| tracker.id == wanted) else {
        return Err(unknown(&wanted));
    };
    for run in runs {
        let settings = match run.folder.experiment() {
            Ok(text) => flat(&text).unwrap_or_default(),
            Err(error) => {
                warn(&error.to_string());
                Vec::new()
            }
        };
        let Some(results) = Tables::side_by_side(&run.state) else {
            continue;
        };
        let written = (tracker.files)(&Run {
            state: &run.state,
            results: &results,
            settings: &settings,
            folder: &absolute(folder),
        });
        for file in &written {
            let path = folder.join(&file.path);
            if let Some(parent) = path.parent() {
                files::make_folder(parent)?;
            }
            files::replace(&path, &file.content)?;
        }
        print(&format!("{}: {} files\n", run.folder.id(), written.len()))?;
    }
    let command = tracker.command.replace("DIR", &folder.to_string_lossy());
    print(&format!("`{command}` shows them\n"))?;
    Ok(0)
}

fn unknown(wanted: &str) -> Failure {
    let names: Vec<&str> = TRACKERS.iter().map(|tracker| tracker.id).collect();
    let message = format!("`{wanted}` is no tracker, expected {}", names.join(" or "));
    let failure = Failure::new(WRONG_USE, message);
    match nearest(wanted, names) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure,
    }
}
