//! `topwork run`: makes the run folder, starts its supervisor, becomes a viewer.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use topwork_store::{FileDigest, Machine, Manifest, PluginDigest, RunFolder, Runs, now};

use crate::{
    arguments::RunArguments,
    cache,
    experiment::{self, Checked},
    failure::{Failure, RUN_FAILED},
    viewer,
};

/// Runs an experiment and gives the exit code.
pub fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    let checked = experiment::check(&arguments.file)?;
    let threads = arguments
        .threads
        .map_or_else(|| Machine::here().cores, usize::from);
    // Before there is anything to stop, so that no request to stop falls between.
    let signals = viewer::signals()?;
    let folder = create(arguments, &checked, threads)?;
    let supervisor = start_supervisor(&folder)?;
    viewer::watch(&folder, supervisor, signals, &arguments.view)
}

/// Everything the run is made of is on disk before anything is computed.
fn create(
    arguments: &RunArguments,
    checked: &Checked,
    threads: usize,
) -> Result<RunFolder, Failure> {
    let name = &checked.plan.experiment.name;
    let runs_dir =
        std::path::absolute(&arguments.runs_dir).unwrap_or_else(|_| arguments.runs_dir.clone());
    let folder = Runs::at(runs_dir).create(name)?;
    let experiment = &arguments.file.file;
    let manifest = Manifest {
        format: Manifest::FORMAT,
        run: folder.id(),
        name: name.clone(),
        experiment: std::path::absolute(experiment).unwrap_or_else(|_| experiment.clone()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: std::env::current_exe()
            .ok()
            .and_then(|binary| FileDigest::of(&binary).ok()),
        created_at: now(),
        threads,
        plugin_folders: checked.folders.plugins.clone(),
        data_folders: checked.folders.data.clone(),
        cache_folder: checked.folders.cache.clone(),
        feature_cache: if arguments.no_cache {
            None
        } else {
            Some(cache::settings()?)
        },
        checkpoint_every: arguments.checkpoint_every.as_secs_f64(),
        call_limit: arguments.call_limit.0.map(|limit| limit.as_secs_f64()),
        weights: match &checked.plan.experiment.backbone_weights {
            Some(path) => Some(FileDigest::of(path)?),
            None => None,
        },
        plugins: used_plugins(checked),
        machine: Machine::here(),
    };
    let written = folder
        .write(&folder.experiment_path(), checked.plan.to_toml().as_bytes())
        .and_then(|()| folder.write_manifest(&manifest));
    if let Err(error) = written {
        // A run that cannot even begin leaves nothing that looks like one.
        let _ = std::fs::remove_dir_all(folder.path());
        return Err(error.into());
    }
    Ok(folder)
}

/// The plugins whose components the experiment uses.
fn used_plugins(checked: &Checked) -> Vec<PluginDigest> {
    let experiment = &checked.plan.experiment;
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

fn start_supervisor(folder: &RunFolder) -> Result<Child, Failure> {
    std::env::current_exe()
        .and_then(|binary| {
            Command::new(binary)
                .arg("supervise")
                .arg(folder.path())
                // Ctrl-C in the terminal is for the viewer, which passes it on.
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        })
        .map_err(|error| {
            Failure::new(
                RUN_FAILED,
                format!("cannot start the run's supervisor: {error}"),
            )
        })
}
