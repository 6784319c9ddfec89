//! Before the first stage: the plugins are those of the manifest, the experiment still holds,
//! and viewers get to know what is coming.

use topwork_events::{CutPlan, Judging, Reference, RowPlan, RunPlan, StageKind, StagePlan};
use topwork_graft::{Backbone, GraftError, engine_kind, shape};
use topwork_host::Plugins;
use topwork_measure::Unit;
use topwork_schema::{Draft, Plan, Row, Start, Target};
use topwork_store::{FileDigest, Manifest, PluginDigest, RunFolder};
use topwork_tasks::{Made, Task, Tasks, TrunkId, Work};

use crate::{WorkerError, probe::catalog};

/// What the results of this program depend on besides the plan.
pub fn made(plugins: &[PluginDigest], weights: Option<&FileDigest>) -> Made {
    let digest = |plugin: &PluginDigest| (plugin.id.clone(), plugin.sha256.clone());
    Made {
        engine: engine_kind(),
        plugins: plugins.iter().map(digest).collect(),
        weights: weights.map(|weights| weights.sha256.clone()),
    }
}

/// A run says of its plugins what they were to the byte: with others it would be another run.
pub fn same_plugins(manifest: &Manifest, plugins: &Plugins) -> Result<(), WorkerError> {
    for used in &manifest.plugins {
        let found = plugins
            .list()
            .iter()
            .find(|plugin| plugin.id == used.id)
            .map(|plugin| plugin.sha256.clone());
        if found.as_ref() != Some(&used.sha256) {
            return Err(WorkerError::PluginChanged {
                plugin: used.id.clone(),
                found: found.unwrap_or_else(|| "none".to_owned()),
                expected: used.sha256.clone(),
            });
        }
    }
    Ok(())
}

/// The same for the file of trained weights.
pub fn same_weights(manifest: &Manifest) -> Result<(), WorkerError> {
    let Some(expected) = &manifest.weights else {
        return Ok(());
    };
    let found = FileDigest::of(&expected.path)?;
    if found == *expected {
        return Ok(());
    }
    Err(GraftError::Weights {
        path: expected.path.display().to_string(),
        reason: format!(
            "it has changed since the run was created: SHA-256 {}, expected {}",
            found.sha256, expected.sha256
        ),
        hint: None,
    }
    .into())
}

/// The plan that was made when the experiment was checked: plugins, weights and, later, the data
/// are compared by their digests. Where there is none, or something else would come out today,
/// the experiment is checked as it was before, against the plugins as they are in this process.
pub fn read_plan(folder: &RunFolder, plugins: &Plugins) -> Result<Plan, WorkerError> {
    let path = folder.experiment_path();
    let experiment = folder.experiment()?;
    if let Some(plan) = made_before(folder, &experiment, plugins) {
        return Ok(plan);
    }
    let draft = Draft::read(&path.display().to_string(), &experiment, folder.path());
    let catalog = catalog(plugins, &draft.uses(), folder.path(), None, None);
    draft.check(&catalog).map_err(|diagnostics| {
        WorkerError::experiment(format!(
            "the experiment no longer holds\n{}",
            diagnostics.render(false).trim_end()
        ))
    })
}

/// The plan that a run was made with, for whoever uses what it has left: whether all that it names is still there and the same is
/// of no matter before it is used. Only runs of earlier versions, which have no plan, are checked again.
pub fn plan_as_made(folder: &RunFolder, plugins: &Plugins) -> Result<Plan, WorkerError> {
    let text = std::fs::read_to_string(folder.plan_path());
    match text.ok().and_then(|text| Plan::from_json(&text)) {
        Some(plan) => Ok(plan),
        None => read_plan(folder, plugins),
    }
}

/// The plan in the folder, if it is that of the experiment there and an extractor still says of
/// itself what it said: the files it reads are no part of its plugin.
fn made_before(folder: &RunFolder, experiment: &str, plugins: &Plugins) -> Option<Plan> {
    let plan = Plan::from_json(&std::fs::read_to_string(folder.plan_path()).ok()?)?;
    if plan.to_toml() != experiment {
        return None;
    }
    if let Some(extractor) = &plan.extractor {
        // Without a digest nothing tells that its files are the same.
        extractor.digest.as_ref()?;
        let found = Backbone::of_plan(plugins, &plan).ok()?;
        (found.extractor().as_ref() == Some(extractor)).then_some(())?;
    }
    Some(plan)
}

/// The plan as viewers are told of it.
pub fn run_plan(
    manifest: &Manifest,
    plan: &Plan,
    tasks: &Tasks,
    backbone: &Backbone,
) -> Result<RunPlan, WorkerError> {
    let experiment = &plan.experiment;
    Ok(RunPlan {
        format: topwork_events::FORMAT,
        run: manifest.run.clone(),
        name: experiment.name.clone(),
        target: plan.target.clone(),
        backbone: plan.backbone.clone(),
        about: Some(experiment.about.clone()).filter(|about| !about.is_empty()),
        version: manifest.version.clone(),
        seeds: experiment.seeds.clone(),
        threads: manifest.threads,
        folds: (experiment.target.folds).map(|folds| u32::try_from(folds).unwrap_or(u32::MAX)),
        classes: plan.target_classes.clone(),
        targets: plan.targets,
        tests: (experiment.target.tests.iter())
            .map(|test| test.name.clone())
            .collect(),
        stages: tasks.iter().map(stage_plan).collect(),
        rows: (plan.rows.iter())
            .map(|row| row_plan(plan, row, backbone))
            .collect::<Result<_, _>>()?,
        judging: judging(&experiment.target),
        references: (experiment.references.iter())
            .map(|reference| Reference {
                strategy: reference.strategy.clone(),
                metric: reference.figure().0.to_owned(),
                value: reference.figure().1,
                note: Some(reference.note.clone()).filter(|note| !note.is_empty()),
            })
            .collect(),
    })
}

/// What rows are judged by, in the figures' own units.
fn judging(target: &Target) -> Judging {
    let mut judging = Judging {
        metrics: target.metrics.clone(),
        rank_by: target.rank_by.clone(),
        compare_to: target.compare_to.clone(),
        equivalent_within: None,
    };
    let percent = judging.ranked_by().unit == Unit::Share;
    judging.equivalent_within =
        (target.equivalent_within).map(|within| if percent { within / 100.0 } else { within });
    judging
}

/// A task as viewers are told of it.
fn stage_plan(task: &Task) -> StagePlan {
    StagePlan {
        kind: match task.work {
            Work::Data => StageKind::Data,
            Work::Source => StageKind::Source,
            Work::Features(_) => StageKind::Features,
            Work::Row(_) => StageKind::Row,
        },
        title: task.title.clone(),
        seed: task.seed,
        row: task.row(),
        key: Some(task.key.clone()),
    }
}

fn row_plan(plan: &Plan, row: &Row, backbone: &Backbone) -> Result<RowPlan, WorkerError> {
    let strategy = plan.strategy(row);
    let mut longest = 0;
    for cut in row.cuts() {
        let features = shape(&backbone.activations_at(cut)?, cut.reduction);
        longest = longest.max(cut.reduction.pca.unwrap_or(features.iter().product()));
    }
    let trunks = TrunkId::of(plan, row).into_iter();
    Ok(RowPlan {
        target: None,
        backbone: None,
        name: strategy.name.clone(),
        detail: row.detail.clone(),
        kind: strategy.kind.as_str().to_owned(),
        cut: row.cut_name(),
        layers: row.cut.layers,
        trunks: trunks
            .map(|TrunkId { cut, .. }| CutPlan {
                name: cut.name,
                layers: cut.layers,
            })
            .collect(),
        feature_dim: longest,
        head: strategy.head.id().to_owned(),
        weights: as_told(strategy.weights),
        train_samples: (row.train_samples)
            .or_else(|| Some(row.train_per_class? * plan.target_classes.len()))
            .map(|samples| samples as u64),
        protocol: strategy.protocol.clone(),
        classes: Vec::new(),
    })
}

/// The word for viewers and files of what the experiment calls the same.
pub fn as_told(weights: Start) -> topwork_events::Start {
    match weights {
        Start::Source => topwork_events::Start::Source,
        Start::Random => topwork_events::Start::Random,
    }
}
