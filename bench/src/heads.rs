//! Classifier heads on features, drawn several times: how well and how fast.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use topwork_engine::Stream;
use topwork_host::FitOptions;

use crate::data::{self, CLASSES, FEATURES};
use crate::plugins;

/// What a head came to.
#[derive(Serialize)]
pub struct Measured {
    /// One for each draw, then one for all training samples.
    fits: Vec<Fit>,
}

/// One fit.
#[derive(Serialize)]
struct Fit {
    samples: usize,
    /// Share of the test examples that are classified correctly.
    accuracy: f64,
    fit_seconds: f64,
    predict_seconds: f64,
    converged: bool,
    iterations: u64,
    note: String,
}

/// The files of the draws, in order.
fn draws(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("draw-") {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => bail!(
            "{} has no draws; `bench draw` writes them",
            folder.display()
        ),
        false => Ok(files),
    }
}

/// Writes `draw-01.u32` and so on: numbers of training samples, of each class as many as its share.
pub fn draw(folder: &Path, samples: usize, draws: u64) -> Result<()> {
    let count = data::count(&folder.join(data::TRAIN_LABELS))?;
    let labels = data::labels(&folder.join(data::TRAIN_LABELS), count)?;
    for seed in 1..=draws {
        let mut order: Vec<usize> = (0..count).collect();
        Stream::new(seed, "subset").shuffle(&mut order);
        order.sort_by_key(|&sample| labels[sample]);
        // Every so many samples of the classes one after the other: the classes keep their shares.
        let drawn: Vec<u32> = (0..samples.min(count))
            .map(|place| order[place * count / samples] as u32)
            .collect();
        let file = folder.join(format!("draw-{seed:02}.u32"));
        data::write(&file, &drawn, u32::to_le_bytes)?;
    }
    Ok(())
}

/// Fits a new instance each time.
pub fn measure(
    component: &str,
    parameters: &Value,
    folder: &Path,
    threads: usize,
) -> Result<Measured> {
    let plugins = plugins::load(threads)?;
    let split = |features: &str, labels: &str| {
        let count = data::count(&folder.join(labels))?;
        let features = data::floats(&folder.join(features), count * FEATURES)?;
        anyhow::Ok((features, data::labels(&folder.join(labels), count)?))
    };
    let (features, labels) = split(data::TRAIN_FEATURES, data::TRAIN_LABELS)?;
    let (test_features, test_labels) = split(data::TEST_FEATURES, data::TEST_LABELS)?;
    let mut subsets = Vec::new();
    for file in draws(folder)? {
        let drawn = data::labels(&file, data::count(&file)?)?;
        let samples = drawn.into_iter().map(|sample| sample as usize);
        subsets.push(samples.collect::<Vec<usize>>());
    }
    subsets.push((0..labels.len()).collect());
    let mut fits = Vec::new();
    for samples in subsets {
        let rows = samples
            .iter()
            .flat_map(|&sample| &features[sample * FEATURES..][..FEATURES]);
        let rows: Vec<f32> = rows.copied().collect();
        let labels: Vec<u32> = samples.iter().map(|&sample| labels[sample]).collect();
        let mut classifier = plugins.classifier(component, parameters)?;
        let options = FitOptions { seed: 1, threads };
        let begun = Instant::now();
        let fit = classifier.fit(&rows, labels.len(), FEATURES, &labels, CLASSES, options);
        let report = fit.with_context(|| format!("fitting {component}"))?.report;
        let fit_seconds = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let scores = classifier.predict(&test_features, test_labels.len(), FEATURES, CLASSES)?;
        let predict_seconds = begun.elapsed().as_secs_f64();
        let right = scores.chunks_exact(CLASSES).zip(&test_labels);
        let right = right.filter(|(row, label)| predicted(row) == **label as usize);
        fits.push(Fit {
            samples: labels.len(),
            accuracy: right.count() as f64 / test_labels.len() as f64,
            fit_seconds,
            predict_seconds,
            converged: report.converged == Some(true),
            iterations: report.iterations.unwrap_or(0),
            note: report.note.unwrap_or_default(),
        });
    }
    Ok(Measured { fits })
}

/// The class with the greatest score, of equal ones the first.
fn predicted(scores: &[f32]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}
