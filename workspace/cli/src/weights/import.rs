//! `topwork weights import`: weights of another program for a backbone.

use std::path::{Path, PathBuf};

use topwork_weights::{Match, WeightsError, WeightsFile};

use super::backbone::Backbone;
use crate::{
    arguments::ImportArguments,
    failure::{Failure, WRONG_USE},
    files,
    output::{self, print},
};

/// Fits the weights of a file to a backbone and writes them.
pub fn import(arguments: &ImportArguments) -> Result<u8, Failure> {
    let output = output_path(arguments)?;
    let file = super::read(&arguments.file)?;
    let backbone = Backbone::ask(arguments)?;
    let prefix = arguments.prefix.as_deref();
    let imported = topwork_weights::import(&file, &backbone.blueprint, prefix)
        .map_err(|error| failure(arguments, &file, &backbone, &error))?;
    if !arguments.force {
        is_free(&output, &imported.safetensors)?;
    }
    files::replace(&output, &imported.safetensors)?;
    let how = match imported.found {
        Match::Names if imported.prefix.is_empty() => "by name".to_owned(),
        Match::Names => format!("by name without `{}`", imported.prefix),
        Match::Graph { folded: 0 } => "by their place in the graph".to_owned(),
        Match::Graph { folded } => format!(
            "by their place in the graph; {folded} batch normalisations were folded into convolutions"
        ),
    };
    let rows = [
        (
            "read",
            format!(
                "{} tensors from {} ({})",
                file.tensors().len(),
                arguments.file.display(),
                file.format()
            ),
        ),
        (
            "taken",
            format!("{} for {}, {how}", imported.taken, backbone.component),
        ),
        ("ignored", ignored(&imported.ignored)),
        ("digest", imported.digest),
        (
            "written",
            format!(
                "{} ({})",
                output.display(),
                output::megabytes(imported.safetensors.len() as u64)
            ),
        ),
    ];
    let lines = rows.map(|(what, text)| format!("{what:<8}{}\n", super::visible(&text)));
    print(&lines.concat())?;
    Ok(0)
}

/// Names that end alike are told once.
fn ignored(names: &[String]) -> String {
    const FEW: usize = 8;
    let mut told: Vec<(String, usize)> = Vec::new();
    for name in names {
        let ending = match name.rsplit_once('.') {
            Some((_, ending)) => format!("*.{ending}"),
            None => name.clone(),
        };
        match told.iter_mut().find(|(other, _)| *other == ending) {
            Some((_, count)) => *count += 1,
            None => told.push((ending, 1)),
        }
    }
    let mut words: Vec<String> = (told.iter().take(FEW))
        .map(|(ending, count)| match count {
            1 => {
                let alone = |name: &&String| name.ends_with(ending.trim_start_matches('*'));
                names.iter().find(alone).unwrap_or(ending).clone()
            }
            count => format!("{ending} ({count})"),
        })
        .collect();
    if told.len() > FEW {
        words.push("…".to_owned());
    }
    match names.len() {
        0 => "none".to_owned(),
        count => format!("{count}: {}", words.join(", ")),
    }
}

fn output_path(arguments: &ImportArguments) -> Result<PathBuf, Failure> {
    let path = match &arguments.output {
        Some(path) => path.clone(),
        None => {
            Path::new(arguments.file.file_name().unwrap_or_default()).with_extension("safetensors")
        }
    };
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    if same(&path).is_some_and(|path| Some(path) == same(&arguments.file)) {
        return Err(Failure::new(
            WRONG_USE,
            format!(
                "`{}` would be replaced by what is made from it",
                path.display()
            ),
        )
        .hint("name another file with `-o`"));
    }
    Ok(path)
}

/// Refuses to replace a file that is not already what would be written.
fn is_free(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let there = path.symlink_metadata().is_ok();
    match there && std::fs::read(path).ok().as_deref() != Some(bytes) {
        false => Ok(()),
        true => Err(Failure::new(
            WRONG_USE,
            format!(
                "`{}` is there already and holds something else",
                path.display()
            ),
        )
        .hint("`--force` replaces it; `-o` names another file")),
    }
}

/// With the way out for weights that are those of another network.
fn failure(
    arguments: &ImportArguments,
    file: &WeightsFile,
    backbone: &Backbone,
    error: &WeightsError,
) -> Failure {
    let failure = super::failure(&arguments.file, error);
    if !matches!(
        error,
        WeightsError::Misfit { .. } | WeightsError::Graph { .. }
    ) {
        return failure;
    }
    let fits = |blueprint: &str| {
        topwork_weights::import(file, blueprint, arguments.prefix.as_deref()).is_ok()
    };
    if let Some(set) = backbone.other_setting(arguments, fits) {
        return failure.hint(format!("try `--set {set}`: the weights fit that"));
    }
    if let Some(part) = super::part(&arguments.file) {
        return failure.hint(part);
    }
    let hint = match error.hint() {
        Some(hint) => format!("{hint}\n"),
        None => String::new(),
    };
    failure.hint(format!(
        "{hint}a network that is not built in can be exported to ONNX and used frozen: `use = \"onnx\"`"
    ))
}
