//! `topwork predict`.

use topwork_apply::{Images, Work};
use topwork_store::Runs;
use topwork_tables::Format;

use super::{child, data, paths, tell, to, which::Known};
use crate::{
    arguments::PredictArguments,
    failure::{Failure, WRONG_USE, write},
    folders::{Folders, absolute},
    run::threads,
};

/// Classifies images by what a row of a run has fitted.
pub fn predict(arguments: &PredictArguments) -> Result<u8, Failure> {
    let runs = Runs::at(absolute(&arguments.how.place.runs_dir));
    let known = Known::of(runs.find(&arguments.run)?)?;
    let fits = known.fits(&arguments.which)?;
    let output = to(
        arguments.output.as_deref(),
        arguments.format.as_deref(),
        Format::is_streamed,
    )?;
    if output.path.is_none() && output.format == Format::Parquet.ending() {
        return Err(
            Failure::new(WRONG_USE, "a Parquet file is not for standard output")
                .hint("`--output FILE.parquet` names a file"),
        );
    }
    let images = match (&arguments.dataset, arguments.split) {
        (Some(path), _) => Images::Dataset(data::labelled(path)?),
        (None, Some(split)) => Images::Splits(vec![split]),
        (None, None) if arguments.paths.is_empty() => {
            return Err(Failure::new(WRONG_USE, "which images are to be classified?").hint(
                "name files or folders, `-` for a list on standard input, `--dataset FILE.toml`, or `--split test` for the run's own test examples",
            ));
        }
        (None, None) => Images::Files(child::list()),
    };
    let of_folds = match fits.folds.len() {
        0 | 1 => String::new(),
        folds => format!(
            ", {}",
            match images {
                Images::Splits(_) => "each example by what was fitted without it".to_owned(),
                _ => format!("mean scores of {folds} folds"),
            }
        ),
    };
    write(&format!(
        "{} of {}, seed {}{of_folds}\n",
        known.title(&fits),
        known.folder.id(),
        fits.seed
    ));
    let work = Work::Predict {
        fits,
        images,
        output,
    };
    let folders = Folders::of_run(&known.folder, &arguments.how.plugin_dir)?;
    let done = child::ask(
        folders,
        threads(arguments.how.threads),
        work,
        false,
        |notes| match arguments.paths.is_empty() {
            true => Ok(()),
            false => paths::write_list(&arguments.paths, &notes.join(child::list())),
        },
    )?;
    tell(
        &done,
        "classified",
        arguments.output.as_deref(),
        arguments.json,
    )
}
