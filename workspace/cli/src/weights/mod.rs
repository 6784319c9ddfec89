//! `topwork weights`: weights that other programs have written.

mod backbone;
mod import;
mod list;

use std::path::Path;

use topwork_sniff::reason;
use topwork_weights::{WeightsError, WeightsFile};

pub use import::import;
pub use list::list;

use crate::failure::{Failure, WRONG_DATA, WRONG_PLUGIN};

fn read(path: &Path) -> Result<WeightsFile, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        let reason = reason(&error);
        Failure::new(
            WRONG_DATA,
            format!("cannot read `{}`: {reason}", path.display()),
        )
    })?;
    WeightsFile::read(bytes).map_err(|error| failure(path, &error))
}

/// What to tell of a file that is one part of several by its name.
fn part(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (part, parts) = topwork_weights::part_by_name(name)?;
    Some(format!(
        "the name `{name}` says that it is part {part} of {parts}, the other weights are in the others: {}",
        WeightsError::hint_for_parts()
    ))
}

fn failure(path: &Path, error: &WeightsError) -> Failure {
    let code = match error {
        WeightsError::Blueprint(_) => WRONG_PLUGIN,
        _ => WRONG_DATA,
    };
    let message = format!("`{}`: {}", path.display(), visible(&error.to_string()));
    let failure = Failure::new(code, message);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A text that names of a file may be part of, without anything that could steer a terminal.
fn visible(text: &str) -> String {
    let shown = |letter: char| match letter.is_control() && letter != '\n' {
        true => letter.escape_debug().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(shown).collect()
}
