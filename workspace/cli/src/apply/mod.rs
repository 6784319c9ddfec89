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

use crate::{
    failure::{Failure, WRONG_DATA, WRONG_USE, write},
    folders::absolute,
    output,
};

/// Where a table goes, in the format that is named, or that the ending of its file says.
fn to(path: Option<&Path>, format: Option<&str>, formats: &[&str]) -> Result<Output, Failure> {
    let named = format.map(str::to_owned);
    let ending = path.and_then(Path::extension);
    let ending = ending.map(|ending| ending.to_string_lossy().to_lowercase());
    let format = named.or(ending).unwrap_or_else(|| "csv".to_owned());
    if !formats.contains(&&*format) {
        let what = match path {
            Some(path) => format!("`{}` has none of the endings there are", path.display()),
            None => format!("there is no format `{format}`"),
        };
        let endings: Vec<String> = formats.iter().map(|format| format!(".{format}")).collect();
        return Err(Failure::new(WRONG_USE, what).hint(format!(
            "{}: the ending says the format",
            endings.join(", ")
        )));
    }
    Ok(Output {
        path: path.map(absolute),
        format,
    })
}

/// Tells what was done: for programs on standard output, for people on stderr.
fn tell(done: &Done, what: &str, output: Option<&Path>, as_json: bool) -> Result<u8, Failure> {
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
