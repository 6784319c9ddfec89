//! Features: what the trunk makes of images it has not learnt from. First page: one panel per
//! class, a column per image, a row per dimension, one colour scale. Second page: the plane in
//! which the vectors vary most.

mod data;
mod picture;
mod scatter;

use std::{path::PathBuf, sync::Arc};

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use topwork_events::{StageKind, StageStatus, Start};
use topwork_measure::thousands;

use crate::{
    event::Effect,
    jobs::Job,
    keys::Action,
    panel::say,
    text::{fit, line},
    theme::Theme,
    views::Scene,
    watched::Watched,
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
    /// Which dimensions are shown, and in which order.
    order: Order,
    /// Every vector and every dimension, as far as there is room around the cursor; otherwise
    /// all are represented, evenly.
    fine: bool,
    cursor: Cursor,
    /// The class picked out on the second page.
    class: Option<usize>,
    /// The sample that was asked for last.
    asked: Option<Asked>,
}

/// The order of dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// Those that separate the classes best, by the class they fire for, each on a scale of its own.
    #[default]
    Class,
    /// By class separation.
    Separation,
    /// As the trunk gives them.
    Trunk,
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

/// A trunk whose features are kept.
#[derive(Clone, Debug, PartialEq)]
struct Trunk {
    /// The part of the run: which backbone it is, and which target's images it has seen.
    part: usize,
    cut: String,
    /// Where the weights come from.
    weights: Start,
}

/// The trunks of the current run: those of the strategies that work on features.
fn trunks(run: &Watched) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    let plan = run.state.plan.iter();
    for (index, row) in plan.flat_map(|plan| &plan.rows).enumerate() {
        for (cut, weights) in row.samples() {
            let trunk = Trunk {
                part: run.state.part_of_row(index).0,
                cut: cut.to_owned(),
                weights,
            };
            if !trunks.contains(&trunk) {
                trunks.push(trunk);
            }
        }
    }
    trunks
}

/// The trunk and the seed that are selected.
fn selected(run: &Watched, selection: &Selection) -> Option<(Trunk, u64)> {
    let trunks = trunks(run);
    let seeds = &run.state.plan.as_ref()?.seeds;
    let trunk = trunks.get(selection.trunk % trunks.len().max(1))?;
    let seed = seeds.get(selection.seed % seeds.len().max(1))?;
    Some((trunk.clone(), *seed))
}

/// Where the sample of a trunk is, if that is known.
fn path(run: &Watched, trunk: &Trunk, seed: u64) -> Option<PathBuf> {
    let folder = run.folder_of(trunk.part)?;
    Some(folder.feature_sample_path(&trunk.cut, trunk.weights, seed))
}

/// Stages of the part done after which a sample may be there that was not before.
fn progress(run: &Watched, part: usize, seed: u64) -> usize {
    let part = run.state.parts.get(part);
    let stages = part.and_then(|part| run.state.stages.get(part.stages.clone()));
    let extracted = stages.into_iter().flatten().filter(|stage| {
        let StageKind::Features = stage.plan.kind else {
            return false;
        };
        stage.plan.seed == Some(seed) && stage.status == StageStatus::Done
    });
    extracted.count() + usize::from(run.state.ending.is_some())
}

/// Asks for the sample that is selected, unless it was asked for already.
pub fn shown(run: &Watched, selection: &mut Selection) -> Vec<Effect> {
    let Some((trunk, seed)) = selected(run, selection) else {
        return Vec::new();
    };
    let progress = progress(run, trunk.part, seed);
    let Some(path) = path(run, &trunk, seed) else {
        return Vec::new();
    };
    let known = selection.asked.as_ref().is_some_and(|asked| {
        asked.path == path
            && (asked.progress == progress || matches!(asked.answer, Answer::Here(_)))
    });
    if known || progress == 0 {
        return Vec::new();
    }
    selection.asked = Some(Asked {
        path: path.clone(),
        progress,
        answer: Answer::Awaited,
    });
    vec![Effect::Job(Job::ReadFeatures(path))]
}

/// The sample at `path` was read, if it is there.
pub fn read(
    selection: &mut Selection,
    path: PathBuf,
    outcome: Result<Option<Arc<Features>>, String>,
) {
    if let Some(asked) = &mut selection.asked
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
fn sample<'a>(run: &Watched, selection: &'a Selection) -> Result<&'a Features, String> {
    let Some((trunk, seed)) = selected(run, selection) else {
        return Err(match run.state.plan {
            None => "the run has not begun yet".to_owned(),
            Some(_) => "no strategy of this run works on features of a frozen trunk".to_owned(),
        });
    };
    let path = path(run, &trunk, seed);
    let asked = (selection.asked.as_ref()).filter(|asked| Some(&asked.path) == path.as_ref());
    let why = match asked.map(|asked| &asked.answer) {
        Some(Answer::Here(features)) => return Ok(features),
        Some(Answer::Awaited) => "reading the sample of features",
        Some(Answer::Unreadable(why)) => why,
        Some(Answer::Missing) => "the run has kept no sample of these features",
        None => "no features have been extracted yet; a sample of them will be here",
    };
    Err(match run.part_name(trunk.part) {
        Some(name) => format!("{name} · cut at {}: {why}", trunk.cut),
        None => why.to_owned(),
    })
}

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let features = match sample(scene.run, selection) {
        Ok(features) => features,
        Err(why) => return say(scene.theme, &why, area, buffer),
    };
    if area.height >= 5 {
        let mut caption = caption(scene.run, selection, features);
        // Where panels have no room for all classes, or little for each, the plane shows more.
        let all = picture::fitting(area.width) >= features.of_class.len();
        if !selection.scatter && (!all || area.width < LITTLE) {
            caption = format!(" p: all in a plane ·{caption}");
        }
        let caption = fit(&caption, usize::from(area.width));
        line(buffer, area, 0, Line::styled(caption, scene.theme.dim()));
    }
    let inner = below_caption(area);
    if selection.scatter {
        scatter::draw(scene.theme, selection, features, inner, buffer);
    } else {
        picture::draw(scene.theme, selection, features, inner, buffer);
    }
}

/// Columns in which panels show little.
const LITTLE: u16 = 60;

/// The room without the caption.
fn below_caption(area: Rect) -> Rect {
    let used = u16::from(area.height >= 5);
    Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    }
}

fn caption(run: &Watched, selection: &Selection, features: &Features) -> String {
    let sample = &features.sample;
    let part = selected(run, selection).and_then(|(trunk, _)| run.part_name(trunk.part));
    let part = part.map_or(String::new(), |name| format!("{name} · "));
    let weights = match sample.weights {
        Start::Source => "trained",
        Start::Random => "random",
    };
    let count = |count: usize| thousands(count as u64);
    let dimensions = match (sample.dimensions.len(), sample.dim) {
        (kept, dim) if kept == dim => format!("{} dimensions", count(dim)),
        (kept, dim) => format!("{} of {} dimensions", count(kept), count(dim)),
    };
    let plan = run.state.plan.as_ref();
    let seed = match plan.map_or(0, |plan| plan.seeds.len()) {
        0 | 1 => String::new(),
        _ => format!(" · seed {}", sample.seed),
    };
    format!(
        " {part}{weights}, cut at {}{seed} · {dimensions} · {} of {} test images",
        sample.cut,
        count(sample.examples.len()),
        count(sample.extracted),
    )
}

/// What a key asks for.
pub fn act(
    run: &Watched,
    selection: &mut Selection,
    theme: Theme,
    body: Rect,
    action: Action,
) -> Vec<Effect> {
    match action {
        Action::NextStrategy => {
            selection.trunk = (selection.trunk + 1) % trunks(run).len().max(1);
            return shown(run, selection);
        }
        Action::NextSeed => {
            let plan = run.state.plan.as_ref();
            let seeds = plan.map_or(0, |plan| plan.seeds.len());
            selection.seed = (selection.seed + 1) % seeds.max(1);
            return shown(run, selection);
        }
        Action::NextPage => selection.scatter = !selection.scatter,
        Action::Sort => {
            selection.order = match selection.order {
                Order::Class => Order::Separation,
                Order::Separation => Order::Trunk,
                Order::Trunk => Order::Class,
            };
        }
        Action::Window => selection.fine = !selection.fine,
        _ => {
            let area = below_caption(body);
            let Ok(features) = sample(run, selection) else {
                return Vec::new();
            };
            if selection.scatter {
                selection.class = scatter::moved(selection, features, action);
            } else {
                selection.cursor = picture::moved(theme, selection, features, area, action);
            }
        }
    }
    Vec::new()
}

/// The mouse was pressed.
pub fn click(
    run: &Watched,
    selection: &mut Selection,
    theme: Theme,
    area: Rect,
    column: u16,
    row: u16,
) {
    let Ok(features) = sample(run, selection) else {
        return;
    };
    if !selection.scatter
        && let Some(cursor) =
            picture::at(theme, selection, features, below_caption(area), column, row)
    {
        selection.cursor = cursor;
    }
}
