//! The classifier head, through its plugin's functions.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use topwork_host::FitOptions;

use crate::data::{self, CLASSES, FEATURES};
use crate::measure::{Measured, repeat};
use crate::plugins;
use crate::settings::Fit;

/// Fits to the first samples and counts the hits on all that were held out.
pub fn measure(fit: &Fit, folder: &Path, threads: usize, repetitions: usize) -> Result<Measured> {
    let plugins = plugins::load(threads)?;
    let samples = fit.samples;
    let features = data::floats(&folder.join(data::TRAIN_FEATURES), samples * FEATURES)?;
    let labels = data::labels(&folder.join(data::TRAIN_LABELS), samples)?;
    let parameters = json!({
        "l2": fit.l2, "tolerance": fit.tolerance, "max-iterations": fit.iterations, "scale": "max",
    });
    let mut classifier = plugins.classifier("logistic-regression", &parameters)?;
    let options = FitOptions { seed: 1, threads };
    let mut iterations = 0;
    let seconds = repeat(repetitions, || {
        let fit = classifier.fit(&features, samples, FEATURES, &labels, CLASSES, options)?;
        iterations = fit.report.iterations.unwrap_or(0);
        Ok(())
    })?;
    let held_out = data::count(&folder.join(data::TEST_LABELS))?;
    let features = data::floats(&folder.join(data::TEST_FEATURES), held_out * FEATURES)?;
    let labels = data::labels(&folder.join(data::TEST_LABELS), held_out)?;
    let scores = classifier.predict(&features, held_out, FEATURES, CLASSES)?;
    let rows = scores.chunks_exact(CLASSES).zip(&labels);
    let hits = rows.filter(|(row, label)| {
        let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row[**label as usize] == best
    });
    Ok(Measured {
        seconds,
        items: samples,
        accuracy: Some(hits.count() as f64 / held_out as f64),
        iterations: Some(iterations),
        ..Measured::default()
    })
}
