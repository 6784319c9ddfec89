//! `topwork weights`: weights that other programs have written.

mod import;
mod list;

use std::path::Path;

use topwork_store::reason;
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
