//! The comparison's table as it fills, with the columns that the plain text has.

use std::{collections::HashSet, rc::Rc};

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use topwork_results::{self as results, Align, Results, Value, columns};

use crate::{
    columns::{Cell, Column, Table},
    figure::Figure,
    memo::Memo,
    theme::Theme,
    views::{
        Scene,
        compare::{
            Group, Head, Line, SEEDS, group_cells, group_lines, is_further_figure, is_partly,
            line_of, planned_seeds, seeds_words,
        },
    },
    watched::{TargetTable, Watched},
};

/// The table of one run.
#[derive(Default)]
pub struct Figures {
    pub columns: Vec<Column>,
    /// Headings and rows, line by line.
    pub cells: Vec<Vec<Cell>>,
    pub lines: Vec<Line>,
    /// The rows in the order shown, as the run counts them.
    pub rows: Vec<usize>,
    /// Whether there are headings among the lines.
    pub grouped: bool,
}

impl Figures {
    fn of(run: &Watched, theme: Theme) -> Self {
        let tables = run.tables();
        let grouped = tables.len() > 1;
        // While a run goes on rows stay where they are; then the best comes first.
        let over = run.state.ending.is_some();
        let told = told(tables);
        // Rows of one strategy are told apart by these columns, which then stay.
        let in_samples = tables.iter().any(|table| {
            (table.results.strategies.windows(2)).any(|pair| {
                pair[0].name == pair[1].name && pair[0].train_samples != pair[1].train_samples
            })
        });
        let planned = planned_seeds(run);
        let mut rows = tables.iter().flat_map(|table| &table.results.strategies);
        let partly = rows.any(|row| is_partly(row, planned));
        // Seeds stand behind the figure that rows are ranked by.
        let first = told.iter().position(|column| column.values_of().is_some());
        let seeds_at = first.filter(|_| partly).map(|first| first + 1);
        let split = run.has_parts();
        let mut columns: Vec<Column> = (told.iter())
            .enumerate()
            .map(|(at, column)| {
                let names = column.is("strategy") || column.is("cut");
                let apart = column.is("strategy") || split && (names || column.is("backbone"));
                Column {
                    heading: column.heading().to_owned(),
                    right: column.align == Align::Right,
                    rank: match column.rank {
                        _ if in_samples && column.is("trained-on") => 0,
                        _ if grouped && column.is("rank") => 0,
                        // What tells which comes first goes last.
                        _ if over && column.is("rank") => 1,
                        rank => rank,
                    },
                    cut: names || apart,
                    apart,
                    tight: is_further_figure(&told, at) || grouped && column.is("rank"),
                }
            })
            .collect();
        if let Some(at) = seeds_at {
            columns.insert(at, Column::number(SEEDS, 0));
        }
        let by: HashSet<&str> = tables
            .iter()
            .map(|table| table.results.ranked_by().id)
            .collect();
        let mut groups: Vec<Group> = Vec::new();
        let mut cells: Vec<Vec<Cell>> = Vec::new();
        let mut shown: Vec<usize> = Vec::new();
        for table in tables {
            let first = cells.len();
            let of_table = table_cells(&table.results, &told, theme);
            let results = &table.results.strategies;
            let drawn = of_table.zip(results).map(|((mut cells, style), row)| {
                if let Some(at) = seeds_at {
                    cells.insert(at, Cell::figure(seeds_words(row, planned), style));
                }
                cells
            });
            let ranks = table.results.ranks().into_iter();
            let mut drawn: Vec<(usize, (usize, Vec<Cell>))> = (ranks)
                .map(|rank| rank.filter(|_| over).unwrap_or(usize::MAX))
                .zip(table.rows.iter().copied().zip(drawn))
                .collect();
            drawn.sort_by_key(|(rank, _)| *rank);
            for (_, (row, of_row)) in drawn {
                shown.push(row);
                cells.push(of_row);
            }
            let head = Head {
                name: (table.results.target.clone()).unwrap_or_else(|| table.results.name.clone()),
                run,
                table,
                by: (by.len() > 1).then(|| table.results.ranked_by()),
            };
            groups.push(Group {
                heading: grouped.then(|| head.words(results.iter().map(|row| (row, planned)))),
                rows: first..cells.len(),
            });
        }
        Self {
            columns,
            cells: group_cells(theme, &groups, &cells),
            lines: group_lines(&groups),
            rows: shown,
            grouped,
        }
    }
}

/// The rows of a table as they are drawn, with the style of each.
fn table_cells<'a>(
    results: &'a Results,
    told: &'a [results::Column],
    theme: Theme,
) -> impl Iterator<Item = (Vec<Cell>, Style)> + 'a {
    let best = results.best().map(|best| &best.title);
    (results.strategies.iter().zip(results.ranks())).map(move |(row, rank)| {
        let style = match best {
            _ if row.seeds.is_empty() => theme.dim(),
            Some(best) if *best == row.title => theme.title(),
            _ => Style::new(),
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
        (cells.collect(), style)
    })
}

/// The columns of all tables: those that only a later one has stand behind the one that they stand behind there.
fn told(tables: &[TargetTable]) -> Vec<results::Column> {
    let mut told: Vec<results::Column> = Vec::new();
    for table in tables {
        let mut behind = 0;
        for column in columns(&table.results) {
            match told.iter().position(|known| known.id() == column.id()) {
                Some(at) => behind = at + 1,
                None => {
                    told.insert(behind, column);
                    behind += 1;
                }
            }
        }
    }
    told
}

/// The table of the current run, worked out anew when its figures have changed.
pub fn figures(scene: &Scene<'_>, table: &Memo<u64, Figures>) -> Rc<Figures> {
    table.get(scene.run.version, || Figures::of(scene.run, scene.theme))
}

/// Draws the table of the current run, with this row in sight.
pub fn draw(
    scene: &Scene<'_>,
    table: &Memo<u64, Figures>,
    in_sight: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let figures = figures(scene, table);
    let row = figures.rows.iter().position(|row| *row == in_sight);
    Table {
        columns: &figures.columns,
        rows: &figures.cells,
        in_sight: line_of(&figures.lines, row.unwrap_or(0)),
        selected: false,
        grouped: figures.grouped,
    }
    .draw(scene.theme, area, buffer);
}
