//! The comparison as a table that is sorted by a click or a key, with bars for its intervals.

use std::collections::HashMap;

use topwork_measure::TargetKind;
use topwork_results::{Align, Column, Results, RowResult, Value, columns};

use super::escaped;
use crate::{
    pictures::{Range, bar},
    text::of_columns,
};

pub fn comparison(results: &Results) -> String {
    let shown = columns(results);
    let ranges = ranges(results, &shown);
    let heads: String = (shown.iter().enumerate())
        .map(|(index, column)| head(column, ranges.get(&index)))
        .collect();
    let rows: String = (results.strategies.iter())
        .map(|row| {
            let cells = shown.iter().enumerate();
            let cells: String = cells
                .map(|(index, column)| cell(column, row, ranges.get(&index)))
                .collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"comparison\"><table class=\"sortable\"><caption>A row for every strategy with one cut and one number of training samples; a heading’s button sorts by it</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\n"
    )
}

/// How well each of several labels is recognised, a table for every row of the comparison; nothing of other targets.
pub fn labels(results: &Results) -> String {
    if results.targets != TargetKind::Multilabel {
        return String::new();
    }
    let heads: String = (of_columns::headings(results.targets).iter().skip(1))
        .map(|(heading, align)| {
            let class = number(*align);
            format!("<th scope=\"col\"{class}><button type=\"button\">{heading}</button></th>")
        })
        .collect();
    let of_row = |row: &RowResult| {
        let lines = row.columns.iter().map(|column| {
            let cells = of_columns::cells_of(results.targets, column);
            let cells: String = (cells.iter())
                .map(|cell| format!("<td class=\"number\">{}</td>", escaped(cell)))
                .collect();
            format!(
                "<tr><th scope=\"row\">{}</th>{cells}</tr>",
                escaped(&column.name)
            )
        });
        let lines: String = lines.collect();
        let title = escaped(&row.title);
        format!(
            "<details><summary>{title}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"labels of {title}\"><table class=\"sortable\"><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div></details>\n"
        )
    };
    let measured = results
        .strategies
        .iter()
        .filter(|row| !row.columns.is_empty());
    measured.map(of_row).collect()
}

fn number(align: Align) -> &'static str {
    match align {
        Align::Right => " class=\"number\"",
        Align::Left => "",
    }
}

/// The scale of each column of intervals.
fn ranges(results: &Results, shown: &[Column]) -> HashMap<usize, Range> {
    let mut ranges = HashMap::new();
    for (index, column) in shown.iter().enumerate() {
        let cells = results
            .strategies
            .iter()
            .map(|row| column.cell(row, row.rank).value);
        let mut unit = None;
        let intervals: Vec<_> = cells
            .filter_map(|value| match value {
                Value::Range { unit: of, interval } => {
                    unit = Some(of);
                    Some(interval)
                }
                _ => None,
            })
            .collect();
        if let Some(unit) = unit {
            ranges.insert(index, Range::of(intervals, unit));
        }
    }
    ranges
}

fn head(column: &Column, range: Option<&Range>) -> String {
    let name = match column.heading() {
        "" => "rank",
        name => name,
    };
    let number = number(column.align);
    let unit = column.figure.map(|figure| figure.unit);
    let scale = range.zip(unit).map_or(String::new(), |(range, unit)| {
        format!("<small>bars: {}</small>", escaped(&range.ends(unit)))
    });
    format!(
        "<th scope=\"col\"{number}><button type=\"button\">{}</button>{scale}</th>",
        escaped(name)
    )
}

fn cell(column: &Column, row: &RowResult, range: Option<&Range>) -> String {
    let cell = column.cell(row, row.rank);
    let words = escaped(&cell.to_string());
    if column.is("strategy") {
        return format!("<th scope=\"row\">{words}</th>");
    }
    // What a script sorts by: a number, or what stands in the cell.
    let key = cell
        .value
        .number()
        .map_or(String::new(), |number| format!(" data-number=\"{number}\""));
    let number = number(column.align);
    let bar = match (range, &cell.value) {
        (Some(range), Value::Range { interval, .. }) => {
            let mean = column.figure.and_then(|figure| row.figure(figure));
            format!("{} ", bar(range, mean.map(|mean| mean.mean), *interval))
        }
        _ => String::new(),
    };
    format!("<td{number}{key}>{bar}{words}</td>")
}
