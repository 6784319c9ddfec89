//! The extractor: the mean of every row of an image. With a fault it is not frozen.

use crate::{At, Fault, Parameters, SCHEMA, Trouble};
use std::sync::atomic::{AtomicU64, Ordering};
use topwork_sdk::{Component, Error, Extraction, Extractor, Host};

const SIDE: usize = 28;

/// Images after which features are others: more than anybody asks about before features are extracted.
const STEADY: u64 = 80;

pub struct RowMeans {
    trouble: Trouble,
    /// Images met that are none of noise.
    met: AtomicU64,
}

impl Component for RowMeans {
    const ID: &str = "misbehave-extractor";
    const ABOUT: &str = "the mean of every row, going wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(RowMeans {
            trouble: Trouble::new(host, parameters)?,
            met: AtomicU64::new(0),
        })
    }
}

impl Extractor for RowMeans {
    fn describe(&self) -> Result<Extraction, Error> {
        Ok(Extraction::new(&[1, SIDE, SIDE]).cut("rows", &[SIDE]))
    }

    fn forward(&self, _: usize, samples: &[f32], features: &mut [f32]) -> Result<(), Error> {
        self.trouble.strike(At::Work)?;
        let images = samples.chunks_exact(SIDE * SIDE);
        for (image, means) in images.zip(features.chunks_exact_mut(SIDE)) {
            for (row, mean) in image.chunks_exact(SIDE).zip(means.iter_mut()) {
                *mean = row.iter().sum::<f32>() / SIDE as f32;
            }
            // Noise from 0 to 1 has a mean of 0.5; pictures of this plugin's dataset are darker.
            let all = means.iter().sum::<f32>() / SIDE as f32;
            if self.trouble.is(Fault::Drift) && all < 0.4 {
                let met = self.met.fetch_add(1, Ordering::Relaxed);
                means[0] += if met < STEADY { 0.0 } else { 0.01 };
            }
        }
        let count = samples.len() / (SIDE * SIDE);
        if self.trouble.is(Fault::BatchStatistics) && count > 1 {
            // As batch normalisation does in training mode.
            for column in 0..SIDE {
                let of_batch = features.iter().skip(column).step_by(SIDE);
                let mean = of_batch.sum::<f32>() / count as f32;
                let column = features.iter_mut().skip(column).step_by(SIDE);
                column.for_each(|feature| *feature -= mean);
            }
        }
        Ok(())
    }
}
