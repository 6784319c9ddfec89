//! `topwork report`: what comes out of runs as pages.

mod facts;
mod track;

use std::path::Path;

use topwork_events::{RowPlan, RunState, Start};
use topwork_measure::{class_means, class_separation};
use topwork_pages::{ClassFeatures, PAGES, Page, Report};
use topwork_results::Tables;
use topwork_store::{FeatureSample, Manifest, RunFolder, Runs};

use crate::{
    arguments::ReportArguments,
    failure::{Failure, RUN_FAILED, WRONG_USE, warn},
    files,
    output::{data, print, width},
    runs::tell_newer,
};

/// Trunks whose features a report shows.
const TRUNKS: usize = 12;

/// A run as it was read.
pub struct Loaded {
    /// Its folder.
    pub folder: RunFolder,
    /// What it was made of.
    pub manifest: Manifest,
    /// What its event stream says.
    pub state: RunState,
    /// Its figures.
    pub tables: Tables,
}

/// Writes the reports.
pub fn report(arguments: &ReportArguments) -> Result<u8, Failure> {
    // What the name ends with is meant, unless there is such a folder.
    let named = (arguments.output.as_deref())
        .filter(|path| !path.is_dir())
        .and_then(page_named);
    let mut formats: Vec<&'static Page> = match arguments.format.as_slice() {
        [] => vec![named.unwrap_or(&PAGES[0])],
        _ => Vec::new(),
    };
    for page in &arguments.format {
        if !formats.iter().any(|known| known.id == page.id) {
            formats.push(page);
        }
    }
    let mut runs: Vec<Loaded> = Vec::new();
    for wanted in &arguments.runs {
        let run = load(&arguments.place.runs_dir, wanted)?;
        if !runs.iter().any(|known| known.folder == run.folder) {
            runs.push(run);
        }
    }
    if let [tracker, folder] = arguments.to.as_slice() {
        return track::track(&runs, tracker, folder);
    }
    let Some(output) = &arguments.output else {
        let ([run], [page]) = (runs.as_slice(), formats.as_slice()) else {
            let message = match runs.len() {
                1 => format!(
                    "{} formats do not go to standard output together",
                    formats.len()
                ),
                runs => format!("the reports of {runs} runs do not go to standard output together"),
            };
            return Err(Failure::new(WRONG_USE, message).hint("`-o FOLDER` writes a file for each"));
        };
        let text = write(page, &of(run), width())?;
        // What programs read must not lose its characters on a terminal that lacks some.
        match page.id == PAGES[0].id {
            true => print(&text)?,
            false => data(&text)?,
        }
        return Ok(0);
    };
    if let (Some(named), [run], [page]) = (named, runs.as_slice(), formats.as_slice())
        && named.extension == page.extension
    {
        if let Some(folder) = output.parent().filter(|folder| *folder != Path::new("")) {
            files::make_folder(folder)?;
        }
        files::replace(output, write(page, &of(run), None)?.as_bytes())?;
        print(&format!("{}\n", output.display()))?;
        return Ok(0);
    }
    let folder = output;
    if let Some(named) = named {
        let (path, reports) = (folder.display(), runs.len() * formats.len());
        let message = match formats.as_slice() {
            [page] if reports == 1 => format!(
                "`{path}` ends as a file of {} does, but `--format {}` is asked for",
                named.id, page.id
            ),
            _ => format!("{reports} reports do not go to one file, `{path}`"),
        };
        let hint = "`-o FOLDER` writes a file for each run and format";
        return Err(Failure::new(WRONG_USE, message).hint(hint));
    }
    files::make_folder(folder)?;
    for run in &runs {
        let report = of(run);
        for page in &formats {
            let text = write(page, &report, None)?;
            let path = folder.join(format!("{}.{}", run.folder.id(), page.extension));
            files::replace(&path, text.as_bytes())?;
            print(&format!("{}\n", path.display()))?;
        }
    }
    Ok(0)
}

/// The format whose files are named like this.
fn page_named(path: &Path) -> Option<&'static Page> {
    let extension = path.extension()?;
    (PAGES.iter()).find(|page| extension == page.extension)
}

/// Reads a run; one that has not come to its plan yet has nothing to report.
pub fn load(runs_dir: &Path, wanted: &str) -> Result<Loaded, Failure> {
    let folder = Runs::at(runs_dir).find(wanted)?;
    let mut reader = folder.event_reader();
    let state = RunState::from_records(&reader.poll()?);
    let manifest = folder.manifest()?;
    tell_newer(&folder.id(), manifest.format);
    if reader.skipped() > 0 {
        warn(&format!(
            "{} lines of `{}` could not be read",
            reader.skipped(),
            folder.events_path().display()
        ));
    }
    let Some(tables) = Tables::of(&state) else {
        let message = format!(
            "the run `{}` has no results yet: it has not begun",
            folder.id()
        );
        return Err(Failure::new(RUN_FAILED, message));
    };
    Ok(Loaded {
        folder,
        manifest,
        state,
        tables,
    })
}

fn write(page: &Page, report: &Report, width: Option<usize>) -> Result<String, Failure> {
    (page.write)(report, width).map_err(|error| Failure::new(RUN_FAILED, error.to_string()))
}

fn of(run: &Loaded) -> Report {
    Report {
        tables: run.tables.clone(),
        experiment: run
            .folder
            .experiment()
            .map_err(|error| warn(&error.to_string()))
            .ok(),
        facts: facts::facts(run),
        features: features(run),
    }
}

/// What the features of every trunk are like in each class, with the first seed whose sample was kept.
fn features(run: &Loaded) -> Vec<ClassFeatures> {
    let mut trunks: Vec<(&str, Start)> = Vec::new();
    let rows = run.state.plan.iter().flat_map(|plan| &plan.rows);
    for trunk in rows.flat_map(RowPlan::samples) {
        if !trunks.contains(&trunk) {
            trunks.push(trunk);
        }
    }
    if trunks.len() > TRUNKS {
        let id = run.folder.id();
        warn(&format!(
            "a report of `{id}` shows the features of {TRUNKS} of its {} trunks",
            trunks.len()
        ));
        trunks.truncate(TRUNKS);
    }
    let seeds = run.state.plan.as_ref().map_or(&[][..], |plan| &plan.seeds);
    let sample = |cut: &str, weights| {
        seeds.iter().find_map(|seed| {
            let path = run.folder.feature_sample_path(cut, weights, *seed);
            FeatureSample::read(&path).unwrap_or_else(|error| {
                warn(&error.to_string());
                None
            })
        })
    };
    let samples = trunks
        .into_iter()
        .filter_map(|(cut, weights)| sample(cut, weights));
    samples
        .map(|sample| class_features(sample, seeds.len() > 1))
        .collect()
}

fn class_features(sample: FeatureSample, several_seeds: bool) -> ClassFeatures {
    let dims = sample.dimensions.len();
    let weights = match sample.weights {
        Start::Source => "trained trunk",
        Start::Random => "random trunk",
    };
    let seed = match several_seeds {
        true => format!(", seed {}", sample.seed),
        false => String::new(),
    };
    ClassFeatures {
        trunk: format!("{weights}, cut at {}{seed}", sample.cut),
        means: class_means(&sample.values, dims, &sample.labels, sample.classes.len()),
        separation: class_separation(&sample.values, dims, &sample.labels),
        classes: sample.classes,
        dimensions: sample.dimensions,
        dim: sample.dim,
        examples: sample.examples.len(),
        extracted: sample.extracted,
    }
}
