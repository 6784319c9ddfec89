//! How sure the figures are: bars with intervals, and pairs.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{self as measure, PairTest, p_value, thousands};
use topwork_results::{PairResult, Verdict};

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

/// The figure that the bars are of.
pub fn ranked_by() -> &'static measure::Figure {
    &measure::shown()[0]
}

/// Draws a bar for every row.
pub fn draw(theme: Theme, selection: &Selection, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let shown = shown_of(rows.len(), area.height.saturating_sub(3));
    let title = format!("{} with 95 % interval{shown}", ranked_by().name);
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
                [one] if ranked_by().id == measure::ACCURACY.id => {
                    one.folds.iter().map(|fold| fold.accuracy).collect()
                }
                seeds => (seeds.iter())
                    .filter_map(|seed| seed.figures.get(ranked_by().id).copied())
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
        Figure::value(ranked_by().unit, end)
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
    let counts = "only this right / only the other";
    let chance = "? may be chance among so many";
    let test = PairTest::McNemarMidP.name();
    let what = match pairs.iter().any(|pair| pair.verdict() == Verdict::Chance) {
        true if usize::from(inner.width) < 80 => format!("{test}; {chance}"),
        true => format!("{test}; {counts}; {chance}"),
        false => format!("{test}; {counts}"),
    };
    line(buffer, inner, 0, Line::styled(what, scene.theme.dim()));
    let columns = usize::from(inner.width);
    for (row, pair) in pairs.iter().enumerate().take(usize::from(inner.height)) {
        let first = pair.a == *own;
        let other = if first { &pair.b } else { &pair.a };
        let p = p_value(pair.p);
        let only = match pair.seeds.as_slice() {
            [one] if first => format!("{} / {}", thousands(one.only_a), thousands(one.only_b)),
            [one] => format!("{} / {}", thousands(one.only_b), thousands(one.only_a)),
            seeds => format!("{} seeds", seeds.len()),
        };
        let (mark, style) = match pair.verdict() {
            Verdict::Apart => ("≠", Style::new()),
            Verdict::Chance => ("?", scene.theme.dim()),
            Verdict::Alike => ("≈", scene.theme.dim()),
        };
        let figures = format!("{mark} {p}  {only:>9}");
        let room = columns.saturating_sub(width(&figures) + 1);
        line(
            buffer,
            inner,
            row + 1,
            Line::styled(format!("{} {figures}", pad_title(other, room)), style),
        );
    }
}

/// The pairs that a row is one of.
fn pairs_of(run: &Watched, title: &str) -> Vec<PairResult> {
    let pairs = run.results().into_iter().flat_map(|results| &results.pairs);
    let own = |pair: &&PairResult| pair.a == title || pair.b == title;
    pairs.filter(own).cloned().collect()
}
