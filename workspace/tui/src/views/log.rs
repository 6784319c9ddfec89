//! Log: what the run, its worker and its plugins say.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_events::LogLevel;

use crate::{
    keys::Action,
    layer::Layer,
    panel::{panel, say},
    text::{fit, line, pad, tint, width},
    views::{Scene, fits},
    watched::{LogEntry, Watched},
};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// What lines must contain.
    pub filter: String,
    /// Lines below the selected one; 0 follows the newest.
    pub back: usize,
}

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let run = scene.run;
    let filter = &selection.filter;
    let mut title = match selection.back {
        0 => "log, following".to_owned(),
        back => format!("log, {back} lines before the end"),
    };
    if !filter.is_empty() {
        title.push_str(&format!(", with \"{filter}\""));
    }
    let inner = panel(scene.theme, &title, area, buffer, true);
    let room = usize::from(inner.height);
    let back = selection.back;
    // The selected line is the last but where there are fewer lines than room below it.
    let newest = back.saturating_sub(room / 2);
    let mut lines: Vec<&LogEntry> = matching(run, filter).skip(newest).take(room).collect();
    if lines.is_empty() {
        let text = if filter.is_empty() {
            "nothing was said yet"
        } else {
            "no line contains that"
        };
        say(scene.theme, text, inner, buffer);
        return;
    }
    lines.reverse();
    let selected = (back > 0).then(|| lines.len().saturating_sub(1 + back - newest));
    let longest = lines.iter().map(|entry| width(&entry.from)).max();
    let from = longest.unwrap_or(0).min(FROM);
    for (row, entry) in lines.into_iter().enumerate() {
        line(
            buffer,
            inner,
            row,
            entry_line(scene, entry, from, inner.width),
        );
        if selected == Some(row)
            && let Ok(offset) = u16::try_from(row)
        {
            let place = Rect {
                y: inner.y + offset,
                height: 1,
                ..inner
            };
            tint(buffer, place, scene.theme.selected());
        }
    }
}

/// The lines that contain the filter, the newest first.
fn matching<'a>(run: &'a Watched, filter: &'a str) -> impl Iterator<Item = &'a LogEntry> {
    run.log
        .iter()
        .rev()
        .filter(move |entry| fits(&entry.text, filter) || fits(&entry.from, filter))
}

/// Most columns for who says it.
const FROM: usize = 14;

/// Time since the run began, level, who in so many columns, what.
fn entry_line(scene: &Scene<'_>, entry: &LogEntry, from: usize, columns: u16) -> Line<'static> {
    let (word, style) = match entry.level {
        LogLevel::Error => ("error", scene.theme.bad()),
        LogLevel::Warning => ("warn ", scene.theme.warning()),
        LogLevel::Info => ("info ", Style::new()),
        LogLevel::Debug => ("debug", scene.theme.dim()),
    };
    let time = match entry.at {
        0 => " ".repeat(7),
        at => {
            let since = at.saturating_sub(scene.run.state.started_at);
            let seconds = since / 1000;
            format!("{:>3}:{:02} ", seconds / 60, seconds % 60)
        }
    };
    let columns = usize::from(columns);
    if columns < 50 {
        return Line::from(vec![
            Span::styled(format!("{word} "), style),
            Span::styled(fit(&entry.text, columns.saturating_sub(6)), style),
        ]);
    }
    let before = [
        Span::styled(time, scene.theme.dim()),
        Span::styled(format!("{word} "), style),
        Span::styled(pad(&entry.from, from, false) + "  ", scene.theme.dim()),
    ];
    let taken: usize = before.iter().map(Span::width).sum();
    let text = fit(&entry.text, columns.saturating_sub(taken));
    Line::from_iter(before.into_iter().chain([Span::styled(text, style)]))
}

/// What a key asks for.
pub fn act(run: &Watched, selection: &mut Selection, body: Rect, action: Action) -> Option<Layer> {
    let page = usize::from(body.height.saturating_sub(3)).max(1);
    let last = matching(run, &selection.filter).count().saturating_sub(1);
    let back = selection.back.min(last);
    let back = match action {
        Action::Up => back + 1,
        Action::Down => back.saturating_sub(1),
        Action::PageUp => back + page,
        Action::PageDown => back.saturating_sub(page),
        Action::First => last,
        Action::Last | Action::Follow => 0,
        Action::Open => {
            let entry = matching(run, &selection.filter).nth(back)?;
            return Some(Layer::Text {
                title: format!("log line from {}", entry.from),
                lines: vec![entry.text.clone()],
                scroll: 0,
            });
        }
        _ => back,
    };
    selection.back = back.min(last);
    None
}
