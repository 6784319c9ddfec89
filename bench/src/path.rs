//! One parameter of a classifier head at many values: all at once, beside a single fit.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use topwork_host::FitOptions;

use crate::data;
use crate::plugins;

/// What is fitted.
pub struct Wanted<'a> {
    pub component: &'a str,
    pub parameters: &'a Value,
    /// Which parameter is varied.
    pub parameter: &'a str,
    pub values: &'a [Value],
    /// Where `features.f32` and `labels.u32` lie, and how many numbers a row has.
    pub folder: &'a Path,
    pub dimensions: usize,
}

/// How long it took, and what each value came to.
#[derive(Serialize)]
pub struct Measured {
    samples: usize,
    /// A fit with the parameters as they are.
    alone_seconds: f64,
    alone_iterations: u64,
    path_seconds: f64,
    fits: Vec<Fit>,
}

#[derive(Serialize)]
struct Fit {
    converged: bool,
    iterations: u64,
    note: String,
}

/// Fits alone and at all values; the states of the latter are written to `state-000.safetensors` and so on.
pub fn measure(wanted: &Wanted<'_>, threads: usize) -> Result<Measured> {
    let Wanted {
        folder, dimensions, ..
    } = *wanted;
    let plugins = plugins::load(threads)?;
    let labels_file = folder.join("labels.u32");
    let samples = data::count(&labels_file)?;
    ensure!(samples > 0, "{} has no labels", labels_file.display());
    let labels = data::labels(&labels_file, samples)?;
    let features = data::floats(&folder.join("features.f32"), samples * dimensions)?;
    let classes = labels.iter().max().map_or(0, |most| *most as usize + 1);
    let options = FitOptions { seed: 1, threads };

    let mut alone = plugins.classifier(wanted.component, wanted.parameters)?;
    let begun = Instant::now();
    let fit = alone
        .fit(&features, samples, dimensions, &labels, classes, options)
        .with_context(|| format!("fitting {}", wanted.component))?;
    let alone_seconds = begun.elapsed().as_secs_f64();
    let alone_iterations = fit.report.iterations.unwrap_or(0);

    let begun = Instant::now();
    let path = alone.fit_path(
        wanted.parameter,
        wanted.values,
        &features,
        samples,
        dimensions,
        &labels,
        classes,
        options,
    )?;
    let path_seconds = begun.elapsed().as_secs_f64();
    let mut fits = Vec::new();
    for (place, fitted) in path.into_iter().enumerate() {
        let state = fitted.classifier.save();
        let state = state.context("the head cannot be saved")??;
        fs::write(folder.join(format!("state-{place:03}.safetensors")), state)?;
        fits.push(Fit {
            converged: fitted.fit.report.converged == Some(true),
            iterations: fitted.fit.report.iterations.unwrap_or(0),
            note: fitted.fit.report.note.unwrap_or_default(),
        });
    }
    Ok(Measured {
        samples,
        alone_seconds,
        alone_iterations,
        path_seconds,
        fits,
    })
}
