//! How sure the figures are: bars with intervals, and pairs.

use std::collections::{BTreeSet, HashMap};

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{self as measure, ACCURACY, p_value};
use topwork_results::{PairResult, PairTest, RowResult, Verdict};

use super::{Selection, rows::Row, shown_of, titles::labels};
use crate::{
    figure::Figure,
    panel::{panel, say},
    scroll::first_shown,
    text::{fit_title, line, pad, pad_title, width},
    theme::Theme,
    views::Scene,
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
    fn names(&self, columns: usize) -> Vec<String> {
        if !self.split {
            return self
                .rows
                .iter()
                .map(|row| fit_title(&row.name, columns))
                .collect();
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
    let (titles, names) = match shown.split {
        true => {
            let titles = shown.names((columns * 4 / 7).min(44));
            let names = titles.iter().map(|name| width(name)).max().unwrap_or(0);
            (titles, names)
        }
        false => {
            let names = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
            let names = names.min(columns / 3).min(28);
            (shown.names(names), names)
        }
    };
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

/// Which strategies the selected one can be told apart from.
pub fn draw_pairs(
    scene: &Scene<'_>,
    selection: &Selection,
    shown: Shown<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let Some(selected) = shown.rows.get(shown.selected) else {
        return;
    };
    let name = match shown.split {
        true => {
            let room = usize::from(area.width).saturating_sub(4 + width(" against"));
            let names = shown.names(room);
            names.into_iter().nth(shown.selected).unwrap_or_default()
        }
        false => selected.name.clone(),
    };
    let title = format!("{name} against");
    let inner = panel(scene.theme, &title, area, buffer, false);
    let Some(run) = scene.all.get(selected.run) else {
        return;
    };
    let own = &selected.result().title;
    let key = (run.version, selected.whole_title());
    let pairs = selection.pairs.get(key, || pairs_of(selected));
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
    let told: Vec<(&str, Style, String)> = (pairs.iter())
        .take(usize::from(inner.height).saturating_sub(1))
        .map(|pair| {
            let other = other(pair, own);
            let name = width(other).min(if shown.split { TITLE } else { NAME });
            let (style, figures) = in_words(scene.theme, pair, own, name, columns);
            (other, style, figures)
        })
        .collect();
    // As many columns for all names, and all names cut in the same way.
    let taken = told.iter().map(|(_, _, figures)| width(figures)).max();
    let room = columns.saturating_sub(taken.unwrap_or(0) + 1);
    let short = match shown.split {
        true => shown.names(room),
        false => Vec::new(),
    };
    let same_run = |row: &&Row| row.run == selected.run;
    let short: HashMap<&str, String> = (shown.rows.iter().zip(short))
        .filter(|(row, _)| same_run(row))
        .map(|(row, name)| (row.result().title.as_str(), name))
        .collect();
    for (row, (other, style, figures)) in told.into_iter().enumerate() {
        let room = columns.saturating_sub(width(&figures) + 1);
        let name = match short.get(other) {
            Some(name) => pad(name, room, false),
            None => pad_title(other, room),
        };
        let text = format!("{name} {figures}");
        line(buffer, inner, row + 1, Line::styled(text, style));
    }
}

/// The other row of a pair.
fn other<'a>(pair: &'a PairResult, own: &str) -> &'a str {
    if pair.a == own { &pair.b } else { &pair.a }
}

/// What is told of a pair, in so many columns of which the other's name wants these.
fn in_words(
    theme: Theme,
    pair: &PairResult,
    own: &str,
    name: usize,
    columns: usize,
) -> (Style, String) {
    let (mark, style) = match pair.verdict() {
        Verdict::Apart => ("≠", Style::new()),
        Verdict::Chance => ("?", theme.dim()),
        Verdict::Equivalent => ("≡", Style::new()),
        Verdict::Alike => ("≈", theme.dim()),
        Verdict::Unmarked => (" ", theme.dim()),
    };
    let p = p_value(pair.p);
    // From the row that is selected, whichever of the two the file has first.
    let unit = pair.figure().unit;
    let difference = (pair.difference.zip(pair.interval)).map(|(value, interval)| {
        let (value, interval) = match pair.a == own {
            true => (value, interval),
            false => (-value, -interval),
        };
        let short = unit.difference_alone(value);
        [unit.difference(value, interval), short]
    });
    let room = |text: &str| columns.saturating_sub(width(text) + 1);
    let without_p = difference.as_ref().filter(|_| name > NAME);
    let without_p = without_p.map(|[_, short]| format!("{mark} {short}"));
    let p_alone = without_p.is_none().then(String::new);
    let forms = difference.into_iter().flatten().chain(p_alone);
    let figures = (forms.map(|difference| format!("{mark} {difference}  {p:>10}")))
        .find(|text| room(text) >= name)
        .or(without_p)
        .unwrap_or_else(|| format!("{mark} {p}"));
    (style, figures)
}

/// A name keeps so many columns before a difference is shortened.
const NAME: usize = 16;

/// A title of strategy, backbone and cut keeps more, before p is left out: the mark says what it comes to.
const TITLE: usize = 26;

/// The pairs that a row is one of.
fn pairs_of(row: &Row) -> Vec<PairResult> {
    let title = &row.result().title;
    let own = |pair: &&PairResult| pair.a == *title || pair.b == *title;
    row.results.pairs.iter().filter(own).cloned().collect()
}
