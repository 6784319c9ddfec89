//! The results a run would give, row by row and seed by seed: which earlier runs have, which
//! features are there already, and what the rest is likely to cost.

use std::path::Path;

use serde::Serialize;
use topwork_events::Event;
use topwork_index::RunEntry;
use topwork_measure::{seconds, thousands};
use topwork_pages::Align;
use topwork_schema::{Plan, Row};
use topwork_store::{FeatureCache, Runs, Standing};
use topwork_tasks::{Tasks, TrunkId};

use super::counted;
use crate::{
    cache,
    earlier::{Cell, Earlier},
    experiment::{Checked, ask, request},
    failure::Failure,
    output::{self, megabytes},
    room,
    run::made,
};

/// What a run of a plan would give, and what of it is there.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outlook {
    /// Every row with every seed, rows outermost.
    pub results: Vec<Wanted>,
    /// How many of them no run has.
    pub to_do: usize,
    /// About how long these take, by earlier runs and besides the source; `None` where no run has told of some of them.
    pub seconds: Option<f64>,
    /// About what they take on disk, by the latest run of the experiment that was done.
    pub bytes: Option<u64>,
    /// About how many bytes of memory a process takes for it, by the same run.
    pub memory: Option<u64>,
    /// About what the features of all rows take in the cache, those included that are there.
    pub feature_bytes: Option<u64>,
}

/// One row with one seed.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wanted {
    /// The row's title.
    pub row: String,
    /// The seed.
    pub seed: u64,
    /// `done`, `running`, `to do`, or how the last try ended.
    pub state: &'static str,
    /// The run that has it, is at it or has failed at it.
    pub run: Option<String>,
    /// Whether it is to do and its features are in the cache.
    pub features_cached: bool,
    /// About how long the row takes, by earlier runs.
    pub seconds: Option<f64>,
}

const DONE: &str = "done";
const TO_DO: &str = "to do";

/// Looks at earlier runs and at the cache.
pub fn outlook(
    checked: &Checked,
    plan: &Plan,
    experiment: &Path,
    runs_dir: &Path,
) -> Result<Outlook, Failure> {
    let runs = Runs::at(runs_dir);
    let wanted = Tasks::of(plan, &made(checked, plan)?).cells();
    let earlier = Earlier::of(&runs, &wanted)?;
    let cells: Vec<(usize, u64, Cell)> = (wanted.rows.iter())
        .map(|wanted| (wanted.row, wanted.seed, earlier.cell(wanted)))
        .collect();
    let on_features = cells.iter().any(|(row, _, cell)| {
        *cell == Cell::Missing && !TrunkId::of(plan, &plan.rows[*row]).is_empty()
    });
    // Which features are there is known by the images: too many to be read for every one of many pairs.
    let cached = match on_features && checked.plans.only().is_some() {
        true => cached(checked, plan, &earlier, experiment)?,
        false => Vec::new(),
    };
    let known = topwork_index::cells(&runs)?;
    let mut results = Vec::new();
    for (index, row) in plan.rows.iter().enumerate() {
        let seconds = likely_seconds(plan, row, &known);
        for seed in &plan.experiment.seeds {
            let of = |(row, its, _): &&(usize, u64, Cell)| (*row, its) == (index, seed);
            let (state, run) = match cells.iter().find(of).map(|(_, _, cell)| cell) {
                Some(Cell::Done { run, .. }) => (DONE, Some(run.clone())),
                Some(Cell::Running { run }) => ("running", Some(run.clone())),
                Some(Cell::Failed { run, status }) => (status.word(), Some(run.clone())),
                Some(Cell::Missing) | None => (TO_DO, None),
            };
            results.push(Wanted {
                row: plan.title(row),
                seed: *seed,
                state,
                run,
                features_cached: state == TO_DO && cached.contains(&(index, *seed)),
                seconds,
            });
        }
    }
    let left = results.iter().filter(|result| result.state != DONE);
    let to_do = left.clone().count();
    let latest = latest_done(&runs, plan)?;
    let bytes = latest.as_ref().map(|run| {
        let share = to_do as f64 / results.len().max(1) as f64;
        (run.bytes as f64 * share) as u64
    });
    Ok(Outlook {
        to_do,
        seconds: left.map(|result| result.seconds).sum(),
        bytes,
        memory: latest.and_then(|run| memory_of(&runs, &run.id)),
        feature_bytes: room::of_features(checked, plan),
        results,
    })
}

/// The latest run of the experiment that was done.
fn latest_done(runs: &Runs, plan: &Plan) -> Result<Option<RunEntry>, Failure> {
    let of_it = |run: &RunEntry| run.name == plan.experiment.name && run.standing == Standing::Done;
    let overview = topwork_index::overview(runs)?;
    Ok(overview.runs.into_iter().rev().find(of_it))
}

/// How many bytes of memory a process of an experiment takes at most, by the latest run of it that was done.
pub fn likely_memory(runs: &Runs, plan: &Plan) -> Result<Option<u64>, Failure> {
    Ok(latest_done(runs, plan)?.and_then(|run| memory_of(runs, &run.id)))
}

/// What a run said of its memory when it ended.
fn memory_of(runs: &Runs, id: &str) -> Option<u64> {
    match runs.find(id).ok()?.last_record()?.event {
        Event::RunEnded { peak_bytes, .. } => peak_bytes,
        _ => None,
    }
}

/// The matrix, and a line about what is left to do.
pub fn matrix(plan: &Plan, outlook: &Outlook) -> String {
    let seeds = &plan.experiment.seeds;
    let rows = outlook.results.chunks(seeds.len().max(1)).map(|results| {
        let cell = |result: &Wanted| match &result.run {
            Some(run) => format!("{} in {}", result.state, number(run)),
            None if result.features_cached => format!("{TO_DO}, features cached"),
            None => TO_DO.to_owned(),
        };
        let first = results.first();
        let mut line = vec![first.map_or(String::new(), |result| result.row.clone())];
        line.extend(results.iter().map(cell));
        let took = first.and_then(|result| result.seconds);
        line.push(took.map_or("–".to_owned(), seconds));
        line
    });
    let headings: Vec<String> = seeds.iter().map(|seed| format!("seed {seed}")).collect();
    let mut columns = vec![("result", Align::Left)];
    columns.extend(
        headings
            .iter()
            .map(|heading| (heading.as_str(), Align::Left)),
    );
    columns.push(("takes about", Align::Right));
    output::table(&columns, rows) + &summary(outlook)
}

/// What is left to do, in a sentence.
fn summary(outlook: &Outlook) -> String {
    let all = outlook.results.len();
    if outlook.to_do == 0 {
        return format!(
            "all {} are there: `topwork run --resume` has nothing to do\n",
            counted(all, "result", "results")
        );
    }
    let mut text = format!(
        "{} of {} to do",
        thousands(outlook.to_do as u64),
        counted(all, "result", "results")
    );
    if let Some(total) = outlook.seconds {
        text.push_str(&format!(
            ", about {} by earlier runs, besides the source",
            seconds(total)
        ));
    }
    if let Some(bytes) = outlook.bytes {
        text.push_str(&format!(", about {} on disk", megabytes(bytes)));
    }
    if let Some(memory) = outlook.memory {
        text.push_str(&format!(", {} of memory", megabytes(memory)));
    }
    text.push('\n');
    if let Some(bytes) = outlook.feature_bytes.filter(|bytes| *bytes > 0) {
        text.push_str(&format!(
            "the features take about {} in the cache\n",
            megabytes(bytes)
        ));
    }
    if outlook.to_do < all {
        text.push_str("`topwork run --resume` does only these\n");
    }
    text
}

/// Rows and seeds whose features the cache has, as far as the weights are known: those trained
/// by an earlier run count.
fn cached(
    checked: &Checked,
    plan: &Plan,
    earlier: &Earlier,
    experiment: &Path,
) -> Result<Vec<(usize, u64)>, Failure> {
    let folder = experiment.parent().unwrap_or(Path::new("."));
    let mut request = request(&checked.folders, Vec::new(), folder);
    request.plans = vec![plan.clone()];
    request.explain = true;
    request.source_weights = earlier.source_weights();
    // The plan is told whether or not the data can be read.
    let Ok(planned) = ask(&request)?.features else {
        return Ok(Vec::new());
    };
    let planned: Vec<_> = planned.into_iter().flatten().collect();
    let settings = cache::settings()?;
    let entries = settings.map_or(Vec::new(), |cache| {
        FeatureCache::at(cache.folder, cache.limit).entries()
    });
    let has = |planned: &topwork_worker::PlannedFeatures| {
        planned.weights_known && entries.iter().any(|entry| entry.key == planned.key)
    };
    let mut cells: Vec<(usize, u64)> = Vec::new();
    for (index, row) in plan.rows.iter().enumerate() {
        let trunks = TrunkId::of(plan, row);
        for &seed in &plan.experiment.seeds {
            let mut of = planned
                .iter()
                .filter(|planned| planned.seed == seed && trunks.contains(&planned.trunk))
                .peekable();
            if of.peek().is_some() && of.all(has) {
                cells.push((index, seed));
            }
        }
    }
    Ok(cells)
}

/// The mean of what rows like this one took.
pub fn likely_seconds(plan: &Plan, row: &Row, known: &[topwork_index::CellEntry]) -> Option<f64> {
    let strategy = plan.strategy(row);
    topwork_index::likely_seconds(
        known,
        &plan.title(row),
        strategy.kind.as_str(),
        strategy.head.id(),
        &row.cut_name(),
    )
}

/// The number of a run's id: enough to name it.
fn number(run: &str) -> &str {
    run.split('-').next().unwrap_or(run)
}
