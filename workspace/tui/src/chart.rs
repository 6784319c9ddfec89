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
    /// Joined by lines, or points alone.
    pub joined: bool,
    /// Its points are few, and every one bears the mark: curves are never told apart by colour
    /// alone.
    pub marked: bool,
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
    let points = || curves.iter().flat_map(|curve| curve.points);
    let Some(([left, right], [low, high])) = bounds(points()) else {
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
        let entries = shown.iter().map(|curve| {
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
    let datasets = shown.iter().map(|curve| {
        let marker = match (theme.ascii, curve.joined) {
            (false, true) => Marker::Braille,
            _ => Marker::Custom(curve.mark),
        };
        Dataset::default()
            .data(curve.points)
            .style(curve.style)
            .marker(marker)
            .graph_type(if curve.joined && curve.points.len() > 1 {
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
    for curve in shown.iter().filter(|curve| curve.marked) {
        for (x, y) in curve.points {
            let column = plot.x + at(*x, left, right, plot.width);
            let row = plot.bottom() - 1 - at(*y, low, high, plot.height);
            if let Some(cell) = buffer.cell_mut((column, row)) {
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
    let ends = [(labels.y)(high), (labels.y)(low)];
    let ends = ends.map(|figure| figure.within(room).unwrap_or_default());
    let beside = ends.iter().map(|label| width(label)).max().unwrap_or(0);
    let plot = Rect {
        x: area.x + beside as u16 + 1,
        width: area.width - beside as u16 - 1,
        height: area.height - 2,
        ..area
    };
    for row in 0..usize::from(plot.height) {
        let label = match row {
            0 => &ends[0],
            row if row + 1 == usize::from(plot.height) => &ends[1],
            _ => "",
        };
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
