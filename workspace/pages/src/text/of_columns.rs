//! What each of several columns of numbers comes to: their means are in the table.

use topwork_measure::{Figure, TargetKind};
use topwork_results::{Align, Results};

use crate::grid::grid;

/// A line for every row and column; nothing where there is one column alone.
pub fn of_columns(results: &Results, width: Option<usize>) -> String {
    if results.strategies.iter().all(|row| row.columns.len() < 2) {
        return String::new();
    }
    let figures: Vec<&Figure> = TargetKind::Numbers.figures().collect();
    let mut headings = vec![("strategy", Align::Left), ("column", Align::Left)];
    headings.extend(figures.iter().map(|figure| (figure.name, Align::Right)));
    let lines = (results.strategies.iter()).flat_map(|row| {
        let lines = row.columns.iter().map(|column| {
            let mut cells = vec![row.title.clone(), column.name.clone()];
            cells.extend(figures.iter().map(|figure| {
                let value = column.figures.get(figure.id);
                value.map_or_else(|| "–".to_owned(), |value| figure.unit.text(*value))
            }));
            cells
        });
        lines.collect::<Vec<Vec<String>>>()
    });
    grid(&headings, &lines.collect::<Vec<_>>(), width, true)
}
