//! `topwork evaluate`.

use topwork_apply::Work;
use topwork_events::{Event, Judging, Outcome, Record, Resampled, RunPlan, RunState};
use topwork_measure::Figure;
use topwork_nearest::{listed, nearest};
use topwork_pages::comparison;
use topwork_results::Results;
use topwork_store::Runs;

use super::{child, data, tell, which::Known};
use crate::{
    arguments::EvaluateArguments,
    failure::{Failure, RUN_FAILED, WRONG_USE},
    folders::{Folders, absolute},
    output::{data as put, print, width},
    run::threads,
};

/// Measures finished rows on other labelled data.
pub fn evaluate(arguments: &EvaluateArguments) -> Result<u8, Failure> {
    let runs = Runs::at(absolute(&arguments.how.place.runs_dir));
    let known = Known::of(runs.find(&arguments.run)?)?;
    let Some(plan) = &known.state.plan else {
        return Err(Failure::new(
            WRONG_USE,
            format!("the run `{}` has not begun", known.folder.id()),
        ));
    };
    let rows: Vec<usize> = match arguments.rows.is_empty() {
        true => (0..plan.rows.len()).collect(),
        false => (arguments.rows.iter())
            .map(|row| known.row(row))
            .collect::<Result<_, _>>()?,
    };
    let mut wanted: Vec<(usize, u64)> = Vec::new();
    for row in rows {
        let seeds = known.seeds(row).into_iter();
        wanted.extend(
            seeds
                .filter(|seed| arguments.seeds.is_empty() || arguments.seeds.contains(seed))
                .map(|seed| (row, seed)),
        );
    }
    if wanted.is_empty() {
        return Err(Failure::new(
            WRONG_USE,
            "no row was measured with these seeds",
        ));
    }
    let judging = judging(plan, &arguments.metrics)?;
    let folders = Folders::of_run(&known.folder, &arguments.how.plugin_dir)?;
    // The same table as that of a run, with other outcomes.
    let mut plan = plan.clone();
    plan.judging = judging.clone();
    plan.references.clear();
    let mut state = RunState {
        plan: Some(plan),
        ..RunState::default()
    };
    let mut last = None;
    for (part, of_part) in known.state.parts.iter().enumerate() {
        let first = of_part.rows.start;
        let rows: Vec<(usize, u64)> = (wanted.iter())
            .filter(|(row, _)| of_part.rows.contains(row))
            .map(|(row, seed)| (row - first, *seed))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let before = known.state.of_parts(&[part]);
        let Some(mut of_part_plan) = before.plan.clone() else {
            continue;
        };
        of_part_plan.judging = judging.clone();
        let work = Work::Evaluate {
            run: known.part(part),
            rows,
            dataset: data::labelled(&arguments.dataset)?,
            before: before.outcomes.iter().cloned().collect(),
            plan: Box::new(of_part_plan),
        };
        let threads = threads(arguments.how.threads);
        let done = child::ask(folders.clone(), threads, work, false, |_| Ok(()))?;
        for outcome in &done.outcomes {
            let outcome = Outcome {
                row: outcome.row + first,
                ..outcome.clone()
            };
            state.apply(&Record::new(0, Event::RowMeasured(outcome)));
        }
        for resampled in &done.resampled {
            let resampled = Resampled {
                row: resampled.row + first,
                against: resampled.against.map(|row| row + first),
                ..resampled.clone()
            };
            state.apply(&Record::new(0, Event::Resampled(resampled)));
        }
        last = Some(done);
    }
    let results = Results::from_state(&state);
    let Some(mut results) = results else {
        return Err(Failure::new(RUN_FAILED, "nothing was measured"));
    };
    // Nobody has asked for the others.
    (results.strategies).retain(|row| !row.seeds.is_empty());
    if arguments.json {
        let json = results.to_json();
        let json = json.map_err(|error| Failure::new(RUN_FAILED, error.to_string()))?;
        put(&(json + "\n"))?;
        return Ok(0);
    }
    let path = arguments.dataset.display();
    print(&format!(
        "rows of {} on {path}\n\n{}",
        known.folder.id(),
        comparison(&results, width())
    ))?;
    last.map_or(Ok(0), |done| tell(&done, "measured", None, false))
}

/// What rows are judged by: as in the run, or by the figures named.
fn judging(plan: &RunPlan, metrics: &[String]) -> Result<Judging, Failure> {
    let mut judging = plan.judging.clone();
    for id in metrics {
        if plan.targets.figures().any(|figure| figure.id == id) {
            continue;
        }
        let problem = match Figure::named(id) {
            Some(_) => format!(
                "the figure `{id}` is not one of {}, which this run predicts",
                plan.targets.word()
            ),
            None => format!("there is no figure `{id}`"),
        };
        let known = || plan.targets.figures().map(|figure| figure.id);
        let failure = Failure::new(WRONG_USE, problem);
        return Err(match nearest(id, known()) {
            Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
            None => failure.hint(format!("there are {}", listed(known()))),
        });
    }
    if let Some(first) = metrics.first() {
        judging.metrics = metrics.to_vec();
        judging.rank_by = Some(first.clone());
    }
    Ok(judging)
}
