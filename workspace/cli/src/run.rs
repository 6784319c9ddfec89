//! `topwork run`: makes the run folder, starts its supervisor, becomes a viewer.

use std::{path::Path, thread};

use topwork_keys::{Adopted, Cells};
use topwork_schema::{Diagnostic, Plan};
use topwork_store::{FileDigest, Machine, Manifest, PluginDigest, RunFolder, Runs, now};
use topwork_tasks::{Made, Tasks};

use crate::{
    arguments::{RunArguments, RunSettings},
    cache,
    earlier::{Earlier, same_run},
    experiment::{self, Checked},
    failure::{Failure, RUN_FAILED, warn},
    folders::absolute,
    resume::go_on,
    room,
    start::{leave, start_supervisor},
    viewer,
};

/// Runs an experiment and gives the exit code.
pub fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    // A large file, and nobody is to wait for it: plugins are looked at meanwhile.
    let binary = thread::spawn(this_binary);
    let checked = experiment::check(&arguments.file)?;
    let mut parts = manifests(&checked, &arguments.file.file)?;
    let binary = binary.join().unwrap_or_default();
    let runs_dir = absolute(&arguments.place.runs_dir);
    let runs = Runs::at(&runs_dir);
    if arguments.resume {
        let wanted: Vec<&Cells> = parts.iter().map(|part| &part.cells).collect();
        if let Some(folder) = same_run(&runs, &wanted)? {
            return go_on(&folder, &arguments.view, arguments.detach);
        }
    }
    settle(&checked, &mut parts, &arguments.settings, binary, &runs)?;
    if arguments.resume {
        for part in &mut parts {
            part.adopted = Earlier::of(&runs, &part.cells)?.adopted();
        }
    }
    // Before there is anything to stop, so that no request to stop falls between.
    let signals = viewer::signals()?;
    let folder = create(&runs, &checked, parts)?;
    let supervisor = start_supervisor(&folder)?;
    if arguments.detach {
        return leave(&folder);
    }
    viewer::watch(&folder, supervisor, signals, &arguments.view)
}

/// Settles how a new run goes about its work, and which sources it takes over from earlier ones.
pub fn settle(
    checked: &Checked,
    parts: &mut [Manifest],
    settings: &RunSettings,
    binary: Option<FileDigest>,
    runs: &Runs,
) -> Result<(), Failure> {
    let mut feature_cache = None;
    if !settings.no_cache {
        feature_cache = cache::settings()?;
        match &feature_cache {
            Some(cache) => room::tell(checked, cache),
            None => warn(&format!(
                "nothing is kept for other runs: there is no folder for it; {}",
                cache::NO_CACHE
            )),
        }
    }
    for part in parts {
        part.binary.clone_from(&binary);
        part.threads = threads(settings.threads);
        part.checkpoint_every = settings.checkpoint_every.as_secs_f64();
        part.call_limit = settings.call_limit.0.map(|limit| limit.as_secs_f64());
        part.feature_cache.clone_from(&feature_cache);
        if !settings.no_cache && !part.cells.sources.is_empty() {
            // A source that was trained before is taken over in every run, as features are from the cache.
            let sources = Cells {
                sources: part.cells.sources.clone(),
                rows: Vec::new(),
            };
            // Where the runs cannot be listed, it is trained, if the run can begin at all.
            if let Ok(earlier) = Earlier::of(runs, &sources) {
                part.adopted = earlier.adopted();
            }
        }
    }
    Ok(())
}

/// The number of threads asked for, or all cores.
pub fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| Machine::here().cores, usize::from)
}

/// The running program's file; `None` where it cannot be read.
pub fn this_binary() -> Option<FileDigest> {
    FileDigest::of(&std::env::current_exe().ok()?).ok()
}

/// That of a run, from those of its parts. Where there are several it has no results of its own: its parts have.
fn whole(parts: &[Manifest]) -> Result<Manifest, Failure> {
    let Some(first) = parts.first() else {
        return Err(Failure::new(RUN_FAILED, "the experiment has no plan"));
    };
    let mut whole = first.clone();
    if parts.len() == 1 {
        return Ok(whole);
    }
    whole.cells = Cells::default();
    whole.adopted = Adopted::default();
    whole.weights = None;
    whole.computed_by = None;
    for plugin in parts.iter().flat_map(|part| &part.plugins) {
        if !whole.plugins.contains(plugin) {
            whole.plugins.push(plugin.clone());
        }
    }
    Ok(whole)
}

/// What the parts of a run of this experiment are made of, each as if it were a run, without a cache and with the default
/// limits; an experiment of one backbone and target has one. They get the run's id when its folder is made, and the program's
/// digest from [`this_binary`].
pub fn manifests(checked: &Checked, experiment: &Path) -> Result<Vec<Manifest>, Failure> {
    (checked.plans.plans())
        .map(|plan| {
            let plugins = used_plugins(checked, plan);
            let weights = weights(plan)?;
            let made = topwork_worker::made(&plugins, weights.as_ref());
            Ok(Manifest {
                format: Manifest::FORMAT,
                run: String::new(),
                name: plan.experiment.name.clone(),
                experiment: absolute(experiment),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                binary: None,
                created_at: now(),
                threads: threads(None),
                plugin_folders: checked.folders.plugins.clone(),
                data_folders: checked.folders.data.clone(),
                cache_folder: checked.folders.cache.clone(),
                feature_cache: None,
                checkpoint_every: Manifest::checkpoint_every(),
                call_limit: Manifest::call_limit(),
                cells: Tasks::of(plan, &made).cells(),
                remarks: checked.warnings.iter().map(Diagnostic::remark).collect(),
                adopted: Adopted::default(),
                computed_by: (plan.extractor.as_ref())
                    .and_then(|extractor| extractor.runtime.clone()),
                weights,
                plugins,
                machine: Machine::here(),
            })
        })
        .collect()
}

/// What the results of a plan depend on besides.
pub fn made(checked: &Checked, plan: &Plan) -> Result<Made, Failure> {
    let weights = weights(plan)?;
    Ok(topwork_worker::made(
        &used_plugins(checked, plan),
        weights.as_ref(),
    ))
}

/// The file of weights that a plan names.
fn weights(plan: &Plan) -> Result<Option<FileDigest>, Failure> {
    let path = plan.experiment.backbone_weights.as_ref();
    Ok(path.map(|path| FileDigest::of(path)).transpose()?)
}

/// Everything the run is made of is on disk before anything is computed.
pub fn create(
    runs: &Runs,
    checked: &Checked,
    mut parts: Vec<Manifest>,
) -> Result<RunFolder, Failure> {
    let folder = runs.create(&checked.plans.experiment().name)?;
    for part in &mut parts {
        part.run = folder.id();
    }
    if let Err(error) = fill(&folder, checked, &parts) {
        // A run that cannot even begin leaves nothing that looks like one.
        let _ = std::fs::remove_dir_all(folder.path());
        return Err(error);
    }
    Ok(folder)
}

fn fill(folder: &RunFolder, checked: &Checked, manifests: &[Manifest]) -> Result<(), Failure> {
    let plans = &checked.plans;
    folder.write(&folder.experiment_path(), plans.to_toml().as_bytes())?;
    match plans.only() {
        Some(plan) => write_plan(folder, plan)?,
        None => {
            for (index, (plan, manifest)) in plans.plans().zip(manifests).enumerate() {
                let names = [&plan.target, &plan.backbone].into_iter().flatten();
                let name: Vec<&str> = names.map(String::as_str).collect();
                let part = folder.create_part(index, &name.join(" "))?;
                part.write(&part.experiment_path(), plan.to_toml().as_bytes())?;
                write_plan(&part, plan)?;
                part.write_manifest(manifest)?;
            }
        }
    }
    Ok(folder.write_manifest(&whole(manifests)?)?)
}

/// Without it the worker checks the experiment once more.
fn write_plan(folder: &RunFolder, plan: &Plan) -> Result<(), Failure> {
    match plan.to_json() {
        Ok(json) => Ok(folder.write(&folder.plan_path(), json.as_bytes())?),
        Err(_) => Ok(()),
    }
}

/// The plugins whose components a plan uses.
fn used_plugins(checked: &Checked, plan: &Plan) -> Vec<PluginDigest> {
    let experiment = &plan.experiment;
    let mut used = vec![&experiment.backbone, &experiment.target.dataset.component];
    used.extend(experiment.strategies.iter().map(|strategy| &strategy.head));
    if let Some(source) = &experiment.source {
        used.extend([&source.dataset.component, &source.head]);
    }
    (checked.answer.plugins.iter())
        .filter(|plugin| used.iter().any(|component| component.plugin() == plugin.id))
        .map(|plugin| PluginDigest {
            id: plugin.id.clone(),
            version: plugin.version.clone(),
            path: plugin.path.clone(),
            sha256: plugin.sha256.clone(),
        })
        .collect()
}
