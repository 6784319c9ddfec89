//! Confusion: which classes one strategy takes for which, and the test images behind a cell.

mod images;
mod matrix;

use std::{path::PathBuf, rc::Rc, sync::Arc};

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use topwork_events::Outcome;
use topwork_measure::{percent, thousands};
use topwork_store::ImageSample;

pub use matrix::Matrix;

use crate::{
    app::App,
    draw::frame,
    event::Effect,
    jobs::Job,
    keys::Action,
    text::{fit_title, line, width},
    views::say,
};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
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
    seed: u64,
    classes: &'a [String],
    outcome: Option<&'a Outcome>,
}

fn selected(app: &App) -> Option<Selected<'_>> {
    let state = &app.run()?.state;
    let plan = state.plan.as_ref()?;
    let row = app.confusion.row % plan.rows.len().max(1);
    let seed = *plan
        .seeds
        .get(app.confusion.seed % plan.seeds.len().max(1))?;
    let planned = plan.rows.get(row)?;
    Some(Selected {
        name: planned.title(),
        seed,
        classes: &plan.classes,
        outcome: state.outcomes.get(&(row, seed)),
    })
}

/// Asks for the images of the strategy that is selected, unless that was done already.
pub fn shown(app: &mut App) -> Vec<Effect> {
    let wanted = selected(app).and_then(|selected| {
        let outcome = selected.outcome?;
        let folder = &app.run()?.folder;
        Some(folder.image_sample_path(outcome.row, &selected.name, outcome.seed))
    });
    let asked = app.confusion.asked.as_ref();
    let Some(path) = wanted.filter(|path| asked.is_none_or(|asked| asked.path != *path)) else {
        return Vec::new();
    };
    app.confusion.asked = Some(Asked {
        path: path.clone(),
        answer: Answer::Awaited,
    });
    vec![Effect::Job(Job::ReadImages(path))]
}

/// The sample at `path` was read, if it is there.
pub fn read(app: &mut App, path: PathBuf, outcome: Result<Option<Arc<ImageSample>>, String>) {
    if let Some(asked) = &mut app.confusion.asked
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
fn sample(app: &App) -> Result<&ImageSample, String> {
    match app.confusion.asked.as_ref().map(|asked| &asked.answer) {
        Some(Answer::Here(images)) => Ok(images),
        Some(Answer::Unreadable(why)) => Err(why.clone()),
        Some(Answer::Missing) => Err("the run has kept no test images".to_owned()),
        Some(Answer::Awaited) | None => Err("reading the test images".to_owned()),
    }
}

/// Draws the view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(selected) = selected(app) else {
        return say(app, "the run has not begun yet", area, buffer);
    };
    let Some(outcome) = selected.outcome else {
        let text = format!("`{}` is not measured yet", selected.name);
        return say(app, &text, area, buffer);
    };
    let matrix = counted(app, outcome);
    if app.confusion.image.is_some() {
        return match sample(app) {
            Ok(sample) => images::draw(app, &selected, &matrix, sample, area, buffer),
            Err(why) => say(app, &why, area, buffer),
        };
    }
    let inner = below_caption(area);
    if inner.height < area.height {
        let caption = caption(app, &selected, outcome, usize::from(area.width));
        line(buffer, area, 0, Line::styled(caption, app.theme.title()));
    }
    matrix::draw(app, selected.classes, &matrix, inner, buffer);
}

/// The matrix of an outcome of the current run.
fn counted(app: &App, outcome: &Outcome) -> Rc<Matrix> {
    let version = app.run().map_or(0, |run| run.version);
    let key = (version, outcome.row, outcome.seed);
    app.worked_out.matrix.get(key, || Matrix::of(outcome))
}

/// The strategy and its accuracy, which is said before the strategy's whole name.
fn caption(app: &App, selected: &Selected<'_>, outcome: &Outcome, columns: usize) -> String {
    /// Columns that a name gets before figures are said in full.
    const NAME: usize = 16;
    let seed = match app.run().and_then(|run| run.state.plan.as_ref()) {
        Some(plan) if plan.seeds.len() > 1 => format!(" · seed {}", selected.seed),
        _ => String::new(),
    };
    let share = percent(outcome.correct as f64 / outcome.total.max(1) as f64);
    let (correct, total) = (thousands(outcome.correct), thousands(outcome.total));
    let whole = format!("{seed} · {correct} of {total} correct, {share}");
    let room = |figures: &str| columns.saturating_sub(width(figures) + 1);
    let name = &selected.name;
    let figures = match width(name).min(NAME) <= room(&whole) {
        true => whole,
        false => format!("{seed} · {share}"),
    };
    format!(" {}{figures}", fit_title(name, room(&figures)))
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
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    let plan = app.run().and_then(|run| run.state.plan.as_ref());
    let (rows, seeds) = plan.map_or((0, 0), |plan| (plan.rows.len(), plan.seeds.len()));
    let classes = selected(app).map_or(0, |selected| selected.classes.len());
    let body = frame(app.area()).body;
    match action {
        Action::NextStrategy => {
            app.confusion.row = (app.confusion.row + 1) % rows.max(1);
            app.confusion.image = app.confusion.image.map(|_| 0);
            return shown(app);
        }
        Action::NextSeed => {
            app.confusion.seed = (app.confusion.seed + 1) % seeds.max(1);
            app.confusion.image = app.confusion.image.map(|_| 0);
            return shown(app);
        }
        Action::Back => app.confusion.image = None,
        Action::Open => {
            app.confusion.image = match app.confusion.image {
                None => Some(0),
                Some(_) => None,
            };
        }
        _ => match app.confusion.image {
            Some(image) => {
                if let Ok(sample) = sample(app) {
                    let to = images::moved(app, sample, body, image, action);
                    app.confusion.image = Some(to);
                }
            }
            None => {
                let page = usize::from(body.height / 2);
                let (truth, predicted) = (app.confusion.truth, app.confusion.predicted);
                app.confusion.truth = crate::views::moved(truth, classes, page, action);
                app.confusion.predicted = match action {
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
pub fn click(app: &mut App, area: Rect, column: u16, row: u16) {
    if app.confusion.image.is_some() {
        return;
    }
    let at = selected(app).and_then(|selected| {
        let matrix = counted(app, selected.outcome?);
        let area = below_caption(area);
        matrix::at(app, selected.classes, &matrix, area, column, row)
    });
    match at {
        Some(cell) if cell == (app.confusion.truth, app.confusion.predicted) => {
            app.confusion.image = Some(0);
        }
        Some(cell) => (app.confusion.truth, app.confusion.predicted) = cell,
        None => {}
    }
}
