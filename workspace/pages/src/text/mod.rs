//! The comparison as text: for a terminal of any width, for a file, for a pipe.

mod before;
mod classes;
mod marks;
mod notes;
pub mod pairs;
mod references;

use topwork_results::{Column, Part, Results, columns};

use crate::{Page, grid::grid};

/// The page.
pub const PAGE: Page = Page {
    id: "text",
    about: "plain text, in columns",
    extension: "txt",
    write: |report, width| Ok(comparison(&report.results, width)),
};

/// The whole comparison: table, what its marks mean, pairs that can or cannot be told apart,
/// figures from elsewhere. When the table is wider than `width`, accuracy and cost come as
/// two tables one under the other; without a width it is written out in full.
pub fn comparison(results: &Results, width: Option<usize>) -> String {
    let mut text = before::remarks(results) + &before::source(results) + &table(results, width);
    let mut sections = below(results).to_vec();
    sections.push(pairs::pairs(results));
    sections.push(references::references(results));
    for section in sections {
        if !section.is_empty() {
            text.push('\n');
            text.push_str(&section);
        }
    }
    text
}

/// What is to be known before the table, a line for each.
pub fn lines_before(results: &Results) -> Vec<String> {
    let text = before::remarks(results) + &before::source(results);
    lines(&text)
}

/// What is to be known to read the table, a line for each.
pub fn lines_below(results: &Results) -> Vec<String> {
    below(results).iter().flat_map(|text| lines(text)).collect()
}

/// Figures from elsewhere, a line for each after one that says what they are.
pub fn reference_lines(results: &Results) -> Vec<String> {
    lines(&references::references(results))
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn below(results: &Results) -> [String; 4] {
    [
        classes::classes(results),
        marks::marks(results),
        notes::notes(results),
        notes::failures(results),
    ]
}

fn table(results: &Results, width: Option<usize>) -> String {
    let all = columns(results);
    let text = render(results, &all, None);
    let widest = text.lines().map(|line| line.chars().count()).max();
    let Some(width) = width.filter(|width| widest > Some(*width)) else {
        return text;
    };
    let some = |wanted: &dyn Fn(&Column) -> bool| -> Vec<Column> {
        all.iter().copied().filter(wanted).collect()
    };
    let first = some(&|column| column.part != Part::Cost);
    // What tells rows of one strategy apart, where there are such rows, needs the room of the head,
    // which they share.
    let grid = (results.strategies.iter()).any(|row| row.title != row.name);
    let second = some(&|column| match column.part {
        Part::Identity => !column.is("rank"),
        Part::Measured => grid && column.is("trained-on"),
        Part::Cost => !(grid && column.is("head")),
    });
    render(results, &first, Some(width)) + "\n" + &render(results, &second, Some(width))
}

fn render(results: &Results, columns: &[Column], width: Option<usize>) -> String {
    let headings: Vec<_> = columns
        .iter()
        .map(|column| (column.heading(), column.align))
        .collect();
    let rows = results.strategies.iter();
    let cells: Vec<Vec<String>> = rows
        .map(|row| {
            let cells = columns.iter().map(|column| column.cell(row, row.rank));
            cells.map(|cell| cell.to_string()).collect()
        })
        .collect();
    grid(&headings, &cells, width, true)
}
