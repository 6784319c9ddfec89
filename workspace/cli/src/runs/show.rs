//! `topwork runs show`.

use std::path::Path;

use serde_json::{Value, json};
use topwork_events::RunState;
use topwork_index::RunEntry;
use topwork_measure::seconds;
use topwork_pages::comparisons;
use topwork_results::Tables;
use topwork_store::{Runs, Standing};

use super::{date, print_json, tell_newer};
use crate::{
    failure::{Failure, tell, warn},
    hints,
    output::{megabytes, print, width},
};

/// Shows one run with its comparison.
pub fn show(runs_dir: &Path, wanted: &str, as_json: bool) -> Result<u8, Failure> {
    let folder = Runs::at(runs_dir).find(wanted)?;
    let mut reader = folder.event_reader();
    let state = RunState::from_records(&reader.poll()?);
    let manifest = folder.manifest()?;
    tell_newer(&folder.id(), manifest.format);
    if reader.skipped() > 0 {
        let file = folder.events_path();
        warn(&format!(
            "{} lines of `{}` could not be read",
            reader.skipped(),
            file.display()
        ));
    }
    let threads = match manifest.threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let run = RunEntry::of(&folder, manifest, &state);
    let tables = Tables::of(&state);
    let hint = state
        .ending
        .as_ref()
        .and_then(|ending| ending.hint.as_deref());
    if as_json {
        let results = tables.as_ref().map(Tables::to_json).transpose();
        let results: Option<Value> =
            (results.ok().flatten()).and_then(|text| serde_json::from_str(&text).ok());
        print_json(&json!({ "run": run, "hint": hint, "results": results }))?;
        return Ok(0);
    }
    let mut text = format!(
        "{}: {}\nexperiment {}\nstarted {}, topwork {}, {threads} on {}\n",
        run.id,
        match &run.standing {
            // Told in full below the comparison.
            Standing::Failed { .. } | Standing::Crashed { .. } => run.standing.word().to_owned(),
            standing => standing.to_string(),
        },
        run.experiment.display(),
        date(run.created_at),
        run.version,
        run.host,
    );
    if let Some(ending) = &state.ending {
        let memory = ending.peak_bytes.map_or(String::new(), |bytes| {
            format!(", peak memory {} MB", bytes / 1_000_000)
        });
        text.push_str(&format!("took {}{memory}\n", seconds(ending.seconds)));
    }
    text.push_str(&format!(
        "files in {}, {}\n",
        folder.path().display(),
        megabytes(run.bytes)
    ));
    if let Some(tables) = tables {
        text.push('\n');
        text.push_str(&comparisons(&tables, width()));
    }
    print(&text)?;
    if let Standing::Failed { message } | Standing::Crashed { message } = &run.standing {
        let resume = hints::goes_on(&folder);
        tell(message, Some(hint.unwrap_or(&resume)));
    }
    Ok(0)
}
