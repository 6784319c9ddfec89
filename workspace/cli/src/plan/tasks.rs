//! The tasks of an experiment as JSON, for whoever drives them by other means than `topwork submit`.

use std::path::Path;

use serde_json::{Value, json};
use topwork_schema::Plan;
use topwork_store::Runs;
use topwork_tasks::{Tasks, Work};

use super::matrix::{likely_memory, likely_seconds};
use crate::{
    earlier::{Cell, Earlier},
    experiment::Checked,
    failure::Failure,
    run::{made, threads},
    submit::short,
};

/// Version of the JSON.
const FORMAT: u32 = 1;

/// All tasks of an experiment; those whose results earlier runs have are marked.
pub fn tasks(checked: &Checked, runs_dir: &Path) -> Result<String, Failure> {
    let runs = Runs::at(runs_dir);
    let known = topwork_index::cells(&runs)?;
    let mut told = Vec::new();
    for (part, plan) in checked.plans.plans().enumerate() {
        told.extend(of_part(checked, plan, part, &runs, &known)?);
    }
    // All parts are of one experiment.
    let memory = match checked.plans.plans().next() {
        Some(plan) => likely_memory(&runs, plan)?,
        None => None,
    };
    let all =
        json!({ "format": FORMAT, "threads": threads(None), "memory": memory, "tasks": told });
    // Maps of words, numbers and lists always become JSON.
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

fn of_part(
    checked: &Checked,
    plan: &Plan,
    part: usize,
    runs: &Runs,
    known: &[topwork_index::CellEntry],
) -> Result<Vec<Value>, Failure> {
    let tasks = Tasks::of(plan, &made(checked, plan)?);
    let cells = tasks.cells();
    let earlier = Earlier::of(runs, &cells)?;
    let sources = earlier.adopted().sources;
    let task = |task: &topwork_tasks::Task| {
        let (kind, done, seconds) = match &task.work {
            // Whether data and features are there is known when they are read.
            Work::Data => ("data", None, None),
            Work::Source => {
                let there = sources.iter().any(|source| Some(source.seed) == task.seed);
                ("source", Some(there), None)
            }
            Work::Features(_) => ("features", None, None),
            Work::Row(row) => {
                let mut wanted = cells.rows.iter();
                let cell = wanted.find(|cell| cell.row == *row && Some(cell.seed) == task.seed);
                let done = cell.is_some_and(|cell| matches!(earlier.cell(cell), Cell::Done { .. }));
                (
                    "row",
                    Some(done),
                    likely_seconds(plan, &plan.rows[*row], known),
                )
            }
        };
        let needs: Vec<String> = task
            .needs
            .iter()
            .map(|need| short(&tasks[*need].key))
            .collect();
        json!({
            "task": short(&task.key),
            "part": part,
            "kind": kind,
            "title": task.title,
            "seed": task.seed,
            "needs": needs,
            "seconds": seconds,
            "done": done,
        })
    };
    Ok(tasks.iter().map(task).collect())
}
