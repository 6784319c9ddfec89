//! The index of runs: `index.sqlite` beside the run folders, so that hundreds of them are listed
//! without reading their event streams. The folders are the truth. The index is checked against
//! them every time, made again when it is missing or damaged, and done without where it can
//! be neither.
//!
//! Deliberately absent: the engine, plugins, the terminal.

mod database;
mod entry;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::Path};

use database::{Database, Known, News, Trouble};
pub use entry::{BestRow, CellEntry, RunEntry, likely_seconds};

use entry::Stamp;
use topwork_store::{RunFolder, Runs, StoreError};

/// All runs of a folder.
#[derive(Debug)]
pub struct Overview {
    /// The runs, the oldest first.
    pub runs: Vec<RunEntry>,
    /// Runs whose folders cannot be read, and why.
    pub damaged: Vec<(RunFolder, StoreError)>,
    /// Sentences about the index, for a person.
    pub notes: Vec<String>,
}

/// All runs as the index knows them, brought up to date: a run that has ended is only read
/// again when its event file has changed.
pub fn overview(runs: &Runs) -> Result<Overview, StoreError> {
    Ok(refresh(runs)?.0)
}

/// Every row that was ever measured with one seed and is still there, the oldest run first.
pub fn cells(runs: &Runs) -> Result<Vec<CellEntry>, StoreError> {
    let (_, database) = refresh(runs)?;
    match database.map(|database| database.cells()) {
        Some(Ok(cells)) => Ok(cells),
        // Without an index the folders tell the same, slowly.
        _ => Ok((runs.list()?.iter())
            .filter_map(|folder| entry::read(folder).ok())
            .flat_map(|(_, cells)| cells)
            .collect()),
    }
}

fn refresh(runs: &Runs) -> Result<(Overview, Option<Database>), StoreError> {
    let folders = runs.list()?;
    let mut overview = Overview {
        runs: Vec::with_capacity(folders.len()),
        damaged: Vec::new(),
        notes: Vec::new(),
    };
    if folders.is_empty() && !database::path(runs.folder()).exists() {
        return Ok((overview, None));
    }
    let (mut known, mut database) = open_index(runs.folder(), &mut overview.notes);
    let mut news = Vec::new();
    for folder in folders {
        let id = folder.id();
        let stamp = Stamp::of(&folder);
        let before = known.remove(&id).filter(|known| known.stamp == stamp);
        let seen = before.is_some();
        if let Some(entry) = before.and_then(|known| known.entry) {
            overview.runs.push(entry);
            continue;
        }
        match entry::read(&folder) {
            Ok((entry, cells)) => {
                overview.runs.push(entry.clone());
                // A live run's stream is longer the next time.
                if !seen && !entry.standing.is_live() {
                    news.push(News {
                        entry,
                        stamp,
                        cells,
                    });
                }
            }
            Err(error) => overview.damaged.push((folder, error)),
        }
    }
    let gone: Vec<String> = known.into_keys().collect();
    if let Some(open) = &mut database {
        // A full or read-only disk: what could not be noted is read again next time.
        if open.update(&news, &gone).is_err() {
            database = None;
        }
    }
    Ok((overview, database))
}

/// What the index knows, and the index, if there is one to be had.
fn open_index(
    folder: &Path,
    notes: &mut Vec<String>,
) -> (HashMap<String, Known>, Option<Database>) {
    let path = database::path(folder);
    let opened = |database: Database| Ok((database.runs()?, database));
    let mut found = Database::open(folder).and_then(opened);
    match &found {
        Err(Trouble::Damaged(reason)) => {
            let reason = reason.clone();
            found = Database::open_again(folder).and_then(opened);
            let made = match found {
                Ok(_) => "it was made again from the run folders",
                Err(_) => "the run folders were read instead",
            };
            notes.push(format!(
                "`{}` was damaged ({reason}); {made}",
                path.display()
            ));
        }
        Err(Trouble::Older) => {
            found = Database::open_again(folder).and_then(opened);
        }
        Err(Trouble::Newer(format)) => {
            notes.push(format!(
                "`{}` was made by a newer topwork (format {format}); it is not written to",
                path.display()
            ));
            found = Database::open_newer(folder).and_then(opened);
        }
        Ok(_) | Err(Trouble::Unavailable) => {}
    }
    match found {
        Ok((known, database)) => (known.into_iter().collect(), Some(database)),
        Err(_) => (HashMap::new(), None),
    }
}
