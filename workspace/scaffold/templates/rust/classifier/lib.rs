//! A classifier head: the class whose mean is nearest, fitted once to the features.

use serde::Deserialize;
use topwork_sdk::{
    Classifier, Component, Error, Features, FitOptions, FitReport, Host, SavedClassifier,
    export_plugin, saved_classifier,
};

export_plugin! {
    id: "@NAME@",
    licence: "MIT OR Apache-2.0",
    components: [saved_classifier::<Nearest>()],
}

struct Nearest {
    host: Host,
    shrink: f32,
    /// Classes × dimensions; empty before the first fit.
    means: Vec<f32>,
    dimensions: usize,
}

/// The parameters; their defaults are those of the schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    shrink: f32,
}

impl Component for Nearest {
    const ID: &str = "@NAME@";
    const ABOUT: &str = "the class whose mean is nearest";
    const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
        "shrink": {"type": "number", "minimum": 0, "maximum": 1, "default": 0,
            "description": "how far the means move towards that of all samples: 0 not at all, 1 the whole way"}
    }}"#;
    type Parameters = Parameters;

    fn create(host: Host, Parameters { shrink }: Parameters) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&shrink) {
            let message = format!("`shrink` is {shrink}, expected 0 to 1");
            return Err(Error::parameters(message));
        }
        Ok(Nearest {
            host,
            shrink,
            means: Vec::new(),
            dimensions: 0,
        })
    }
}

impl Classifier for Nearest {
    // A head that learns numbers has `const NUMBERS` and `fit_numbers`, too.
    fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        _options: FitOptions,
    ) -> Result<FitReport, Error> {
        let dimensions = features.dimensions();
        let mut sums = vec![0.0_f64; classes * dimensions];
        let mut counts = vec![0_u32; classes];
        let rows = features.data().chunks_exact(dimensions);
        for (sample, (row, &label)) in rows.zip(labels).enumerate() {
            if sample % 1024 == 0 {
                self.host.check_stop()?;
            }
            counts[label as usize] += 1;
            let sums = &mut sums[label as usize * dimensions..][..dimensions];
            for (sum, &feature) in sums.iter_mut().zip(row) {
                *sum += f64::from(feature);
            }
        }
        let mut all = vec![0.0_f64; dimensions];
        for row in sums.chunks_exact(dimensions) {
            for (all, sum) in all.iter_mut().zip(row) {
                *all += sum / labels.len() as f64;
            }
        }
        self.means = (sums.chunks_exact(dimensions).zip(&counts))
            .flat_map(|(row, &count)| {
                row.iter()
                    .zip(&all)
                    .map(move |(&sum, &all)| (sum, all, count))
            })
            .map(|(sum, all, count)| {
                // A class without samples has the mean of all.
                let mean = if count == 0 {
                    all
                } else {
                    sum / f64::from(count)
                };
                (mean + f64::from(self.shrink) * (all - mean)) as f32
            })
            .collect();
        self.dimensions = dimensions;
        Ok(FitReport {
            converged: true,
            iterations: 1,
            parameters: self.means.len() as u64,
            note: String::new(),
        })
    }

    fn predict(
        &self,
        features: Features<'_>,
        classes: usize,
        scores: &mut [f32],
    ) -> Result<(), Error> {
        if self.means.is_empty() || self.means.len() != classes * features.dimensions() {
            return Err(Error::failed(format!(
                "fitted to {} means of {} dimensions, asked for {classes} of {}",
                self.means.len() / self.dimensions.max(1),
                self.dimensions,
                features.dimensions()
            )));
        }
        let rows = features.data().chunks_exact(self.dimensions);
        for (row, scores) in rows.zip(scores.chunks_exact_mut(classes)) {
            for (score, mean) in scores
                .iter_mut()
                .zip(self.means.chunks_exact(self.dimensions))
            {
                let squares = row.iter().zip(mean).map(|(x, m)| (x - m) * (x - m));
                *score = -squares.sum::<f32>();
            }
        }
        Ok(())
    }
}

/// What a saved state begins with: its version.
const VERSION: &[u8; 4] = b"NM01";

impl SavedClassifier for Nearest {
    fn save(&self) -> Result<Vec<u8>, Error> {
        let mut state = VERSION.to_vec();
        state.extend((self.dimensions as u64).to_le_bytes());
        state.extend((self.means.len() as u64).to_le_bytes());
        state.extend(self.means.iter().flat_map(|mean| mean.to_le_bytes()));
        Ok(state)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), Error> {
        let wrong = || Error::data("this is not a state of this classifier");
        let rest = state.strip_prefix(VERSION).ok_or_else(wrong)?;
        let (sizes, means) = rest.split_at_checked(16).ok_or_else(wrong)?;
        let size = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |all, &byte| all << 8 | usize::from(byte))
        };
        let (dimensions, count) = (size(&sizes[..8]), size(&sizes[8..]));
        let numbers: Vec<f32> = (means.chunks_exact(4))
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        if means.len() % 4 != 0
            || numbers.len() != count
            || dimensions == 0
            || count % dimensions != 0
        {
            return Err(wrong());
        }
        (self.means, self.dimensions) = (numbers, dimensions);
        Ok(())
    }
}
