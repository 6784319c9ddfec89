//! The matrix: a row per true class, a column per class predicted, shaded by the share of the
//! row.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line, Span},
};
use topwork_events::Outcome;
use topwork_measure::{Confusion, percent, thousands};

use super::Selection;
use crate::{
    figure::Figure,
    scroll::first_shown,
    text::{line, pad, width},
    theme::{Colours, Theme},
};

/// Widest that the names of the true classes get where others want the columns.
const NAMES: usize = 14;

/// Widest that the name of a class gets above its column.
const CELL_NAME: usize = 12;

/// Most columns that a count gets; a longer one is shortened.
const DIGITS: usize = 7;

/// Columns of `true`, the heading of the names.
const TRUE: usize = 4;

/// Columns of `recall`, the gap before it included.
const RECALL: usize = 10;

/// What is drawn where.
struct Layout {
    /// Columns of the names of the true classes.
    names: usize,
    /// Columns of a cell, the gap included.
    cell: usize,
    /// The predicted classes shown.
    across: std::ops::Range<usize>,
    /// The true classes shown.
    down: std::ops::Range<usize>,
    /// Rows above the first true class.
    head: usize,
    /// Whether there is room for each class's recall.
    recall: bool,
    /// Rows below: the selected cell in words, and the legend.
    below: usize,
}

/// A matrix with what every frame asks of it.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    counts: Confusion,
    /// The test examples of every true class.
    totals: Vec<u64>,
    /// The test examples taken for every class.
    predicted: Vec<u64>,
    /// The largest count.
    largest: u64,
    /// The classes, those with the lowest recall first.
    pub by_recall: Vec<usize>,
    /// How many pairs of classes are confused.
    pub mistakes: usize,
    /// Those confused most: `(truth, predicted, count)`, the largest count first, at most [`CONFUSED`].
    pub confused: Vec<(usize, usize, u64)>,
}

/// Pairs of classes that are listed at most.
const CONFUSED: usize = 30;

impl Matrix {
    /// The matrix of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let counts = outcome.confusion.clone();
        let mut totals = vec![0; counts.classes()];
        let mut predicted = vec![0; counts.classes()];
        let mut confused = Vec::new();
        for (truth, class, count) in counts.cells() {
            totals[truth] += count;
            predicted[class] += count;
            if truth != class && count > 0 {
                confused.push((truth, class, count));
            }
        }
        let mistakes = confused.len();
        confused.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
        confused.truncate(CONFUSED);
        let mut matrix = Self {
            totals,
            predicted,
            largest: (counts.cells().map(|(_, _, count)| count).max()).unwrap_or(0),
            counts,
            by_recall: Vec::new(),
            mistakes,
            confused,
        };
        let mut by_recall: Vec<usize> = (0..matrix.classes()).collect();
        // Classes without test examples have no recall, and stand last.
        let recall = |class: &usize| matrix.recall(*class).unwrap_or(f64::INFINITY);
        by_recall.sort_by(|a, b| recall(a).total_cmp(&recall(b)));
        matrix.by_recall = by_recall;
        matrix
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.totals.len()
    }

    /// Of the examples of a class, the share taken for it; `None` where there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let total = self.total(class);
        (total > 0).then(|| self.count(class, class) as f64 / total as f64)
    }

    /// Of the examples taken for a class, the share that are of it; `None` where there are none.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let taken = self
            .predicted
            .get(class)
            .copied()
            .filter(|taken| *taken > 0)?;
        Some(self.count(class, class) as f64 / taken as f64)
    }

    /// How many examples of a class were taken for another, or recognised.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(truth, predicted)
    }

    /// The test examples of a class.
    pub fn total(&self, truth: usize) -> u64 {
        self.totals.get(truth).copied().unwrap_or(0)
    }
}

/// Rows of a matrix with the selected cell in words and a legend that one without these lacks.
pub const BARE: usize = 2;

/// Columns and rows in which a whole matrix has room.
pub fn wanted(classes: &[String], matrix: &Matrix) -> (usize, usize) {
    let name = (classes.iter().map(|name| width(name)).max()).unwrap_or(0);
    let names = name.clamp(TRUE, NAMES) + 2;
    let columns = names + cell_columns(matrix, name.min(CELL_NAME)) * classes.len() + RECALL;
    (columns, classes.len() + 2 + BARE)
}

/// Columns of a cell in which a class's name has so many: brackets round the selected one, and a gap.
fn cell_columns(matrix: &Matrix, name: usize) -> usize {
    let digits = thousands(matrix.largest).len().min(DIGITS);
    digits.max(name) + 3
}

fn layout(
    selection: &Selection,
    classes: &[String],
    matrix: &Matrix,
    area: Rect,
    bare: bool,
) -> Layout {
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    let name = (classes.iter().map(|name| width(name)).max()).unwrap_or(0);
    let least = name.min(NAMES).min(columns / 4).max(TRUE) + 2;
    // Where all columns have room, they share what is left with the names.
    let fits = |cell: usize| columns >= least + RECALL + cell * classes.len();
    let cell = (6..=CELL_NAME)
        .rev()
        .map(|most| cell_columns(matrix, name.min(most)))
        .find(|cell| fits(*cell))
        .unwrap_or_else(|| cell_columns(matrix, name.min(6)));
    let free = columns.saturating_sub(RECALL + cell * classes.len() + 2);
    let names = name.min(free).max(least - 2) + 2;
    let (head, below) = match bare {
        true => (usize::from(rows >= 2), 0),
        false => (
            usize::from(rows >= 2) + usize::from(rows >= 8 || rows >= classes.len() + 2 + BARE),
            match rows {
                0..4 => 0,
                4..10 if rows < classes.len() + 2 + BARE => 1,
                _ => BARE,
            },
        ),
    };
    let recall = columns >= names + RECALL + cell * classes.len().min(5);
    let room = columns.saturating_sub(names + if recall { RECALL } else { 0 });
    let window = |selected: usize, fitting: usize| {
        let first = first_shown(selected, classes.len(), fitting);
        first..classes.len().min(first + fitting)
    };
    Layout {
        names,
        cell,
        across: window(selection.predicted, (room / cell).max(1)),
        down: window(selection.truth, rows.saturating_sub(head + below).max(1)),
        head,
        recall,
        below,
    }
}

/// A share as a shade: its cube root, since mistakes are few and shall be seen.
fn shade(share: f64) -> f64 {
    share.cbrt()
}

/// Draws the matrix; a bare one without what is said below it.
pub fn draw(
    theme: Theme,
    selection: &Selection,
    classes: &[String],
    matrix: &Matrix,
    (area, bare): (Rect, bool),
    buffer: &mut Buffer,
) {
    let layout = layout(selection, classes, matrix, area, bare);
    let selected = (selection.truth, selection.predicted);
    if layout.head == 2 {
        let all = thousands(classes.len() as u64);
        let across = match layout.across.len() {
            shown if shown < classes.len() => format!(", {shown} of {all} across"),
            _ => String::new(),
        };
        let down = match layout.down.len() {
            shown if shown < classes.len() => format!(", {shown} of {all} down"),
            _ => String::new(),
        };
        let text = format!("{}predicted{across}{down}", " ".repeat(layout.names + 1));
        line(buffer, area, 0, Line::styled(text, theme.dim()));
    }
    if layout.head >= 1 {
        let mut spans = vec![Span::styled(pad(" true", layout.names, false), theme.dim())];
        for class in layout.across.clone() {
            let name = classes.get(class).map_or("", String::as_str);
            let style = if class == selected.1 {
                theme.title()
            } else {
                Style::new()
            };
            let text = pad(name, layout.cell - 2, true);
            spans.push(Span::styled(format!("{text}  "), style));
        }
        if layout.recall {
            spans.push(Span::styled(pad("recall", RECALL - 1, true), theme.dim()));
        }
        line(buffer, area, layout.head - 1, Line::from(spans));
    }
    for (offset, truth) in layout.down.clone().enumerate() {
        let total = matrix.total(truth);
        let share = |count: u64| count as f64 / total.max(1) as f64;
        let name = classes.get(truth).map_or("", String::as_str);
        let style = if truth == selected.0 {
            theme.title()
        } else {
            Style::new()
        };
        let mut spans = vec![Span::styled(
            format!(" {}", pad(name, layout.names - 1, false)),
            style,
        )];
        for predicted in layout.across.clone() {
            let here = matrix.count(truth, predicted);
            let picked = (truth, predicted) == selected;
            spans.extend(cell(theme, here, share(here), picked, layout.cell));
        }
        if layout.recall {
            let text = match total {
                0 => "–".to_owned(),
                _ => percent(share(matrix.count(truth, truth))),
            };
            spans.push(Span::raw(pad(&text, RECALL - 1, true)));
        }
        line(buffer, area, layout.head + offset, Line::from(spans));
    }
    let last = usize::from(area.height);
    if layout.below >= 1 {
        let words = in_words(selection, classes, matrix);
        line(buffer, area, last - layout.below, Line::raw(words));
    }
    if layout.below == BARE {
        line(buffer, area, last - 1, legend(theme));
    }
}

/// One cell: its count on a ground as dark as its share of the row is small.
fn cell(theme: Theme, count: u64, share: f64, picked: bool, columns: usize) -> Vec<Span<'static>> {
    let digits = match count {
        0 => "·".to_owned(),
        _ => (Figure::count(count).within(columns - 3)).unwrap_or_else(|| "…".to_owned()),
    };
    let text = pad(&digits, columns - 3, true);
    let (open, close) = if picked { ('[', ']') } else { (' ', ' ') };
    let shaded = theme.colours == Colours::None || theme.colours == Colours::Named || theme.ascii;
    let style = match (count, shaded) {
        (0, _) => theme.dim(),
        (_, true) => Style::new(),
        (_, false) => on_heat(theme, shade(share)),
    };
    let bold = if picked {
        Modifier::BOLD
    } else {
        Modifier::empty()
    };
    // Where there are no grounds, the shade stands in the bracket's place of an open cell.
    let close = match (count, shaded, picked) {
        (1.., true, false) => theme.shade(shade(share)),
        _ => close,
    };
    let style = style.add_modifier(bold);
    vec![
        Span::styled(format!("{open}{text}{close}"), style),
        Span::raw(" "),
    ]
}

/// Text on a ground of the colour scale, legible on dark and on light ones.
fn on_heat(theme: Theme, value: f64) -> Style {
    let ink = match (value < 0.6, theme.colours) {
        (true, Colours::True) => Color::Rgb(255, 255, 255),
        (true, _) => Color::Indexed(231),
        (false, Colours::True) => Color::Rgb(0, 0, 0),
        (false, _) => Color::Indexed(16),
    };
    Style::new().fg(ink).bg(theme.heat_colour(value))
}

fn in_words(selection: &Selection, classes: &[String], matrix: &Matrix) -> String {
    let (truth, predicted) = (selection.truth, selection.predicted);
    let name = |class: usize| classes.get(class).map_or("", String::as_str);
    let (count, total) = (matrix.count(truth, predicted), matrix.total(truth));
    let share = percent(count as f64 / total.max(1) as f64);
    let (count, total) = (thousands(count), thousands(total));
    let what = match truth == predicted {
        true => "recognised".to_owned(),
        false => format!("taken for {}", name(predicted)),
    };
    format!(
        " {count} of {total} test images of {} are {what}, {share}",
        name(truth)
    )
}

/// What the shades mean.
fn legend(theme: Theme) -> Line<'static> {
    let mut spans = vec![Span::styled(" share of the row", theme.dim())];
    for (share, text) in [
        (0.001, "0.1 %"),
        (0.01, "1 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
    ] {
        let (symbol, style) = theme.heat(shade(share));
        spans.push(Span::raw("  "));
        spans.push(Span::styled(symbol.to_string().repeat(2), style));
        spans.push(Span::styled(format!(" {text}"), theme.dim()));
    }
    Line::from(spans)
}

/// The cell drawn at this place of the terminal.
pub fn at(
    selection: &Selection,
    classes: &[String],
    matrix: &Matrix,
    area: Rect,
    column: u16,
    row: u16,
) -> Option<(usize, usize)> {
    let layout = layout(selection, classes, matrix, area, false);
    let across = usize::from(column.checked_sub(area.x)?).checked_sub(layout.names)? / layout.cell;
    let down = usize::from(row.checked_sub(area.y)?).checked_sub(layout.head)?;
    let (predicted, truth) = (layout.across.start + across, layout.down.start + down);
    let inside = layout.across.contains(&predicted) && layout.down.contains(&truth);
    inside.then_some((truth, predicted))
}
