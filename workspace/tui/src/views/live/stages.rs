//! The list of stages with their progress; those of each backbone with each target under a heading.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};
use topwork_events::{StageState, StageStatus};
use topwork_measure::{seconds, thousands};

use super::{Selection, fold_words, shown_stage};
use crate::{
    panel::{panel, stage_mark},
    scroll::shown_under_headings,
    text::{clock, fit_title, line, pad, shorten, tint, width},
    views::Scene,
    watched::Watched,
};

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    /// The part of the run that the stages below belong to.
    Heading(usize),
    /// A stage.
    Stage(usize),
}

/// All lines.
fn entries(run: &Watched) -> Vec<Entry> {
    if !run.has_parts() {
        return (0..run.state.stages.len()).map(Entry::Stage).collect();
    }
    let parts = run.state.parts.iter().enumerate();
    parts
        .flat_map(|(part, of)| {
            let stages = of.stages.clone().map(Entry::Stage);
            std::iter::once(Entry::Heading(part)).chain(stages)
        })
        .collect()
}

/// The lines that have room.
fn shown(run: &Watched, selection: &Selection, room: usize) -> Vec<Entry> {
    let entries = entries(run);
    // The selected stage, else the one at work, though the curves may be those of another.
    let running = run.state.running_stage().map(|(index, _)| index);
    let in_sight = (selection.stage.or(running))
        .or_else(|| shown_stage(run, selection).map(|(index, _)| index))
        .unwrap_or(0);
    let in_sight = entries
        .iter()
        .position(|entry| *entry == Entry::Stage(in_sight));
    let is_heading = |line: usize| matches!(entries.get(line), Some(Entry::Heading(_)));
    let shown = shown_under_headings(in_sight.unwrap_or(0), entries.len(), room, is_heading);
    let shown = shown
        .into_iter()
        .filter_map(|line| entries.get(line).copied());
    shown.collect()
}

/// The stage at a line of the list.
pub fn at(run: &Watched, selection: &Selection, room: usize, row: usize) -> Option<usize> {
    match shown(run, selection, room).get(row)? {
        Entry::Stage(stage) => Some(*stage),
        Entry::Heading(_) => None,
    }
}

/// Draws the list.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let run = scene.run;
    let done = (run.state.stages.iter())
        .filter(|stage| stage.status == StageStatus::Done)
        .count();
    let load = run.load.filter(|_| run.is_live());
    let load = load.map_or(String::new(), |load| format!(" · {}", load.words()));
    let title = format!("stages {done}/{}{load}", run.state.stages.len());
    let inner = panel(scene.theme, &title, area, buffer, false);
    let several = run
        .state
        .plan
        .as_ref()
        .is_some_and(|plan| plan.seeds.len() > 1);
    let columns = usize::from(inner.width);
    let shown = shown(run, selection, usize::from(inner.height));
    for (row, entry) in shown.into_iter().enumerate() {
        let index = match entry {
            Entry::Stage(index) => index,
            Entry::Heading(part) => {
                let name = run.part_name(part).unwrap_or_default();
                let name = format!("── {} ", shorten(&name, columns.saturating_sub(5)));
                let rule = "─".repeat(columns.saturating_sub(width(&name)));
                let words = Line::styled(name + &rule, scene.theme.title());
                line(buffer, inner, row, words);
                continue;
            }
        };
        if let Some(stage) = run.state.stages.get(index) {
            line(
                buffer,
                inner,
                row,
                stage_line(scene, stage, several, inner.width),
            );
        }
        if selection.stage == Some(index)
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

/// What a stage is called below the heading of its part.
fn title(run: &Watched, stage: &StageState) -> String {
    let whole = &stage.plan.title;
    if !run.has_parts() {
        return whole.clone();
    }
    let row = (stage.plan.row).and_then(|row| run.state.plan.as_ref()?.rows.get(row));
    if let Some(row) = row {
        let parts = [Some(&row.name), row.detail.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        return parts.join(" · ");
    }
    let names = (0..run.state.parts.len()).filter_map(|part| run.part_name(part));
    let mut bare = names.filter_map(|name| whole.strip_suffix(&format!(" · {name}")));
    bare.next().unwrap_or(whole).to_owned()
}

/// A title cut to so many columns.
pub fn cut(run: &Watched, title: &str, columns: usize) -> String {
    match run.has_parts() {
        true => shorten(title, columns),
        false => fit_title(title, columns),
    }
}

fn stage_line(scene: &Scene<'_>, stage: &StageState, several: bool, columns: u16) -> Line<'static> {
    let run = scene.run;
    let columns = usize::from(columns);
    let ended = !run.is_live();
    let (mark, style) = match stage.status {
        StageStatus::Running if ended => ("✗", scene.theme.bad()),
        status => stage_mark(scene.theme, status),
    };
    let title = title(run, stage);
    let title = match stage.plan.seed {
        Some(seed) if several => format!("{seed}· {title}"),
        _ => title,
    };
    let right = match stage.status {
        StageStatus::Waiting => String::new(),
        StageStatus::Done | StageStatus::Failed => stage.seconds.map_or(String::new(), seconds),
        StageStatus::Running => running_words(scene, stage, columns, !ended),
    };
    let room = columns.saturating_sub(3 + width(&right));
    let title_style = match stage.status {
        StageStatus::Waiting => scene.theme.dim(),
        _ => ratatui::style::Style::new(),
    };
    Line::from(vec![
        Span::styled(format!("{mark} "), style),
        Span::styled(pad(&cut(run, &title, room), room, false), title_style),
        Span::raw(" "),
        Span::styled(right, style),
    ])
}

/// `epoch 2/3 ▓▓▓▓░ 61 %`, or as much of it as there is room for.
fn running_words(scene: &Scene<'_>, stage: &StageState, columns: usize, live: bool) -> String {
    if stage.total == 0 {
        if stage.done > 0 {
            return format!("{} {}", thousands(stage.done), stage.unit);
        }
        let since = scene.now.saturating_sub(stage.started_at);
        return if live { clock(since) } else { String::new() };
    }
    let share = (stage.done as f64 / stage.total as f64).clamp(0.0, 1.0);
    let percent = format!("{:>3.0} %", (share * 100.0).floor());
    let fold = fold_words(scene.run, stage, stage.fold).map_or(String::new(), |fold| fold + " ");
    let epoch = match (stage.epoch, stage.epochs.last()) {
        (0, _) => String::new(),
        (epoch, Some(figures)) => format!("epoch {epoch}/{} ", figures.epochs.max(epoch)),
        (epoch, None) => format!("epoch {epoch} "),
    };
    let epoch = fold + &epoch;
    let left = columns.saturating_sub(3 + width(&percent) + width(&epoch) + 12);
    if left < 4 {
        return percent;
    }
    let cells = left.min(10);
    let full = (share * cells as f64).round() as usize;
    format!(
        "{epoch}{}{} {percent}",
        "▓".repeat(full),
        "░".repeat(cells - full)
    )
}
