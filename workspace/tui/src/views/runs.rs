//! Runs: all runs of the folder; opened, compared, removed.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use topwork_index::BestRow;
use topwork_measure::seconds;
use topwork_store::Standing;

use crate::{
    columns::{Cell, Column, Table, row_at},
    jobs::ListedRun,
    keys::Action,
    panel::{panel, say, standing_mark},
    scroll::moved,
    views::{Scene, fits},
    watched::Watched,
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

/// What a key asks of the run that is selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// To be shown.
    Open(ListedRun),
    /// To be taken into the comparison, or out of it.
    Mark(ListedRun),
    /// To be removed from disk.
    Remove(ListedRun),
}

/// The list has come.
pub fn listed(selection: &mut Selection, mut list: Vec<ListedRun>) {
    list.reverse();
    selection.list = Some(list);
    let rows = matching(selection).len();
    selection.row = selection.row.min(rows.saturating_sub(1));
}

fn matching(selection: &Selection) -> Vec<&ListedRun> {
    let list = selection.list.iter().flatten();
    list.filter(|entry| {
        fits(&entry.folder.id(), &selection.filter) || fits(&entry.words(), &selection.filter)
    })
    .collect()
}

/// The column that says how long a run took.
const TOOK: usize = 4;

/// Columns of a terminal on which that has room beside long titles.
const ROOMY: u16 = 100;

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let mut title = "runs".to_owned();
    if !selection.filter.is_empty() {
        title.push_str(&format!(" with \"{}\"", selection.filter));
    }
    let inner = panel(scene.theme, &title, area, buffer, true);
    let entries = matching(selection);
    if entries.is_empty() {
        let text = match (&selection.list, selection.filter.is_empty()) {
            (None, _) => "looking for runs",
            (_, true) => "there are no runs in this folder",
            (_, false) => "no run contains that",
        };
        say(scene.theme, text, inner, buffer);
        return;
    }
    // Which row is the best says little without the target and the backbone that it is of, where there are several.
    let titles = entries.iter().filter_map(|entry| entry.best.as_ref());
    let several = titles.map(|best| best.row.matches(" · ").count()).max() >= Some(3);
    let mut columns = vec![
        Column::text("", 0),
        Column::text("run", 0),
        Column::text("state", 0),
        Column::text("started", 3),
        Column::number("took", 2),
        Column::number("best", 1),
        Column::text("by", if several { 1 } else { 4 }),
    ];
    let mut rows: Vec<Vec<Cell>> = entries.iter().map(|entry| cells(scene, entry)).collect();
    if several && area.width < ROOMY {
        columns.remove(TOOK);
        for row in &mut rows {
            row.remove(TOOK);
        }
    }
    Table {
        columns: &columns,
        rows: &rows,
        in_sight: selection.row.min(rows.len() - 1),
        selected: true,
        grouped: false,
    }
    .draw(scene.theme, inner, buffer);
}

fn cells(scene: &Scene<'_>, entry: &ListedRun) -> Vec<Cell> {
    let watched = |run: &&Watched| run.folder == entry.folder;
    let mark = match scene.all.iter().find(watched) {
        Some(run) if run.folder == scene.run.folder => "▶",
        Some(run) if run.marked => "+",
        _ => "",
    };
    let (symbol, style) = match &entry.standing {
        Ok(standing) => standing_mark(scene.theme, standing),
        Err(_) => ("✗", scene.theme.bad()),
    };
    // Dead runs look dead.
    let dead =
        !matches!(&entry.standing, Ok(Standing::Done) | Ok(Standing::Stopped)) && !entry.is_live();
    let plain = if dead {
        scene.theme.dim()
    } else {
        Style::new()
    };
    let best = entry.best.as_ref();
    vec![
        Cell::new(mark, scene.theme.title()),
        Cell::new(entry.folder.id(), plain),
        Cell::new(format!("{symbol} {}", entry.words()), style),
        Cell::new(
            ago(scene.now.saturating_sub(entry.created_at)),
            scene.theme.dim(),
        ),
        Cell::new(entry.seconds.map_or(String::new(), seconds), plain),
        Cell::new(best.map_or(String::new(), BestRow::words), plain),
        Cell::new(
            best.map_or(String::new(), |best| best.row.clone()),
            scene.theme.dim(),
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
pub fn act(selection: &mut Selection, action: Action) -> Option<Wish> {
    let entries = matching(selection);
    let rows = entries.len();
    let picked = entries.get(selection.row.min(rows.saturating_sub(1)));
    let picked = picked.map(|entry| (*entry).clone());
    match (action, picked) {
        (Action::Open, Some(entry)) => Some(Wish::Open(entry)),
        (Action::Mark, Some(entry)) => Some(Wish::Mark(entry)),
        (Action::Remove, Some(entry)) => Some(Wish::Remove(entry)),
        _ => {
            selection.row = moved(selection.row, rows, 10, action);
            None
        }
    }
}

/// The mouse selects a run.
pub fn click(selection: &mut Selection, area: Rect, row: u16) {
    let inner = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    let rows = matching(selection).len();
    if let Some(row) = row_at(inner, row, Some(selection.row), rows) {
        selection.row = row;
    }
}
