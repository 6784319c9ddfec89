//! Live: stages with their progress, curves of the selected one, the table as it fills; of a run that is over what it has
//! come to.

mod curves;
mod outcome;
mod stages;
mod table;

use std::collections::HashMap;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::Line,
};
use topwork_events::{EpochFigures, StageState, StageStatus};
use topwork_measure::thousands;

use crate::{
    figure::Figure,
    keys::Action,
    memo::Memo,
    panel::{panel, say},
    scroll::moved,
    text::{fit, line, width},
    views::{Scene, compare},
    watched::Watched,
};

pub use curves::share_label;

/// What is selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The stage whose curves are shown; none follows the running one.
    stage: Option<usize>,
    /// Only the latest part of the loss, at full resolution.
    recent: bool,
    /// The loss on a linear axis.
    linear: bool,
    /// The stages of a run that is over are wanted, too.
    unfolded: bool,
    /// The selected row of a run that is over, counted in the order shown; none before one is asked for.
    row: Option<usize>,
    /// The table, worked out for the figures of this version.
    table: Memo<u64, table::Figures>,
}

/// Rows that stages and curves keep before the table takes more than half.
const BESIDE: u16 = 20;

/// Where the parts of the view are; those without room are empty.
struct Parts {
    stages: Rect,
    loss: Rect,
    followed: Rect,
    figures: Rect,
    table: Rect,
}

fn parts(run: &Watched, area: Rect) -> Parts {
    let plan = run.state.plan.as_ref();
    let stages = run.state.stages.len();
    // With several targets there are headings among the rows.
    let headings = Some(run.tables().len()).filter(|tables| *tables > 1);
    let rows = plan.map_or(0, |plan| plan.rows.len()) + headings.unwrap_or(0);
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
            followed: none,
            figures: none,
        };
    }
    let most = (area.height / 2).max(area.height.saturating_sub(BESIDE));
    let table = count(rows).saturating_add(3).clamp(4, most);
    let [top, figures, table] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(table),
    ])
    .areas(area);
    let [stages, loss, followed] = if area.width >= 110 {
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
        let [loss, followed] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(curves);
        [stages, loss, followed]
    };
    Parts {
        stages,
        loss,
        followed,
        figures,
        table,
    }
}

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let run = scene.run;
    if run.state.plan.is_none() {
        let text = match (&run.trouble, &run.state.ending) {
            (Some(why), _) => why.clone(),
            (None, Some(ending)) => ending.message.clone().unwrap_or_else(|| {
                format!("the run {} before it had a plan", ending.status.word())
            }),
            (None, None) => format!("starting `{}`: plugins are loaded", run.folder.id()),
        };
        say(scene.theme, &text, area, buffer);
        return;
    }
    if outcome::is_shown(run, selection) {
        return outcome::draw(scene, selection, area, buffer);
    }
    let parts = parts(run, area);
    stages::draw(scene, selection, parts.stages, buffer);
    if let Some((index, stage)) = shown_stage(run, selection) {
        match curves::followed(run, stage) {
            Some(figure) => {
                curves::draw_loss(scene, selection, (index, stage), parts.loss, buffer);
                curves::draw_followed(scene, (index, stage), figure, parts.followed, buffer);
            }
            None => {
                let area = parts.loss.union(parts.followed);
                curves::draw_loss(scene, selection, (index, stage), area, buffer);
            }
        }
        // What happens now is told even while the curves are those of an earlier stage.
        let running = run.state.running_stage().map(|(_, running)| running);
        let told = match (selection.stage, running) {
            (None, Some(running)) => running,
            _ => run.state.stages.get(index).unwrap_or(stage),
        };
        let columns = usize::from(parts.figures.width);
        line(
            buffer,
            parts.figures,
            0,
            figures(scene, selection, told, columns),
        );
    }
    if !parts.table.is_empty() {
        let rows = run.state.plan.as_ref().map_or(0, |plan| plan.rows.len());
        let shown = match run.tables().len() {
            0 | 1 => compare::shown_of(rows, parts.table.height.saturating_sub(3)),
            targets => format!(" of {rows} rows on {targets} targets"),
        };
        let order = match run.state.ending {
            Some(_) => ", best first",
            None => "",
        };
        let title = format!("comparison{shown}{order}");
        let inner = panel(scene.theme, &title, parts.table, buffer, false);
        table::draw(scene, &selection.table, running_row(run), inner, buffer);
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
fn shown_stage<'a>(run: &'a Watched, selection: &Selection) -> Option<(usize, &'a StageState)> {
    let stages = &run.state.stages;
    let selected = selection.stage.and_then(|i| Some((i, stages.get(i)?)));
    let trains = |(_, stage): &(usize, &StageState)| trains(stage);
    selected
        .or_else(|| run.state.running_stage().filter(trains))
        .or_else(|| stages.iter().enumerate().rev().find(trains))
        .or_else(|| run.state.running_stage())
        .or_else(|| stages.first().map(|stage| (0, stage)))
}

/// Whether a stage has told of a training.
fn trains(stage: &StageState) -> bool {
    !stage.epochs.is_empty() || stage.loss_curve.whole().next().is_some()
}

/// `fold 2/5`.
fn fold_words(run: &Watched, stage: &StageState, fold: Option<u32>) -> Option<String> {
    Some(format!("fold {}/{}", fold?, folds(run, stage)?))
}

/// The folds of the stage's target.
fn folds(run: &Watched, stage: &StageState) -> Option<u32> {
    let (part, _) = run.state.part_of_row(stage.plan.row.unwrap_or(0));
    run.state.parts.get(part)?.plan.folds
}

/// One line: why the run ended badly, else what is known of the stage.
fn figures(
    scene: &Scene<'_>,
    selection: &Selection,
    stage: &StageState,
    columns: usize,
) -> Line<'static> {
    let ending = scene.run.state.ending.as_ref();
    let why = ending.and_then(|ending| ending.message.as_ref());
    if let (Some(why), None) = (why, selection.stage) {
        return Line::styled(fit(&format!(" {why}"), columns), scene.theme.bad());
    }
    let mut parts = Vec::new();
    if matches!(stage.status, StageStatus::Done | StageStatus::Failed) {
        parts.push(format!("{}: {}", stage.plan.title, stage.came));
    } else {
        if let Some(rate) = stage.per_second {
            parts.push(format!("{} {}/s", thousands(rate as u64), stage.unit));
        }
        if stage.total > 0 {
            let (done, total) = (thousands(stage.done), thousands(stage.total));
            parts.push(format!("{done} of {total} {}", stage.unit));
        }
    }
    let last = stage.epochs.last();
    let beside = |figure: Option<String>| {
        figure.map_or(String::new(), |figure| format!(", validation {figure}"))
    };
    if let Some(loss) = stage.loss {
        let write = |loss: f64| Figure::loss(loss).whole().to_owned();
        let held_out = beside(last.and_then(|last| last.validation_loss).map(write));
        parts.push(format!("loss {}{held_out}", write(loss)));
    }
    if let Some(last) = last.and_then(EpochFigures::followed) {
        let held_out = beside(last.validation.map(|value| last.figure.unit.text(value)));
        let training = last.figure.unit.text(last.training);
        let name = last.figure.name;
        parts.push(format!("training {name} {training}{held_out}"));
    }
    // How far it is, which the list tells too, and how fast go before a figure is cut.
    let written = |parts: &[String]| format!(" {}", parts.join(" · "));
    while parts.len() > 1 && width(&written(&parts)) > columns {
        parts.remove(usize::from(parts.len() > 3));
    }
    Line::styled(fit(&written(&parts), columns), scene.theme.dim())
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
    let mut known: HashMap<(u8, &str), f64> = HashMap::new();
    let kind = |stage: &StageState| stage.plan.kind as u8;
    for stage in &run.state.stages {
        if let Some(seconds) = stage.seconds {
            let key = (kind(stage), stage.plan.title.as_str());
            known.entry(key).or_insert(seconds);
        }
    }
    let twin = |stage: &StageState| {
        known
            .get(&(kind(stage), stage.plan.title.as_str()))
            .copied()
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
pub fn act(run: &Watched, selection: &mut Selection, action: Action) {
    match action {
        Action::Window => selection.recent = !selection.recent,
        Action::Follow => selection.stage = None,
        Action::Scale => selection.linear = !selection.linear,
        Action::NextPage => selection.unfolded = !selection.unfolded,
        _ if outcome::is_shown(run, selection) => outcome::act(run, selection, action),
        _ => {
            let stages = run.state.stages.len();
            let current = shown_stage(run, selection).map_or(0, |(index, _)| index);
            let to = moved(current, stages, 10, action);
            if stages > 0 && (to != current || selection.stage.is_some()) {
                selection.stage = Some(to);
            }
        }
    }
}

/// The mouse selects a stage.
pub fn click(run: &Watched, selection: &mut Selection, area: Rect, column: u16, row: u16) {
    if outcome::is_shown(run, selection) {
        return;
    }
    let place = parts(run, area).stages;
    let inner = Rect {
        x: place.x + 1,
        y: place.y + 1,
        width: place.width.saturating_sub(2),
        height: place.height.saturating_sub(2),
    };
    if inner.contains((column, row).into()) {
        let line = usize::from(row - inner.y);
        let stage = stages::at(run, selection, usize::from(inner.height), line);
        selection.stage = stage.or(selection.stage);
    }
}
