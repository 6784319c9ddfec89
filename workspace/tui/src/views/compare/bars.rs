//! How sure the figures are: bars with intervals, and pairs.

use std::collections::BTreeSet;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{self as measure, ACCURACY, p_value};
use topwork_results::{PairResult, PairTest, Verdict};

use super::{Selection, rows::Row, shown_of};
use crate::{
    figure::Figure,
    panel::{panel, say},
    scroll::first_shown,
    text::{line, pad_title, width},
    theme::Theme,
    views::Scene,
    watched::Watched,
};

/// The figure that the bars and curves of these rows are of.
pub fn ranked_by(rows: &[Row]) -> &'static measure::Figure {
    rows.first().map_or(&ACCURACY, |row| row.ranked_by)
}

/// Draws a bar for every row.
pub fn draw(theme: Theme, selection: &Selection, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let shown = shown_of(rows.len(), area.height.saturating_sub(3));
    let title = format!("{} with 95 % interval{shown}", ranked_by(rows).name);
    let inner = panel(theme, &title, area, buffer, false);
    draw_bars(theme, selection, rows, inner, buffer);
}

fn draw_bars(theme: Theme, selection: &Selection, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    let ends = rows.iter().filter_map(|row| row.figure()?.interval);
    let low = ends.clone().map(|i| i.low).fold(f64::INFINITY, f64::min);
    let high = ends.map(|i| i.high).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        say(theme, "nothing is measured yet", area, buffer);
        return;
    }
    let figure = ranked_by(rows);
    let columns = usize::from(area.width);
    let names = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
    let names = names.min(columns / 3).min(28);
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
    let first = first_shown(selection.row, rows.len(), room);
    for (shown, (index, row)) in rows.iter().enumerate().skip(first).take(room).enumerate() {
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
        let name_style = if index == selection.row {
            theme.selected()
        } else {
            Style::new()
        };
        let mut spans = vec![
            Span::styled(pad_title(&row.name, names), name_style),
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

/// Which strategies the selected one can be told apart from.
pub fn draw_pairs(
    scene: &Scene<'_>,
    selection: &Selection,
    rows: &[Row],
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let Some(selected) = rows.get(selection.row.min(rows.len().saturating_sub(1))) else {
        return;
    };
    let inner = panel(
        scene.theme,
        &format!("{} against", selected.name),
        area,
        buffer,
        false,
    );
    let Some(run) = scene.all.get(selected.run) else {
        return;
    };
    let own = &selected.result().title;
    let pairs = selection
        .pairs
        .get((run.version, own.clone()), || pairs_of(run, own));
    // Where not all can be seen, those in doubt come first.
    let mut pairs: Vec<&PairResult> = pairs.iter().collect();
    if pairs.len() >= usize::from(inner.height) {
        pairs.sort_by(|a, b| b.p.total_cmp(&a.p));
    }
    if pairs.is_empty() {
        let text = "no other strategy was measured on the same test examples yet";
        say(scene.theme, text, inner, buffer);
        return;
    }
    let tests: BTreeSet<PairTest> = pairs.iter().map(|pair| pair.test).collect();
    let tests: Vec<&str> = tests.into_iter().map(PairTest::sentence).collect();
    let chance = match pairs.iter().any(|pair| pair.verdict() == Verdict::Chance) {
        true => "? may be chance among so many; ",
        false => "",
    };
    let what = format!("this minus the other; {chance}{}", tests.join("; "));
    line(buffer, inner, 0, Line::styled(what, scene.theme.dim()));
    let columns = usize::from(inner.width);
    for (row, pair) in pairs.iter().enumerate().take(usize::from(inner.height)) {
        let first = pair.a == *own;
        let other = if first { &pair.b } else { &pair.a };
        let (mark, style) = match pair.verdict() {
            Verdict::Apart => ("≠", Style::new()),
            Verdict::Chance => ("?", scene.theme.dim()),
            Verdict::Equivalent => ("≡", Style::new()),
            Verdict::Alike => ("≈", scene.theme.dim()),
            Verdict::Unmarked => (" ", scene.theme.dim()),
        };
        let p = p_value(pair.p);
        // From the row that is selected, whichever of the two the file has first.
        let unit = pair.figure().unit;
        let difference = (pair.difference.zip(pair.interval)).map(|(value, interval)| {
            let (value, interval) = match first {
                true => (value, interval),
                false => (-value, -interval),
            };
            let short = unit.difference_alone(value);
            [unit.difference(value, interval), short]
        });
        let room = |text: &str| columns.saturating_sub(width(text) + 1);
        let forms = difference.into_iter().flatten().chain([String::new()]);
        let figures = (forms.map(|difference| format!("{mark} {difference}  {p:>10}")))
            .find(|text| room(text) >= width(other).min(NAME))
            .unwrap_or_else(|| format!("{mark} {p}"));
        let name = pad_title(other, room(&figures));
        let text = format!("{name} {figures}");
        line(buffer, inner, row + 1, Line::styled(text, style));
    }
}

/// A name keeps so many columns before a difference is shortened.
const NAME: usize = 16;

/// The pairs that a row is one of.
fn pairs_of(run: &Watched, title: &str) -> Vec<PairResult> {
    let pairs = run.results().into_iter().flat_map(|results| &results.pairs);
    let own = |pair: &&PairResult| pair.a == title || pair.b == title;
    pairs.filter(own).cloned().collect()
}
