//! Compare: the strategies of all runs side by side, in any order; what sets them apart; how
//! sure the figures are; which pairs can be told apart.

mod bars;
mod curves;
mod rows;
mod selection;

use std::rc::Rc;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
};
use topwork_results::{Align, PairResult, RowResult, Value, columns};

use crate::{
    columns::{Cell, Column, Table, row_at},
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

/// What is selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The selected row, counted in the order shown.
    row: usize,
    /// The column that gives the order; none keeps that of the files.
    order: Option<usize>,
    /// The order turned round.
    reversed: bool,
    /// What stands below the table: bars, then the curves there are.
    page: usize,
    /// The rows, worked out for these figures, in this order, turned round or not.
    sheet: Memo<(Vec<u64>, Option<usize>, bool), Sheet>,
    /// The pairs of one row: for these figures, and the row's title.
    pairs: Memo<(u64, String), Vec<PairResult>>,
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
    let sheet = sheet(scene.all, selection, scene.theme);
    if sheet.rows.is_empty() {
        say(scene.theme, "no strategies are known yet", area, buffer);
        return;
    }
    let parts = parts(area, sheet.rows.len());
    let order = match selection.order {
        None => "in the order of the file".to_owned(),
        Some(column) => format!(
            "by {} {}",
            sheet.columns.get(column).map_or("", |c| c.heading.as_str()),
            if selection.reversed { "▼" } else { "▲" }
        ),
    };
    let shown = shown_of(sheet.rows.len(), parts.table.height.saturating_sub(3));
    let title = match selection.order {
        None => format!("comparison{shown}, {order}"),
        Some(_) => format!("comparison{shown} {order}"),
    };
    let inner = panel(scene.theme, &title, parts.table, buffer, true);
    Table {
        columns: &sheet.columns,
        rows: &sheet.cells,
        in_sight: selection.row,
        selected: true,
    }
    .draw(scene.theme, inner, buffer);
    match selection.page.checked_sub(1) {
        Some(grid) => {
            let (figure, grid) = (bars::ranked_by(&sheet.rows), sheet.grids().get(grid));
            curves::draw(scene.theme, figure, grid, parts.bars, buffer);
        }
        None => bars::draw(scene.theme, selection, &sheet.rows, parts.bars, buffer),
    }
    bars::draw_pairs(scene, selection, &sheet.rows, parts.pairs, buffer);
}

/// `, 5 of 12 rows` where there is not room for all.
pub fn shown_of(rows: usize, room: u16) -> String {
    match usize::from(room) {
        room if room < rows => format!(", {room} of {rows} rows"),
        _ => String::new(),
    }
}

struct Parts {
    table: Rect,
    bars: Rect,
    pairs: Rect,
}

fn parts(area: Rect, rows: usize) -> Parts {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
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
    let [table, below] = Layout::vertical([
        Constraint::Max(wanted.min(area.height / 2).max(5)),
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

/// The comparison's table of one run, with the columns that the plain text has.
#[derive(Default)]
pub struct Figures {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Figures {
    fn of(run: &Watched, theme: Theme) -> Self {
        let Some(results) = run.results() else {
            return Self::default();
        };
        let told = columns(results);
        // Rows of one strategy are told apart by these columns, which then stay.
        let in_samples = (results.strategies.windows(2)).any(|pair| {
            pair[0].name == pair[1].name && pair[0].train_samples != pair[1].train_samples
        });
        let planned = planned_seeds(run);
        let partly = results.strategies.iter().any(|row| is_partly(row, planned));
        // Seeds stand behind the figure that rows are ranked by.
        let first = told.iter().position(|column| column.values_of().is_some());
        let seeds_at = first.filter(|_| partly).map(|first| first + 1);
        let mut columns: Vec<Column> = (told.iter())
            .map(|column| Column {
                heading: column.heading().to_owned(),
                right: column.align == Align::Right,
                rank: match in_samples && column.is("trained-on") {
                    true => 0,
                    false => column.rank,
                },
                cut: column.is("strategy") || column.is("cut"),
            })
            .collect();
        if let Some(at) = seeds_at {
            columns.insert(at, Column::number(SEEDS, 0));
        }
        let best = results.best().map(|best| &best.title);
        let rows = (results.strategies.iter().zip(results.ranks())).map(|(row, rank)| {
            let style = match best {
                _ if row.seeds.is_empty() => theme.dim(),
                Some(best) if *best == row.title => theme.title(),
                _ => ratatui::style::Style::new(),
            };
            let cells = told.iter().map(|column| {
                let cell = column.cell(row, rank);
                let style = match cell.value {
                    Value::Frozen { intact: true, .. } => theme.good(),
                    Value::Frozen { intact: false, .. } => theme.bad(),
                    _ => style,
                };
                Cell::figure(Figure::cell(&cell), style)
            });
            let mut cells: Vec<Cell> = cells.collect();
            if let Some(at) = seeds_at {
                cells.insert(at, Cell::figure(seeds_words(row, planned), style));
            }
            cells
        });
        let rows = rows.collect();
        Self { columns, rows }
    }
}

/// The heading of the column that says how many seeds a row has been measured with.
const SEEDS: &str = "seeds";

/// The seeds of a run's experiment.
fn planned_seeds(run: &Watched) -> usize {
    run.state.plan.as_ref().map_or(0, |plan| plan.seeds.len())
}

/// Whether a row stands beside others with figures of fewer seeds than all.
fn is_partly(row: &RowResult, planned: usize) -> bool {
    (1..planned).contains(&row.seeds.len())
}

/// `1 of 3`.
fn seeds_words(row: &RowResult, planned: usize) -> Figure {
    match row.seeds.len() {
        0 => Figure::words("–"),
        seeds => Figure::part(seeds, planned),
    }
}

/// The comparison's table of the current run, with this row in sight.
pub fn draw_figures(
    scene: &Scene<'_>,
    table: &Memo<u64, Figures>,
    in_sight: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let (run, theme) = (scene.run, scene.theme);
    let figures = table.get(run.version, || Figures::of(run, theme));
    Table {
        columns: &figures.columns,
        rows: &figures.rows,
        in_sight,
        selected: false,
    }
    .draw(theme, area, buffer);
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
            let next = selection.order.map_or(0, |column| column + 1);
            selection.order = (next < sheet.columns.len()).then_some(next);
        }
        Action::Reverse => selection.reversed = !selection.reversed,
        Action::NextPage => {
            // Where there are no curves a page says so.
            let pages = 1 + sheet.grids().len().max(1);
            selection.page = (selection.page + 1) % pages;
        }
        Action::Open => {
            let row = sheet.rows.get(selection.row)?;
            return Some(Layer::Text {
                title: row.name.clone(),
                lines: rows::details(all, row, theme),
                scroll: 0,
            });
        }
        _ => selection.row = moved(selection.row, sheet.rows.len(), 10, action),
    }
    None
}

/// The mouse selects a row.
pub fn click(all: &[Watched], selection: &mut Selection, theme: Theme, area: Rect, row: u16) {
    let rows = sheet(all, selection, theme).rows.len();
    let table = parts(area, rows).table;
    let inner = Rect {
        y: table.y + 1,
        height: table.height.saturating_sub(2),
        ..table
    };
    if let Some(row) = row_at(inner, row, Some(selection.row), rows) {
        selection.row = row;
    }
}
