//! What uses finished work, with plugins only ever loaded by a child process: `predict`, `evaluate`, `features`.

mod child;
mod data;
mod evaluate;
mod export;
mod features;
mod paths;
mod predict;
mod which;

pub use child::answer;
pub use evaluate::evaluate;
pub use export::export;
pub use features::features;
pub use predict::predict;

use std::path::Path;

use topwork_apply::{Done, Output};
use topwork_measure::{seconds, thousands};
use topwork_tables::Format;

use crate::{
    failure::{Failure, WRONG_DATA, WRONG_USE, write},
    folders::absolute,
    output,
};

/// Where a table goes, in the format that is named, or that the ending of its file says, one of those that `fits` allows.
fn to(
    path: Option<&Path>,
    format: Option<&str>,
    fits: impl Fn(Format) -> bool,
) -> Result<Output, Failure> {
    let ending = path
        .and_then(Path::extension)
        .map(|ending| ending.to_string_lossy());
    let wanted = format.or(ending.as_deref());
    let found = match (wanted, path) {
        (None, None) => Some(Format::Csv),
        (None, Some(_)) => None,
        (Some(wanted), _) => Format::named(wanted),
    };
    let Some(format) = found.filter(|format| fits(*format)) else {
        let endings: Vec<String> = (Format::ALL.into_iter())
            .filter(|format| fits(*format))
            .map(|format| format!(".{}", format.ending()))
            .collect();
        let path = path.unwrap_or(Path::new("the output")).display();
        return Err(Failure::new(
            WRONG_USE,
            format!("`{path}` has none of the endings there are"),
        )
        .hint(format!(
            "{}: the ending says the format",
            endings.join(", ")
        )));
    };
    Ok(Output {
        path: path.map(absolute),
        format: format.ending().to_owned(),
    })
}

/// Tells what was done: for programs on standard output, for people on stderr.
fn tell(done: &Done, what: &str, output: Option<&Path>, as_json: bool) -> Result<u8, Failure> {
    if done.cut_short {
        return Ok(0);
    }
    if as_json {
        let text = serde_json::to_string_pretty(done)
            .map_err(|error| Failure::new(crate::failure::RUN_FAILED, error.to_string()))?;
        output::data(&(text + "\n"))?;
    } else {
        let speed = done.images as f64 / done.seconds.max(1e-9);
        let mut text = format!(
            "{what} {} images in {} ({} a second)",
            thousands(done.images),
            seconds(done.seconds),
            thousands(speed.round() as u64)
        );
        if done.cached == done.images && done.images > 0 {
            text = format!("{what} {} images from the cache", thousands(done.images));
        }
        if done.dim > 0 {
            text.push_str(&format!(", {} features each", thousands(done.dim)));
        }
        if let Some(path) = output {
            text.push_str(&format!(", in {}", path.display()));
        }
        text.push('\n');
        if !done.unknown.is_empty() {
            let classes: Vec<String> = (done.unknown.iter())
                .map(|(class, count)| format!("`{class}` ({})", thousands(*count)))
                .collect();
            text.push_str(&format!(
                "left out, as the run has no such class: {}\n",
                classes.join(", ")
            ));
        }
        write(&text);
    }
    match done.unreadable {
        0 => Ok(0),
        count => Err(Failure::new(
            WRONG_DATA,
            format!(
                "{} of {} files could not be read",
                thousands(count),
                thousands(done.images + count)
            ),
        )),
    }
}
