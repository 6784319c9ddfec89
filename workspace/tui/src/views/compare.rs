//! Compare: the strategies of all runs side by side, in any order; what sets them apart; how
//! sure the figures are; which pairs can be told apart.

mod bars;
mod rows;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
};
use topwork_report::{Align, figures};

use crate::{
    app::App,
    columns::{Cell, Column, Table, row_at},
    draw::panel,
    event::Effect,
    keys::Action,
    layer::Layer,
    views::{moved, say},
};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The selected row, counted in the order shown.
    pub row: usize,
    /// The column that gives the order; none keeps that of the files.
    pub order: Option<usize>,
    /// The order turned round.
    pub reversed: bool,
    /// Curves in the place of bars.
    pub curves: bool,
}

/// Draws the view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let sheet = rows::sheet(app);
    if sheet.rows.is_empty() {
        say(app, "no strategies are known yet", area, buffer);
        return;
    }
    let parts = parts(area, sheet.rows.len());
    let title = match app.compare.order {
        None => "comparison, in the order of the file".to_owned(),
        Some(column) => format!(
            "comparison by {} {}",
            sheet.columns.get(column).map_or("", |c| c.heading.as_str()),
            if app.compare.reversed { "▼" } else { "▲" }
        ),
    };
    let inner = panel(app, &title, parts.table, buffer, true);
    let cells: Vec<Vec<Cell>> = sheet.rows.iter().map(|row| row.cells.clone()).collect();
    Table {
        columns: &sheet.columns,
        rows: &cells,
        in_sight: app.compare.row,
        selected: true,
    }
    .draw(app, inner, buffer);
    bars::draw(app, &sheet.rows, parts.bars, buffer);
    bars::draw_pairs(app, &sheet.rows, parts.pairs, buffer);
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

/// The comparison's table of the current run, as the plain text has it, with this row in sight.
pub fn draw_figures(app: &App, in_sight: usize, area: Rect, buffer: &mut Buffer) {
    let Some(results) = app.run().and_then(|run| run.results.as_ref()) else {
        return;
    };
    let figures = figures(results);
    // Rows of one strategy are told apart by these columns, which then stay.
    let in_samples = (results.strategies.windows(2))
        .any(|pair| pair[0].name == pair[1].name && pair[0].train_samples != pair[1].train_samples);
    let columns: Vec<Column> = (figures.columns.iter())
        .map(|(heading, align)| Column {
            heading: (*heading).to_owned(),
            right: *align == Align::Right,
            rank: match *heading {
                "trained on" if in_samples => 0,
                heading => rank(heading),
            },
            cut: matches!(*heading, "strategy" | "cut"),
        })
        .collect();
    let best = results.best().map(|best| best.title.clone());
    let rows: Vec<Vec<Cell>> = (figures.rows.into_iter().zip(&results.strategies))
        .map(|(row, strategy)| {
            let style = if strategy.seeds.is_empty() {
                app.theme.dim()
            } else if best.as_ref() == Some(&strategy.title) {
                app.theme.title()
            } else {
                ratatui::style::Style::new()
            };
            let cells = row.into_iter().zip(&figures.columns);
            cells
                .map(|(text, (heading, _))| match *heading {
                    "frozen" if text.contains('✗') => Cell::new(text, app.theme.bad()),
                    "frozen" if text.contains('✓') => Cell::new(text, app.theme.good()),
                    _ => Cell::new(text, style),
                })
                .collect()
        })
        .collect();
    Table {
        columns: &columns,
        rows: &rows,
        in_sight,
        selected: false,
    }
    .draw(app, area, buffer);
}

/// What is left out first where there is little room: the highest.
fn rank(heading: &str) -> u8 {
    match heading {
        "strategy" | "cut" | "accuracy" => 0,
        "frozen" => 1,
        "correct" => 2,
        "over the folds" => 3,
        "95 % interval" => 4,
        "trained on" => 5,
        "" => 6,
        "head" => 7,
        "fit" => 8,
        "extract" => 9,
        "parameters" => 10,
        _ => 11,
    }
}

/// What a key asks for.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    let sheet = rows::sheet(app);
    let selection = &mut app.compare;
    match action {
        Action::Sort => {
            let next = selection.order.map_or(0, |column| column + 1);
            selection.order = (next < sheet.columns.len()).then_some(next);
        }
        Action::Reverse => selection.reversed = !selection.reversed,
        Action::NextPage => selection.curves = !selection.curves,
        Action::Open => {
            if let Some(row) = sheet.rows.get(selection.row) {
                let layer = Layer::Text {
                    title: row.name.clone(),
                    lines: rows::details(app, row),
                    scroll: 0,
                };
                app.layers.push(layer);
            }
        }
        _ => selection.row = moved(selection.row, sheet.rows.len(), 10, action),
    }
    Vec::new()
}

/// The mouse selects a row.
pub fn click(app: &mut App, area: Rect, row: u16) {
    let rows = rows::sheet(app).rows.len();
    let table = parts(area, rows).table;
    let inner = Rect {
        y: table.y + 1,
        height: table.height.saturating_sub(2),
        ..table
    };
    if let Some(row) = row_at(inner, row, Some(app.compare.row), rows) {
        app.compare.row = row;
    }
}
