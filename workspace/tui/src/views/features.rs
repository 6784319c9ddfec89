//! Features: what the trunk makes of images it has not learnt from. First page: one panel per
//! class, a column per image, a row per dimension, one colour scale. Second page: the plane in
//! which the vectors vary most.

mod data;
mod picture;
mod scatter;

use std::{path::PathBuf, sync::Arc};

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use topwork_events::{StageKind, StageStatus, Weights};
use topwork_measure::thousands;

use crate::{
    app::App,
    draw::frame,
    event::Effect,
    jobs::Job,
    keys::Action,
    text::{fit, line},
    views::say,
};

pub use data::{Features, Scale};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Index into the trunks of the run.
    trunk: usize,
    /// Index into the seeds of the run.
    seed: usize,
    /// The second page.
    scatter: bool,
    /// Dimensions in the order of class separation.
    sorted: bool,
    /// Every vector and every dimension, as far as there is room around the cursor; otherwise
    /// all are represented, evenly.
    fine: bool,
    cursor: Cursor,
    /// The class picked out on the second page.
    class: Option<usize>,
    /// The sample that was asked for last.
    asked: Option<Asked>,
}

/// One value of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    class: usize,
    /// Index into the vectors of the class.
    vector: usize,
    /// Column of the sample.
    dimension: usize,
}

/// A sample that was asked for.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    path: PathBuf,
    /// How much of the run was done then: what was missing may be there later.
    progress: usize,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Awaited,
    Missing,
    Unreadable(String),
    Here(Arc<Features>),
}

/// A trunk whose features are kept: a cut, and where the weights come from.
type Trunk = (String, Weights);

/// The trunks of the current run: those of the strategies that work on features.
fn trunks(app: &App) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    let plan = app.run().and_then(|run| run.state.plan.as_ref());
    for row in plan.into_iter().flat_map(|plan| &plan.rows) {
        let trunk = (row.cut.clone(), row.weights);
        let on_features = ["frozen-backbone", "feature-classifier"].contains(&row.kind.as_str());
        if on_features && !trunks.contains(&trunk) {
            trunks.push(trunk);
        }
    }
    trunks
}

/// The trunk and the seed that are selected.
fn selected(app: &App) -> Option<(Trunk, u64)> {
    let trunks = trunks(app);
    let seeds = &app.run()?.state.plan.as_ref()?.seeds;
    let trunk = trunks.get(app.features.trunk % trunks.len().max(1))?;
    let seed = seeds.get(app.features.seed % seeds.len().max(1))?;
    Some((trunk.clone(), *seed))
}

/// Stages done after which a sample may be there that was not before.
fn progress(app: &App, seed: u64) -> usize {
    let Some(run) = app.run() else { return 0 };
    let extracted = (run.state.stages.iter()).filter(|stage| {
        let StageKind::Extract = stage.plan.kind else {
            return false;
        };
        stage.plan.seed == Some(seed) && stage.status == StageStatus::Done
    });
    extracted.count() + usize::from(run.state.ending.is_some())
}

/// Asks for the sample that is selected, unless it was asked for already.
pub fn shown(app: &mut App) -> Vec<Effect> {
    let Some(((cut, weights), seed)) = selected(app) else {
        return Vec::new();
    };
    let (Some(run), progress) = (app.run(), progress(app, seed)) else {
        return Vec::new();
    };
    let path = run.folder.feature_sample_path(&cut, weights, seed);
    let known = app.features.asked.as_ref().is_some_and(|asked| {
        asked.path == path
            && (asked.progress == progress || matches!(asked.answer, Answer::Here(_)))
    });
    if known || progress == 0 {
        return Vec::new();
    }
    app.features.asked = Some(Asked {
        path: path.clone(),
        progress,
        answer: Answer::Awaited,
    });
    vec![Effect::Job(Job::ReadFeatures(path))]
}

/// The sample at `path` was read, if it is there.
pub fn read(app: &mut App, path: PathBuf, outcome: Result<Option<Arc<Features>>, String>) {
    if let Some(asked) = &mut app.features.asked
        && asked.path == path
    {
        asked.answer = match outcome {
            Ok(Some(features)) => Answer::Here(features),
            Ok(None) => Answer::Missing,
            Err(why) => Answer::Unreadable(why),
        };
    }
}

/// The sample that is selected, or why there is nothing to draw.
fn sample(app: &App) -> Result<&Features, String> {
    let Some(((cut, weights), seed)) = selected(app) else {
        return Err(match app.run().and_then(|run| run.state.plan.as_ref()) {
            None => "the run has not begun yet".to_owned(),
            Some(_) => "no strategy of this run works on features of a frozen trunk".to_owned(),
        });
    };
    let path = (app.run()).map(|run| run.folder.feature_sample_path(&cut, weights, seed));
    let asked = (app.features.asked.as_ref()).filter(|asked| Some(&asked.path) == path.as_ref());
    match asked.map(|asked| &asked.answer) {
        Some(Answer::Here(features)) => Ok(features),
        Some(Answer::Awaited) => Err("reading the sample of features".to_owned()),
        Some(Answer::Unreadable(why)) => Err(why.clone()),
        Some(Answer::Missing) => Err("the run has kept no sample of these features".to_owned()),
        None => {
            Err("no features have been extracted yet; a sample of them will be here".to_owned())
        }
    }
}

/// Draws the view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let features = match sample(app) {
        Ok(features) => features,
        Err(why) => return say(app, &why, area, buffer),
    };
    if area.height >= 5 {
        let caption = caption(app, features);
        let caption = fit(&caption, usize::from(area.width));
        line(buffer, area, 0, Line::styled(caption, app.theme.dim()));
    }
    let inner = below_caption(area);
    if app.features.scatter {
        scatter::draw(app, features, inner, buffer);
    } else {
        picture::draw(app, features, inner, buffer);
    }
}

/// The room without the caption.
fn below_caption(area: Rect) -> Rect {
    let used = u16::from(area.height >= 5);
    Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    }
}

fn caption(app: &App, features: &Features) -> String {
    let sample = &features.sample;
    let weights = match sample.weights {
        Weights::Source => "trained",
        Weights::Random => "random",
    };
    let count = |count: usize| thousands(count as u64);
    let dimensions = match (sample.dimensions.len(), sample.dim) {
        (kept, dim) if kept == dim => format!("{} dimensions", count(dim)),
        (kept, dim) => format!("{} of {} dimensions", count(kept), count(dim)),
    };
    let seeds = app.run().and_then(|run| run.state.plan.as_ref());
    let seed = match seeds.map_or(0, |plan| plan.seeds.len()) {
        0 | 1 => String::new(),
        _ => format!(" · seed {}", sample.seed),
    };
    format!(
        " {weights} trunk, cut at {}{seed} · {dimensions} · {} of {} test images",
        sample.cut,
        count(sample.examples.len()),
        count(sample.extracted),
    )
}

/// What a key asks for.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::NextStrategy => {
            app.features.trunk = (app.features.trunk + 1) % trunks(app).len().max(1);
            return shown(app);
        }
        Action::NextSeed => {
            let plan = app.run().and_then(|run| run.state.plan.as_ref());
            let seeds = plan.map_or(0, |plan| plan.seeds.len());
            app.features.seed = (app.features.seed + 1) % seeds.max(1);
            return shown(app);
        }
        Action::NextPage => app.features.scatter = !app.features.scatter,
        Action::Sort => app.features.sorted = !app.features.sorted,
        Action::Window => app.features.fine = !app.features.fine,
        _ => {
            let area = below_caption(frame(app.area()).body);
            let Ok(features) = sample(app) else {
                return Vec::new();
            };
            if app.features.scatter {
                app.features.class = scatter::moved(app, features, action);
            } else {
                app.features.cursor = picture::moved(app, features, area, action);
            }
        }
    }
    Vec::new()
}

/// The mouse was pressed.
pub fn click(app: &mut App, area: Rect, column: u16, row: u16) {
    let Ok(features) = sample(app) else { return };
    if !app.features.scatter
        && let Some(cursor) = picture::at(app, features, below_caption(area), column, row)
    {
        app.features.cursor = cursor;
    }
}
