//! Live: stages with their progress, curves of the selected one, the table as it fills.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};
use topwork_events::{StageState, StageStatus};
use topwork_report::{percent, seconds, thousands};

use crate::{
    app::{App, Watched},
    chart::{self, Curve},
    draw::{panel, stage_mark},
    event::Effect,
    keys::Action,
    text::{clock, fit, line, pad_title, tint, width},
    views::{compare, first_shown, moved, say},
};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The stage whose curves are shown; none follows the running one.
    pub stage: Option<usize>,
    /// Only the latest part of the loss, at full resolution.
    pub recent: bool,
}

/// Where the parts of the view are; those without room are empty.
struct Parts {
    stages: Rect,
    loss: Rect,
    accuracy: Rect,
    figures: Rect,
    table: Rect,
}

fn parts(app: &App, area: Rect) -> Parts {
    let (stages, rows) = app.run().map_or((0, 0), |run| {
        let plan = run.state.plan.as_ref();
        (
            run.state.stages.len(),
            plan.map_or(0, |plan| plan.rows.len()),
        )
    });
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let none = Rect {
        width: 0,
        height: 0,
        ..area
    };
    if area.height < 12 || area.width < 60 {
        // Stages first; then the table, as far as there is room.
        let wanted = count(stages).saturating_add(2).min(area.height);
        let left = area.height - wanted.min(area.height.saturating_sub(5).max(area.height / 2));
        let table = count(rows).saturating_add(3).min(left);
        let [stages, table] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(table)]).areas(area);
        return Parts {
            stages,
            table,
            loss: none,
            accuracy: none,
            figures: none,
        };
    }
    let table = count(rows).saturating_add(3).clamp(4, area.height / 2);
    let [top, figures, table] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(table),
    ])
    .areas(area);
    let [stages, loss, accuracy] = if area.width >= 110 {
        let stages = Constraint::Length((area.width / 3).min(52));
        Layout::horizontal([stages, Constraint::Fill(1), Constraint::Fill(1)]).areas(top)
    } else {
        let [stages, curves] =
            Layout::horizontal([Constraint::Length(area.width / 2), Constraint::Fill(1)])
                .areas(top);
        let below = if curves.height >= 14 {
            curves.height / 2
        } else {
            0
        };
        let [loss, accuracy] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(curves);
        [stages, loss, accuracy]
    };
    Parts {
        stages,
        loss,
        accuracy,
        figures,
        table,
    }
}

/// Draws the view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(run) = app.run() else { return };
    if run.state.plan.is_none() {
        let text = match (&run.trouble, &run.state.ending) {
            (Some(why), _) => why.clone(),
            (None, Some(ending)) => ending.message.clone().unwrap_or_else(|| {
                format!("the run {} before it had a plan", ending.status.word())
            }),
            (None, None) => format!("starting `{}`: plugins are loaded", run.folder.id()),
        };
        say(app, &text, area, buffer);
        return;
    }
    let parts = parts(app, area);
    draw_stages(app, run, parts.stages, buffer);
    if let Some((index, stage)) = shown_stage(app, run) {
        draw_loss(app, stage, parts.loss, buffer);
        draw_accuracy(app, stage, parts.accuracy, buffer);
        // What happens now is told even while the curves are those of an earlier stage.
        let running = run.state.running_stage().map(|(_, running)| running);
        let told = match (app.live.stage, running) {
            (None, Some(running)) => running,
            _ => run.state.stages.get(index).unwrap_or(stage),
        };
        let columns = usize::from(parts.figures.width);
        line(buffer, parts.figures, 0, figures(app, run, told, columns));
    }
    if !parts.table.is_empty() {
        let rows = run
            .results
            .as_ref()
            .map_or(0, |results| results.strategies.len());
        let shown = usize::from(parts.table.height.saturating_sub(3)).min(rows);
        let title = if shown < rows {
            format!("comparison, {shown} of {rows} rows")
        } else {
            "comparison".to_owned()
        };
        let inner = panel(app, &title, parts.table, buffer, false);
        compare::draw_figures(app, running_row(run), inner, buffer);
    }
}

/// The row at work, or the next one: it stays in sight when not all rows do.
fn running_row(run: &Watched) -> usize {
    let running = run.state.running_stage().map(|(index, _)| index);
    let stages = running.map_or(&[][..], |index| &run.state.stages[index..]);
    let mut rows = stages.iter().filter_map(|stage| stage.plan.row);
    rows.next().unwrap_or(0)
}

/// The stage whose curves are shown: the selected one, else the running one if it trains, else
/// the latest that has trained, else the running one.
fn shown_stage<'a>(app: &App, run: &'a Watched) -> Option<(usize, &'a StageState)> {
    let stages = &run.state.stages;
    let selected = app.live.stage.and_then(|i| Some((i, stages.get(i)?)));
    let trains = |(_, stage): &(usize, &StageState)| stage.loss_curve.whole().next().is_some();
    selected
        .or_else(|| run.state.running_stage().filter(trains))
        .or_else(|| stages.iter().enumerate().rev().find(trains))
        .or_else(|| run.state.running_stage())
        .or_else(|| stages.first().map(|stage| (0, stage)))
}

fn draw_stages(app: &App, run: &Watched, area: Rect, buffer: &mut Buffer) {
    let done = (run.state.stages.iter())
        .filter(|stage| stage.status == StageStatus::Done)
        .count();
    let title = format!("stages {done}/{}", run.state.stages.len());
    let inner = panel(app, &title, area, buffer, false);
    // The selected stage, else the one at work, though the curves may be those of another.
    let running = run.state.running_stage().map(|(index, _)| index);
    let in_sight = (app.live.stage.or(running))
        .or_else(|| shown_stage(app, run).map(|(index, _)| index))
        .unwrap_or(0);
    let room = usize::from(inner.height);
    let first = first_shown(in_sight, run.state.stages.len(), room);
    let several = run
        .state
        .plan
        .as_ref()
        .is_some_and(|plan| plan.seeds.len() > 1);
    for (row, (index, stage)) in (run.state.stages.iter().enumerate())
        .skip(first)
        .take(room)
        .enumerate()
    {
        line(
            buffer,
            inner,
            row,
            stage_line(app, run, stage, several, inner.width),
        );
        if app.live.stage == Some(index)
            && let Ok(offset) = u16::try_from(row)
        {
            let place = Rect {
                y: inner.y + offset,
                height: 1,
                ..inner
            };
            tint(buffer, place, app.theme.selected());
        }
    }
}

fn stage_line(
    app: &App,
    run: &Watched,
    stage: &StageState,
    several: bool,
    columns: u16,
) -> Line<'static> {
    let columns = usize::from(columns);
    let ended = !run.is_live();
    let (mark, style) = match stage.status {
        StageStatus::Running if ended => ("✗", app.theme.bad()),
        status => stage_mark(app, status),
    };
    let title = match stage.plan.seed {
        Some(seed) if several => format!("{seed}· {}", stage.plan.title),
        _ => stage.plan.title.clone(),
    };
    let right = match stage.status {
        StageStatus::Waiting => String::new(),
        StageStatus::Done | StageStatus::Failed => stage.seconds.map_or(String::new(), seconds),
        StageStatus::Running => running_words(app, stage, columns, !ended),
    };
    let room = columns.saturating_sub(3 + width(&right));
    let title_style = match stage.status {
        StageStatus::Waiting => app.theme.dim(),
        _ => ratatui::style::Style::new(),
    };
    Line::from(vec![
        Span::styled(format!("{mark} "), style),
        Span::styled(pad_title(&title, room), title_style),
        Span::raw(" "),
        Span::styled(right, style),
    ])
}

/// `epoch 2/3 ▓▓▓▓░ 61 %`, or as much of it as there is room for.
fn running_words(app: &App, stage: &StageState, columns: usize, live: bool) -> String {
    if stage.total == 0 {
        if stage.done > 0 {
            return format!("{} {}", thousands(stage.done), stage.unit);
        }
        let since = app.now.saturating_sub(stage.started_at);
        return if live { clock(since) } else { String::new() };
    }
    let share = (stage.done as f64 / stage.total as f64).clamp(0.0, 1.0);
    let percent = format!("{:>3.0} %", (share * 100.0).floor());
    let fold = fold_words(app, stage.fold).map_or(String::new(), |fold| fold + " ");
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

/// `fold 2/5`.
fn fold_words(app: &App, fold: Option<u32>) -> Option<String> {
    Some(format!("fold {}/{}", fold?, folds(app)?))
}

fn folds(app: &App) -> Option<u32> {
    app.run()?.state.plan.as_ref()?.folds
}

fn draw_loss(app: &App, stage: &StageState, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let window = if app.live.recent { ", recent" } else { "" };
    let title = format!("loss{window} · {}", stage.plan.title);
    let inner = panel(app, &title, area, buffer, false);
    // On a logarithmic axis the late part of a training is as legible as its beginning.
    let log = |(x, loss): (f64, f64)| (x, loss.max(1e-9).log10());
    let train: Vec<(f64, f64)> = if app.live.recent {
        stage.loss_curve.recent().map(log).collect()
    } else {
        stage.loss_curve.whole().map(log).collect()
    };
    let epochs = stage
        .epochs
        .last()
        .map_or(1.0, |figures| f64::from(figures.epochs.max(1)));
    let fold_length = match stage.fold {
        Some(_) => stage.total as f64 / f64::from(folds(app).unwrap_or(1).max(1)),
        None => stage.total as f64,
    };
    let valid: Vec<(f64, f64)> = (stage.epochs.iter())
        .filter_map(|figures| {
            let folds_before = f64::from(figures.fold.map_or(0, |fold| fold.saturating_sub(1)));
            let x = (folds_before + f64::from(figures.epoch) / epochs) * fold_length;
            Some(log((x, figures.validation_loss?)))
        })
        .filter(|(x, _)| train.first().is_none_or(|first| *x >= first.0))
        .collect();
    if train.len() < 2 {
        let text = match stage.status {
            StageStatus::Waiting => "not begun",
            _ => "this stage has no curve",
        };
        say(app, text, inner, buffer);
        return;
    }
    let curves = train_and_valid(app, &train, &valid);
    let unit = stage.unit.clone();
    let x_label = move |x: f64| format!("{} {unit}", thousands(x.max(0.0) as u64));
    chart::draw(
        app,
        &curves,
        x_label,
        |y| format!("{:.4}", 10_f64.powf(y)),
        inner,
        buffer,
    );
}

/// The curve of the training samples, and that of those held out where there are any.
fn train_and_valid<'a>(
    app: &App,
    train: &'a [(f64, f64)],
    valid: &'a [(f64, f64)],
) -> Vec<Curve<'a>> {
    let mut curves = vec![Curve {
        name: "train",
        points: train,
        style: app.theme.series(0),
        mark: '─',
        joined: true,
    }];
    if !valid.is_empty() {
        curves.push(Curve {
            name: "validation",
            points: valid,
            style: app.theme.series(1),
            mark: '•',
            joined: false,
        });
    }
    curves
}

fn draw_accuracy(app: &App, stage: &StageState, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let epochs = stage.latest_epochs();
    let fold = epochs.last().map_or(stage.fold, |last| last.fold);
    let fold = fold_words(app, fold).map_or(String::new(), |fold| format!(", {fold}"));
    let title = format!("accuracy{fold} · {}", stage.plan.title);
    let inner = panel(app, &title, area, buffer, false);
    let train: Vec<(f64, f64)> = (epochs.iter())
        .map(|figures| (f64::from(figures.epoch), figures.accuracy))
        .collect();
    let valid: Vec<(f64, f64)> = (epochs.iter())
        .filter_map(|figures| Some((f64::from(figures.epoch), figures.validation_accuracy?)))
        .collect();
    if train.len() < 2 {
        let text = match epochs.first() {
            Some(only) => {
                let held_out = only.validation_accuracy.map_or(String::new(), |accuracy| {
                    format!(", validation {}", percent(accuracy))
                });
                format!(
                    "training {}{held_out} in epoch {}",
                    percent(only.accuracy),
                    only.epoch
                )
            }
            None if stage.epoch > 0 => "known at the end of the epoch".to_owned(),
            None => "this stage has no epochs".to_owned(),
        };
        say(app, &text, inner, buffer);
        return;
    }
    let curves = train_and_valid(app, &train, &valid);
    chart::draw(
        app,
        &curves,
        |x| format!("epoch {x:.0}"),
        percent,
        inner,
        buffer,
    );
}

/// One line: why the run ended badly, else what is known of the stage.
fn figures(app: &App, run: &Watched, stage: &StageState, columns: usize) -> Line<'static> {
    let why = run
        .state
        .ending
        .as_ref()
        .and_then(|ending| ending.message.as_ref());
    if let (Some(why), None) = (why, app.live.stage) {
        return Line::styled(fit(&format!(" {why}"), columns), app.theme.bad());
    }
    let mut parts = Vec::new();
    if matches!(stage.status, StageStatus::Done | StageStatus::Failed) {
        parts.push(format!("{}: {}", stage.plan.title, stage.detail));
    } else {
        if let Some(rate) = stage.per_second {
            parts.push(format!("{} {}/s", thousands(rate as u64), stage.unit));
        }
        if stage.total > 0 {
            let (done, total) = (thousands(stage.done), thousands(stage.total));
            parts.push(format!("{done} of {total} {}", stage.unit));
        }
    }
    if let Some(loss) = stage.loss {
        parts.push(format!("loss {loss:.4}"));
    }
    if let Some(last) = stage.epochs.last() {
        parts.push(format!("training accuracy {}", percent(last.accuracy)));
    }
    Line::styled(
        fit(&format!(" {}", parts.join(" · ")), columns),
        app.theme.dim(),
    )
}

/// How long it will still take, seconds.
pub enum TimeLeft {
    /// Of the whole run: every stage to come has a twin of an earlier seed that is done.
    Run(f64),
    /// Of the running stage: what comes after it is not known.
    Stage(f64),
}

/// How long it will still take; `None` where nothing is known.
pub fn time_left(run: &Watched, now: u64) -> Option<TimeLeft> {
    let (index, stage) = run.state.running_stage()?;
    let twin = |stage: &StageState| {
        let same = |other: &&StageState| {
            other.plan.kind == stage.plan.kind && other.plan.title == stage.plan.title
        };
        run.state.stages.iter().filter(same).find_map(|s| s.seconds)
    };
    let elapsed = now.saturating_sub(stage.started_at) as f64 / 1000.0;
    let by_rate = stage
        .per_second
        .filter(|rate| *rate > 0.0 && stage.total > 0);
    let current = by_rate
        .map(|rate| stage.total.saturating_sub(stage.done) as f64 / rate)
        .or_else(|| twin(stage).map(|whole| (whole - elapsed).max(0.0)))?;
    let later: Option<f64> = run.state.stages.get(index + 1..)?.iter().map(twin).sum();
    Some(match later {
        Some(later) => TimeLeft::Run(current + later),
        None => TimeLeft::Stage(current),
    })
}

/// What a key asks for.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Window => app.live.recent = !app.live.recent,
        Action::Follow => app.live.stage = None,
        _ => {
            let Some(run) = app.run() else {
                return Vec::new();
            };
            let stages = run.state.stages.len();
            let current = shown_stage(app, run).map_or(0, |(index, _)| index);
            let to = moved(current, stages, 10, action);
            if stages > 0 && (to != current || app.live.stage.is_some()) {
                app.live.stage = Some(to);
            }
        }
    }
    Vec::new()
}

/// The mouse selects a stage.
pub fn click(app: &mut App, area: Rect, column: u16, row: u16) {
    let place = parts(app, area).stages;
    let inner = Rect {
        x: place.x + 1,
        y: place.y + 1,
        width: place.width.saturating_sub(2),
        height: place.height.saturating_sub(2),
    };
    let Some(run) = app.run() else { return };
    if inner.contains((column, row).into()) {
        let stages = run.state.stages.len();
        let shown = shown_stage(app, run).map_or(0, |(index, _)| index);
        let first = first_shown(shown, stages, usize::from(inner.height));
        let index = first + usize::from(row - inner.y);
        if index < stages {
            app.live.stage = Some(index);
        }
    }
}
