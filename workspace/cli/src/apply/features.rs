//! `topwork features`.

use std::path::{Path, PathBuf};

use topwork_apply::{BareBackbone, Images, Split, TrunkOf, Work};
use topwork_schema::{Component, Plan, Reduction};
use topwork_store::Runs;

use super::{child, data, paths, tell, to, which::Known};
use crate::{
    arguments::{FeaturesArguments, FileArguments},
    earlier::Earlier,
    experiment,
    failure::{Failure, WRONG_USE},
    folders::{Folders, absolute},
    run::{manifests, threads},
    settings::parameters,
};

/// Writes what a trunk makes of images.
pub fn features(arguments: &FeaturesArguments) -> Result<u8, Failure> {
    let output = to(Some(&arguments.output), None, |_| true)?;
    let (trunk, folders, named) = match &arguments.backbone {
        Some(id) => (
            of_backbone(arguments, id)?,
            Folders::find(&arguments.how.plugin_dir),
            &arguments.inputs[..],
        ),
        None => {
            let Some((first, named)) = arguments.inputs.split_first() else {
                return Err(Failure::new(
                    WRONG_USE,
                    "expected an experiment file or a run, or `--backbone ID` with image files",
                ));
            };
            let (trunk, folders) = match first.extension().is_some_and(|ending| ending == "toml") {
                true => of_experiment(arguments, first)?,
                false => of_run(arguments, &first.to_string_lossy())?,
            };
            (trunk, folders, named)
        }
    };
    let images = match (&arguments.dataset, arguments.split, named.is_empty()) {
        (_, Some(_), false) | (Some(_), _, false) => {
            return Err(Failure::new(
                WRONG_USE,
                "paths, `--split` and `--dataset` exclude each other",
            ));
        }
        (None, None, false) => Images::Files(child::list()),
        (Some(path), _, true) => Images::Dataset(data::labelled(path)?),
        (None, Some(split), true) => Images::Splits(vec![split]),
        (None, None, true) if arguments.backbone.is_some() => {
            return Err(Failure::new(WRONG_USE, "which images?").hint(
                "name files or folders, `-` for a list on standard input, or `--dataset FILE.toml`",
            ));
        }
        (None, None, true) => Images::Splits(both(&trunk)),
    };
    let work = Work::Features {
        trunk: Box::new(trunk),
        images,
        output,
    };
    let threads = threads(arguments.how.threads);
    let done = child::ask(
        folders,
        threads,
        work,
        !arguments.no_cache,
        |notes| match named.is_empty() {
            true => Ok(()),
            false => paths::write_list(named, &notes.join(child::list())),
        },
    )?;
    tell(
        &done,
        "features of",
        Some(&arguments.output),
        arguments.json,
    )
}

/// All splits there are: with folds there is but one.
fn both(trunk: &TrunkOf) -> Vec<Split> {
    match trunk {
        TrunkOf::Plan { plan, .. } if plan.experiment.target.folds.is_some() => vec![Split::Train],
        _ => vec![Split::Train, Split::Test],
    }
}

fn of_run(arguments: &FeaturesArguments, run: &str) -> Result<(TrunkOf, Folders), Failure> {
    let runs = Runs::at(absolute(&arguments.how.place.runs_dir));
    let folder = runs.find(run)?;
    let folders = Folders::of_run(&folder, &arguments.how.plugin_dir)?;
    if arguments.which.row.is_some() {
        let fits = Known::of(folder)?.fits(&arguments.which)?;
        return Ok((TrunkOf::Row(fits), folders));
    }
    let text = std::fs::read_to_string(folder.plan_path()).ok();
    let Some(plan) = text.and_then(|text| Plan::from_json(&text)) else {
        return Err(Failure::new(
            WRONG_USE,
            format!("the run `{}` has no plan that can be read", folder.id()),
        )
        .hint("`--row TITLE` gives what the head of a row gets"));
    };
    let seed = seed(arguments, &plan);
    let weights = folder.weights_path("backbone", seed);
    let trained = plan.experiment.source.is_some().then_some(weights);
    if let Some(path) = trained
        .as_ref()
        .filter(|path| !path.exists() && !arguments.random)
    {
        return Err(Failure::new(
            WRONG_USE,
            format!(
                "the run has no backbone with the seed {seed}: `{}` is not there",
                path.display()
            ),
        ));
    }
    Ok((of_plan(arguments, plan, seed, trained), folders))
}

fn of_experiment(
    arguments: &FeaturesArguments,
    file: &Path,
) -> Result<(TrunkOf, Folders), Failure> {
    let checked = experiment::check(&FileArguments {
        file: file.to_owned(),
        seeds: arguments.which.seed.into_iter().collect(),
        sets: arguments.sets.clone(),
        plugin_dir: arguments.how.plugin_dir.clone(),
    })?;
    let plan = checked.only("a set of features")?.clone();
    let seed = seed(arguments, &plan);
    let trained = match plan.experiment.source.is_some() && !arguments.random {
        true => {
            let runs = Runs::at(absolute(&arguments.how.place.runs_dir));
            let cells = manifests(&checked, file)?.pop().map(|only| only.cells);
            let known = Earlier::of(&runs, &cells.unwrap_or_default())?.source_weights();
            let found = known.into_iter().find(|(of, _)| *of == seed);
            let (_, path) = found.ok_or_else(|| {
                Failure::new(
                    WRONG_USE,
                    format!(
                        "no run has trained the source of `{}` with the seed {seed} yet",
                        file.display()
                    ),
                )
                .hint(format!(
                    "`topwork run {}` does; `--random` takes random weights",
                    file.display()
                ))
            })?;
            Some(path)
        }
        false => None,
    };
    Ok((of_plan(arguments, plan, seed, trained), checked.folders))
}

fn seed(arguments: &FeaturesArguments, plan: &Plan) -> u64 {
    let first = plan.experiment.seeds.first().copied();
    arguments.which.seed.or(first).unwrap_or_default()
}

fn of_plan(
    arguments: &FeaturesArguments,
    plan: Plan,
    seed: u64,
    trained: Option<PathBuf>,
) -> TrunkOf {
    TrunkOf::Plan {
        plan: Box::new(plan),
        cut: arguments.cut.clone(),
        seed,
        random: arguments.random,
        trained,
    }
}

fn of_backbone(arguments: &FeaturesArguments, id: &str) -> Result<TrunkOf, Failure> {
    let parameters = parameters(&arguments.sets);
    let folder = std::env::current_dir().map_err(|error| {
        Failure::new(
            WRONG_USE,
            format!("cannot find the present folder: {error}"),
        )
    })?;
    let fit = arguments
        .fit
        .iter()
        .map(|fit| ("fit".to_owned(), fit.as_str().into()));
    Ok(TrunkOf::Backbone(Box::new(BareBackbone {
        component: Component {
            component: id.to_owned(),
            parameters,
        },
        folder,
        weights: arguments.weights.as_deref().map(absolute),
        cut: arguments.cut.clone(),
        reduction: Reduction {
            pool: arguments.pool,
            l2: arguments.l2,
            pca: None,
        },
        normalise: arguments.normalise.clone().and_then(|given| given.0),
        stated: arguments.normalise.is_some(),
        decode: fit.collect(),
    })))
}
