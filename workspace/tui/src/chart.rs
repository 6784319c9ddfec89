//! Curves in a panel, with axes as far as there is room.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    symbols::Marker,
    text::Span,
    widgets::{Axis, Chart, Dataset, GraphType, Widget},
};

use crate::{app::App, text::line};

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
}

/// Draws curves over the same axes. `x_label` and `y_label` write the ends of the axes.
pub fn draw(
    app: &App,
    curves: &[Curve<'_>],
    x_label: impl Fn(f64) -> String,
    y_label: impl Fn(f64) -> String,
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
    let labelled = area.height >= 5 && area.width >= 24;
    let legend = curves.len() > 1 && area.height >= 4;
    let mut plot = area;
    if legend {
        let mut spans = Vec::new();
        for curve in curves.iter().filter(|curve| !curve.points.is_empty()) {
            spans.push(Span::styled(format!("{} ", curve.mark), curve.style));
            spans.push(Span::styled(format!("{}  ", curve.name), app.theme.dim()));
        }
        line(buffer, area, 0, ratatui::text::Line::from(spans));
        plot.y += 1;
        plot.height -= 1;
    }
    let datasets = curves
        .iter()
        .filter(|curve| !curve.points.is_empty())
        .map(|curve| {
            let marker = match (app.theme.ascii, curve.joined) {
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
        })
        .collect();
    let axis = |[from, to]: [f64; 2], label: &dyn Fn(f64) -> String| {
        let axis = Axis::default().bounds([from, to]).style(app.theme.dim());
        if labelled {
            axis.labels([label(from), label(to)])
        } else {
            axis
        }
    };
    Chart::new(datasets)
        .legend_position(None)
        .x_axis(axis([left, right], &x_label))
        .y_axis(axis([low, high], &y_label))
        .render(plot, buffer);
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
