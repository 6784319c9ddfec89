//! What earlier runs have of the results an experiment asks for.

use std::path::PathBuf;

use topwork_events::{EndStatus, RunState, Seconds};
use topwork_keys::{Adopted, AdoptedRow, AdoptedSource, Cells, KeyedCell, KeyedSource};
use topwork_store::{Manifest, RunFolder, Runs, Standing};

use crate::failure::{Failure, WRONG_DATA};

/// How many runs are named that a source may be taken over from.
const CANDIDATES: usize = 16;

/// The earlier runs, and parts of runs, that share a result with an experiment of one backbone and target, or with such a part
/// of one; the latest first.
pub struct Earlier {
    wanted: Cells,
    runs: Vec<Run>,
}

/// One of them.
struct Run {
    folder: RunFolder,
    manifest: Manifest,
    state: RunState,
}

impl Run {
    fn data_was_wrong(&self) -> bool {
        data_was_wrong(&self.state)
    }
}

/// It ended because its data could not be read or was no longer what it had been.
fn data_was_wrong(state: &RunState) -> bool {
    let ending = state.ending.as_ref();
    ending.is_some_and(|ending| ending.exit_code == WRONG_DATA)
}

/// The latest run of just this experiment, with what each of its parts has to measure, that can be gone on with. One whose data
/// was wrong would only say so again: a new run takes over from it what still holds.
pub fn same_run(runs: &Runs, wanted: &[&Cells]) -> Result<Option<RunFolder>, Failure> {
    let same = |run: &RunFolder| {
        let parts = run.parts();
        let mut cells = parts.iter().zip(wanted);
        parts.len() == wanted.len()
            && cells.all(|(part, wanted)| {
                let manifest = part.manifest();
                manifest.is_ok_and(|manifest| manifest.cells == **wanted)
            })
            && run.state().is_ok_and(|state| !data_was_wrong(&state))
    };
    Ok(runs.list()?.into_iter().rev().find(same))
}

/// How one wanted result stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// An earlier run has it.
    Done {
        /// The run's id.
        run: String,
        /// What it took there.
        seconds: Seconds,
    },
    /// A run is at it now.
    Running {
        /// The run's id.
        run: String,
    },
    /// The last try failed.
    Failed {
        /// The run's id.
        run: String,
        /// `failed` or `crashed`.
        status: EndStatus,
    },
    /// Nobody has tried.
    Missing,
}

impl Earlier {
    /// Looks through all runs. One that cannot be read has nothing.
    pub fn of(runs: &Runs, wanted: &Cells) -> Result<Self, Failure> {
        let wants = |cells: &Cells| {
            let row = |cell: &KeyedCell| wanted.rows.iter().any(|want| want.key == cell.key);
            let source =
                |cell: &KeyedSource| wanted.sources.iter().any(|want| want.key == cell.key);
            cells.rows.iter().any(row) || cells.sources.iter().any(source)
        };
        let parts = runs.list()?.into_iter().flat_map(|run| run.parts());
        let mut found: Vec<Run> = parts
            .filter_map(|folder| {
                let manifest = folder.manifest().ok()?;
                // Reading the events of a run that shares nothing would only cost time.
                let state = wants(&manifest.cells)
                    .then(|| folder.state().ok())
                    .flatten()?;
                Some(Run {
                    folder,
                    manifest,
                    state,
                })
            })
            .collect();
        found.reverse();
        Ok(Self {
            wanted: wanted.clone(),
            runs: found,
        })
    }

    /// How a wanted row stands, by its place in [`Cells::rows`].
    pub fn cell(&self, wanted: &KeyedCell) -> Cell {
        let mut cell = Cell::Missing;
        // Whether results on other data can be used is known when the data is read.
        for run in self.runs.iter().filter(|run| !run.data_was_wrong()) {
            let Some(theirs) = (run.manifest.cells.rows.iter()).find(|c| c.key == wanted.key)
            else {
                continue;
            };
            let place = (theirs.row, theirs.seed);
            let id = || run.folder.whole().id();
            let done = run.state.outcomes.iter().find(|o| (o.row, o.seed) == place);
            if let Some(outcome) = done {
                return Cell::Done {
                    run: id(),
                    seconds: outcome.seconds,
                };
            }
            if cell != Cell::Missing {
                continue;
            }
            let failed = run.state.failures.iter().find(|f| (f.row, f.seed) == place);
            if let Some(failure) = failed {
                cell = Cell::Failed {
                    run: id(),
                    status: failure.status,
                };
            } else if self.standing(run).is_live() {
                cell = Cell::Running { run: id() };
            }
        }
        cell
    }

    /// What a new run can take over.
    pub fn adopted(&self) -> Adopted {
        let mut adopted = Adopted::default();
        for wanted in &self.wanted.sources {
            let has = |run: &&Run| {
                let key = |theirs: &KeyedSource| theirs.key == wanted.key;
                run.manifest.cells.sources.iter().any(key)
                    && run.state.source.iter().any(|s| s.seed == wanted.seed)
            };
            // Which of them read the same data is known when the data is read.
            let candidates = self.runs.iter().filter(has).take(CANDIDATES);
            adopted.sources.extend(candidates.map(|run| AdoptedSource {
                seed: wanted.seed,
                run: run.folder.place(),
            }));
        }
        for wanted in &self.wanted.rows {
            let found = self.runs.iter().find_map(|run| {
                let mut theirs = run.manifest.cells.rows.iter();
                let theirs = theirs.find(|theirs| theirs.key == wanted.key)?;
                let place = (theirs.row, theirs.seed);
                let done = |o: &topwork_events::Outcome| (o.row, o.seed) == place;
                run.state.outcomes.iter().any(done).then_some((run, theirs))
            });
            let Some((run, theirs)) = found else { continue };
            let plan = run.state.plan.as_ref();
            if let Some(row) = plan.and_then(|plan| plan.rows.get(theirs.row)) {
                adopted.rows.push(AdoptedRow {
                    row: wanted.row,
                    seed: wanted.seed,
                    run: run.folder.place(),
                    from: theirs.row,
                    name: row.title(),
                });
            }
        }
        adopted
    }

    /// The files of trained backbones that earlier runs have, by seed.
    pub fn source_weights(&self) -> Vec<(u64, PathBuf)> {
        let adopted = self.adopted().sources.into_iter();
        adopted
            .filter_map(|source| {
                let run = self
                    .runs
                    .iter()
                    .find(|run| run.folder.place() == source.run)?;
                let path = run.folder.weights_path("backbone", source.seed);
                Some((source.seed, path))
            })
            .collect()
    }

    fn standing(&self, run: &Run) -> Standing {
        run.folder.whole().standing(&run.state)
    }
}
