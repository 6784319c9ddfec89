//! All the dashboard knows, and what is selected in it.

use std::{cell::OnceCell, collections::VecDeque, sync::Arc};

use ratatui::layout::{Rect, Size};
use topwork_events::{LogLevel, RunState};
use topwork_results::{PairResult, Results};
use topwork_store::{RunFolder, Standing};

use crate::{
    jobs::Settings,
    layer::Layer,
    memo::{Memo, fresh},
    theme::Theme,
    views::{View, compare, confusion, features, live, log, network, runs},
};

/// Lines of a run's log that are kept; older ones are only in its files.
const LOG_LINES: usize = 10_000;

/// Everything the dashboard draws from.
#[derive(Clone, Debug)]
pub struct App {
    /// How it looks.
    pub(crate) theme: Theme,
    /// The terminal's size.
    pub(crate) size: Size,
    /// Milliseconds since the Unix epoch, as the latest tick told.
    pub(crate) now: u64,
    /// The view shown.
    pub(crate) view: View,
    /// Dialogs over it, the top one last.
    pub(crate) layers: Vec<Layer>,
    /// The runs that are followed: the current one and those compared with it.
    pub(crate) watched: Vec<Watched>,
    /// Index of the current one.
    pub(crate) current: usize,
    /// One line for the user, until the next key.
    pub(crate) notice: Option<Notice>,
    /// What was drawn last no longer holds.
    pub(crate) changed: bool,
    /// The screen itself can no longer be trusted.
    pub(crate) spoilt: bool,
    pub(crate) live: live::Selection,
    pub(crate) compare: compare::Selection,
    pub(crate) features: features::Selection,
    pub(crate) confusion: confusion::Selection,
    pub(crate) network: network::Selection,
    pub(crate) log: log::Selection,
    pub(crate) runs: runs::Selection,
    /// What views have worked out for what is known now.
    pub(crate) worked_out: WorkedOut,
}

/// What views work out of the figures: once when those change, not with every frame and key.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkedOut {
    /// The rows of Compare: of these figures, in this order, turned round or not.
    pub(crate) sheet: Memo<(Vec<u64>, Option<usize>, bool), compare::Sheet>,
    /// The pairs of one row of Compare: the figures, and the row's title.
    pub(crate) pairs: Memo<(u64, String), Vec<PairResult>>,
    /// The table of Live.
    pub(crate) table: Memo<u64, compare::Figures>,
    /// The matrix of Confusion: the figures, its row and its seed.
    pub(crate) matrix: Memo<(u64, usize, u64), confusion::Matrix>,
}

/// One line for the user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) text: String,
    /// Whether something is wrong.
    pub(crate) bad: bool,
}

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

impl App {
    /// A dashboard of one run, of which nothing is known yet.
    pub fn new(run: RunFolder, theme: Theme, columns: u16, rows: u16, now: u64) -> Self {
        Self {
            theme,
            size: Size::new(columns, rows),
            now,
            view: View::Live,
            layers: Vec::new(),
            watched: vec![Watched::new(run)],
            current: 0,
            notice: None,
            changed: true,
            spoilt: false,
            live: live::Selection::default(),
            compare: compare::Selection::default(),
            features: features::Selection::default(),
            confusion: confusion::Selection::default(),
            network: network::Selection::default(),
            log: log::Selection::default(),
            runs: runs::Selection::default(),
            worked_out: WorkedOut::default(),
        }
    }

    /// The run that is shown, if any; there is always one but for a moment in `update`.
    pub(crate) fn run(&self) -> Option<&Watched> {
        self.watched.get(self.current)
    }

    /// The run in `folder`.
    pub(crate) fn watched_mut(&mut self, folder: &RunFolder) -> Option<&mut Watched> {
        self.watched.iter_mut().find(|run| run.folder == *folder)
    }

    /// The whole terminal.
    pub(crate) fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.width, self.size.height)
    }

    /// Tells the user something.
    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: false,
        });
    }

    /// Tells the user what went wrong.
    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: true,
        });
    }
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
            .get_or_init(|| Results::from_state(&self.state).map(Arc::new));
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
