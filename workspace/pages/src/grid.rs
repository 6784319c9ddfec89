//! Text in columns, for a terminal of any width.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use topwork_results::Align;

/// Below this width columns break every word: rows become blocks of `heading: cell` lines.
const NARROWEST: usize = 60;

/// A table of cells under headings. Cells are wrapped to `width` where one is given; `framed`
/// puts a rule above and below.
pub fn grid(
    columns: &[(&str, Align)],
    rows: &[Vec<String>],
    width: Option<usize>,
    framed: bool,
) -> String {
    if width.is_some_and(|width| width < NARROWEST) {
        return blocks(columns, rows);
    }
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    let mut style = TableStyle::new().header_separator(rule);
    if framed {
        style = style.top_border(rule).bottom_border(rule);
    }
    table.load_style(style);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    table.set_header(columns.iter().map(|(heading, _)| *heading));
    for row in rows {
        table.add_row(row);
    }
    for (index, (_, align)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, 1));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

fn blocks(columns: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        for ((heading, _), cell) in columns.iter().zip(row) {
            match (heading.is_empty(), cell.is_empty()) {
                (_, true) => {}
                (true, false) => text.push_str(&format!("{cell}\n")),
                (false, false) => text.push_str(&format!("{heading}: {cell}\n")),
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_terminals_get_blocks() {
        let columns = [
            ("", Align::Right),
            ("name", Align::Left),
            ("n", Align::Right),
        ];
        let rows =
            [["1", "first", "20"], ["", "second", ""]].map(|row| row.map(str::to_owned).to_vec());
        let narrow = grid(&columns, &rows, Some(40), true);
        assert_eq!(narrow, "1\nname: first\nn: 20\n\nname: second\n\n");
        let wide = grid(&columns, &rows, None, false);
        assert_eq!(
            wide,
            "   name     n\n──────────────\n1  first   20\n   second\n"
        );
    }
}
