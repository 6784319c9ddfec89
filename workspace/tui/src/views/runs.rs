//! Runs: all runs of the folder; opened, compared, removed.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use topwork_measure::{seconds, shown};
use topwork_store::Standing;

use crate::{
    app::{App, Watched},
    columns::{Cell, Column, Table, row_at},
    draw::{panel, standing_mark},
    event::Effect,
    jobs::{Job, ListedRun},
    keys::Action,
    layer::{Layer, Question},
    views::{View, fits, moved, say},
};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The runs, the latest first; none before they are listed.
    pub list: Option<Vec<ListedRun>>,
    /// The selected one of those that contain the filter.
    pub row: usize,
    /// What rows must contain.
    pub filter: String,
}

/// Asks for the list of runs.
pub fn list_again(app: &App) -> Effect {
    let folder = app.run().and_then(|run| run.folder.path().parent());
    Effect::Job(Job::ListRuns(
        folder.map_or_else(Default::default, ToOwned::to_owned),
    ))
}

/// The list has come.
pub fn listed(app: &mut App, mut list: Vec<ListedRun>) {
    list.reverse();
    app.runs.list = Some(list);
    let rows = matching(app).len();
    app.runs.row = app.runs.row.min(rows.saturating_sub(1));
}

fn matching(app: &App) -> Vec<&ListedRun> {
    let list = app.runs.list.iter().flatten();
    list.filter(|entry| {
        fits(&entry.folder.id(), &app.runs.filter) || fits(&entry.words(), &app.runs.filter)
    })
    .collect()
}

/// Draws the view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let mut title = "runs".to_owned();
    if !app.runs.filter.is_empty() {
        title.push_str(&format!(" with \"{}\"", app.runs.filter));
    }
    let inner = panel(app, &title, area, buffer, true);
    let entries = matching(app);
    if entries.is_empty() {
        let text = match (&app.runs.list, app.runs.filter.is_empty()) {
            (None, _) => "looking for runs",
            (_, true) => "there are no runs in this folder",
            (_, false) => "no run contains that",
        };
        say(app, text, inner, buffer);
        return;
    }
    let columns = [
        Column::text("", 0),
        Column::text("run", 0),
        Column::text("state", 0),
        Column::text("started", 3),
        Column::number("took", 2),
        Column::number("best", 1),
        Column::text("by", 4),
    ];
    let rows: Vec<Vec<Cell>> = entries.iter().map(|entry| cells(app, entry)).collect();
    Table {
        columns: &columns,
        rows: &rows,
        in_sight: app.runs.row.min(rows.len() - 1),
        selected: true,
    }
    .draw(app, inner, buffer);
}

fn cells(app: &App, entry: &ListedRun) -> Vec<Cell> {
    let watched = |run: &&Watched| run.folder == entry.folder;
    let mark = match app.watched.iter().find(watched) {
        Some(run) if app.run().is_some_and(|shown| shown.folder == run.folder) => "▶",
        Some(run) if run.marked => "+",
        _ => "",
    };
    let (symbol, style) = match &entry.standing {
        Ok(standing) => standing_mark(app, standing),
        Err(_) => ("✗", app.theme.bad()),
    };
    // Dead runs look dead.
    let dead =
        !matches!(&entry.standing, Ok(Standing::Done) | Ok(Standing::Stopped)) && !entry.is_live();
    let plain = if dead { app.theme.dim() } else { Style::new() };
    let best = entry.best.as_ref();
    vec![
        Cell::new(mark, app.theme.title()),
        Cell::new(entry.folder.id(), plain),
        Cell::new(format!("{symbol} {}", entry.words()), style),
        Cell::new(
            ago(app.now.saturating_sub(entry.created_at)),
            app.theme.dim(),
        ),
        Cell::new(entry.seconds.map_or(String::new(), seconds), plain),
        Cell::new(
            best.map_or(String::new(), |(_, mean)| shown()[0].unit.text(*mean)),
            plain,
        ),
        Cell::new(
            best.map_or(String::new(), |(name, _)| name.clone()),
            app.theme.dim(),
        ),
    ]
}

/// How long ago, in the largest unit that is not zero.
fn ago(milliseconds: u64) -> String {
    let minutes = milliseconds / 60_000;
    match (minutes / (24 * 60), minutes / 60, minutes) {
        (0, 0, 0) => "just now".to_owned(),
        (0, 0, minutes) => format!("{minutes} min ago"),
        (0, hours, _) => format!("{hours} h ago"),
        (1, _, _) => "1 day ago".to_owned(),
        (days, _, _) => format!("{days} days ago"),
    }
}

/// What a key asks for.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    let entries = matching(app);
    let rows = entries.len();
    let selected = entries.get(app.runs.row.min(rows.saturating_sub(1)));
    let selected = selected.map(|entry| (*entry).clone());
    match (action, selected) {
        (Action::Open, Some(entry)) => open(app, &entry),
        (Action::Mark, Some(entry)) => mark(app, &entry),
        (Action::Remove, Some(entry)) => {
            if entry.is_live() {
                app.complain(format!("`{}` still runs: stop it first", entry.folder.id()));
            } else {
                let question = Question::Remove(entry.folder);
                app.layers.push(Layer::Question(question));
            }
            Vec::new()
        }
        _ => {
            app.runs.row = moved(app.runs.row, rows, 10, action);
            Vec::new()
        }
    }
}

/// Shows a run. Those that are neither shown nor marked are followed no longer.
fn open(app: &mut App, entry: &ListedRun) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !app.watched.iter().any(|run| run.folder == entry.folder) {
        app.watched.push(Watched::new(entry.folder.clone()));
        effects.push(Effect::Follow(entry.folder.clone()));
    }
    show(app, entry, &mut effects);
    app.view = View::Live;
    effects
}

/// Takes a run into the comparison, or out of it.
fn mark(app: &mut App, entry: &ListedRun) -> Vec<Effect> {
    let current = app.run().map(|run| run.folder.clone());
    match app.watched_mut(&entry.folder) {
        Some(run) if run.marked => {
            run.marked = false;
            let mut effects = Vec::new();
            if current.as_ref() != Some(&entry.folder) {
                app.watched.retain(|run| run.folder != entry.folder);
                effects.push(Effect::Unfollow(entry.folder.clone()));
                find_current(app, current.as_ref());
            }
            effects
        }
        Some(run) => {
            run.marked = true;
            Vec::new()
        }
        None => {
            let mut run = Watched::new(entry.folder.clone());
            run.marked = true;
            app.watched.push(run);
            vec![Effect::Follow(entry.folder.clone())]
        }
    }
}

/// Makes a followed run the current one.
fn show(app: &mut App, entry: &ListedRun, effects: &mut Vec<Effect>) {
    app.watched.retain(|run| {
        let kept = run.marked || run.folder == entry.folder;
        if !kept {
            effects.push(Effect::Unfollow(run.folder.clone()));
        }
        kept
    });
    find_current(app, Some(&entry.folder));
    app.live = Default::default();
    app.compare = Default::default();
    app.features = Default::default();
    app.confusion = Default::default();
    app.network = Default::default();
    app.log = Default::default();
}

fn find_current(app: &mut App, folder: Option<&topwork_store::RunFolder>) {
    let position = app
        .watched
        .iter()
        .position(|run| Some(&run.folder) == folder);
    app.current = position.unwrap_or(0);
}

/// The mouse selects a run.
pub fn click(app: &mut App, area: Rect, row: u16) {
    let inner = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    let rows = matching(app).len();
    if let Some(row) = row_at(inner, row, Some(app.runs.row), rows) {
        app.runs.row = row;
    }
}
