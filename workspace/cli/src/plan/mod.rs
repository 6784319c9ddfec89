//! `topwork check` and `topwork plan`.

mod data;
mod json;
mod matrix;
mod tasks;

use topwork_measure::thousands;
use topwork_pages::Align;
use topwork_schema::{Plan, SelectOn, Start};
use topwork_tasks::{Tasks, TrunkId, Work};

use crate::{
    arguments::{CheckFileArguments, FileArguments, PlanArguments, TasksFormat},
    experiment::{self, Checked},
    failure::{self, Failure},
    output::{self, print},
    run::made,
    runs::print_json,
};
use matrix::{matrix, outlook};

/// Checks an experiment file, for people or for programs.
pub fn check(arguments: &CheckFileArguments) -> Result<u8, Failure> {
    let file = &arguments.file;
    if !arguments.json {
        return tell_check(file);
    }
    match experiment::check_with_images(file)? {
        Ok(checked) => {
            print_json(&json::checked(&file.file, &checked))?;
            Ok(0)
        }
        Err(mistakes) => {
            let diagnostics = &mistakes.diagnostics;
            print_json(&json::mistaken(&file.file, diagnostics))?;
            Ok(diagnostics.exit_code())
        }
    }
}

/// Checks an experiment file and tells what it learns from, or fails with all its mistakes.
pub fn tell_check(file: &FileArguments) -> Result<u8, Failure> {
    let checked = experiment::check_with_images(file)??;
    let plans = &checked.plans;
    let experiment = plans.experiment();
    let strategies = plans.strategies();
    let rows = match plans.rows() {
        rows if rows == strategies => String::new(),
        rows => format!(" in {}", counted(rows, "row", "rows")),
    };
    let folds = experiment.target.folds.filter(|_| plans.only().is_some());
    let folds = folds.map_or(String::new(), |folds| {
        format!(", {}", counted(folds, "fold", "folds"))
    });
    let several = |count: usize, one, several| match count {
        0 | 1 => String::new(),
        count => counted(count, one, several) + ", ",
    };
    print(&format!(
        "{}: ok ({}{}{}{rows}, {})\n",
        file.file.display(),
        several(plans.targets().len(), "target", "targets"),
        several(plans.backbones().len(), "backbone", "backbones"),
        counted(strategies, "strategy", "strategies"),
        counted(experiment.seeds.len(), "seed", "seeds") + &folds,
    ))?;
    print(&data::learns_from(
        &data::tasks(&checked),
        data::compared(&checked),
    ))?;
    failure::write(&checked.warnings.render(output::colours()));
    Ok(0)
}

/// Shows the stages of a run, and which of its results are there already.
pub fn plan(arguments: &PlanArguments) -> Result<u8, Failure> {
    let checked = experiment::check(&arguments.file)?;
    if let Some(TasksFormat::Json) = arguments.tasks {
        print(&tasks::tasks(&checked, &arguments.place.runs_dir)?)?;
        return Ok(0);
    }
    let mut parts = Vec::new();
    for plan in checked.plans.plans() {
        parts.push(json::Part {
            target: plan.target.clone(),
            backbone: plan.backbone.clone(),
            stages: stages(&checked, plan)?,
            outlook: outlook(
                &checked,
                plan,
                &arguments.file.file,
                &arguments.place.runs_dir,
            )?,
        });
    }
    if arguments.json {
        print_json(&json::planned(&arguments.file.file, &parts))?;
        return Ok(0);
    }
    let mut text = String::new();
    for (plan, part) in checked.plans.plans().zip(&parts) {
        let names: Vec<&str> = [&part.target, &part.backbone]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if !names.is_empty() {
            text.push_str(&format!("{}\n\n", names.join(" · ")));
        }
        text.push_str(&told(&part.stages));
        text.push('\n');
        text.push_str(&matrix(plan, &part.outlook));
        if !names.is_empty() {
            text.push('\n');
        }
    }
    print(&text)?;
    Ok(0)
}

/// The stages of a plan.
fn stages(checked: &Checked, plan: &Plan) -> Result<Vec<json::Stage>, Failure> {
    let tasks = Tasks::of(plan, &made(checked, plan)?);
    let stage = |stage: &topwork_tasks::Task| json::Stage {
        title: stage.title.clone(),
        seed: stage.seed,
        what: detail(plan, &stage.work),
    };
    Ok(tasks.iter().map(stage).collect())
}

/// A line for each stage.
fn told(stages: &[json::Stage]) -> String {
    let rows = stages.iter().enumerate().map(|(index, stage)| {
        let seed = stage.seed.map_or("–".to_owned(), |seed| seed.to_string());
        vec![
            (index + 1).to_string(),
            stage.title.clone(),
            seed,
            stage.what.clone(),
        ]
    });
    let columns = [
        ("", Align::Right),
        ("stage", Align::Left),
        ("seed", Align::Right),
        ("what is done", Align::Left),
    ];
    output::table(&columns, rows)
}

fn detail(plan: &Plan, work: &Work) -> String {
    let experiment = &plan.experiment;
    match work {
        Work::Data => {
            let mut components = vec![experiment.target.dataset.component.id()];
            if let Some(source) = &experiment.source {
                components.insert(0, source.dataset.component.id());
            }
            components.dedup();
            let folds = experiment.target.folds.map_or(String::new(), |folds| {
                format!(
                    "; the target's split train in {}",
                    counted(folds, "fold", "folds")
                )
            });
            let input = experiment.backbone_input.as_ref();
            let input = input.map_or(String::new(), |input| {
                format!("; images reach the backbone as {}", input.told())
            });
            components.join(", ") + &folds + &input
        }
        Work::Source => experiment.source.as_ref().map_or(String::new(), |source| {
            format!(
                "train {} with head {} on {}, {}",
                experiment.backbone.id(),
                source.head.id(),
                plan.source_classes.join(" "),
                counted(source.train.epochs, "epoch", "epochs")
            )
        }),
        Work::Features(trunk) => {
            let rows = (plan.rows.iter()).filter(|row| TrunkId::of(plan, row).contains(trunk));
            let shared = rows.count();
            let weights = match trunk.weights {
                Start::Source => "source weights",
                Start::Random => "initial random weights",
            };
            format!(
                "cut at {}, {weights}, for {}",
                trunk.cut.name,
                counted(shared, "row", "rows")
            )
        }
        Work::Row(row) => {
            let row = &plan.rows[*row];
            let strategy = plan.strategy(row);
            let samples = match (row.train_samples, row.train_per_class) {
                (Some(count), _) => format!("{} training samples", thousands(count as u64)),
                (None, Some(count)) => {
                    format!(
                        "{} of every class",
                        counted(count, "training sample", "training samples")
                    )
                }
                (None, None) => "all training samples".to_owned(),
            };
            let protocol = (strategy.protocol.as_ref())
                .map_or(String::new(), |protocol| format!(", protocol {protocol}"));
            let chosen = (strategy.select.as_ref()).map_or(String::new(), |select| {
                let tried = select.candidates(&row.among).len();
                let on = match select.on {
                    SelectOn::Holdout(share) => format!("{} % held out", share * 100.0),
                    SelectOn::Folds(folds) => counted(folds, "inner fold", "inner folds"),
                };
                format!(
                    ", {} chosen from {} by {} on {on}",
                    select.paths().join(" and "),
                    counted(tried, "candidate", "candidates"),
                    select.by
                )
            });
            let effort = match &strategy.train {
                Some(train) => format!(
                    "train {} for {}",
                    strategy.head.id(),
                    counted(train.epochs, "epoch", "epochs")
                ),
                None => format!("fit {}", strategy.head.id()),
            };
            let folds = experiment.target.folds.map_or(String::new(), |folds| {
                format!(
                    " of {}, once for every fold left out",
                    counted(folds - 1, "fold", "folds")
                )
            });
            format!(
                "{}: {effort} on {samples}{folds}{chosen}{protocol}",
                strategy.kind.as_str()
            )
        }
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        thousands(count as u64),
        if count == 1 { one } else { several }
    )
}
