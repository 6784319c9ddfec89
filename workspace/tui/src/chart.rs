//! Curves in a panel, with axes as far as there is room.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Chart, Dataset, GraphType, Widget},
};

use crate::{
    figure::Figure,
    text::{line, pad, width},
    theme::Theme,
};

/// One curve.
pub struct Curve<'a> {
    /// For the legend.
    pub name: &'a str,
    /// Its points, x ascending.
    pub points: &'a [(f64, f64)],
    /// Its colour.
    pub style: Style,
    /// The mark in the legend, and of the points where there is no Braille.
    pub mark: char,
    /// How its points are joined.
    pub stroke: Stroke,
    /// Its points are few, and every one bears the mark: curves are never told apart by colour
    /// alone.
    pub marked: bool,
    /// How far from its points it may lie: `(x, low, high)`.
    pub spread: &'a [(f64, f64, f64)],
}

/// How the points of a curve are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// By a line.
    Solid,
    /// By a broken line.
    Dashed,
    /// By a line of dots a cell apart, that of what stands behind the others.
    Faint,
    /// Not at all.
    Points,
}

/// Dots of a dash, and of the gap behind it.
const DASH: usize = 3;

/// The dots of a broken line that is drawn over so many dots from `left` to `right`.
fn dashes(points: &[(f64, f64)], [left, right]: [f64; 2], dots: usize) -> Vec<(f64, f64)> {
    let mut before = 0;
    let dot = |at: usize| left + (right - left) * at as f64 / dots.saturating_sub(1).max(1) as f64;
    (0..dots)
        .filter(|at| (at / DASH).is_multiple_of(2))
        .filter_map(|at| {
            let x = dot(at);
            while points.get(before + 1).is_some_and(|next| next.0 <= x) {
                before += 1;
            }
            let [from, to] = [*points.get(before)?, *points.get(before + 1)?];
            let share = (x - from.0) / (to.0 - from.0);
            let inside = (0.0..=1.0).contains(&share);
            inside.then_some((x, from.1 + share * (to.1 - from.1)))
        })
        .collect()
}

/// What is written along the axes.
pub struct Labels<'a> {
    /// Of a place along the x axis.
    pub x: &'a dyn Fn(f64) -> Figure,
    /// Of a height.
    pub y: &'a dyn Fn(f64) -> Figure,
    /// Places of the x axis worth a label beside its ends.
    pub places: &'a [f64],
}

/// Draws curves over the same axes.
pub fn draw(
    theme: Theme,
    curves: &[Curve<'_>],
    labels: &Labels<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let ends = |curve: &Curve<'_>| {
        let spread = curve.spread.iter();
        let ends = spread.flat_map(|(x, low, high)| [(*x, *low), (*x, *high)]);
        ends.collect::<Vec<(f64, f64)>>()
    };
    let spreads: Vec<(f64, f64)> = curves.iter().flat_map(ends).collect();
    let points = curves.iter().flat_map(|curve| curve.points).chain(&spreads);
    let Some(([left, right], [low, high])) = bounds(points) else {
        return;
    };
    if area.width < 4 || area.height < 2 {
        return;
    }
    let mut plot = area;
    let shown: Vec<&Curve<'_>> = (curves.iter())
        .filter(|curve| !curve.points.is_empty())
        .collect();
    if curves.len() > 1 && area.height >= 3 {
        let named = shown.iter().filter(|curve| !curve.name.is_empty());
        let entries = named.map(|curve| {
            Line::from(vec![
                Span::styled(format!("{} ", curve.mark), curve.style),
                Span::styled(curve.name.to_owned(), theme.dim()),
            ])
        });
        let most = usize::from(area.height / 2);
        let lines = flow(entries.collect(), usize::from(area.width), most);
        let rows = lines.len() as u16;
        for (row, words) in lines.into_iter().enumerate() {
            line(buffer, area, row, words);
        }
        plot.y += rows;
        plot.height -= rows;
    }
    if area.height >= 5 && area.width >= 24 && plot.height >= 4 {
        plot = draw_axes(theme, labels, [left, right], [low, high], plot, buffer);
    }
    let dots = usize::from(plot.width) * if theme.ascii { 1 } else { 2 };
    let broken: Vec<Vec<(f64, f64)>> = (shown.iter())
        .map(|curve| match curve.stroke {
            Stroke::Dashed => dashes(curve.points, [left, right], dots),
            _ => Vec::new(),
        })
        .collect();
    let datasets = shown.iter().zip(&broken).map(|(curve, broken)| {
        let marker = match (curve.stroke, theme.ascii) {
            (Stroke::Solid | Stroke::Dashed, false) => Marker::Braille,
            _ => Marker::Custom(curve.mark),
        };
        let lines = matches!(curve.stroke, Stroke::Solid | Stroke::Faint);
        Dataset::default()
            .data(match curve.stroke {
                Stroke::Dashed => broken,
                _ => curve.points,
            })
            .style(curve.style)
            .marker(marker)
            .graph_type(if lines && curve.points.len() > 1 {
                GraphType::Line
            } else {
                GraphType::Scatter
            })
    });
    Chart::new(datasets.collect())
        .legend_position(None)
        .x_axis(Axis::default().bounds([left, right]))
        .y_axis(Axis::default().bounds([low, high]))
        .render(plot, buffer);
    let at = |value: f64, from: f64, to: f64, cells: u16| {
        let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
        (share * f64::from(cells - 1)).round() as u16
    };
    let column = |x: f64| plot.x + at(x, left, right, plot.width);
    let row = |y: f64| plot.bottom() - 1 - at(y, low, high, plot.height);
    for curve in &shown {
        for (x, low, high) in curve.spread {
            for row in row(*high)..=row(*low) {
                if let Some(cell) = buffer.cell_mut((column(*x), row)) {
                    cell.set_char('│').set_style(curve.style);
                }
            }
        }
    }
    for curve in shown.iter().filter(|curve| curve.marked) {
        for (x, y) in curve.points {
            if let Some(cell) = buffer.cell_mut((column(*x), row(*y))) {
                cell.set_char(curve.mark).set_style(curve.style);
            }
        }
    }
}

/// The entries of a legend side by side, in at most so many lines; how many have no room is said
/// at the end of the last.
pub fn flow(entries: Vec<Line<'static>>, columns: usize, most: usize) -> Vec<Line<'static>> {
    let all = entries.len();
    let mut rest: usize = entries.iter().map(|entry| entry.width() + 2).sum();
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let ends_here = lines
            .last()
            .is_some_and(|line| line.width() + rest <= columns);
        rest -= entry.width() + 2;
        let more = |hidden: usize| format!("  … {hidden} more");
        let last = lines.len() >= most;
        let kept = match all - index - 1 {
            hidden if last && hidden > 0 && !ends_here => width(&more(hidden)),
            _ => 0,
        };
        match lines.last_mut() {
            Some(line) if line.width() + 2 + entry.width() + kept <= columns => {
                line.push_span(Span::raw("  "));
                line.spans.extend(entry.spans);
            }
            Some(line) if last => {
                line.push_span(Span::raw(more(all - index)));
                break;
            }
            _ => lines.push(entry),
        }
    }
    lines
}

/// Rows from which the middle of the y axis has a label.
const MIDDLE: usize = 9;

/// Draws axes with their labels and gives the room for the curves.
fn draw_axes(
    theme: Theme,
    labels: &Labels<'_>,
    [left, right]: [f64; 2],
    [low, high]: [f64; 2],
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let dim = theme.dim();
    let room = usize::from(area.width / 3);
    let rows = usize::from(area.height - 2);
    // The middle is named where it is apart from the ends.
    let middle = (rows >= MIDDLE).then_some(rows / 2);
    let at = |row: usize| high - (high - low) * row as f64 / (rows - 1).max(1) as f64;
    let named = [Some(0), middle, Some(rows - 1)].into_iter().flatten();
    let named: Vec<(usize, String)> = named
        .map(|row| (row, (labels.y)(at(row)).within(room).unwrap_or_default()))
        .collect();
    let widths = named.iter().map(|(_, label)| width(label));
    let beside = widths.max().unwrap_or(0);
    let plot = Rect {
        x: area.x + beside as u16 + 1,
        width: area.width - beside as u16 - 1,
        height: area.height - 2,
        ..area
    };
    for row in 0..usize::from(plot.height) {
        let label = named.iter().find(|(at, _)| *at == row);
        let label = label.map_or("", |(_, label)| label.as_str());
        let words = format!("{}│", pad(label, beside, true));
        line(buffer, area, row, Line::styled(words, dim));
    }
    let rule = format!(
        "{}└{}",
        " ".repeat(beside),
        "─".repeat(usize::from(plot.width))
    );
    line(
        buffer,
        area,
        usize::from(plot.height),
        Line::styled(rule, dim),
    );
    let below = Rect {
        x: plot.x - 1,
        width: plot.width + 1,
        ..area
    };
    let words = x_labels(labels, [left, right], usize::from(below.width));
    let row = usize::from(plot.height) + 1;
    line(buffer, below, row, Line::styled(words, dim));
    plot
}

/// The labels of the x axis in one line: its ends first, then those between that have room.
fn x_labels(labels: &Labels<'_>, [left, right]: [f64; 2], columns: usize) -> String {
    let half = columns.saturating_sub(1) / 2;
    let label = |place: f64, room: usize| (labels.x)(place).within(room).unwrap_or_default();
    // Where each label begins, and what it says.
    let last = label(right, half);
    let mut placed = vec![(0, label(left, half))];
    placed.push((columns - width(&last), last));
    for place in labels.places {
        let at = (place - left) / (right - left) * (columns - 1) as f64;
        let text = label(*place, columns / 4);
        let begin = (at - width(&text) as f64 / 2.0).round();
        if text.is_empty() || begin < 0.0 {
            continue;
        }
        let begin = begin as usize;
        let end = begin + width(&text);
        let free = |(other, known): &(usize, String)| {
            end + 2 <= *other || other + width(known) + 2 <= begin || known.is_empty()
        };
        if end <= columns && placed.iter().all(free) {
            placed.push((begin, text));
        }
    }
    placed.sort();
    let mut words = String::new();
    for (begin, text) in placed {
        words.push_str(&" ".repeat(begin.saturating_sub(width(&words))));
        words.push_str(&text);
    }
    words
}

/// The smallest box round all points that are numbers, widened where it has no extent.
fn bounds<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> Option<([f64; 2], [f64; 2])> {
    let mut x = [f64::INFINITY, f64::NEG_INFINITY];
    let mut y = x;
    for (a, b) in points.filter(|(a, b)| a.is_finite() && b.is_finite()) {
        x = [x[0].min(*a), x[1].max(*a)];
        y = [y[0].min(*b), y[1].max(*b)];
    }
    if x[0] > x[1] {
        return None;
    }
    let widened = |[low, high]: [f64; 2]| {
        if high - low > f64::EPSILON * high.abs().max(1.0) {
            [low, high]
        } else {
            [
                low - 0.5 * low.abs().max(0.01),
                high + 0.5 * high.abs().max(0.01),
            ]
        }
    };
    Some((widened(x), widened(y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_lie_on_the_line() {
        let check = |points: &[(f64, f64)], dots: usize, expected: &[(f64, f64)]| {
            assert_eq!(dashes(points, [0.0, 10.0], dots), expected, "{points:?}");
        };
        let line = [(0.0, 0.0), (4.0, 8.0), (10.0, 8.0)];
        let [a, b, c] = [(0.0, 0.0), (1.0, 2.0), (2.0, 4.0)];
        let [d, e, f] = [(6.0, 8.0), (7.0, 8.0), (8.0, 8.0)];
        check(&line, 11, &[a, b, c, d, e, f]);
        // Before its first point and behind its last there is no line.
        check(&line[1..], 11, &[d, e, f]);
        check(&line[..1], 11, &[]);
        check(&[], 11, &[]);
    }

    #[test]
    fn legends_say_what_they_leave_out() {
        let check = |columns: usize, most: usize, expected: &[&str]| {
            let entries = ["one", "two", "three", "four"].map(Line::raw).to_vec();
            let lines: Vec<String> = (flow(entries, columns, most).iter())
                .map(|line| {
                    line.spans
                        .iter()
                        .map(|span| span.content.as_ref())
                        .collect()
                })
                .collect();
            assert_eq!(lines, expected, "{columns} columns, {most} lines");
        };
        check(40, 2, &["one  two  three  four"]);
        check(21, 1, &["one  two  three  four"]);
        check(20, 1, &["one  two  … 2 more"]);
        check(10, 3, &["one  two", "three", "four"]);
        check(16, 2, &["one  two  three", "four"]);
        check(8, 2, &["one  two", "three  … 1 more"]);
        check(40, 0, &["one  two  three  four"]);
    }
}
