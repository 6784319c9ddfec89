//! What earlier runs have of the results an experiment asks for.

use std::path::PathBuf;

use topwork_events::{EndStatus, RunState, Seconds};
use topwork_keys::{Adopted, AdoptedRow, AdoptedSource, Cells, KeyedCell, KeyedSource};
use topwork_store::{Manifest, RunFolder, Runs, Standing};

use crate::failure::{Failure, WRONG_DATA};

/// The earlier runs that share a result with an experiment, the latest first.
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
    /// It ended because its data could not be read or was no longer what it had been.
    fn data_was_wrong(&self) -> bool {
        let ending = self.state.ending.as_ref();
        ending.is_some_and(|ending| ending.exit_code == WRONG_DATA)
    }
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
        let mut found: Vec<Run> = (runs.list()?.into_iter())
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

    /// The latest run of just this experiment that can be gone on with. One whose data was wrong
    /// would only say so again: a new run takes over from it what still holds.
    pub fn same_run(&self) -> Option<RunFolder> {
        let same = |run: &&Run| run.manifest.cells == self.wanted && !run.data_was_wrong();
        self.runs.iter().find(same).map(|run| run.folder.clone())
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
            let id = || run.folder.id();
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
            if let Some(run) = self.runs.iter().find(has) {
                adopted.sources.push(AdoptedSource {
                    seed: wanted.seed,
                    run: run.folder.id(),
                });
            }
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
                    run: run.folder.id(),
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
                let run = self.runs.iter().find(|run| run.folder.id() == source.run)?;
                let path = run.folder.weights_path("backbone", source.seed);
                Some((source.seed, path))
            })
            .collect()
    }

    fn standing(&self, run: &Run) -> Standing {
        run.folder.standing(&run.state)
    }
}
