//! `topwork runs rm`.

use std::{path::Path, time::Duration};

use topwork_index::{RunEntry, overview};
use topwork_measure::thousands;
use topwork_store::{RunFolder, Runs, Standing, StoreError, now};

use super::tell_newer;
use crate::{
    arguments::RemoveArguments,
    consent::agreed,
    failure::{Failure, WRONG_USE, write},
    output::{self, megabytes, print},
};

/// Removes runs, after asking. Every one is found before the first is removed, so that a
/// mistake in a name removes nothing.
pub fn remove(runs_dir: &Path, arguments: &RemoveArguments) -> Result<u8, Failure> {
    let chosen = [
        !arguments.runs.is_empty(),
        arguments.older.is_some(),
        !arguments.state.is_empty(),
        arguments.keep.is_some(),
    ];
    if !chosen.contains(&true) {
        return Err(Failure::new(WRONG_USE, "which runs are to go is missing").hint(
            "name them (numbers, ids, `latest`), or choose by --older TIME, --state STATE, --keep N",
        ));
    }
    let runs = Runs::at(runs_dir);
    let going = match arguments.runs.as_slice() {
        [] => matching(&runs, arguments)?,
        named => found(&runs, named)?,
    };
    if going.is_empty() {
        write("no run that has ended matches: nothing was removed\n");
        return Ok(0);
    }
    if arguments.dry_run {
        print(&told(&going))?;
        write(&format!("{} would go\n", sum(&going)));
        return Ok(0);
    }
    if !arguments.yes {
        write(&told(&going));
        if !agreed(&sum(&going))? {
            return Ok(0);
        }
    }
    let mut bytes = 0;
    for one in &going {
        let of_one = runs.remove(&one.folder)?;
        bytes += of_one;
        write(&format!(
            "removed {}, {}\n",
            one.folder.id(),
            megabytes(of_one)
        ));
    }
    if going.len() > 1 {
        write(&format!("{} in all\n", megabytes(bytes)));
    }
    Ok(0)
}

/// A run that goes.
struct Going {
    folder: RunFolder,
    standing: Standing,
    created_at: Option<u64>,
    bytes: u64,
}

/// The runs of these names; a live one is a failure.
fn found(runs: &Runs, named: &[String]) -> Result<Vec<Going>, Failure> {
    let mut going: Vec<Going> = Vec::new();
    for name in named {
        let folder = runs.find(name)?;
        let standing = folder.standing(&folder.state().unwrap_or_default());
        if standing.is_live() {
            return Err(StoreError::Live {
                run: folder,
                standing: standing.to_string(),
            }
            .into());
        }
        if going.iter().all(|known| known.folder != folder) {
            going.push(Going {
                standing,
                created_at: folder.manifest().ok().map(|manifest| manifest.created_at),
                bytes: folder.bytes(),
                folder,
            });
        }
    }
    Ok(going)
}

/// The runs that have ended and are all that is asked for.
fn matching(runs: &Runs, arguments: &RemoveArguments) -> Result<Vec<Going>, Failure> {
    let overview = overview(runs)?;
    let (entries, folders) = (overview.runs, runs.list()?);
    let newest = entries.len().saturating_sub(arguments.keep.unwrap_or(0));
    let now = now();
    let mut going = Vec::new();
    for entry in entries[..newest]
        .iter()
        .filter(|entry| is_so(entry, arguments, now))
    {
        let folder = folders.iter().find(|folder| folder.id() == entry.id);
        let Some(folder) = folder else { continue };
        // What a newer program has made only that can remove.
        if let Err(StoreError::Newer { .. }) = folder.manifest_to_write() {
            tell_newer(&entry.id, entry.format);
            continue;
        }
        going.push(Going {
            folder: folder.clone(),
            standing: entry.standing.clone(),
            created_at: Some(entry.created_at),
            bytes: entry.bytes,
        });
    }
    Ok(going)
}

/// Whether a run has ended and is of the state and the age that are asked for.
fn is_so(run: &RunEntry, arguments: &RemoveArguments, now: u64) -> bool {
    let age = u128::from(now.saturating_sub(run.created_at));
    let state = run.standing.word();
    !run.standing.is_live()
        && arguments.older.is_none_or(|older| age > older.as_millis())
        && (arguments.state.is_empty() || arguments.state.iter().any(|ended| ended == state))
}

/// A line for each run: its state, its size, its age.
fn told(going: &[Going]) -> String {
    let line = |one: &Going| {
        let age = one.created_at.map_or(String::new(), |created| {
            let age = Duration::from_millis(now().saturating_sub(created));
            format!(", {} old", output::age(age))
        });
        let (id, state, size) = (one.folder.id(), one.standing.word(), megabytes(one.bytes));
        format!("{id}: {state}, {size}{age}\n")
    };
    going.iter().map(line).collect()
}

/// All of them in a few words.
fn sum(going: &[Going]) -> String {
    let bytes = megabytes(going.iter().map(|one| one.bytes).sum());
    match going.len() {
        1 => format!("this run, {bytes}"),
        count => format!("these {} runs, {bytes}", thousands(count as u64)),
    }
}
