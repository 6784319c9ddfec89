//! `topwork runs rm`.

use std::{
    io::{BufRead, IsTerminal, stderr, stdin},
    path::Path,
};

use topwork_measure::seconds;
use topwork_sniff::reason;
use topwork_store::{RunFolder, Runs, StoreError, now};

use crate::{
    failure::{Failure, RUN_FAILED, WRONG_USE, write},
    output::megabytes,
};

/// Removes runs, after asking. Every one is found before the first is removed, so that a
/// mistake in a name removes nothing.
pub fn remove(runs_dir: &Path, wanted: &[String], yes: bool) -> Result<u8, Failure> {
    let runs = Runs::at(runs_dir);
    let mut folders: Vec<RunFolder> = Vec::new();
    for name in wanted {
        let folder = runs.find(name)?;
        let standing = folder.standing(&folder.state().unwrap_or_default());
        if standing.is_live() {
            return Err(StoreError::Live {
                run: folder,
                standing: standing.to_string(),
            }
            .into());
        }
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    if !yes && !agreed(&folders)? {
        write("nothing was removed\n");
        return Ok(0);
    }
    for folder in &folders {
        let bytes = runs.remove(folder)?;
        write(&format!("removed {}, {}\n", folder.id(), megabytes(bytes)));
    }
    Ok(0)
}

/// Asks on the terminal.
fn agreed(folders: &[RunFolder]) -> Result<bool, Failure> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(
            Failure::new(WRONG_USE, "nobody is there to be asked whether to remove")
                .hint("`--yes` removes without asking"),
        );
    }
    for folder in folders {
        let state = folder.state().unwrap_or_default();
        let created = folder.manifest().map(|manifest| manifest.created_at);
        let age = created.map_or(String::new(), |created| {
            let milliseconds = now().saturating_sub(created);
            format!(", {} old", seconds(milliseconds as f64 / 1e3))
        });
        write(&format!(
            "{}: {}, {}{age}\n",
            folder.id(),
            folder.standing(&state).word(),
            megabytes(folder.bytes())
        ));
    }
    let what = match folders.len() {
        1 => "this run".to_owned(),
        count => format!("these {count} runs"),
    };
    write(&format!("remove {what}? [y/N] "));
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).map_err(|error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot read the answer: {}", reason(&error)),
        )
    })?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
