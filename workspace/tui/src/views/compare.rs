//! Compare: the strategies of all runs side by side, in any order; what sets them apart; how
//! sure the figures are; which pairs can be told apart.

mod bars;
mod curves;
mod details;
mod groups;
mod identity;
mod pairs;
mod ranks;
mod rows;
mod selection;
mod titles;

use std::rc::Rc;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
};
use topwork_results::{self as results, PairResult, RowResult};

use crate::{
    columns::{Table, grouped_row_at},
    figure::Figure,
    keys::Action,
    layer::Layer,
    memo::Memo,
    panel::{panel, say},
    scroll::moved,
    theme::Theme,
    views::Scene,
    watched::Watched,
};

use rows::Sheet;

pub use groups::{Group, Head, Line, cells as group_cells, line_of, lines as group_lines};
pub use titles::{labels, labels_of_planned};

/// What is selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The selected row, counted in the order shown.
    row: usize,
    /// Which row comes first.
    order: Order,
    /// The order turned round.
    reversed: bool,
    /// What stands below the table: bars, then the curves there are.
    page: usize,
    /// The rows, worked out for these figures, in this order, turned round or not.
    sheet: Memo<(Vec<u64>, Order, bool), Sheet>,
    /// The pairs of one row: for these figures, and the row's title.
    pairs: Memo<(u64, String), Vec<PairResult>>,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// The best first.
    #[default]
    Best,
    /// That of a column.
    Column(usize),
    /// As the file has them.
    File,
}

/// The rows of all runs watched in the order wanted, worked out anew only when something of that
/// has changed.
fn sheet(all: &[Watched], selection: &Selection, theme: Theme) -> Rc<Sheet> {
    let versions = all.iter().map(|run| run.version).collect();
    let key = (versions, selection.order, selection.reversed);
    selection
        .sheet
        .get(key, || rows::sheet(all, selection, theme))
}

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let theme = scene.theme;
    let sheet = sheet(scene.all, selection, theme);
    if sheet.rows.is_empty() {
        say(theme, "no strategies are known yet", area, buffer);
        return;
    }
    let parts = parts(area, &sheet);
    let order = match (selection.order, selection.reversed) {
        (Order::Best, false) => ", best first".to_owned(),
        (Order::Best, true) => ", best last".to_owned(),
        (Order::File, false) => ", in the order of the file".to_owned(),
        (Order::File, true) => ", against the order of the file".to_owned(),
        (Order::Column(column), reversed) => format!(
            " by {} {}",
            sheet.columns.get(column).map_or("", |c| c.heading.as_str()),
            if reversed { "▼" } else { "▲" }
        ),
    };
    let targets = sheet.targets();
    let shown = match targets {
        1 => shown_of(sheet.rows.len(), parts.table.height.saturating_sub(3)),
        _ => format!(" of {} rows on {targets} targets", sheet.rows.len()),
    };
    let title = format!("comparison{shown}{order}");
    let inner = panel(theme, &title, parts.table, buffer, true);
    let row = selection.row.min(sheet.selectable().saturating_sub(1));
    Table {
        columns: &sheet.columns,
        rows: &sheet.cells,
        in_sight: line_of(&sheet.lines, row),
        selected: true,
        grouped: targets > 1,
    }
    .draw(theme, inner, buffer);
    if let Some(place) = row.checked_sub(sheet.rows.len()) {
        ranks::draw(theme, &sheet, place, parts.bars, buffer);
        ranks::draw_by_target(theme, &sheet, place, parts.pairs, buffer);
        return;
    }
    let group = sheet.group_of(row);
    let shown = sheet.shown(group, row);
    let (figure, grids) = (bars::ranked_by(shown.rows), sheet.grids(group));
    match selection.page.checked_sub(1) {
        Some(grid) => {
            let grid = grids.get(grid);
            curves::draw(theme, figure, grid, &shown, parts.bars, buffer);
        }
        None => {
            let (bars, below) = beside_curves(&parts, shown.rows.len(), grids.len());
            bars::draw(theme, shown, bars.bars, buffer);
            pairs::draw(scene, selection, shown, bars.pairs, buffer);
            match (grids.is_empty(), below.first()) {
                (true, Some(area)) => {
                    let selected = sheet.rows.get(row);
                    details::draw(scene, selected, *area, buffer);
                }
                _ => {
                    for (grid, area) in grids.iter().zip(below) {
                        curves::draw(theme, figure, Some(grid), &shown, area, buffer);
                    }
                }
            }
            return;
        }
    }
    pairs::draw(scene, selection, shown, parts.pairs, buffer);
}

/// `, 5 of 12 rows` where there is not room for all.
pub fn shown_of(rows: usize, room: u16) -> String {
    match usize::from(room) {
        room if room < rows => format!(", {room} of {rows} rows"),
        _ => String::new(),
    }
}

/// Rows that bars and pairs keep before the table takes more than half.
const BELOW: u16 = 20;

struct Parts {
    table: Rect,
    bars: Rect,
    pairs: Rect,
}

fn parts(area: Rect, sheet: &Sheet) -> Parts {
    let rows = u16::try_from(sheet.lines.len()).unwrap_or(u16::MAX);
    let wanted = rows.saturating_add(3);
    if area.height < 12 {
        let [table, bars] = Layout::vertical([
            Constraint::Min(0),
            Constraint::Length(if area.height >= 9 { 4 } else { 0 }),
        ])
        .areas(area);
        let pairs = Rect { height: 0, ..bars };
        return Parts { table, bars, pairs };
    }
    let most = (area.height / 2).max(area.height.saturating_sub(BELOW));
    let [table, below] = Layout::vertical([
        Constraint::Max(wanted.min(most).max(5)),
        Constraint::Fill(1),
    ])
    .areas(area);
    if area.width >= 100 {
        let [bars, pairs] =
            Layout::horizontal([Constraint::Percentage(55), Constraint::Fill(1)]).areas(below);
        Parts { table, bars, pairs }
    } else {
        let [bars, pairs] =
            Layout::vertical([Constraint::Percentage(55), Constraint::Fill(1)]).areas(below);
        Parts { table, bars, pairs }
    }
}

/// The least rows of curves below bars, and columns of each.
const CURVES: (u16, u16) = (14, 60);

/// Bars and pairs as high as so many rows need, and below them, where there is room, curves, as many as there are, or a place for
/// what is known of the selected row.
fn beside_curves(parts: &Parts, rows: usize, curves: usize) -> (Parts, Vec<Rect>) {
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(5);
    let below = parts.bars.height.saturating_sub(wanted);
    let width = parts.bars.width + parts.pairs.width;
    let each = width / u16::try_from(curves.max(1)).unwrap_or(u16::MAX);
    let stacked = parts.pairs.y != parts.bars.y;
    let (mut bars, mut pairs) = (parts.bars, parts.pairs);
    if stacked {
        // What bars do not need is for the pairs below them.
        let spare = bars.height.saturating_sub(wanted.saturating_sub(2));
        bars.height -= spare;
        pairs.y -= spare;
        pairs.height += spare;
    }
    if stacked || below < CURVES.0 || each < CURVES.1 {
        let table = parts.table;
        return (Parts { table, bars, pairs }, Vec::new());
    }
    let above = |area: Rect| Rect {
        height: wanted,
        ..area
    };
    let areas = Layout::horizontal(vec![Constraint::Fill(1); curves.max(1)]).split(Rect {
        y: bars.y + wanted,
        height: below,
        width,
        ..bars
    });
    let parts = Parts {
        table: parts.table,
        bars: above(bars),
        pairs: above(pairs),
    };
    (parts, areas.to_vec())
}

/// The heading of the column that says how many seeds a row has been measured with.
pub const SEEDS: &str = "seeds";

/// The seeds of a run's experiment.
pub fn planned_seeds(run: &Watched) -> usize {
    run.state.plan.as_ref().map_or(0, |plan| plan.seeds.len())
}

/// Whether a column has a figure that stands behind another: where there is little room, one is told.
pub fn is_further_figure(told: &[results::Column], at: usize) -> bool {
    let is_figure = |column: &results::Column| column.values_of().is_some();
    told.get(at).is_some_and(is_figure) && told.iter().position(is_figure) != Some(at)
}

/// Whether a row stands beside others with figures of fewer seeds than all.
pub fn is_partly(row: &RowResult, planned: usize) -> bool {
    (1..planned).contains(&row.seeds.len())
}

/// `1 of 3`.
pub fn seeds_words(row: &RowResult, planned: usize) -> Figure {
    match row.seeds.len() {
        0 => Figure::words("–"),
        seeds => Figure::part(seeds, planned),
    }
}

/// What a key asks for.
pub fn act(
    all: &[Watched],
    selection: &mut Selection,
    theme: Theme,
    action: Action,
) -> Option<Layer> {
    let sheet = sheet(all, selection, theme);
    match action {
        Action::Sort => {
            selection.order = match selection.order {
                Order::Best => Order::Column(0),
                Order::Column(column) if column + 1 < sheet.columns.len() => {
                    Order::Column(column + 1)
                }
                Order::Column(_) => Order::File,
                Order::File => Order::Best,
            };
        }
        Action::Reverse => selection.reversed = !selection.reversed,
        Action::NextPage => {
            // Where there are no curves a page says so.
            let group = sheet.group_of(selection.row);
            let pages = 1 + sheet.grids(group).len().max(1);
            selection.page = (selection.page + 1) % pages;
        }
        Action::Open => {
            let Some(row) = sheet.rows.get(selection.row) else {
                return ranks::details(&sheet, selection.row);
            };
            return Some(Layer::Text {
                title: row.whole_title(),
                lines: details::lines(all, row, theme),
                scroll: 0,
            });
        }
        _ => selection.row = moved(selection.row, sheet.selectable(), 10, action),
    }
    None
}

/// The mouse selects a row.
pub fn click(all: &[Watched], selection: &mut Selection, theme: Theme, area: Rect, row: u16) {
    let sheet = sheet(all, selection, theme);
    let table = parts(area, &sheet).table;
    let inner = Rect {
        y: table.y + 1,
        height: table.height.saturating_sub(2),
        ..table
    };
    let in_sight = line_of(&sheet.lines, selection.row);
    let line = grouped_row_at(inner, row, in_sight, &sheet.cells, sheet.targets() > 1);
    if let Some(Line::Row(row)) = line.and_then(|line| sheet.lines.get(line)) {
        selection.row = *row;
    }
}
