//! Tables fitted to the columns there are: what matters least is left out first, then the
//! longest text is cut, then figures are shortened.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, text::Span};

use crate::{
    figure::Figure,
    scroll::{first_shown, shown_under_headings},
    text::{apart, fit, line, pad, pad_title, tint, width},
    theme::Theme,
};

/// Columns between two columns.
const GAP: usize = 2;

/// Narrowest that a column of text is cut to when nothing else helps.
const NARROWEST: usize = 6;

/// Columns in which a figure says enough: `98.93 %`.
const FIGURE: usize = 7;

/// Text is cut to this before a whole column is left out.
const LEGIBLE: usize = 24;

/// The same of text that tells rows apart.
const TELLING: usize = 36;

/// Text in fewer columns says nothing.
const SAYING: usize = 10;

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
    /// It tells rows apart: texts that differ still do when they are cut.
    pub apart: bool,
    /// It goes, though its rank is 0, where text would say nothing else.
    pub tight: bool,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// The same where there is little room, for a figure that cannot be done without.
    pub figure: Option<Figure>,
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
            apart: false,
            tight: false,
        }
    }

    /// A column of text by which rows are told apart.
    pub fn name(heading: &str) -> Self {
        Self {
            apart: true,
            ..Self::text(heading, 0)
        }
    }

    /// A column of numbers.
    pub fn number(heading: &str, rank: u8) -> Self {
        Self {
            heading: heading.to_owned(),
            right: true,
            rank,
            cut: false,
            apart: false,
            tight: false,
        }
    }
}

impl Cell {
    /// A cell in a style.
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            figure: None,
            style,
        }
    }

    /// A figure in a style.
    pub fn figure(figure: Figure, style: Style) -> Self {
        Self {
            text: figure.whole().to_owned(),
            figure: Some(figure),
            style,
        }
    }

    /// Its text in a column of numbers this wide: one without room is left out.
    fn number(&self, columns: usize) -> String {
        if width(&self.text) <= columns {
            return self.text.clone();
        }
        let shorter = self
            .figure
            .as_ref()
            .and_then(|figure| figure.within(columns));
        shorter.unwrap_or_else(|| fit("…", columns))
    }

    /// The columns it takes when it may not take as many as these.
    fn below(&self, columns: usize) -> usize {
        match (&self.figure, width(&self.text)) {
            (_, own) if own < columns => own,
            (Some(figure), _) => figure.below(columns),
            (None, _) => 1,
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
    /// Rows that go across are headings of those below: one stays on top while there are rows of it.
    pub grouped: bool,
}

impl Table<'_> {
    /// Draws headings and as many rows as there is room for.
    pub fn draw(&self, theme: Theme, area: Rect, buffer: &mut Buffer) {
        let widths = self.widths(usize::from(area.width).saturating_sub(1));
        let room = usize::from(area.height).saturating_sub(1);
        let shown = shown(self.rows, self.in_sight, room, self.grouped);
        let names = self.names(&widths);
        let draw = |cells: &mut dyn Iterator<Item = (&Cell, Option<usize>)>, mark: &'static str| {
            let mut spans = vec![Span::styled(mark, theme.active())];
            for (at, (cell, row)) in cells.enumerate() {
                let (Some(column), Some(Some(width))) = (self.columns.get(at), widths.get(at))
                else {
                    continue;
                };
                let name = row.and_then(|row| names.get(at)?.get(row));
                let text = match (column.right, row, name) {
                    (true, None, _) => pad(&cell.text, *width, true),
                    (true, Some(_), _) => pad(&cell.number(*width), *width, true),
                    (false, _, Some(name)) => pad(name, *width, false),
                    (false, _, None) => pad_title(&cell.text, *width),
                };
                spans.push(Span::styled(text, cell.style));
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            Line::from(spans)
        };
        let headings: Vec<Cell> = (self.columns.iter())
            .map(|column| Cell::new(column.heading.clone(), theme.dim()))
            .collect();
        line(
            buffer,
            area,
            0,
            draw(&mut headings.iter().map(|cell| (cell, None)), " "),
        );
        for (shown, index) in shown.into_iter().enumerate() {
            let Some(row) = self.rows.get(index) else {
                break;
            };
            let selected = self.selected && self.in_sight == index;
            if let ([across], false) = (row.as_slice(), self.columns.len() == 1) {
                let words = format!(" ── {} ", across.text);
                let rule = usize::from(area.width).saturating_sub(width(&words));
                let words = format!("{words}{}", "─".repeat(rule));
                line(buffer, area, shown + 1, Line::styled(words, across.style));
                continue;
            }
            let mut cells = row.iter().map(|cell| (cell, Some(index)));
            let mark = if selected { "▌" } else { " " };
            line(buffer, area, shown + 1, draw(&mut cells, mark));
            if selected && let Ok(offset) = u16::try_from(shown + 1) {
                let place = Rect {
                    y: area.y + offset,
                    height: 1,
                    ..area
                };
                tint(buffer, place, theme.selected());
            }
        }
    }

    /// The texts of the columns that tell rows apart, row by row; of the other columns none.
    fn names(&self, widths: &[Option<usize>]) -> Vec<Vec<String>> {
        let names = |(index, column): (usize, &Column)| match widths.get(index) {
            Some(Some(width)) if column.apart => {
                let text = |row: &Vec<Cell>| match row.get(index) {
                    Some(cell) if row.len() == self.columns.len() => cell.text.as_str().to_owned(),
                    _ => String::new(),
                };
                let texts: Vec<String> = self.rows.iter().map(text).collect();
                apart(texts.iter().map(String::as_str), *width)
            }
            _ => Vec::new(),
        };
        self.columns.iter().enumerate().map(names).collect()
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
                .filter_map(|index| {
                    let least = match self.columns[index].apart {
                        true => TELLING,
                        false => LEGIBLE,
                    };
                    Some(widths[index]?.saturating_sub(least))
                })
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
            let tight = (0..widths.len())
                .rev()
                .find(|index| widths[*index].is_some() && self.columns[*index].tight);
            if let Some(index) =
                tight.filter(|_| widest.is_none_or(|widest| widths[widest] <= Some(SAYING)))
            {
                widths[index] = None;
                continue;
            }
            // A name stays legible as long as there are long figures to shorten.
            let text = widest.and_then(|index| Some((index, widths[index]?)));
            let shorter = match text {
                Some((_, width)) if width > LEGIBLE => None,
                Some(_) => self.shorter(&widths, FIGURE),
                None => self.shorter(&widths, 1),
            };
            match (shorter, text) {
                (Some((index, width)), _) => widths[index] = Some(width),
                (None, Some((index, width))) => widths[index] = Some(width - 1),
                (None, None) => return widths,
            }
        }
    }

    /// The widest column of numbers wider than `least`, and how wide it is with shorter forms of
    /// its widest.
    fn shorter(&self, widths: &[Option<usize>], least: usize) -> Option<(usize, usize)> {
        let numbers = (0..widths.len()).filter_map(|index| {
            let now = widths[index].filter(|now| self.columns[index].right && *now > least)?;
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let width = cells.map(|cell| cell.below(now)).max()?;
            (1 < width && width < now).then_some((now, index, width))
        });
        numbers.max().map(|(_, index, width)| (index, width))
    }
}

/// The rows drawn, in as many lines as there is room for; those that go across may be headings.
fn shown(rows: &[Vec<Cell>], in_sight: usize, room: usize, grouped: bool) -> Vec<usize> {
    let is_heading = |row: usize| grouped && rows.get(row).is_some_and(|cells| cells.len() == 1);
    shown_under_headings(in_sight, rows.len(), room, is_heading)
}

/// The row that is drawn at line `y` of the terminal, for a table of groups drawn in `area`.
pub fn grouped_row_at(
    area: Rect,
    y: u16,
    in_sight: usize,
    rows: &[Vec<Cell>],
    grouped: bool,
) -> Option<usize> {
    let offset = usize::from(y.checked_sub(area.y + 1)?);
    let room = usize::from(area.height).saturating_sub(1);
    shown(rows, in_sight, room, grouped).get(offset).copied()
}

/// The row that is drawn at line `y` of the terminal, for a table drawn in `area`.
pub fn row_at(area: Rect, y: u16, selected: Option<usize>, rows: usize) -> Option<usize> {
    let offset = usize::from(y.checked_sub(area.y + 1)?);
    let room = usize::from(area.height).saturating_sub(1);
    let row = first_shown(selected.unwrap_or(0), rows, room) + offset;
    (offset < room && row < rows).then_some(row)
}
