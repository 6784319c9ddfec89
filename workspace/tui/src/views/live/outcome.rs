//! What a run that is over has come to: the best row with its lead first, then the table, then curves; the stages are
//! folded into one line.

use std::collections::HashMap;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::Line,
};
use topwork_events::{EndStatus, StageState};
use topwork_measure::seconds;
use topwork_results::Winner;

use super::{Selection, curves, shown_stage, stages, table, trains};
use crate::{
    columns::Table,
    keys::Action,
    panel::panel,
    scroll::moved,
    text::{clock, fit, line, width, wrap},
    views::{Scene, compare},
    watched::Watched,
};

/// The least rows and columns of charts below the table.
const CHARTS: (u16, u16) = (9, 60);

/// Columns from which the figure beside the loss has a chart of its own.
const ROOMY: u16 = 80;

/// Whether this is shown rather than the stages.
pub fn is_shown(run: &Watched, selection: &Selection) -> bool {
    let done = (run.state.ending.as_ref()).is_some_and(|ending| ending.status == EndStatus::Done);
    let winner = || {
        let mut tables = run.tables().iter();
        tables.any(|table| table.results.best().is_some())
    };
    done && !selection.unfolded && winner()
}

/// Where the parts are; those without room are empty.
struct Parts {
    headline: Rect,
    table: Rect,
    stages: Rect,
    below: Rect,
}

fn parts(run: &Watched, headline: usize, lines: usize, area: Rect) -> Parts {
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let stages = u16::from(area.height >= 10);
    let headline = count(headline).min(area.height.saturating_sub(stages + 5));
    let wanted = count(lines).saturating_add(3);
    let left = area.height - headline - stages;
    let table = match left.saturating_sub(wanted) {
        below if below >= CHARTS.0 && area.width >= CHARTS.1 => wanted,
        // Many rows leave room for charts where there is much.
        _ if left >= 3 * CHARTS.0 && area.width >= CHARTS.1 => left - CHARTS.0,
        _ => left.min(wanted),
    };
    let below = match run.state.stages.is_empty() {
        true => 0,
        false => left - table,
    };
    let [headline, table, stages, below] = Layout::vertical([
        Constraint::Length(headline),
        Constraint::Length(table),
        Constraint::Length(stages),
        Constraint::Length(below),
    ])
    .areas(area);
    Parts {
        headline,
        table,
        stages,
        below,
    }
}

/// The best row of every target in as many lines as it takes.
fn headline(run: &Watched, area: Rect) -> Vec<(bool, String)> {
    let columns = usize::from(area.width).saturating_sub(1);
    let most = usize::from(area.height / 4).max(2);
    let tables = run.tables();
    let mut lines: Vec<(bool, String)> = Vec::new();
    for table in tables {
        let Some(winner) = table.results.winner() else {
            continue;
        };
        let target = match (&table.results.target, tables) {
            (Some(target), [_, _, ..]) => format!("{target}: "),
            _ => String::new(),
        };
        let whole = format!("{target}{}: {}", winner.row.title, winner.figure());
        let short = || short(&winner, &target, columns);
        let best = match width(&whole) + 2 <= columns {
            true => format!("★ {whole}"),
            false => short(),
        };
        lines.push((true, best));
        let room = columns.saturating_sub(2).max(1);
        let words = |parts: &[Option<String>]| {
            let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
            wrap(&parts.join("; "), room)
        };
        let (lead, standing) = (winner.lead(), winner.standing());
        let mut told = words(&[lead, standing.clone()]);
        // Of a lead that may be chance it matters more that it may be.
        if told.len() >= most {
            told = words(&[standing]);
        }
        if told.len() >= most {
            let whole = told.join(" ");
            told = vec![fit(&whole, room)];
        }
        lines.extend(told.into_iter().map(|words| (false, format!("  {words}"))));
    }
    if tables.len() > 1
        && let Some(ranks) = run.ranks()
        && let Some(best) = ranks.rows.first()
    {
        let over = ranks.targets.len();
        let words = format!(
            "over {over} targets: {}, mean rank {:.2}",
            best.title, best.mean_rank
        );
        lines.insert(
            0,
            (
                true,
                format!("★ {}", fit(&words, columns.saturating_sub(2))),
            ),
        );
    }
    // What the best is told apart from gives way to the best of the other targets.
    if lines.len() > most {
        lines.retain(|(best, _)| tables.len() == 1 || *best);
    }
    if lines.len() > most {
        let left = lines.len() + 1 - most;
        lines.truncate(most - 1);
        lines.push((false, format!("  … {left} more targets")));
    }
    lines
}

/// The best row where there is little room: the figure stays, the name gives way.
fn short(winner: &Winner<'_>, target: &str, columns: usize) -> String {
    let figure = winner.figure.unit.text(winner.value.mean);
    let room = columns.saturating_sub(width(&figure) + 3);
    let name = fit(&format!("{target}{}", winner.row.title), room);
    format!("★ {name} {figure}")
}

/// All stages in one line: how many, how long, the longest of them.
fn stages_line(run: &Watched, columns: usize) -> String {
    let state = &run.state;
    let mut parts = vec![format!("{} stages", state.stages.len())];
    if let Some(ending) = &state.ending {
        parts[0].push_str(&format!(" in {}", clock((ending.seconds * 1000.0) as u64)));
        parts.extend(
            ending
                .peak_bytes
                .map(|bytes| format!("memory {} MB at most", bytes / 1_000_000)),
        );
    }
    let mut timed: Vec<(&StageState, f64)> = (state.stages.iter())
        .filter_map(|stage| Some((stage, stage.seconds?)))
        .collect();
    timed.sort_by(|a, b| b.1.total_cmp(&a.1));
    let longest = timed.into_iter().take(3);
    let longest: Vec<String> = longest
        .map(|(stage, took)| format!("{} {}", stage.plan.title, seconds(took)))
        .collect();
    let mut words = format!(" {}", parts.join(", "));
    let end = " · p shows them";
    for (index, stage) in longest.into_iter().enumerate() {
        let before = if index == 0 { " · longest: " } else { ", " };
        if width(&words) + width(before) + width(&stage) + width(end) > columns {
            break;
        }
        words.push_str(before);
        words.push_str(&stage);
    }
    words + end
}

/// Draws it.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let (run, theme) = (scene.run, scene.theme);
    let headline = headline(run, area);
    let figures = table::figures(scene, &selection.table);
    let parts = parts(run, headline.len(), figures.lines.len(), area);
    for (row, (best, words)) in headline.into_iter().enumerate() {
        let style = if best { theme.title() } else { theme.dim() };
        line(
            buffer,
            parts.headline,
            row,
            Line::styled(format!(" {words}"), style),
        );
    }
    let rows = figures.rows.len();
    let shown = match run.tables().len() {
        0 | 1 => compare::shown_of(rows, parts.table.height.saturating_sub(3)),
        targets => format!(" of {rows} rows on {targets} targets"),
    };
    let title = format!("comparison{shown}, best first");
    let inner = panel(theme, &title, parts.table, buffer, true);
    let row = selection.row.unwrap_or(0).min(rows.saturating_sub(1));
    Table {
        columns: &figures.columns,
        rows: &figures.cells,
        in_sight: compare::line_of(&figures.lines, row),
        selected: true,
        grouped: figures.grouped,
    }
    .draw(theme, inner, buffer);
    let words = stages_line(run, usize::from(area.width));
    line(buffer, parts.stages, 0, Line::styled(words, theme.dim()));
    draw_below(scene, selection, &figures.rows, parts.below, buffer);
}

/// The curves of the selected row, or of the best that has any; the stages where none has.
fn draw_below(
    scene: &Scene<'_>,
    selection: &Selection,
    rows: &[usize],
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.height < CHARTS.0 || area.width < CHARTS.1 {
        return;
    }
    let all = || scene.run.state.stages.iter().enumerate();
    if !all().any(|(_, stage)| trains(stage)) {
        return stages::draw(scene, selection, area, buffer);
    }
    let of_row = |row: &usize| all().find(|(_, stage)| stage.plan.row == Some(*row));
    // Until a row is asked for, what has a curve is worth more than that the best row has none.
    let wanted = match selection.row {
        Some(row) => rows
            .get(row.min(rows.len().saturating_sub(1)))
            .and_then(of_row),
        None => {
            let trained: HashMap<usize, (usize, &StageState)> = (all().rev())
                .filter(|(_, stage)| trains(stage))
                .filter_map(|(index, stage)| Some((stage.plan.row?, (index, stage))))
                .collect();
            rows.iter().find_map(|row| trained.get(row).copied())
        }
    };
    let Some(shown) = wanted.or_else(|| shown_stage(scene.run, selection)) else {
        return;
    };
    let beside = curves::followed(scene.run, shown.1);
    let beside = beside.filter(|_| area.width >= ROOMY && curves::has_followed(shown.1));
    let halves = match beside {
        Some(_) => [Constraint::Fill(1), Constraint::Fill(1)],
        None => [Constraint::Fill(1), Constraint::Length(0)],
    };
    let [loss, followed] = Layout::horizontal(halves).areas(area);
    curves::draw_loss(scene, selection, shown, loss, buffer);
    if let Some(figure) = beside {
        curves::draw_followed(scene, shown, figure, followed, buffer);
    }
}

/// What a key that moves asks for.
pub fn act(run: &Watched, selection: &mut Selection, action: Action) {
    let rows = run.tables().iter().map(|table| table.rows.len()).sum();
    let row = selection.row.unwrap_or(0);
    let to = moved(row, rows, 10, action);
    if to != row || selection.row.is_some() {
        selection.row = Some(to);
    }
}
