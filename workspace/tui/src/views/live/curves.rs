//! Curves of one stage, with those of finished stages of the same kind faint behind them.

use ratatui::{buffer::Buffer, layout::Rect};
use topwork_events::{EpochFigures, StageState, StageStatus};
use topwork_measure::{Figure as Measured, TargetKind, Unit};

use super::{Selection, fold_words, folds, trains};
use crate::{
    chart::{self, Curve, Labels, Stroke},
    figure::Figure,
    panel::{panel, say},
    text::{shorten, width},
    theme::Theme,
    views::Scene,
    watched::Watched,
};

/// Finished stages that are drawn behind the one shown at most: the latest.
const BEHIND: usize = 8;

/// Points of a curve.
type Points = Vec<(f64, f64)>;

/// The loss as it is drawn.
struct Losses {
    train: Points,
    valid: Points,
    /// Along the x axis stand epochs, not units.
    by_epoch: bool,
}

/// The loss from step to step, or from epoch to epoch where steps are missing: of a stage that is
/// over before it has told of its progress twice only the ends of epochs are known. With folds
/// those are the latest fold's.
fn losses(run: &Watched, recent: bool, stage: &StageState) -> Losses {
    let steps: Points = if recent {
        stage.loss_curve.recent().collect()
    } else {
        stage.loss_curve.whole().collect()
    };
    if steps.len() < stage.epochs.len().max(2) {
        return Losses {
            train: by_epoch(stage, |figures| Some(figures.loss)),
            valid: by_epoch(stage, |figures| figures.validation_loss),
            by_epoch: true,
        };
    }
    let epochs = stage
        .epochs
        .last()
        .map_or(1.0, |figures| f64::from(figures.epochs.max(1)));
    let fold_length = match stage.fold {
        Some(_) => stage.total as f64 / f64::from(folds(run, stage).unwrap_or(1).max(1)),
        None => stage.total as f64,
    };
    let valid = stage.epochs.iter().filter_map(|figures| {
        let folds_before = f64::from(figures.fold.map_or(0, |fold| fold.saturating_sub(1)));
        let x = (folds_before + f64::from(figures.epoch) / epochs) * fold_length;
        Some((x, figures.validation_loss?))
    });
    Losses {
        valid: valid
            .filter(|(x, _)| steps.first().is_none_or(|first| *x >= first.0))
            .collect(),
        train: steps,
        by_epoch: false,
    }
}

/// What the epochs of the latest fold come to.
fn by_epoch(stage: &StageState, figure: impl Fn(&EpochFigures) -> Option<f64>) -> Points {
    let epochs = stage.latest_epochs().iter();
    epochs
        .filter_map(|figures| Some((f64::from(figures.epoch), figure(figures)?)))
        .collect()
}

/// The finished stages whose curves can be laid behind that of a stage: of the same kind, on the same target.
fn behind(run: &Watched, index: usize) -> Vec<&StageState> {
    let state = &run.state;
    let target = |index: usize| {
        let mut parts = state.parts.iter();
        let part = parts.find(|part| part.stages.contains(&index));
        part.map(|part| part.plan.target.as_deref())
    };
    let Some(shown) = state.stages.get(index) else {
        return Vec::new();
    };
    let alike = |(other, stage): &(usize, &StageState)| {
        *other != index
            && stage.status == StageStatus::Done
            && stage.plan.kind as u8 == shown.plan.kind as u8
            && trains(stage)
            && target(*other) == target(index)
    };
    let stages = state.stages.iter().enumerate().rev();
    stages
        .filter(alike)
        .take(BEHIND)
        .map(|(_, stage)| stage)
        .collect()
}

/// The figure by which a stage is followed beside its loss, where there is one: the source always has classes.
pub fn followed(run: &Watched, stage: &StageState) -> Option<&'static Measured> {
    let part = (stage.plan.row).map(|row| run.state.part_of_row(row).0);
    let part = part.and_then(|part| run.state.parts.get(part));
    let targets = part.map_or(TargetKind::Classes, |part| part.plan.targets);
    targets.followed()
}

/// What the legend calls the curves behind.
fn behind_words(behind: &[&StageState]) -> String {
    match behind {
        [only] => only.plan.title.clone(),
        several => format!("{} finished before", several.len()),
    }
}

/// Curves of one chart, behind all others those of `behind`.
fn curves<'a>(
    theme: Theme,
    train: &'a [(f64, f64)],
    valid: &'a [(f64, f64)],
    behind: &'a [Points],
    words: &'a str,
) -> Vec<Curve<'a>> {
    let mut curves: Vec<Curve<'a>> = (behind.iter().enumerate())
        .map(|(index, points)| Curve {
            name: if index == 0 { words } else { "" },
            points,
            style: theme.dim(),
            mark: '·',
            stroke: Stroke::Faint,
            marked: false,
            spread: &[],
        })
        .collect();
    // What is at work is named first, and drawn last.
    curves.push(Curve {
        name: "training",
        points: train,
        style: theme.series(0),
        mark: '─',
        stroke: Stroke::Solid,
        marked: false,
        spread: &[],
    });
    if !valid.is_empty() {
        curves.push(Curve {
            name: "validation",
            points: valid,
            style: theme.series(1),
            mark: '•',
            stroke: Stroke::Dashed,
            marked: true,
            spread: &[],
        });
    }
    curves
}

/// Draws the loss of the stage with this index.
pub fn draw_loss(
    scene: &Scene<'_>,
    selection: &Selection,
    (index, stage): (usize, &StageState),
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let Losses {
        mut train,
        mut valid,
        by_epoch,
    } = losses(scene.run, selection.recent, stage);
    let window = match (by_epoch, selection.recent) {
        (true, _) => latest_fold(scene.run, stage),
        (false, true) => ", recent".to_owned(),
        (false, false) => String::new(),
    };
    let scale = if selection.linear { "" } else { " (log)" };
    let title = chart_title(scene.run, &format!("loss{scale}{window}"), stage, area);
    let inner = panel(scene.theme, &title, area, buffer, false);
    if train.len() < 2 {
        let text = match (stage.status, stage.epochs.last()) {
            (_, Some(only)) => {
                let loss = |loss: f64| Figure::loss(loss).whole().to_owned();
                in_epoch(only, loss(only.loss), only.validation_loss.map(loss))
            }
            (StageStatus::Waiting, None) => "not begun".to_owned(),
            (_, None) => "this stage has no curve".to_owned(),
        };
        say(scene.theme, &text, inner, buffer);
        return;
    }
    // Of the latest part alone nothing else has the same steps.
    let others = match selection.recent {
        true => Vec::new(),
        false => behind(scene.run, index),
    };
    let words = behind_words(&others);
    let mut others: Vec<Points> = (others.into_iter())
        .filter_map(|other| {
            let whole = losses(scene.run, false, other);
            let alike = whole.by_epoch == by_epoch && other.unit == stage.unit;
            alike.then_some(whole.train)
        })
        .collect();
    // On a logarithmic axis the late part of a training is as legible as its beginning.
    if !selection.linear {
        let of_others = others.iter_mut().flatten();
        for (_, loss) in train.iter_mut().chain(&mut valid).chain(of_others) {
            *loss = loss.max(1e-9).log10();
        }
    }
    let curves = curves(scene.theme, &train, &valid, &others, &words);
    let after = format!(" {}", stage.unit);
    let units = move |x: f64| Figure::count(x.max(0.0) as u64).between("", &after);
    let height = |y: f64| match selection.linear {
        true => Figure::loss(y),
        false => Figure::loss(10_f64.powf(y)),
    };
    chart::draw(
        scene.theme,
        &curves,
        &Labels {
            x: if by_epoch { &epoch_label } else { &units },
            y: &height,
            places: &[],
        },
        inner,
        buffer,
    );
}

/// What stands above a chart: of a long title that says target and backbone, too, something of each.
fn chart_title(run: &Watched, what: &str, stage: &StageState, area: Rect) -> String {
    let room = usize::from(area.width).saturating_sub(7 + width(what));
    let title = match run.has_parts() {
        true => shorten(&stage.plan.title, room),
        false => stage.plan.title.clone(),
    };
    format!("{what} · {title}")
}

fn epoch_label(x: f64) -> Figure {
    Figure::count(x.round().max(0.0) as u64).between("epoch ", "")
}

/// What a single epoch came to, in words.
fn in_epoch(epoch: &EpochFigures, training: String, validation: Option<String>) -> String {
    let held_out = validation.map_or(String::new(), |figure| format!(", validation {figure}"));
    format!("training {training}{held_out} in epoch {}", epoch.epoch)
}

/// `, fold 2/5` of the latest epochs, where there are folds.
fn latest_fold(run: &Watched, stage: &StageState) -> String {
    let fold = stage.epochs.last().map_or(stage.fold, |last| last.fold);
    fold_words(run, stage, fold).map_or(String::new(), |fold| format!(", {fold}"))
}

/// Whether the figure beside the loss, accuracy or RMSE, makes a curve.
pub fn has_followed(stage: &StageState) -> bool {
    stage.latest_epochs().len() > 1
}

/// Draws the figure beside the loss of the stage with this index, epoch by epoch.
pub fn draw_followed(
    scene: &Scene<'_>,
    (index, stage): (usize, &StageState),
    figure: &Measured,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let (name, unit) = (figure.name, figure.unit);
    let what = format!("{name}{}", latest_fold(scene.run, stage));
    let title = chart_title(scene.run, &what, stage, area);
    let inner = panel(scene.theme, &title, area, buffer, false);
    let training = |figures: &EpochFigures| Some(figures.followed()?.training);
    let train = by_epoch(stage, training);
    let valid = by_epoch(stage, |figures| figures.followed()?.validation);
    if !has_followed(stage) {
        let only = stage.latest_epochs().first();
        let text = match only.and_then(|only| Some((only, only.followed()?))) {
            Some((only, followed)) => in_epoch(
                only,
                unit.text(followed.training),
                followed.validation.map(|value| unit.text(value)),
            ),
            None if stage.epoch > 0 => "known at the end of the epoch".to_owned(),
            None => "this stage has no epochs".to_owned(),
        };
        say(scene.theme, &text, inner, buffer);
        return;
    }
    let others = behind(scene.run, index);
    let words = behind_words(&others);
    let height = |y: f64| match unit {
        Unit::Share => share_label(y),
        _ => Figure::value(unit, y),
    };
    let others: Vec<Points> = (others.into_iter())
        .map(|other| by_epoch(other, training))
        .collect();
    let curves = curves(scene.theme, &train, &valid, &others, &words);
    chart::draw(
        scene.theme,
        &curves,
        &Labels {
            x: &epoch_label,
            y: &height,
            places: &[],
        },
        inner,
        buffer,
    );
}

/// A height of a chart of shares; beyond them there is nothing to be said.
pub fn share_label(share: f64) -> Figure {
    match share {
        0.0..=1.0 => Figure::share(share),
        _ => Figure::words(""),
    }
}
