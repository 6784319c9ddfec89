//! The seven views. Each has a selection of its own, draws from the `App`, and acts on the
//! keys that hold in it.

pub mod compare;
pub mod confusion;
pub mod features;
pub mod live;
pub mod log;
pub mod network;
pub mod runs;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    app::App,
    event::Effect,
    keys::Action,
    text::{line, wrap},
};

/// One view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Stages, curves, the table as it fills.
    Live,
    /// Strategies and runs against each other.
    Compare,
    /// What the trunk makes of the images.
    Features,
    /// Which classes are taken for which.
    Confusion,
    /// Layers, shapes, the cut.
    Network,
    /// What worker and plugins say.
    Log,
    /// All runs of the folder.
    Runs,
}

impl View {
    /// All views in the order of their tabs.
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::Compare,
        Self::Features,
        Self::Confusion,
        Self::Network,
        Self::Log,
        Self::Runs,
    ];

    /// As the tab is labelled.
    pub fn title(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Compare => "Compare",
            Self::Features => "Features",
            Self::Confusion => "Confusion",
            Self::Network => "Network",
            Self::Log => "Log",
            Self::Runs => "Runs",
        }
    }

    /// From 1: also its key.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// The next in the order of the tabs, round and round.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The one before.
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }
}

/// Draws the present view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    match app.view {
        View::Live => live::draw(app, area, buffer),
        View::Compare => compare::draw(app, area, buffer),
        View::Features => features::draw(app, area, buffer),
        View::Confusion => confusion::draw(app, area, buffer),
        View::Network => network::draw(app, area, buffer),
        View::Log => log::draw(app, area, buffer),
        View::Runs => runs::draw(app, area, buffer),
    }
}

/// What a key asks of the present view.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match app.view {
        View::Live => live::act(app, action),
        View::Compare => compare::act(app, action),
        View::Features => features::act(app, action),
        View::Confusion => confusion::act(app, action),
        View::Network => network::act(app, action),
        View::Log => log::act(app, action),
        View::Runs => runs::act(app, action),
    }
}

/// The present view has just been turned to.
pub fn shown(app: &mut App) -> Vec<Effect> {
    match app.view {
        View::Runs => vec![runs::list_again(app)],
        View::Features => features::shown(app),
        View::Confusion => confusion::shown(app),
        _ => Vec::new(),
    }
}

/// The current run has gone on: what the present view lacked may be there now.
pub fn went_on(app: &mut App) -> Vec<Effect> {
    match app.view {
        View::Features => features::shown(app),
        View::Confusion => confusion::shown(app),
        _ => Vec::new(),
    }
}

/// The mouse was pressed within the present view, drawn in `area`.
pub fn click(app: &mut App, area: Rect, column: u16, row: u16) {
    match app.view {
        View::Live => live::click(app, area, column, row),
        View::Compare => compare::click(app, area, row),
        View::Features => features::click(app, area, column, row),
        View::Confusion => confusion::click(app, area, column, row),
        View::Network => network::click(app, area, row),
        View::Log => {}
        View::Runs => runs::click(app, area, row),
    }
}

/// The filter of the present view, where it has one.
pub fn filter(app: &App) -> Option<&str> {
    match app.view {
        View::Log => Some(&app.log.filter),
        View::Runs => Some(&app.runs.filter),
        _ => None,
    }
}

/// The same, to be changed.
pub fn filter_mut(app: &mut App) -> Option<&mut String> {
    match app.view {
        View::Log => Some(&mut app.log.filter),
        View::Runs => Some(&mut app.runs.filter),
        _ => None,
    }
}

/// Whether a row contains a filter, whatever the case.
pub fn fits(text: &str, filter: &str) -> bool {
    filter.is_empty() || text.to_lowercase().contains(&filter.to_lowercase())
}

/// A few words in the middle of an area in which there is nothing else to show.
pub fn say(app: &App, text: &str, area: Rect, buffer: &mut Buffer) {
    let columns = usize::from(area.width).min(60);
    let lines = wrap(text, columns);
    let top = usize::from(area.height).saturating_sub(lines.len()) / 2;
    for (row, words) in lines.into_iter().enumerate() {
        let words = ratatui::text::Line::styled(words, app.theme.dim()).centered();
        line(buffer, area, top + row, words);
    }
}

/// The row after a key that moves by rows.
pub fn moved(row: usize, rows: usize, page: usize, action: Action) -> usize {
    let last = rows.saturating_sub(1);
    match action {
        Action::Up => row.saturating_sub(1),
        Action::Down => row + 1,
        Action::PageUp => row.saturating_sub(page.max(1)),
        Action::PageDown => row + page.max(1),
        Action::First => 0,
        Action::Last => last,
        _ => row,
    }
    .min(last)
}

/// The first row shown, so that the selected one is: in the middle where there is more on both
/// sides.
pub fn first_shown(selected: usize, rows: usize, room: usize) -> usize {
    selected
        .saturating_sub(room / 2)
        .min(rows.saturating_sub(room))
}
