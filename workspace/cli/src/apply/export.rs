//! `topwork export`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde::Deserialize;
use topwork_apply::{Agreement, Export, Work, Written, append_metadata, told};
use topwork_sniff::reason;
use topwork_store::Runs;

use super::{child, which::Known};
use crate::{
    arguments::ExportArguments,
    failure::{Failure, RUN_FAILED, WRONG_USE, warn},
    files,
    folders::{Folders, absolute, temporary},
    output::{data, megabytes, print},
    run::threads,
};

/// Runs a model by onnxruntime, where Python has it.
const PROVE: &str = include_str!("prove.py");
/// How that says that it has not.
const NO_RUNTIME: i32 = 3;

/// Writes a fitted row as one file for other programs.
pub fn export(arguments: &ExportArguments) -> Result<u8, Failure> {
    let runs = Runs::at(absolute(&arguments.how.place.runs_dir));
    let known = Known::of(runs.find(&arguments.run)?)?;
    let fits = known.fits(&arguments.which)?;
    if let Some(first) = fits.folds.first().copied()
        && fits.folds.len() > 1
    {
        return Err(
            Failure::new(WRONG_USE, "every fold has a model of its own").hint(format!(
                "`--fold {first}` names the one that was fitted without fold {first}"
            )),
        );
    }
    let to = written(arguments)?;
    let notes = temporary("topwork-export-")?;
    let path = notes.path().join("model");
    let title = known.title(&fits);
    let seed = fits.seed;
    let work = Work::Export(Export {
        fits,
        run_id: known.folder.id(),
        to,
        bytes: arguments.bytes,
        path: path.clone(),
        images: arguments.images as usize,
        proof: Some(notes.path().to_owned()),
    });
    let folders = Folders::of_run(&known.folder, &arguments.how.plugin_dir)?;
    let done = child::ask(folders, threads(arguments.how.threads), work, false, |_| {
        Ok(())
    })?;
    let mut file = std::fs::read(&path).map_err(|error| {
        Failure::new(
            RUN_FAILED,
            format!("the exported model was lost: {}", reason(&error)),
        )
    })?;
    let mut proofs = Vec::new();
    if let Some(agreement) = done.agreement {
        proofs.push(("rten".to_owned(), agreement));
        if let Some((version, agreement)) = by_onnxruntime(notes.path(), &path, arguments.bytes)? {
            let text = told(&agreement);
            append_metadata(&mut file, &[("agreement-onnxruntime", &text)]);
            proofs.push((format!("onnxruntime {version}"), agreement));
        }
    }
    files::replace(&arguments.output, &file)?;
    if arguments.json {
        let proofs: serde_json::Map<String, serde_json::Value> = (proofs.iter())
            .map(|(by, agreement)| (by.clone(), serde_json::json!(agreement)))
            .collect();
        let json = serde_json::json!({
            "file": arguments.output, "bytes": file.len(), "row": title, "seed": seed,
            "run": known.folder.id(), "agreement": proofs,
        });
        let text = serde_json::to_string_pretty(&json)
            .map_err(|error| Failure::new(RUN_FAILED, error.to_string()))?;
        data(&(text + "\n"))?;
        return Ok(0);
    }
    let mut text = format!(
        "{title} of {}, seed {seed}: {} ({})\n",
        known.folder.id(),
        arguments.output.display(),
        megabytes(file.len() as u64)
    );
    for (by, agreement) in &proofs {
        text.push_str(&format!("  {by}: {}\n", told(agreement)));
    }
    print(&text)?;
    Ok(0)
}

fn written(arguments: &ExportArguments) -> Result<Written, Failure> {
    let ending = arguments
        .output
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    match (arguments.to.as_deref(), ending.as_deref()) {
        (Some("onnx"), _) | (None, Some("onnx")) => Ok(Written::Onnx),
        (Some(_), _) | (None, Some("safetensors")) => Ok(Written::Safetensors),
        _ => Err(Failure::new(
            WRONG_USE,
            format!("`{}` does not say its format", arguments.output.display()),
        )
        .hint("end it with .onnx or .safetensors, or add `--to onnx`")),
    }
}

#[derive(Deserialize)]
struct Answer {
    version: String,
    #[serde(flatten)]
    agreement: Agreement,
}

/// The same proof by onnxruntime; `None` where Python has none.
fn by_onnxruntime(
    notes: &Path,
    model: &Path,
    bytes: bool,
) -> Result<Option<(String, Agreement)>, Failure> {
    let shape = std::fs::read_to_string(notes.join("shape")).unwrap_or_default();
    let output = Command::new("python3")
        .args(["-c", PROVE])
        .arg(model)
        .arg(notes.join("images"))
        .arg(notes.join("scores"))
        .args(shape.split_whitespace())
        .arg(bytes.to_string())
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else { return Ok(None) };
    if output.status.code() == Some(NO_RUNTIME) {
        return Ok(None);
    }
    let answer = serde_json::from_slice::<Answer>(&output.stdout);
    let Ok(Answer { version, agreement }) = answer else {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or_default();
        warn(&format!("onnxruntime could not be asked: {last}"));
        return Ok(None);
    };
    if agreement.equal < agreement.of {
        return Err(Failure::new(
            RUN_FAILED,
            format!(
                "the exported model is not the row: by onnxruntime {version} {}",
                told(&agreement)
            ),
        )
        .hint("nothing was written; please report it"));
    }
    Ok(Some((version, agreement)))
}
