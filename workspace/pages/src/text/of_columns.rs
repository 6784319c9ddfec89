//! What each of several columns of numbers, or of several labels, comes to: their means are in the table.

use std::collections::BTreeMap;

use topwork_measure::{Figure, TargetKind, percent, thousands};
use topwork_results::{Align, ColumnResult, Results};

use crate::grid::grid;

/// More labels than these are left to `results.json`, the page and the dashboard.
const MOST: usize = 10;

/// A line for every row and column; nothing where there is one column alone.
pub fn of_columns(results: &Results, width: Option<usize>) -> String {
    let columns = results.classes.len();
    let measured = results.strategies.iter().any(|row| !row.columns.is_empty());
    if results.targets.is_classes() || columns < 2 || !measured {
        return String::new();
    }
    if columns > MOST {
        return format!(
            "figures of each of the {} {}: in the page (`topwork report --format html`), on the dashboard and in results.json\n",
            thousands(columns as u64),
            match results.targets {
                TargetKind::Multilabel => "labels",
                TargetKind::Classes | TargetKind::Numbers => "columns",
            }
        );
    }
    let headings = headings(results.targets);
    let lines = (results.strategies.iter()).flat_map(|row| {
        let lines = (row.columns.iter()).map(|column| {
            let mut cells = vec![row.title.clone(), column.name.clone()];
            cells.extend(cells_of(results.targets, column));
            cells
        });
        lines.collect::<Vec<Vec<String>>>()
    });
    grid(&headings, &lines.collect::<Vec<_>>(), width, true)
}

/// Of a table with a line for every row and column.
pub(crate) fn headings(targets: TargetKind) -> Vec<(&'static str, Align)> {
    let mut headings = vec![("strategy", Align::Left)];
    headings.extend(match targets {
        TargetKind::Multilabel => {
            let own = of_label().map_or("", |figure| figure.name);
            let figures = [own, "precision", "recall", "F1", "examples"];
            [("label", Align::Left)]
                .into_iter()
                .chain(figures.map(|name| (name, Align::Right)))
                .collect::<Vec<_>>()
        }
        targets => [("column", Align::Left)]
            .into_iter()
            .chain(targets.figures().map(|figure| (figure.name, Align::Right)))
            .collect(),
    });
    headings
}

/// The figure of a label beside its counts.
fn of_label() -> Option<&'static Figure> {
    Figure::named("average-precision")
}

/// What a column comes to, in the order of the headings.
pub(crate) fn cells_of(targets: TargetKind, column: &ColumnResult) -> Vec<String> {
    let text = |figure: &Figure, values: &BTreeMap<String, f64>| {
        let value = values.get(figure.id);
        value.map_or_else(|| "n/a".to_owned(), |value| figure.unit.text(*value))
    };
    match (targets, column.label) {
        (TargetKind::Multilabel, Some(label)) => {
            vec![
                of_label().map_or_else(String::new, |figure| text(figure, &column.figures)),
                percent(label.precision),
                percent(label.recall),
                percent(label.f1),
                thousands(label.support),
            ]
        }
        (targets, _) => (targets.figures())
            .map(|figure| text(figure, &column.figures))
            .collect(),
    }
}
