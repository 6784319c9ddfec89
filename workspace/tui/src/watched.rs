//! A run that is followed, with what is known of it.

use std::{cell::OnceCell, collections::VecDeque, sync::Arc};

use topwork_events::{LogLevel, RunState};
use topwork_results::{RanksOverTargets, Results, Tables};
use topwork_store::{Load, RunFolder, Standing};

use crate::{jobs::PartFiles, memo::fresh};

/// Lines of a run's log that are kept; older ones are only in its files.
const LOG_LINES: usize = 10_000;

/// A run that is followed.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Where it is.
    pub(crate) folder: RunFolder,
    /// What its event stream says.
    pub(crate) state: RunState,
    /// How it stands, while it has not said how it ended.
    pub(crate) standing: Option<Standing>,
    /// What its worker takes of the machine, as it was last looked at; `None` of a run elsewhere.
    pub(crate) load: Option<Load>,
    /// What its figures and settings are, as a number: another one as soon as they change.
    pub(crate) version: u64,
    /// The figures so far, worked out when they are asked for.
    figures: OnceCell<Figures>,
    /// What was said, in the order it was heard.
    pub(crate) log: VecDeque<LogEntry>,
    /// What was read of its parts, in their order; none before that was asked for, empty before it is there.
    pub(crate) parts: Option<Vec<PartFiles>>,
    /// Kept for comparison when another run is opened.
    pub(crate) marked: bool,
    /// It was asked to stop.
    pub(crate) asked_to_stop: bool,
    /// Why its files cannot be read.
    pub(crate) trouble: Option<String>,
}

/// The figures of a run.
#[derive(Clone, Debug, Default)]
struct Figures {
    tables: Vec<TargetTable>,
    ranks: Option<RanksOverTargets>,
}

/// The figures of the rows of one target.
#[derive(Clone, Debug)]
pub(crate) struct TargetTable {
    /// The figures.
    pub(crate) results: Arc<Results>,
    /// Its rows as the run counts them.
    pub(crate) rows: Vec<usize>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogEntry {
    /// Milliseconds since the Unix epoch; 0 where the line does not tell.
    pub(crate) at: u64,
    pub(crate) level: LogLevel,
    pub(crate) from: String,
    pub(crate) text: String,
}

impl Watched {
    /// A run of which nothing is known yet.
    pub(crate) fn new(folder: RunFolder) -> Self {
        Self {
            folder,
            state: RunState::default(),
            standing: None,
            load: None,
            version: fresh(),
            figures: OnceCell::new(),
            log: VecDeque::new(),
            parts: None,
            marked: false,
            asked_to_stop: false,
            trouble: None,
        }
    }

    fn figures(&self) -> &Figures {
        self.figures.get_or_init(|| Figures::of(&self.state))
    }

    /// The figures so far, a table for each target; none before there is a plan.
    pub(crate) fn tables(&self) -> &[TargetTable] {
        &self.figures().tables
    }

    /// How rows do over the targets, where there are several.
    pub(crate) fn ranks(&self) -> Option<&RanksOverTargets> {
        self.figures().ranks.as_ref()
    }

    /// Whether it has several backbones or targets.
    pub(crate) fn has_parts(&self) -> bool {
        self.state.parts.len() > 1
    }

    /// The target and the backbone of a part, of those that the run has several of; `None` where it has one of each.
    pub(crate) fn part_name(&self, part: usize) -> Option<String> {
        let plan = &self.state.parts.get(part)?.plan;
        let names: Vec<&str> = ([&plan.target, &plan.backbone].into_iter().flatten())
            .map(String::as_str)
            .collect();
        (self.has_parts() && !names.is_empty()).then(|| names.join(" · "))
    }

    /// Where the files of a part are: those of a run without parts in its own folder. `None` before that is known.
    pub(crate) fn folder_of(&self, part: usize) -> Option<&RunFolder> {
        if !self.has_parts() {
            return Some(&self.folder);
        }
        self.parts.as_ref()?.get(part).map(|files| &files.folder)
    }

    /// The figures are no longer what they were.
    pub(crate) fn figures_changed(&mut self) {
        self.figures = OnceCell::new();
        self.settings_changed();
    }

    /// The settings are no longer what they were.
    pub(crate) fn settings_changed(&mut self) {
        self.version = fresh();
    }

    /// Whether it may still go on.
    pub(crate) fn is_live(&self) -> bool {
        self.state.ending.is_none() && self.standing.as_ref().is_none_or(Standing::is_live)
    }

    /// Keeps one more line of the log.
    pub(crate) fn say(&mut self, entry: LogEntry) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }
}

impl Figures {
    fn of(state: &RunState) -> Self {
        let Some(Tables { tables, ranks }) = Tables::of(state) else {
            return Self::default();
        };
        let rows: Vec<Vec<usize>> = match state.parts.len() {
            0 | 1 => (tables.iter())
                .map(|table| (0..table.strategies.len()).collect())
                .collect(),
            _ => (state.targets().into_iter())
                .map(|(_, parts)| {
                    let parts = parts.iter().filter_map(|part| state.parts.get(*part));
                    parts.flat_map(|part| part.rows.clone()).collect()
                })
                .collect(),
        };
        let tables = (tables.into_iter().zip(rows))
            .map(|(results, rows)| TargetTable {
                results: Arc::new(results),
                rows,
            })
            .collect();
        Self { tables, ranks }
    }
}
