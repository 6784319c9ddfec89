//! Confusion: which classes a strategy takes for which, recall and precision, the matrices of others beside it, and the
//! test images behind a cell. Of a target of numbers it is these against the true ones.

mod against;
mod images;
mod labels;
mod lists;
mod matrix;
mod parts;

use std::{path::PathBuf, rc::Rc, sync::Arc};

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use topwork_events::{Outcome, RowPlan};
use topwork_measure::{TargetKind, percent, share, thousands};
use topwork_store::ImageSample;

pub use matrix::Matrix;
use parts::parts;

use crate::{
    event::Effect,
    jobs::Job,
    keys::Action,
    memo::Memo,
    panel::say,
    text::{fit_title, line, shorten, width},
    views::{Scene, compare::labels_of_planned},
    watched::Watched,
};

/// What is selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Index into the strategies of the run.
    row: usize,
    /// Index into the seeds of the run.
    seed: usize,
    /// The selected cell: its true class.
    truth: usize,
    /// And the class predicted.
    predicted: usize,
    /// The images of the cell are open, with this one selected.
    image: Option<usize>,
    /// The sample of images that was asked for last.
    asked: Option<Asked>,
    /// The matrix, worked out for these figures, their row and their seed.
    matrix: Memo<(u64, usize, u64), Matrix>,
}

/// A sample that was asked for.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    path: PathBuf,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Awaited,
    Missing,
    Unreadable(String),
    Here(Arc<ImageSample>),
}

/// The outcome that is selected, with its strategy's name and classes.
struct Selected<'a> {
    name: String,
    planned: &'a RowPlan,
    /// Whether the name says target or backbone, too.
    long: bool,
    /// The part of the run that it is of.
    part: usize,
    /// The row as the part counts it.
    row: usize,
    seed: u64,
    classes: &'a [String],
    outcome: Option<&'a Outcome>,
}

impl Selected<'_> {
    /// The name in so many columns.
    fn cut(&self, columns: usize) -> String {
        match self.long {
            true => shorten(&self.name, columns),
            false => fit_title(&self.name, columns),
        }
    }
}

fn selected<'a>(run: &'a Watched, selection: &Selection) -> Option<Selected<'a>> {
    let state = &run.state;
    let plan = state.plan.as_ref()?;
    let row = selection.row % plan.rows.len().max(1);
    let seed = *plan.seeds.get(selection.seed % plan.seeds.len().max(1))?;
    let planned = plan.rows.get(row)?;
    let (part, row_of_part) = state.part_of_row(row);
    let of_part = state.parts.get(part).map_or(plan, |part| &part.plan);
    Some(Selected {
        name: planned.title(),
        planned,
        long: run.has_parts(),
        part,
        row: row_of_part,
        seed,
        classes: &of_part.classes,
        outcome: state.outcomes.get(&(row, seed)),
    })
}

/// Asks for the images of the strategy that is selected, unless that was done already.
pub fn shown(run: &Watched, selection: &mut Selection) -> Vec<Effect> {
    let wanted = selected(run, selection).and_then(|selected| {
        let outcome = selected.outcome?;
        let folder = run.folder_of(selected.part)?;
        Some(folder.image_sample_path(selected.row, &selected.name, outcome.seed))
    });
    let asked = selection.asked.as_ref();
    let Some(path) = wanted.filter(|path| asked.is_none_or(|asked| asked.path != *path)) else {
        return Vec::new();
    };
    selection.asked = Some(Asked {
        path: path.clone(),
        answer: Answer::Awaited,
    });
    vec![Effect::Job(Job::ReadImages(path))]
}

/// The sample at `path` was read, if it is there.
pub fn read(
    selection: &mut Selection,
    path: PathBuf,
    outcome: Result<Option<Arc<ImageSample>>, String>,
) {
    if let Some(asked) = &mut selection.asked
        && asked.path == path
    {
        asked.answer = match outcome {
            Ok(Some(images)) => Answer::Here(images),
            Ok(None) => Answer::Missing,
            Err(why) => Answer::Unreadable(why),
        };
    }
}

/// The images of the strategy that is selected, or why there are none.
fn sample(selection: &Selection) -> Result<&ImageSample, String> {
    match selection.asked.as_ref().map(|asked| &asked.answer) {
        Some(Answer::Here(images)) => Ok(images),
        Some(Answer::Unreadable(why)) => Err(why.clone()),
        Some(Answer::Missing) => Err("the run has kept no test images".to_owned()),
        Some(Answer::Awaited) | None => Err("reading the test images".to_owned()),
    }
}

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let run = scene.run;
    let Some(selected) = selected(run, selection) else {
        return say(scene.theme, "the run has not begun yet", area, buffer);
    };
    let Some(outcome) = selected.outcome else {
        let text = format!("`{}` is not measured yet", selected.name);
        return say(scene.theme, &text, area, buffer);
    };
    if !outcome.columns.is_empty() {
        let inner = below_caption(area);
        if inner.height < area.height {
            let caption = caption(run, &selected, outcome, usize::from(area.width));
            line(buffer, area, 0, Line::styled(caption, scene.theme.title()));
        }
        let (names, columns) = (selected.classes, &outcome.columns);
        return match outcome.targets() {
            TargetKind::Multilabel => labels::draw(scene.theme, names, columns, inner, buffer),
            _ => against::draw(scene.theme, names, columns, inner, buffer),
        };
    }
    let matrix = counted(run, selection, outcome);
    if selection.image.is_some() {
        return match sample(selection) {
            Ok(sample) => {
                images::draw(scene, selection, &selected, &matrix, sample, area, buffer);
            }
            Err(why) => say(scene.theme, &why, area, buffer),
        };
    }
    let inner = below_caption(area);
    if inner.height < area.height {
        let caption = caption(run, &selected, outcome, usize::from(area.width));
        line(buffer, area, 0, Line::styled(caption, scene.theme.title()));
    }
    let others = others(run, selection, &selected);
    let parts = parts(selected.classes, &matrix, others.len(), inner);
    let classes = selected.classes;
    let whole = (parts.matrix, false);
    matrix::draw(scene.theme, selection, classes, &matrix, whole, buffer);
    if let Some(area) = parts.lists {
        lists::draw(scene.theme, selection, classes, &matrix, area, buffer);
    }
    let right = |outcome: &Outcome| percent(share(outcome.correct, outcome.total));
    let room = (others.iter().zip(&parts.others))
        .map(|((_, outcome), area)| {
            usize::from(area.width).saturating_sub(width(&right(outcome)) + 4)
        })
        .min();
    // What tells them apart from each other and from the one that is selected.
    let rows = others.iter().map(|(row, _)| *row);
    let rows: Vec<&RowPlan> = std::iter::once(selected.planned).chain(rows).collect();
    let names = labels_of_planned(&rows, room.unwrap_or(0));
    let names = names.into_iter().skip(1);
    for (((_, outcome), name), area) in others.into_iter().zip(names).zip(parts.others) {
        let right = right(outcome);
        let caption = format!(" {name} · {right}");
        line(buffer, area, 0, Line::styled(caption, scene.theme.dim()));
        let area = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        let matrix = Matrix::of(outcome);
        matrix::draw(
            scene.theme,
            selection,
            classes,
            &matrix,
            (area, true),
            buffer,
        );
    }
}

/// The outcomes of the part's other strategies with the same seed, those behind the selected one first.
fn others<'a>(
    run: &'a Watched,
    selection: &Selection,
    selected: &Selected<'_>,
) -> Vec<(&'a RowPlan, &'a Outcome)> {
    let rows = run.state.plan.as_ref().map_or(&[][..], |plan| &plan.rows);
    let count = rows.len().max(1);
    let own = selection.row % count;
    (own + 1..own + count)
        .map(|row| row % count)
        .filter(|row| run.state.part_of_row(*row).0 == selected.part)
        .filter_map(|row| {
            let outcome = run.state.outcomes.get(&(row, selected.seed))?;
            Some((rows.get(row)?, outcome))
        })
        .take(OTHERS)
        .collect()
}

/// Matrices of other strategies that are drawn at most.
const OTHERS: usize = 24;

/// The matrix of an outcome of the current run.
fn counted(run: &Watched, selection: &Selection, outcome: &Outcome) -> Rc<Matrix> {
    let key = (run.version, outcome.row, outcome.seed);
    selection.matrix.get(key, || Matrix::of(outcome))
}

/// The strategy and its accuracy, which is said before the strategy's whole name.
fn caption(run: &Watched, selected: &Selected<'_>, outcome: &Outcome, columns: usize) -> String {
    /// Columns that a name gets before figures are said in full.
    const NAME: usize = 16;
    let seed = match &run.state.plan {
        Some(plan) if plan.seeds.len() > 1 => format!(" · seed {}", selected.seed),
        _ => String::new(),
    };
    if !outcome.columns.is_empty() {
        let figures = format!("{seed} · {}", outcome.targets().told(&outcome.figures));
        let room = columns.saturating_sub(width(&figures) + 1);
        return format!(" {}{figures}", selected.cut(room));
    }
    let right = percent(share(outcome.correct, outcome.total));
    let (correct, total) = (thousands(outcome.correct), thousands(outcome.total));
    let whole = format!("{seed} · {correct} of {total} correct, {right}");
    let room = |figures: &str| columns.saturating_sub(width(figures) + 1);
    let name = &selected.name;
    // What says target and backbone, too, gets all it needs.
    let wanted = match run.has_parts() {
        true => width(name),
        false => width(name).min(NAME),
    };
    let figures = match wanted <= room(&whole) {
        true => whole,
        false => format!("{seed} · {right}"),
    };
    format!(" {}{figures}", selected.cut(room(&figures)))
}

/// The room without the caption.
fn below_caption(area: Rect) -> Rect {
    let used = u16::from(area.height >= 4);
    Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    }
}

/// What a key asks for.
pub fn act(run: &Watched, selection: &mut Selection, body: Rect, action: Action) -> Vec<Effect> {
    let plan = run.state.plan.as_ref();
    let (rows, seeds) = plan.map_or((0, 0), |plan| (plan.rows.len(), plan.seeds.len()));
    let classes = selected(run, selection).map_or(0, |selected| selected.classes.len());
    match action {
        Action::NextStrategy => {
            selection.row = (selection.row + 1) % rows.max(1);
            selection.image = selection.image.map(|_| 0);
            // Those of another target are other classes, of which there may be fewer.
            let classes = selected(run, selection).map_or(0, |selected| selected.classes.len());
            let last = classes.saturating_sub(1);
            selection.truth = selection.truth.min(last);
            selection.predicted = selection.predicted.min(last);
            return shown(run, selection);
        }
        Action::NextSeed => {
            selection.seed = (selection.seed + 1) % seeds.max(1);
            selection.image = selection.image.map(|_| 0);
            return shown(run, selection);
        }
        Action::Back => selection.image = None,
        Action::Open => {
            selection.image = match selection.image {
                None => Some(0),
                Some(_) => None,
            };
        }
        _ => match selection.image {
            Some(image) => {
                if let Ok(sample) = sample(selection) {
                    let to = images::moved(selection, sample, body, image, action);
                    selection.image = Some(to);
                }
            }
            None => {
                let page = usize::from(body.height / 2);
                let (truth, predicted) = (selection.truth, selection.predicted);
                selection.truth = crate::scroll::moved(truth, classes, page, action);
                selection.predicted = match action {
                    Action::Left => predicted.saturating_sub(1),
                    Action::Right => (predicted + 1).min(classes.saturating_sub(1)),
                    _ => predicted,
                };
            }
        },
    }
    Vec::new()
}

/// The mouse was pressed: selects a cell, or opens the one that is selected.
pub fn click(run: &Watched, selection: &mut Selection, area: Rect, column: u16, row: u16) {
    if selection.image.is_some() {
        return;
    }
    let at = selected(run, selection).and_then(|selected| {
        // Numbers have no cells to be opened.
        let outcome = selected
            .outcome
            .filter(|outcome| outcome.columns.is_empty())?;
        let matrix = counted(run, selection, outcome);
        // Where others stand changes nothing about where this one does.
        let area = parts(selected.classes, &matrix, 0, below_caption(area)).matrix;
        matrix::at(selection, selected.classes, &matrix, area, column, row)
    });
    match at {
        Some(cell) if cell == (selection.truth, selection.predicted) => {
            selection.image = Some(0);
        }
        Some(cell) => (selection.truth, selection.predicted) = cell,
        None => {}
    }
}
