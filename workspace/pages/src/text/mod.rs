//! The comparison as text: for a terminal of any width, for a file, for a pipe.

mod before;
mod classes;
mod marks;
mod notes;
pub(crate) mod of_columns;
pub mod pairs;
mod references;

use topwork_measure::{ENOUGH, p_value};
use topwork_results::{Column, Part, Results, Tables, columns};

use crate::{Page, grid::grid};

/// The page.
pub const PAGE: Page = Page {
    id: "text",
    about: "plain text, in columns",
    extension: "txt",
    write: |report, width| Ok(comparisons(&report.tables, width)),
};

/// The comparison of every target, and how rows do over all of them.
pub fn comparisons(tables: &Tables, width: Option<usize>) -> String {
    let mut text = String::new();
    for results in tables.each() {
        if let Some(heading) = results.heading() {
            let rule = "─".repeat(heading.chars().count());
            text.push_str(&format!("{heading}\n{rule}\n\n"));
        }
        text.push_str(&comparison(results, width));
        text.push('\n');
    }
    match over_targets(tables).as_slice() {
        [] => {
            text.pop();
        }
        [heading, lines @ ..] => {
            text.push_str(&format!("{heading}\n"));
            lines
                .iter()
                .for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    }
    text
}

/// How rows do over several targets, a line for each after one that says what stands there; nothing for a single one.
pub fn over_targets(tables: &Tables) -> Vec<String> {
    let Some(ranks) = &tables.ranks else {
        return Vec::new();
    };
    let count = ranks.targets.len();
    let test = match (ranks.p, ranks.critical_difference) {
        (Some(p), Some(apart)) => format!(
            "Friedman's test: p {}; ranks that differ by more than {apart:.2} can be told apart (Nemenyi, 5 %)",
            p_value(p)
        ),
        _ => format!("no test: {ENOUGH} targets at least are needed for one"),
    };
    let heading = format!("mean ranks over {count} targets ({test}):");
    let rows = ranks
        .rows
        .iter()
        .map(|row| format!("{:5.2}  {}", row.mean_rank, row.title));
    std::iter::once(heading).chain(rows).collect()
}

/// The whole comparison: table, what its marks mean, pairs that can or cannot be told apart,
/// figures from elsewhere. When the table is wider than `width`, accuracy and cost come as
/// two tables one under the other; without a width it is written out in full.
pub fn comparison(results: &Results, width: Option<usize>) -> String {
    let mut text = before::remarks(results) + &before::source(results) + &table(results, width);
    let mut sections = below(results).to_vec();
    sections.insert(0, of_columns::of_columns(results, width));
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

/// The text with its first letter as a capital.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn below(results: &Results) -> [String; 5] {
    [
        classes::classes(results),
        marks::marks(results),
        notes::estimates(results),
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
