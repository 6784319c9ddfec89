//! Writes `docs/topwork_plugin.h` from the sources of the crate `abi`: `topwork-header FOLDER [--check]`, where the folder is
//! the project's. With `--check` nothing is written, and a stale header is an error.
//!
//! Types, constants and comments are read with syn, so that the header cannot say anything else than the crate does. A link in
//! a comment to something that C does not have is an error, too: whoever reads the header has nothing else.
//!
//! This crate must not know any other of ours; it reads the text of one.

mod comment;
mod source;
mod write;

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::ExitCode;

/// Where the header lies in the project.
const HEADER: &str = "docs/topwork_plugin.h";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, check) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => (folder, false),
        [folder, "--check"] => (folder, true),
        _ => {
            eprintln!("usage: topwork-header FOLDER [--check]");
            return 2.into();
        }
    };
    match header_of(Path::new(folder), check) {
        Ok(()) => 0.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            1.into()
        }
    }
}

fn header_of(project: &Path, check: bool) -> Result<()> {
    let text = generate(&project.join("workspace/abi/src"))?;
    let path = project.join(HEADER);
    if !check {
        return std::fs::write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()));
    }
    if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
        bail!("stale: `{HEADER}`\nhint: `just generate` makes it afresh");
    }
    Ok(())
}

/// The header for the sources in this folder.
fn generate(sources: &Path) -> Result<String> {
    write::header(&source::read(sources)?)
}

#[cfg(test)]
mod tests;
