//! `topwork runs`: what was run.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use topwork_events::RunState;
use topwork_report::{Align, Results, comparison, percent, seconds};
use topwork_store::{RunFolder, Runs};

use crate::{
    failure::{Failure, tell, warn, write},
    output::{self, print, width},
};

/// Lists all runs, the latest last.
pub fn list(runs_dir: &Path) -> Result<u8, Failure> {
    let runs = Runs::at(runs_dir).list()?;
    if runs.is_empty() {
        tell_none(runs_dir);
        return Ok(0);
    }
    let mut rows = Vec::new();
    for folder in &runs {
        // One damaged run must not hide the others.
        let (state, damage) = match folder.state() {
            Ok(state) => (state, None),
            Err(error) => (RunState::default(), Some(format!("damaged: {error}"))),
        };
        let started = folder
            .manifest()
            .map_or(state.started_at, |manifest| manifest.created_at);
        let took = state
            .ending
            .as_ref()
            .map_or(String::new(), |ending| seconds(ending.seconds));
        let status = damage.unwrap_or_else(|| folder.standing(&state).to_string());
        rows.push(vec![folder.id(), status, date(started), took, best(&state)]);
    }
    let columns = [
        ("run", Align::Left),
        ("state", Align::Left),
        ("started", Align::Left),
        ("took", Align::Right),
        ("best", Align::Left),
    ];
    print(&output::table(&columns, rows))?;
    Ok(0)
}

fn tell_none(runs_dir: &Path) {
    write(&format!(
        "no runs in `{}` yet; `topwork run FILE` makes one\n",
        runs_dir.display()
    ));
}

/// Shows one run with its comparison.
pub fn show(runs_dir: &Path, wanted: &str) -> Result<u8, Failure> {
    let folder = Runs::at(runs_dir).find(wanted)?;
    let mut reader = folder.event_reader();
    let state = RunState::from_records(&reader.poll()?);
    let manifest = folder.manifest()?;
    let mut text = format!(
        "{}: {}\nexperiment {}\nstarted {}, topwork {}, {} on {}\n",
        folder.id(),
        folder.standing(&state),
        manifest.experiment.display(),
        date(manifest.created_at),
        manifest.version,
        match manifest.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        },
        manifest.machine.host,
    );
    if let Some(ending) = &state.ending {
        let memory = ending.peak_bytes.map_or(String::new(), |bytes| {
            format!(", peak memory {} MB", bytes / 1_000_000)
        });
        text.push_str(&format!("took {}{memory}\n", seconds(ending.seconds)));
    }
    text.push_str(&format!("files in {}\n", folder.path().display()));
    if reader.skipped() > 0 {
        let file = folder.events_path();
        warn(&format!(
            "{} lines of `{}` could not be read",
            reader.skipped(),
            file.display()
        ));
    }
    if let Some(results) = Results::from_state(&state) {
        text.push('\n');
        text.push_str(&comparison(&results, width()));
    }
    print(&text)?;
    if let Some(ending) = &state.ending
        && let Some(message) = &ending.message
    {
        tell(message, ending.hint.as_deref());
    }
    Ok(0)
}

/// The best of the rows that may be set in one order.
fn best(state: &RunState) -> String {
    let results = Results::from_state(state);
    let best = results.as_ref().and_then(Results::best);
    best.and_then(|row| Some(format!("{} {}", percent(row.mean?), row.name)))
        .unwrap_or_default()
}

/// A moment in the local time zone, or in UTC where that is unknown.
fn date(milliseconds: u64) -> String {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .map_or_else(String::new, |moment| {
            moment
                .to_zoned(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        })
}
