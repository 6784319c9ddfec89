//! A run that is followed, with what is known of it.

use std::{cell::OnceCell, collections::VecDeque, sync::Arc};

use topwork_events::{LogLevel, RunState};
use topwork_results::{Results, Tables};
use topwork_store::{RunFolder, Standing};

use crate::{jobs::Settings, memo::fresh};

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
    /// What its figures and settings are, as a number: another one as soon as they change.
    pub(crate) version: u64,
    /// The figures so far, worked out when they are asked for.
    results: OnceCell<Option<Arc<Results>>>,
    /// What was said, in the order it was heard.
    pub(crate) log: VecDeque<LogEntry>,
    /// What sets its strategies apart, once its experiment was read.
    pub(crate) settings: Option<Settings>,
    /// Kept for comparison when another run is opened.
    pub(crate) marked: bool,
    /// It was asked to stop.
    pub(crate) asked_to_stop: bool,
    /// Why its files cannot be read.
    pub(crate) trouble: Option<String>,
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
            version: fresh(),
            results: OnceCell::new(),
            log: VecDeque::new(),
            settings: None,
            marked: false,
            asked_to_stop: false,
            trouble: None,
        }
    }

    /// The figures so far; `None` before there is a plan.
    pub(crate) fn results(&self) -> Option<&Arc<Results>> {
        let results = self
            .results
            .get_or_init(|| Tables::side_by_side(&self.state).map(Arc::new));
        results.as_ref()
    }

    /// The figures are no longer what they were.
    pub(crate) fn figures_changed(&mut self) {
        self.results = OnceCell::new();
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
