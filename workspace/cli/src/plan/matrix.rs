//! The results a run would give, row by row and seed by seed: which earlier runs have, which
//! features are there already, and what the rest is likely to cost.

use std::path::Path;

use topwork_measure::{seconds, thousands};
use topwork_pages::Align;
use topwork_schema::{Plan, Row};
use topwork_store::{FeatureCache, Runs};
use topwork_tasks::{Tasks, TrunkId};

use super::counted;
use crate::{
    cache,
    earlier::{Cell, Earlier},
    experiment::{Checked, ask, request},
    failure::Failure,
    output::{self, megabytes},
    run::made,
};

/// The matrix, and a line about what is left to do.
pub fn matrix(
    checked: &Checked,
    plan: &Plan,
    experiment: &Path,
    runs_dir: &Path,
) -> Result<String, Failure> {
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
    let cost = |row: usize| likely_seconds(plan, &plan.rows[row], &known);
    let seeds = &plan.experiment.seeds;
    let rows = plan.rows.iter().enumerate().map(|(index, row)| {
        let mut line = vec![plan.title(row)];
        line.extend(seeds.iter().map(|seed| {
            let of = |(row, its, _): &&(usize, u64, Cell)| (*row, its) == (index, seed);
            let features = cached.contains(&(index, *seed));
            match cells.iter().find(of).map(|(_, _, cell)| cell) {
                Some(Cell::Done { run, .. }) => format!("done in {}", number(run)),
                Some(Cell::Running { run }) => format!("running in {}", number(run)),
                Some(Cell::Failed { run, status }) => {
                    format!("{} in {}", status.word(), number(run))
                }
                Some(Cell::Missing) | None if features => "to do, features cached".to_owned(),
                Some(Cell::Missing) | None => "to do".to_owned(),
            }
        }));
        line.push(cost(index).map_or("–".to_owned(), seconds));
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
    let mut text = output::table(&columns, rows);
    text.push_str(&summary(plan, &runs, &cells, cost)?);
    Ok(text)
}

/// What is left to do, in a sentence.
fn summary(
    plan: &Plan,
    runs: &Runs,
    cells: &[(usize, u64, Cell)],
    cost: impl Fn(usize) -> Option<f64>,
) -> Result<String, Failure> {
    let left: Vec<usize> = (cells.iter())
        .filter(|(_, _, cell)| !matches!(cell, Cell::Done { .. }))
        .map(|(row, _, _)| *row)
        .collect();
    if left.is_empty() {
        return Ok(format!(
            "all {} are there: `topwork run --resume` has nothing to do\n",
            counted(cells.len(), "result", "results")
        ));
    }
    let mut text = format!(
        "{} of {} to do",
        thousands(left.len() as u64),
        counted(cells.len(), "result", "results")
    );
    let costs: Vec<f64> = left.iter().filter_map(|row| cost(*row)).collect();
    if costs.len() == left.len() {
        let total = costs.iter().sum();
        text.push_str(&format!(
            ", about {} by earlier runs, besides the source",
            seconds(total)
        ));
    }
    let same = |run: &&topwork_index::RunEntry| {
        run.name == plan.experiment.name && run.standing == topwork_store::Standing::Done
    };
    if let Some(run) = topwork_index::overview(runs)?.runs.iter().rev().find(same) {
        let bytes = run.bytes as f64 * left.len() as f64 / cells.len().max(1) as f64;
        text.push_str(&format!(", about {} on disk", megabytes(bytes as u64)));
    }
    text.push('\n');
    if left.len() < cells.len() {
        text.push_str("`topwork run --resume` does only these\n");
    }
    Ok(text)
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
    let title = plan.title(row);
    let same = |cell: &&topwork_index::CellEntry| {
        cell.row == title
            && cell.kind == strategy.kind.as_str()
            && cell.head == strategy.head.id()
            && cell.cut == row.cut_name()
    };
    let took: Vec<f64> = (known.iter().filter(same))
        .map(|cell| cell.extract + cell.fit + cell.evaluate)
        .collect();
    (!took.is_empty()).then(|| took.iter().sum::<f64>() / took.len() as f64)
}

/// The number of a run's id: enough to name it.
fn number(run: &str) -> &str {
    run.split('-').next().unwrap_or(run)
}
