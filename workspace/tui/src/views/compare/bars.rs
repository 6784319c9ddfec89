//! How sure the figures are: bars with intervals, pairs, and curves where the rows are a grid.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_report::{Verdict, percent, thousands};

use super::rows::{Row, differing, setting};
use crate::{
    app::App,
    chart::{self, Curve},
    draw::panel,
    text::{fit, line, pad_title, width},
    views::{first_shown, say},
};

/// Draws bars, or curves where the rows are a grid and those are wanted.
pub fn draw(app: &App, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let grids = grids(rows);
    if app.compare.curves {
        match grids.first() {
            Some(grid) => draw_curves(app, grid, area, buffer),
            None => {
                let inner = panel(app, "accuracy", area, buffer, false);
                let text = "no curve: strategies that differ only in cut point or training samples make one";
                say(app, text, inner, buffer);
            }
        }
        return;
    }
    let inner = panel(app, "accuracy with 95 % interval", area, buffer, false);
    draw_bars(app, rows, inner, buffer);
}

fn draw_bars(app: &App, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    let ends = rows.iter().filter_map(|row| row.result.interval);
    let low = ends.clone().map(|i| i.low).fold(f64::INFINITY, f64::min);
    let high = ends.map(|i| i.high).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        say(app, "nothing is measured yet", area, buffer);
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
    let first = first_shown(app.compare.row, rows.len(), room);
    for (shown, (index, row)) in rows.iter().enumerate().skip(first).take(room).enumerate() {
        let mut cells: Vec<(char, Style)> = vec![(' ', Style::new()); bar];
        if let (Some(mean), Some(interval)) = (row.result.mean, row.result.interval) {
            for cell in &mut cells[at(interval.low)..=at(interval.high)] {
                *cell = ('━', app.theme.series(0));
            }
            // Where single seeds fell, when there are several; of a single one its folds.
            let parts: Vec<f64> = match row.result.seeds.as_slice() {
                [one] => one.folds.iter().map(|fold| fold.accuracy).collect(),
                seeds => seeds.iter().map(|seed| seed.accuracy).collect(),
            };
            for accuracy in parts {
                if (low..=high).contains(&accuracy) {
                    cells[at(accuracy)] = ('○', app.theme.dim());
                }
            }
            cells[at(mean)] = ('●', app.theme.title());
        }
        let name_style = if index == app.compare.row {
            app.theme.selected()
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
    let (left, right) = (percent(low), percent(high));
    let gap = bar.saturating_sub(width(&left) + width(&right));
    let axis = format!("{}{left}{}{right}", " ".repeat(names + 2), " ".repeat(gap));
    let bottom = room.min(rows.len());
    line(
        buffer,
        area,
        bottom,
        Line::styled(fit(&axis, columns), app.theme.dim()),
    );
}

/// Which strategies the selected one can be told apart from.
pub fn draw_pairs(app: &App, rows: &[Row], area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let Some(selected) = rows.get(app.compare.row.min(rows.len().saturating_sub(1))) else {
        return;
    };
    let inner = panel(
        app,
        &format!("{} against", selected.name),
        area,
        buffer,
        false,
    );
    let results = app
        .watched
        .get(selected.run)
        .and_then(|run| run.results.as_ref());
    let own = &selected.result.title;
    let pairs = results.into_iter().flat_map(|results| &results.pairs);
    let mut pairs: Vec<_> = pairs
        .filter(|pair| pair.a == *own || pair.b == *own)
        .collect();
    // Where not all can be seen, those in doubt come first.
    if pairs.len() >= usize::from(inner.height) {
        pairs.sort_by(|a, b| b.p.total_cmp(&a.p));
    }
    if pairs.is_empty() {
        let text = "no other strategy was measured on the same test examples yet";
        say(app, text, inner, buffer);
        return;
    }
    let counts = "only this right / only the other";
    let chance = "? may be chance among so many";
    let what = match pairs.iter().any(|pair| pair.verdict() == Verdict::Chance) {
        true if usize::from(inner.width) < 80 => format!("McNemar mid-p; {chance}"),
        true => format!("McNemar mid-p; {counts}; {chance}"),
        false => format!("McNemar mid-p; {counts}"),
    };
    line(buffer, inner, 0, Line::styled(what, app.theme.dim()));
    let columns = usize::from(inner.width);
    for (row, pair) in pairs.iter().enumerate() {
        let first = pair.a == *own;
        let other = if first { &pair.b } else { &pair.a };
        let p = if pair.p < 0.0001 {
            "p < 0.0001".to_owned()
        } else {
            format!("p = {:.4}", pair.p)
        };
        let only = match pair.seeds.as_slice() {
            [one] if first => format!("{} / {}", thousands(one.only_a), thousands(one.only_b)),
            [one] => format!("{} / {}", thousands(one.only_b), thousands(one.only_a)),
            seeds => format!("{} seeds", seeds.len()),
        };
        let (mark, style) = match pair.verdict() {
            Verdict::Apart => ("≠", Style::new()),
            Verdict::Chance => ("?", app.theme.dim()),
            Verdict::Alike => ("≈", app.theme.dim()),
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

/// Rows that differ in one setting alone, by which they can be joined to curves.
struct Grid {
    /// `cut` or `train-samples`.
    axis: String,
    /// What stands along it, in order.
    places: Vec<String>,
    /// Every curve: its name, and its points by place.
    curves: Vec<(String, Vec<(f64, f64)>)>,
}

fn grids(rows: &[Row]) -> Vec<Grid> {
    let numbers = Grid::by_samples(rows);
    let cuts = Grid::by_cut(rows);
    [cuts, numbers].into_iter().flatten().collect()
}

impl Grid {
    /// Accuracy against the number of training samples.
    fn by_samples(rows: &[Row]) -> Option<Self> {
        let place = |row: &Row| row.result.train_samples.map(|n| (n as f64).log10());
        let curves = joined(rows, &["train-samples"], place);
        (!curves.is_empty()).then(|| Self {
            axis: "training samples".to_owned(),
            places: Vec::new(),
            curves,
        })
    }

    /// Accuracy against the cut point, in the order the cuts are met.
    fn by_cut(rows: &[Row]) -> Option<Self> {
        let mut places: Vec<String> = Vec::new();
        for row in rows {
            if !places.contains(&row.result.cut) {
                places.push(row.result.cut.clone());
            }
        }
        let position = |row: &Row| {
            let at = places.iter().position(|place| *place == row.result.cut);
            at.map(|index| index as f64)
        };
        let curves = joined(rows, &["cut", "feature size"], position);
        (!curves.is_empty()).then(|| Self {
            axis: "cut point".to_owned(),
            places,
            curves,
        })
    }
}

/// Rows that are equal in everything but `free`, joined over `place`: at least two of a kind.
fn joined(
    rows: &[Row],
    free: &[&str],
    place: impl Fn(&Row) -> Option<f64>,
) -> Vec<(String, Vec<(f64, f64)>)> {
    let fixed: Vec<String> = differing(rows)
        .into_iter()
        .filter(|path| !free.contains(&path.as_str()))
        .collect();
    let mut keys: Vec<Vec<String>> = Vec::new();
    let mut curves: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for row in rows {
        let (Some(x), Some(mean)) = (place(row), row.result.mean) else {
            continue;
        };
        let mut key: Vec<String> = fixed.iter().map(|path| setting(row, path)).collect();
        key.push(row.run.to_string());
        match keys.iter().position(|known| *known == key) {
            Some(at) => curves[at].1.push((x, mean)),
            None => {
                keys.push(key);
                curves.push((row.result.name.clone(), vec![(x, mean)]));
            }
        }
    }
    for (_, points) in &mut curves {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by_key(|point| point.0);
    }
    curves.retain(|(_, points)| points.len() > 1);
    curves
}

fn draw_curves(app: &App, grid: &Grid, area: Rect, buffer: &mut Buffer) {
    const MARKS: [char; 6] = ['●', '■', '▲', '○', '×', '•'];
    let inner = panel(
        app,
        &format!("accuracy against {}", grid.axis),
        area,
        buffer,
        false,
    );
    let curves: Vec<Curve<'_>> = (grid.curves.iter().enumerate())
        .map(|(index, (name, points))| Curve {
            name,
            points,
            style: app.theme.series(index),
            mark: MARKS[index % MARKS.len()],
            joined: true,
        })
        .collect();
    let label = |x: f64| {
        if grid.places.is_empty() {
            return thousands(10_f64.powf(x).round() as u64);
        }
        let index = x.round().max(0.0) as usize;
        grid.places.get(index).cloned().unwrap_or_default()
    };
    chart::draw(app, &curves, label, percent, inner, buffer);
}
