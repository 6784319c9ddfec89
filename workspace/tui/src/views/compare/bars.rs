//! How sure the figures are: bars with intervals.

use std::collections::HashSet;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{self as measure, ACCURACY};
use topwork_results::RowResult;

use super::{rows::Row, shown_of, titles::labels};
use crate::{
    figure::Figure,
    panel::{panel, say},
    scroll::first_shown,
    text::{apart, fit_title, line, pad, width},
    theme::Theme,
};

/// The figure that the bars and curves of these rows are of.
pub fn ranked_by(rows: &[Row]) -> &'static measure::Figure {
    rows.first().map_or(&ACCURACY, |row| row.ranked_by)
}

/// Rows of one group, and which of them is selected.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The rows.
    pub rows: &'a [Row],
    /// The selected one.
    pub selected: usize,
    /// The target, where there are several.
    pub target: Option<&'a str>,
    /// Whether titles are long: of backbone and strategy.
    pub split: bool,
}

impl Shown<'_> {
    /// The rows' names in at most so many columns.
    pub fn names(&self, columns: usize) -> Vec<String> {
        if !self.split {
            let names = || self.rows.iter().map(|row| row.name.as_str());
            let cut: Vec<String> = names().map(|name| fit_title(name, columns)).collect();
            let different =
                |names: &mut dyn Iterator<Item = &str>| names.collect::<HashSet<&str>>().len();
            let told = different(&mut cut.iter().map(String::as_str));
            return match told < different(&mut names()) {
                true => apart(names(), columns),
                false => cut,
            };
        }
        let number = |row: &Row| match row.name.strip_suffix(row.result().title.as_str()) {
            Some(number) => number.to_owned(),
            None => String::new(),
        };
        let numbers: Vec<String> = self.rows.iter().map(number).collect();
        let taken = numbers.iter().map(|number| width(number)).max();
        let results: Vec<&RowResult> = self.rows.iter().map(Row::result).collect();
        let labels = labels(&results, columns.saturating_sub(taken.unwrap_or(0)));
        (numbers.into_iter().zip(labels))
            .map(|(number, label)| number + &label)
            .collect()
    }

    /// The target's name behind a title.
    pub fn of_target(&self, title: &str) -> String {
        match self.target {
            Some(target) => format!("{title} · {target}"),
            None => title.to_owned(),
        }
    }
}

/// Columns in which a bar says all it can.
const BAR: usize = 28;

/// Draws a bar for every row.
pub fn draw(theme: Theme, shown: Shown<'_>, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let few = shown_of(shown.rows.len(), area.height.saturating_sub(3));
    let title = format!("{} with 95 % interval{few}", ranked_by(shown.rows).name);
    let inner = panel(theme, &shown.of_target(&title), area, buffer, false);
    draw_bars(theme, shown, inner, buffer);
}

fn draw_bars(theme: Theme, shown: Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let rows = shown.rows;
    let ends = rows.iter().filter_map(|row| row.figure()?.interval);
    let low = ends.clone().map(|i| i.low).fold(f64::INFINITY, f64::min);
    let high = ends.map(|i| i.high).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        say(theme, "nothing is measured yet", area, buffer);
        return;
    }
    let figure = ranked_by(rows);
    let columns = usize::from(area.width);
    // Names are whole as long as the bars keep what they need.
    let room = match shown.split {
        true => columns * 4 / 7,
        false => (columns / 3).min(28),
    };
    let room = room.max(columns.saturating_sub(BAR + 2));
    let titles = shown.names(room);
    let names = titles.iter().map(|name| width(name)).max().unwrap_or(0);
    let bar = columns.saturating_sub(names + 2);
    if bar < 8 {
        return;
    }
    let room = usize::from(area.height).saturating_sub(1);
    let at = |value: f64| {
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        (share.clamp(0.0, 1.0) * (bar - 1) as f64).round() as usize
    };
    let first = first_shown(shown.selected, rows.len(), room);
    let selected = shown.selected;
    let titled = rows.iter().zip(&titles).enumerate();
    for (shown, (index, (row, title))) in titled.skip(first).take(room).enumerate() {
        let mut cells: Vec<(char, Style)> = vec![(' ', Style::new()); bar];
        if let Some((mean, interval)) = row.figure().and_then(|f| Some((f.mean, f.interval?))) {
            for cell in &mut cells[at(interval.low)..=at(interval.high)] {
                *cell = ('━', theme.series(0));
            }
            // Where single seeds fell, when there are several; of a single one its folds.
            let parts: Vec<f64> = match row.result().seeds.as_slice() {
                [one] if figure.id == ACCURACY.id && !one.folds.is_empty() => {
                    one.folds.iter().map(|fold| fold.accuracy).collect()
                }
                seeds => (seeds.iter())
                    .filter_map(|seed| seed.figures.get(figure.id).copied())
                    .collect(),
            };
            for part in parts {
                if (low..=high).contains(&part) {
                    cells[at(part)] = ('○', theme.dim());
                }
            }
            cells[at(mean)] = ('●', theme.title());
        }
        let name_style = if index == selected {
            theme.selected()
        } else {
            Style::new()
        };
        let mut spans = vec![
            Span::styled(pad(title, names, false), name_style),
            Span::raw("  "),
        ];
        spans.extend(
            cells
                .into_iter()
                .map(|(c, style)| Span::styled(c.to_string(), style)),
        );
        line(buffer, area, shown, Line::from(spans));
    }
    let label = |end: f64| {
        Figure::value(figure.unit, end)
            .within(bar / 2 - 1)
            .unwrap_or_default()
    };
    let (left, right) = (label(low), label(high));
    let gap = bar.saturating_sub(width(&left) + width(&right));
    let axis = format!("{}{left}{}{right}", " ".repeat(names + 2), " ".repeat(gap));
    let bottom = room.min(rows.len());
    line(buffer, area, bottom, Line::styled(axis, theme.dim()));
}
