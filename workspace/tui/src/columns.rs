//! Tables fitted to the columns there are: what matters least is left out first, then the
//! longest text is cut.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, text::Span};

use crate::{
    app::App,
    text::{line, pad, pad_title, tint, width},
    views::first_shown,
};

/// Columns between two columns.
const GAP: usize = 2;

/// Narrowest that a column of text is cut to when nothing else helps.
const NARROWEST: usize = 6;

/// Text is cut to this before a whole column is left out.
const LEGIBLE: usize = 24;

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its heading.
    pub heading: String,
    /// Numbers keep to the right.
    pub right: bool,
    /// 0 stays always; of the others the highest goes first.
    pub rank: u8,
    /// Its text may be cut.
    pub cut: bool,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How.
    pub style: Style,
}

impl Column {
    /// A column of text.
    pub fn text(heading: &str, rank: u8) -> Self {
        Self {
            heading: heading.to_owned(),
            right: false,
            rank,
            cut: true,
        }
    }

    /// A column of numbers.
    pub fn number(heading: &str, rank: u8) -> Self {
        Self {
            heading: heading.to_owned(),
            right: true,
            rank,
            cut: false,
        }
    }
}

impl Cell {
    /// A cell in a style.
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Style::new())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Style::new())
    }
}

/// A table with one row that is always in sight.
pub struct Table<'a> {
    /// The columns.
    pub columns: &'a [Column],
    /// The rows, a cell for every column; or a single one that goes across them all.
    pub rows: &'a [Vec<Cell>],
    /// The row in sight.
    pub in_sight: usize,
    /// Whether it is shown as selected.
    pub selected: bool,
}

impl Table<'_> {
    /// Draws headings and as many rows as there is room for.
    pub fn draw(&self, app: &App, area: Rect, buffer: &mut Buffer) {
        let widths = self.widths(usize::from(area.width).saturating_sub(1));
        let cells = |cells: &mut dyn Iterator<Item = (String, Style)>, mark: &'static str| {
            let mut spans = vec![Span::styled(mark, app.theme.active())];
            for ((text, style), (column, width)) in cells.zip(self.columns.iter().zip(&widths)) {
                let Some(width) = width else { continue };
                let text = match column.right {
                    true => pad(&text, *width, true),
                    false => pad_title(&text, *width),
                };
                spans.push(Span::styled(text, style));
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            Line::from(spans)
        };
        let mut headings = (self.columns.iter()).map(|c| (c.heading.clone(), app.theme.dim()));
        line(buffer, area, 0, cells(&mut headings, " "));
        let room = usize::from(area.height).saturating_sub(1);
        let first = first_shown(self.in_sight, self.rows.len(), room);
        for (shown, (index, row)) in (self.rows.iter().enumerate())
            .skip(first)
            .take(room)
            .enumerate()
        {
            let selected = self.selected && self.in_sight == index;
            if let ([across], false) = (row.as_slice(), self.columns.len() == 1) {
                let words = format!(" ── {} ", across.text);
                let rule = usize::from(area.width).saturating_sub(width(&words));
                let words = format!("{words}{}", "─".repeat(rule));
                line(buffer, area, shown + 1, Line::styled(words, across.style));
                continue;
            }
            let mut texts = row.iter().map(|cell| (cell.text.clone(), cell.style));
            let mark = if selected { "▌" } else { " " };
            line(buffer, area, shown + 1, cells(&mut texts, mark));
            if selected && let Ok(offset) = u16::try_from(shown + 1) {
                let place = Rect {
                    y: area.y + offset,
                    height: 1,
                    ..area
                };
                tint(buffer, place, app.theme.selected());
            }
        }
    }

    /// How wide each column gets; none for those left out.
    fn widths(&self, room: usize) -> Vec<Option<usize>> {
        let mut widths: Vec<Option<usize>> = (self.columns.iter().enumerate())
            .map(|(index, column)| {
                let whole = self
                    .rows
                    .iter()
                    .filter(|row| row.len() == self.columns.len());
                let cells = whole.filter_map(|row| row.get(index));
                let widest = cells.map(|cell| width(&cell.text)).max().unwrap_or(0);
                Some(widest.max(width(&column.heading)))
            })
            .collect();
        let taken = |widths: &[Option<usize>]| -> usize {
            widths.iter().flatten().map(|width| width + GAP).sum()
        };
        loop {
            let excess = taken(&widths).saturating_sub(room + GAP);
            if excess == 0 {
                return widths;
            }
            // A column worth leaving out goes before text is cut to less than is legible.
            let cuttable = |index: &usize| {
                self.columns[*index].cut && widths[*index].is_some_and(|width| width > NARROWEST)
            };
            let spare: usize = (0..widths.len())
                .filter(cuttable)
                .filter_map(|index| Some(widths[index]?.saturating_sub(LEGIBLE)))
                .sum();
            let dropped = (0..widths.len())
                .filter(|index| widths[*index].is_some() && self.columns[*index].rank > 0)
                .max_by_key(|index| self.columns[*index].rank);
            if let Some(index) = dropped.filter(|_| spare < excess) {
                widths[index] = None;
                continue;
            }
            let widest = (0..widths.len())
                .filter(cuttable)
                .max_by_key(|index| widths[*index]);
            match widest {
                Some(index) => widths[index] = widths[index].map(|width| width - 1),
                None => return widths,
            }
        }
    }
}

/// The row that is drawn at line `y` of the terminal, for a table drawn in `area`.
pub fn row_at(area: Rect, y: u16, selected: Option<usize>, rows: usize) -> Option<usize> {
    let offset = usize::from(y.checked_sub(area.y + 1)?);
    let room = usize::from(area.height).saturating_sub(1);
    let row = first_shown(selected.unwrap_or(0), rows, room) + offset;
    (offset < room && row < rows).then_some(row)
}
