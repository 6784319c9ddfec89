//! The frame around the views: header, tabs, footer, dialogs.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Widget},
};
use topwork_events::EndStatus;
use topwork_store::Standing;

use crate::{
    app::App,
    ascii,
    keys::{self, Action, Binding, KEYS, Place},
    layer::Layer,
    panel::{panel, say, standing_mark},
    present,
    text::{clock, fit, line, pad, width, wrap},
    theme::Theme,
    view::View,
    views::live::{TimeLeft, time_left},
    watched::Watched,
};

/// Widest a dialog gets.
const DIALOG: u16 = 84;

/// The least columns and rows in which the views are legible.
const LEAST: (u16, u16) = (40, 12);

/// The parts of the terminal. What does not fit has no height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What runs and how it stands.
    pub header: Rect,
    /// The views.
    pub tabs: Rect,
    /// The view.
    pub body: Rect,
    /// Keys, or a notice.
    pub footer: Rect,
}

/// Cuts the terminal into its parts.
pub fn frame(area: Rect) -> Frame {
    let rows = area.height;
    let header = u16::from(rows >= 3);
    let tabs = u16::from(rows >= 6);
    let footer = u16::from(rows >= 5);
    let row = |y: u16, height: u16| Rect {
        y: area.y + y,
        height,
        ..area
    };
    Frame {
        header: row(0, header),
        tabs: row(header, tabs),
        body: row(header + tabs, rows - header - tabs - footer),
        footer: row(rows - footer, footer),
    }
}

/// Draws the dashboard.
pub fn draw(app: &App, buffer: &mut Buffer) {
    // A terminal may have shrunk since the last event told its size.
    let area = app.area().intersection(buffer.area);
    let parts = frame(area);
    app.pictures.clear();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        draw_too_small(app, area, buffer);
    } else {
        line(buffer, parts.header, 0, header(app, parts.header.width));
        line(buffer, parts.tabs, 0, tabs(app, parts.tabs.width));
        present::draw(app, parts.body, buffer);
        line(buffer, parts.footer, 0, footer(app, parts.footer.width));
    }
    for layer in &app.layers {
        // A dialog may stand over them.
        app.pictures.clear();
        draw_layer(app, layer, parts, buffer);
    }
    if app.theme.ascii {
        ascii::flatten(buffer);
    }
}

/// How the run stands, and how large the terminal should be.
fn draw_too_small(app: &App, area: Rect, buffer: &mut Buffer) {
    let standing = app.run().map_or(String::new(), |run| {
        let (mark, _, words) = standing(app, run);
        format!("{mark} {words} · ")
    });
    let (columns, rows) = LEAST;
    let text = format!("{standing}needs {columns}×{rows} or more");
    say(app.theme, &text, area, buffer);
}

fn header(app: &App, columns: u16) -> Line<'static> {
    let Some(run) = app.run() else {
        return Line::default();
    };
    let (mark, style, standing) = standing(app, run);
    let name = (run.state.plan.as_ref()).map_or_else(|| run.folder.id(), |plan| plan.name.clone());
    let seed = run.state.plan.as_ref().map_or(String::new(), |plan| {
        let current = run.state.running_stage().and_then(|(_, s)| s.plan.seed);
        match (plan.seeds.len(), current) {
            (0 | 1, _) => String::new(),
            (all, None) => format!(" · {all} seeds"),
            (all, Some(seed)) => {
                let position = plan.seeds.iter().position(|s| *s == seed).unwrap_or(0) + 1;
                format!(" · seed {position} of {all}")
            }
        }
    });
    let columns = usize::from(columns);
    let standing = fit(&standing, columns.saturating_sub(30).max(columns / 2));
    let right = width(&standing) + 3;
    let left = fit(&format!("{name}{seed}"), columns.saturating_sub(right + 12));
    let gap = columns.saturating_sub(11 + width(&left) + right);
    Line::from(vec![
        Span::styled(" topwork", app.theme.title()),
        Span::styled(" · ", app.theme.dim()),
        Span::raw(left),
        Span::raw(" ".repeat(gap)),
        Span::styled(format!("{mark} "), style),
        Span::raw(standing),
    ])
}

/// How the run stands: a mark, its style, and words.
fn standing(app: &App, run: &Watched) -> (&'static str, Style, String) {
    let theme = app.theme;
    if let Some(why) = &run.trouble {
        return ("✗", theme.bad(), why.clone());
    }
    let heard = run.state.ending.as_ref();
    // How it ended is known before all of a long stream is read, and what that said of earlier
    // ends no longer holds.
    if let Some(standing) = run.standing.as_ref().filter(|standing| !standing.is_live())
        && heard.is_none_or(|ending| ending.status.word() != standing.word())
    {
        let (mark, style) = standing_mark(theme, standing);
        let reading = match standing {
            Standing::Done | Standing::Stopped => ", its records are being read",
            _ => "",
        };
        return (mark, style, format!("{standing}{reading}"));
    }
    if let Some(ending) = heard {
        let took = clock((ending.seconds * 1000.0) as u64);
        let (mark, style) = match ending.status {
            EndStatus::Done => ("✓", theme.good()),
            EndStatus::Stopped => ("■", theme.warning()),
            EndStatus::Failed | EndStatus::Crashed => ("✗", theme.bad()),
        };
        return (
            mark,
            style,
            format!("{} after {took}", ending.status.word()),
        );
    }
    if let Some(standing @ Standing::Stalled { .. }) = &run.standing {
        let (mark, style) = standing_mark(theme, standing);
        return (mark, style, standing.to_string());
    }
    if run.state.plan.is_none() {
        return ("○", theme.active(), "starting".to_owned());
    }
    let now = app.now.max(run.state.latest_at);
    let elapsed = clock(now.saturating_sub(run.state.started_at));
    let word = if run.asked_to_stop {
        "stopping"
    } else {
        "running"
    };
    let about = |left: f64| clock((left * 1000.0) as u64);
    let left = match time_left(run, now) {
        Some(TimeLeft::Run(left)) => format!(", about {} left", about(left)),
        Some(TimeLeft::Stage(left)) => format!(", this stage about {} more", about(left)),
        None => String::new(),
    };
    ("●", theme.active(), format!("{word} {elapsed}{left}"))
}

/// The tabs with their first and last columns.
fn tab_spans(app: &App, columns: u16) -> Vec<(View, String, usize)> {
    let title = |view: View| view.title_for(app.targets());
    let full: usize = (View::ALL.iter().map(|view| width(title(*view)) + 4)).sum();
    let short = full > usize::from(columns);
    let mut spans = Vec::new();
    let mut start = 0;
    for view in View::ALL {
        let text = if short && view != app.view {
            format!(" {} ", view.number())
        } else {
            format!(" {} {} ", view.number(), title(view))
        };
        let taken = width(&text);
        spans.push((view, text, start));
        start += taken;
    }
    spans
}

fn tabs(app: &App, columns: u16) -> Line<'static> {
    let spans = tab_spans(app, columns).into_iter().map(|(view, text, _)| {
        let style = if view == app.view {
            app.theme.title().patch(app.theme.selected())
        } else {
            app.theme.dim()
        };
        Span::styled(text, style)
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// The view whose tab is in this column.
pub fn tab_at(app: &App, tabs: Rect, column: u16) -> Option<View> {
    let column = usize::from(column.checked_sub(tabs.x)?);
    tab_spans(app, tabs.width)
        .into_iter()
        .find(|(_, text, start)| (*start..start + width(text)).contains(&column))
        .map(|(view, _, _)| view)
}

fn footer(app: &App, columns: u16) -> Line<'static> {
    if let Some(Layer::Filter { .. }) = app.layers.last() {
        let filter = present::filter(app).unwrap_or_default();
        let mut spans = vec![
            Span::styled(" /", app.theme.key()),
            Span::raw(filter.to_owned()),
            Span::styled("▏  ", app.theme.active()),
        ];
        let room = usize::from(columns).saturating_sub(width(filter) + 5);
        spans.extend(hints(app, room));
        return Line::from(spans);
    }
    if let Some(notice) = &app.notice {
        let style = if notice.bad {
            app.theme.bad()
        } else {
            app.theme.active()
        };
        let text = fit(&notice.text, usize::from(columns).saturating_sub(2));
        return Line::from(Span::styled(format!(" {text}"), style));
    }
    Line::from(hints(app, usize::from(columns)))
}

/// Whether a key does something in this run: one that goes on can be stopped, one that is done has an outcome.
fn does_something(binding: &Binding, place: Place, run: Option<&Watched>) -> bool {
    let ending = run.and_then(|run| run.state.ending.as_ref());
    match (binding.action, place) {
        (Action::Stop, _) => run.is_some_and(Watched::is_live),
        (Action::NextPage, Place::View(View::Live)) => {
            ending.is_some_and(|ending| ending.status == EndStatus::Done)
        }
        _ => true,
    }
}

/// The keys of the present place that have a hint, as many as fit.
fn hints(app: &App, columns: usize) -> Vec<Span<'static>> {
    let place = app
        .layers
        .last()
        .map_or(Place::View(app.view), Layer::place);
    let mut hints: Vec<_> = KEYS
        .iter()
        .filter(|binding| binding.holds(place) && does_something(binding, place, app.run()))
        .filter_map(|binding| Some((binding.keys.first()?.label(), binding.hint?)))
        .collect();
    // Whoever is lost needs help and the way out more than anything else.
    let last = hints.len().saturating_sub(2);
    let needed = |(key, hint): &(String, &str)| width(key) + width(hint) + 3;
    let mut used: usize = hints.iter().skip(last).map(&needed).sum();
    let mut kept = 0;
    for (index, hint) in hints.iter().enumerate().take(last) {
        if used + needed(hint) > columns {
            break;
        }
        used += needed(hint);
        kept = index + 1;
    }
    hints.drain(kept..last);
    let mut spans = Vec::new();
    for (key, hint) in hints {
        spans.push(Span::styled(format!(" {key}"), app.theme.key()));
        spans.push(Span::styled(format!(" {hint} "), app.theme.dim()));
    }
    spans
}

fn draw_layer(app: &App, layer: &Layer, parts: Frame, buffer: &mut Buffer) {
    let place = parts.body;
    match layer {
        Layer::Filter { .. } => {}
        Layer::Question(question) => {
            let inner = dialog_width(place);
            let mut lines = wrap(&question.text(), inner);
            lines.push(String::new());
            lines.push("y yes   n no".to_owned());
            dialog(app.theme, "question", &lines, 0, place, buffer);
        }
        Layer::Help { scroll } => {
            let lines = help(app, dialog_width(place));
            let title = format!("keys in {}", app.view.title_for(app.targets()));
            dialog(app.theme, &title, &lines, *scroll, place, buffer);
        }
        Layer::Text {
            title,
            lines,
            scroll,
        } => {
            let inner = dialog_width(place);
            let lines: Vec<_> = lines
                .iter()
                .flat_map(|line| wrap_or_blank(line, inner))
                .collect();
            dialog(app.theme, title, &lines, *scroll, place, buffer);
        }
    }
}

fn wrap_or_blank(text: &str, columns: usize) -> Vec<String> {
    let lines = wrap(text, columns);
    if lines.is_empty() {
        vec![String::new()]
    } else {
        lines
    }
}

fn dialog_width(place: Rect) -> usize {
    usize::from(place.width.min(DIALOG).saturating_sub(4)).max(1)
}

/// A frame in the middle, as high as its lines and no higher than its place.
fn dialog(
    theme: Theme,
    title: &str,
    lines: &[String],
    scroll: usize,
    place: Rect,
    buffer: &mut Buffer,
) {
    let columns = place.width.min(DIALOG);
    let rows = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2)
        .min(place.height);
    let area = Rect {
        x: place.x + (place.width - columns) / 2,
        y: place.y + (place.height - rows) / 2,
        width: columns,
        height: rows,
    };
    if area.is_empty() {
        return;
    }
    // What is beside it goes, too: half a number would be left there.
    let band = Rect {
        x: place.x,
        width: place.width,
        ..area
    };
    Clear.render(band, buffer);
    let room = usize::from(rows.saturating_sub(2));
    let part = match lines.len() {
        all if all > room => {
            let last = (scroll + room).min(all);
            format!(", {}–{last} of {all} lines, ↓ ↑", scroll + 1)
        }
        _ => String::new(),
    };
    // Where in a long text one is matters more than the end of its title.
    let title = fit(title, usize::from(columns).saturating_sub(4 + width(&part)));
    let inner = panel(theme, &format!("{title}{part}"), area, buffer, true);
    for (row, text) in lines.iter().skip(scroll).enumerate() {
        line(buffer, inner, row, text.as_str());
    }
}

/// The keys that hold in the present view, those that hold in it alone first, in so many columns.
fn help(app: &App, columns: usize) -> Vec<String> {
    /// Columns of keys, and those where there are few.
    const KEYS_COLUMNS: [usize; 2] = [18, 9];
    let [wide, narrow] = KEYS_COLUMNS;
    let beside = if columns >= 3 * wide { wide } else { narrow };
    let place = Place::View(app.view);
    let mut bindings: Vec<&Binding> = KEYS.iter().filter(|b| b.holds(place)).collect();
    let everywhere = |binding: &&Binding| {
        let mut views = View::ALL.iter();
        views.all(|view| binding.holds(Place::View(*view)))
    };
    bindings.sort_by_key(everywhere);
    let mut lines = Vec::new();
    for binding in bindings {
        let keys = keys::labels(binding);
        let mut about = wrap(binding.about, columns.saturating_sub(beside + 1).max(1)).into_iter();
        // Many keys have a line of their own.
        if width(&keys) > beside {
            lines.push(keys);
        } else {
            let first = about.next().unwrap_or_default();
            lines.push(format!("{} {first}", pad(&keys, beside, false)));
        }
        lines.extend(about.map(|rest| format!("{} {rest}", " ".repeat(beside))));
    }
    lines
}

/// How far the open text can be scrolled.
pub fn reading_length(app: &App) -> usize {
    let body = frame(app.area()).body;
    let lines = match app.layers.last() {
        Some(Layer::Help { .. }) => help(app, dialog_width(body)).len(),
        Some(Layer::Text { lines, .. }) => {
            let inner = dialog_width(body);
            lines
                .iter()
                .map(|line| wrap_or_blank(line, inner).len())
                .sum()
        }
        _ => 0,
    };
    lines.saturating_sub(usize::from(body.height.saturating_sub(2)))
}
