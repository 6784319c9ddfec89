//! What the index holds of a run, and how it is read out of the run's folder.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};
use topwork_events::RunState;
use topwork_keys::Cells;
use topwork_measure::{ACCURACY, Figure};
use topwork_results::Results;
use topwork_store::{Manifest, RunFolder, Standing, StoreError};

/// One run, as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunEntry {
    /// Its id.
    pub id: String,
    /// [`Manifest::format`] of its folder.
    pub format: u32,
    /// The experiment's name.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// When it was created, milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Wall-clock seconds it took; `None` while it has not ended.
    pub seconds: Option<f64>,
    /// The best of the rows that may be set in one order.
    pub best: Option<BestRow>,
    /// The experiment file it was made from.
    pub experiment: PathBuf,
    /// The machine it was created on.
    pub host: String,
    /// The version of topwork that made it.
    pub version: String,
    /// Bytes its folder takes.
    pub bytes: u64,
}

/// The best row of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BestRow {
    /// Its name.
    pub row: String,
    /// Id of the figure that makes it the best.
    #[serde(default = "accuracy")]
    pub by: String,
    /// What it comes to over its seeds, by the figures' ids.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
}

impl BestRow {
    /// What makes it the best, as a person reads it.
    pub fn words(&self) -> String {
        let Some((figure, value)) = self.figure() else {
            return String::new();
        };
        match figure.id == ACCURACY.id {
            true => figure.unit.text(value),
            false => format!("{} {}", figure.name, figure.unit.text(value)),
        }
    }

    /// The figure that makes it the best, and its value.
    pub fn figure(&self) -> Option<(&'static Figure, f64)> {
        let figure = Figure::named(&self.by)?;
        Some((figure, *self.figures.get(figure.id)?))
    }
}

fn accuracy() -> String {
    ACCURACY.id.to_owned()
}

/// One row of one run with one seed, measured: what it came to and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CellEntry {
    /// The run's id.
    pub run: String,
    /// The row's name.
    pub row: String,
    /// `frozen-backbone`, `feature-classifier`, `fine-tune` or `from-scratch`.
    pub kind: String,
    /// The head's component id.
    pub head: String,
    /// The cut point.
    pub cut: String,
    /// The seed.
    pub seed: u64,
    /// What tells equal work apart from other work, where the run says it.
    pub cell: Option<String>,
    /// Training samples used.
    pub train_samples: u64,
    /// Test examples classified correctly.
    pub correct: u64,
    /// Test examples.
    pub total: u64,
    /// What the predictions come to, by the figures' ids.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
    /// Wall-clock seconds of extracting features.
    pub extract: f64,
    /// Wall-clock seconds of training or fitting.
    pub fit: f64,
    /// Wall-clock seconds of classifying the test examples.
    pub evaluate: f64,
}

/// The mean of what rows like one took: with this title, of this kind, with this head at this cut. `None` where none is known.
pub fn likely_seconds(
    known: &[CellEntry],
    title: &str,
    kind: &str,
    head: &str,
    cut: &str,
) -> Option<f64> {
    let same = |cell: &&CellEntry| {
        cell.row == title && cell.kind == kind && cell.head == head && cell.cut == cut
    };
    let took: Vec<f64> = (known.iter().filter(same))
        .map(|cell| cell.extract + cell.fit + cell.evaluate)
        .collect();
    (!took.is_empty()).then(|| took.iter().sum::<f64>() / took.len() as f64)
}

/// By what an event file is taken to be unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its length in bytes; 0 while there is none.
    pub length: u64,
    /// When it was last written, nanoseconds since the Unix epoch.
    pub modified: i64,
}

impl Stamp {
    /// The stamp of a run's event file.
    pub fn of(folder: &RunFolder) -> Self {
        let Ok(file) = fs::metadata(folder.events_path()) else {
            return Self::default();
        };
        let modified = file.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            length: file.len(),
            modified: modified.map_or(0, |age| age.as_nanos() as i64),
        }
    }
}

/// Reads a run's folder.
pub(super) fn read(folder: &RunFolder) -> Result<(RunEntry, Vec<CellEntry>), StoreError> {
    let manifest = folder.manifest()?;
    let state = folder.state()?;
    let cells = cells(&folder.id(), &state, &manifest.cells);
    Ok((RunEntry::of(folder, manifest, &state), cells))
}

impl RunEntry {
    /// The run as it is listed, from what its manifest and its event stream say.
    pub fn of(folder: &RunFolder, manifest: Manifest, state: &RunState) -> Self {
        let results = Results::from_state(state);
        let best = results.as_ref().and_then(Results::best).map(|row| BestRow {
            row: row.title.clone(),
            by: results
                .as_ref()
                .map_or_else(accuracy, |results| results.ranked_by().id.to_owned()),
            figures: (row.figures.iter())
                .map(|(id, figure)| (id.clone(), figure.mean))
                .collect(),
        });
        Self {
            id: folder.id(),
            format: manifest.format,
            standing: folder.standing_since(state, manifest.created_at),
            name: manifest.name,
            created_at: manifest.created_at,
            seconds: state.ending.as_ref().map(|ending| ending.seconds),
            best,
            experiment: manifest.experiment,
            host: manifest.machine.host,
            version: manifest.version,
            bytes: folder.bytes(),
        }
    }
}

fn cells(run: &str, state: &RunState, keys: &Cells) -> Vec<CellEntry> {
    let rows = state.plan.as_ref().map_or(&[][..], |plan| &plan.rows);
    let keys: HashMap<(usize, u64), &str> = (keys.rows.iter())
        .map(|key| ((key.row, key.seed), key.key.as_str()))
        .collect();
    (state.outcomes.iter())
        .filter_map(|outcome| {
            let row = rows.get(outcome.row)?;
            let key = keys.get(&(outcome.row, outcome.seed));
            Some(CellEntry {
                run: run.to_owned(),
                row: row.title(),
                kind: row.kind.clone(),
                head: row.head.clone(),
                cut: row.cut.clone(),
                seed: outcome.seed,
                cell: key.map(|key| (*key).to_owned()),
                train_samples: outcome.train_samples,
                correct: outcome.correct,
                total: outcome.total,
                figures: outcome.figures.clone(),
                extract: outcome.seconds.extract,
                fit: outcome.seconds.fit,
                evaluate: outcome.seconds.evaluate,
            })
        })
        .collect()
}
