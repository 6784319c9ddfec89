//! `topwork runs list`.

use std::path::Path;

use serde_json::json;
use topwork_index::{Overview, RunEntry, overview};
use topwork_measure::seconds;
use topwork_pages::Align;
use topwork_store::Runs;

use super::{date, print_json, tell_newer};
use crate::{
    failure::{Failure, warn, write},
    output::{self, megabytes, print},
};

/// The most characters of a state in the table; `runs show` has room for all of it.
const WIDEST_STATE: usize = 60;

/// Lists all runs, the latest last.
pub fn list(runs_dir: &Path, as_json: bool) -> Result<u8, Failure> {
    let overview = overview(&Runs::at(runs_dir))?;
    for note in &overview.notes {
        warn(note);
    }
    for run in &overview.runs {
        tell_newer(&run.id, run.format);
    }
    if as_json {
        let damaged = overview
            .damaged
            .iter()
            .map(|(folder, error)| json!({ "id": folder.id(), "damage": error.to_string() }));
        let runs = overview.runs.iter().map(|run| json!(run));
        print_json(&damaged.chain(runs).collect::<Vec<_>>())?;
    } else if overview.runs.is_empty() && overview.damaged.is_empty() {
        write(&format!(
            "no runs in `{}` yet; `topwork run FILE` makes one\n",
            runs_dir.display()
        ));
    } else {
        print(&table(&overview))?;
    }
    Ok(0)
}

fn table(overview: &Overview) -> String {
    // One damaged run must not hide the others.
    let damaged = overview.damaged.iter().map(|(folder, error)| {
        let mut row = vec![folder.id(), error.to_string()];
        row.resize(6, String::new());
        row
    });
    let mut rows: Vec<_> = overview.runs.iter().map(row).chain(damaged).collect();
    rows.sort_by_key(|row| number(&row[0]));
    let columns = [
        ("run", Align::Left),
        ("state", Align::Left),
        ("started", Align::Left),
        ("took", Align::Right),
        ("size", Align::Right),
        ("best", Align::Left),
    ];
    output::table(&columns, rows)
}

fn row(run: &RunEntry) -> Vec<String> {
    let mut state = run.standing.to_string();
    if state.chars().count() > WIDEST_STATE {
        state = state.chars().take(WIDEST_STATE - 1).collect::<String>() + "…";
    }
    let best = run.best.as_ref();
    vec![
        run.id.clone(),
        state,
        date(run.created_at),
        run.seconds.map_or(String::new(), seconds),
        megabytes(run.bytes),
        best.map_or(String::new(), |best| {
            format!("{} {}", best.words(), best.row)
        }),
    ]
}

fn number(id: &str) -> u64 {
    let digits = id.split('-').next().unwrap_or_default();
    digits.parse().unwrap_or(u64::MAX)
}
