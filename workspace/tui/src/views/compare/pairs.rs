//! Which rows the selected one can be told apart from: the differences drawn with their intervals, and in words.

use std::collections::{BTreeSet, HashMap};

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{Interval, Unit, p_value};
use topwork_results::{PairResult, PairTest, Verdict};

use super::{Selection, bars::Shown, rows::Row};
use crate::{
    panel::{panel, say},
    text::{line, pad, pad_title, width, wrap},
    theme::Theme,
    views::Scene,
};

/// A name keeps so many columns before a difference is shortened.
const NAME: usize = 16;

/// A title of strategy, backbone and cut keeps more, before p is left out: the mark says what it comes to.
const TITLE: usize = 26;

/// The least columns in which an interval is drawn.
const PLOT: usize = 12;

/// Columns in which a drawn interval says all it can.
const WIDE_PLOT: usize = 60;

/// Draws it.
pub fn draw(
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
    let mut pairs: Vec<&PairResult> = pairs.iter().collect();
    let room = usize::from(inner.height);
    if pairs.len() >= room {
        // Where not all can be seen, those in doubt come first.
        pairs.sort_by(|a, b| b.p.total_cmp(&a.p));
    } else {
        let places = shown.rows.iter().filter(|row| row.run == selected.run);
        let places: HashMap<&str, usize> = (places.enumerate())
            .map(|(place, row)| (row.result().title.as_str(), place))
            .collect();
        pairs.sort_by_key(|pair| places.get(other(pair, own)).copied());
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
    let columns = usize::from(inner.width);
    // A line for each pair, and one for their axis: what is left may say in full what they are.
    let spare = room.saturating_sub(pairs.len() + 1).max(1);
    let what = match wrap(&what, columns) {
        whole if whole.len() <= spare => whole,
        _ => vec![what],
    };
    let above = what.len();
    for (at, what) in what.into_iter().enumerate() {
        line(buffer, inner, at, Line::styled(what, scene.theme.dim()));
    }
    let room = room + 1 - above;
    pairs.truncate(room.saturating_sub(1));
    let names = pairs.iter().map(|pair| width(other(pair, own)));
    let plan = Plan::of(&pairs, own, names.max().unwrap_or(0), columns, room);
    let told: Vec<(&str, Style, String)> = (pairs.iter())
        .map(|pair| {
            let other = other(pair, own);
            let (style, figures) = match &plan {
                Some(plan) => in_words_beside(scene.theme, pair, own, plan.short),
                None => {
                    let name = width(other).min(if shown.split { TITLE } else { NAME });
                    in_words(scene.theme, pair, own, name, columns)
                }
            };
            (other, style, figures)
        })
        .collect();
    // As many columns for all names, and all names cut in the same way.
    let taken = told.iter().map(|(_, _, figures)| width(figures)).max();
    let room = match &plan {
        Some(plan) => plan.name,
        None => columns.saturating_sub(taken.unwrap_or(0) + 1),
    };
    let short = match shown.split {
        true => shown.names(room),
        false => Vec::new(),
    };
    let same_run = |row: &&Row| row.run == selected.run;
    let short: HashMap<&str, String> = (shown.rows.iter().zip(short))
        .filter(|(row, _)| same_run(row))
        .map(|(row, name)| (row.result().title.as_str(), name))
        .collect();
    for (row, (pair, (other, style, figures))) in pairs.iter().zip(told).enumerate() {
        let room = match &plan {
            Some(plan) => plan.name,
            None => columns.saturating_sub(width(&figures) + 1),
        };
        let name = match short.get(other) {
            Some(name) => pad(name, room, false),
            None => pad_title(other, room),
        };
        let mut spans = vec![Span::styled(format!("{name} "), style)];
        if let Some(plan) = &plan {
            spans.extend(plan.interval(scene.theme, pair, own, style));
            spans.push(Span::raw(" "));
        }
        spans.push(Span::styled(figures, style));
        line(buffer, inner, row + above, Line::from(spans));
    }
    if let Some(plan) = &plan {
        let axis = Line::styled(plan.axis(), scene.theme.dim());
        line(buffer, inner, pairs.len() + above, axis);
    }
}

/// How differences are drawn along one axis.
struct Plan {
    /// Columns of the names.
    name: usize,
    /// Columns of an interval.
    plot: usize,
    /// The values at its ends; 0 is among them.
    ends: [f64; 2],
    /// The interval is not said in words, too.
    short: bool,
    unit: Unit,
}

impl Plan {
    /// `None` where there is no room for it, or no interval.
    fn of(
        pairs: &[&PairResult],
        own: &str,
        longest: usize,
        columns: usize,
        rows: usize,
    ) -> Option<Self> {
        // One line says what this is, and one is the axis.
        if pairs.len() + 2 > rows {
            return None;
        }
        let known = pairs.iter().filter_map(|pair| difference(pair, own));
        let ends = known.fold([0.0_f64; 2], |[low, high], (value, interval)| {
            [
                low.min(interval.low).min(value),
                high.max(interval.high).max(value),
            ]
        });
        let unit = pairs.first()?.figure().unit;
        let widest = |short: bool| {
            let words = pairs.iter().map(|pair| figures(pair, own, short));
            words.map(|words| width(&words)).max().unwrap_or(0)
        };
        if ends[0] >= ends[1] {
            return None;
        }
        [false, true].into_iter().find_map(|short| {
            // A blank before and behind what is drawn.
            let room = columns.checked_sub(widest(short) + 2)?;
            let name = longest.min(room.saturating_sub(PLOT)).min(room * 3 / 5);
            let plot = room.checked_sub(name)?.min(WIDE_PLOT);
            let legible = name >= longest.min(if short { NAME } else { TITLE });
            (plot >= PLOT && legible).then_some(Self {
                name,
                plot,
                ends,
                short,
                unit,
            })
        })
    }

    fn at(&self, value: f64) -> usize {
        let [low, high] = self.ends;
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        (share * (self.plot - 1) as f64).round() as usize
    }

    /// A difference with its interval, and where none would be.
    fn interval(
        &self,
        theme: Theme,
        pair: &PairResult,
        own: &str,
        style: Style,
    ) -> Vec<Span<'static>> {
        let mut cells = vec![(' ', Style::new()); self.plot];
        let told = difference(pair, own);
        if let Some((_, interval)) = told {
            let style = match pair.verdict() {
                Verdict::Apart => theme.series(0),
                _ => style,
            };
            for cell in &mut cells[self.at(interval.low)..=self.at(interval.high)] {
                *cell = ('━', style);
            }
        }
        cells[self.at(0.0)] = ('┊', theme.dim());
        if let Some((value, _)) = told {
            cells[self.at(value)] = ('●', theme.title());
        }
        let span = |(symbol, style): (char, Style)| Span::styled(symbol.to_string(), style);
        cells.into_iter().map(span).collect()
    }

    /// The ends of the axis, and 0 where it is apart from them.
    fn axis(&self) -> String {
        let label = |value: f64| match value == 0.0 {
            true => "0".to_owned(),
            false => self.unit.difference_alone(value),
        };
        let [low, high] = self.ends.map(label);
        let end = (self.name + 1 + self.plot).saturating_sub(width(&high));
        let mut words = " ".repeat(self.name + 1);
        let zero = self.name + 1 + self.at(0.0);
        let mut put = |at: usize, label: &str| {
            let free = at >= width(&words) + usize::from(!words.trim().is_empty()) * 2;
            if free {
                words.push_str(&" ".repeat(at - width(&words)));
                words.push_str(label);
            }
        };
        put(self.name + 1, &low);
        if self.ends[0] < 0.0 && self.ends[1] > 0.0 && zero + 3 <= end {
            put(zero, "0");
        }
        put(end, &high);
        words
    }
}

/// The other row of a pair.
fn other<'a>(pair: &'a PairResult, own: &str) -> &'a str {
    if pair.a == own { &pair.b } else { &pair.a }
}

/// From the row that is selected, whichever of the two the file has first.
fn difference(pair: &PairResult, own: &str) -> Option<(f64, Interval)> {
    let (value, interval) = pair.difference.zip(pair.interval)?;
    Some(match pair.a == own {
        true => (value, interval),
        false => (-value, -interval),
    })
}

fn mark(theme: Theme, pair: &PairResult) -> (&'static str, Style) {
    match pair.verdict() {
        Verdict::Apart => ("≠", Style::new()),
        Verdict::Chance => ("?", theme.dim()),
        Verdict::Equivalent => ("≡", Style::new()),
        Verdict::Alike => ("≈", theme.dim()),
        Verdict::Unmarked => (" ", theme.dim()),
    }
}

/// A difference with its interval, or without, and p.
fn figures(pair: &PairResult, own: &str, short: bool) -> String {
    let p = p_value(pair.p);
    let unit = pair.figure().unit;
    let words = difference(pair, own).map(|(value, interval)| match short {
        true => unit.difference_alone(value),
        false => unit.difference(value, interval),
    });
    words.map_or(format!("  {p:>10}"), |words| format!("  {words}  {p:>10}"))
}

/// What is told beside a drawn interval.
fn in_words_beside(theme: Theme, pair: &PairResult, own: &str, short: bool) -> (Style, String) {
    let (mark, style) = mark(theme, pair);
    let figures = figures(pair, own, short);
    (
        style,
        format!("{mark}{}", figures.get(1..).unwrap_or_default()),
    )
}

/// What is told of a pair, in so many columns of which the other's name wants these.
fn in_words(
    theme: Theme,
    pair: &PairResult,
    own: &str,
    name: usize,
    columns: usize,
) -> (Style, String) {
    let (mark, style) = mark(theme, pair);
    let p = p_value(pair.p);
    let unit = pair.figure().unit;
    let difference = difference(pair, own).map(|(value, interval)| {
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

/// The pairs that a row is one of.
fn pairs_of(row: &Row) -> Vec<PairResult> {
    let title = &row.result().title;
    let own = |pair: &&PairResult| pair.a == *title || pair.b == *title;
    row.results.pairs.iter().filter(own).cloned().collect()
}
