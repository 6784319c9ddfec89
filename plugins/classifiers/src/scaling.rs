//! What is done to each feature before the fit.

use crate::linear::CHUNK;
use crate::state::{Reader, Writer};
use rayon::prelude::*;
use serde::Deserialize;
use topwork_sdk::Error;

/// How features are brought to a common scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Mean 0 and standard deviation 1 (that of the samples, divided by n).
    Standardise,
    /// Largest magnitude 1.
    Max,
    /// As they are.
    None,
}

/// `(x − shift) · factor` for each feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// One for each feature.
    pub shift: Vec<f64>,
    /// One for each feature.
    pub factor: Vec<f64>,
}

impl Scale {
    /// Measures the features, row-major samples × `dimensions`. A feature that is the same in every sample keeps its scale.
    pub fn measure(self, features: &[f32], dimensions: usize) -> Scaling {
        let samples = (features.len() / dimensions) as f64;
        let mut shift = vec![0.0; dimensions];
        let mut factor = vec![1.0; dimensions];
        match self {
            Scale::None => {}
            Scale::Max => {
                let largest = fold_columns(features, dimensions, |largest, _, x| {
                    f64::max(largest, f64::from(x).abs())
                });
                factor = largest.into_iter().map(|most| inverse(most, 0.0)).collect();
            }
            Scale::Standardise => {
                let sums = fold_columns(features, dimensions, |sum, _, x| sum + f64::from(x));
                shift = sums.into_iter().map(|sum| sum / samples).collect();
                // Around the mean, as the difference of two large sums would lose its digits.
                let squares = fold_columns(features, dimensions, |sum, column, x| {
                    let centred = f64::from(x) - shift[column];
                    sum + centred * centred
                });
                // The mean of a constant is off by the rounding of as many additions as there are samples.
                let rounding = samples * f64::EPSILON;
                let deviations = squares.iter().map(|sum| (sum / samples).sqrt());
                factor = deviations
                    .zip(&shift)
                    .map(|(deviation, mean)| inverse(deviation, rounding * mean.abs()))
                    .collect();
            }
        }
        Scaling { shift, factor }
    }
}

/// `1 / spread`, or 1 for a spread that is nothing but rounding.
fn inverse(spread: f64, rounding: f64) -> f64 {
    if spread > rounding { 1.0 / spread } else { 1.0 }
}

/// Columns folded in one pass over the rows: four cache lines of each.
const COLUMNS_AT_ONCE: usize = 64;

/// Folds every column from 0 by `step(so far, column, x)`, from the first row to the last.
///
/// Threads share out the columns and not the rows, so the result does not depend on their number.
fn fold_columns(
    features: &[f32],
    dimensions: usize,
    step: impl Fn(f64, usize, f32) -> f64 + Sync,
) -> Vec<f64> {
    let mut folded = vec![0.0; dimensions];
    let blocks = folded.par_chunks_mut(COLUMNS_AT_ONCE).enumerate();
    blocks.for_each(|(block, folded)| {
        let first = block * COLUMNS_AT_ONCE;
        for row in features.chunks_exact(dimensions) {
            for (offset, (so_far, &x)) in folded.iter_mut().zip(&row[first..]).enumerate() {
                *so_far = step(*so_far, first + offset, x);
            }
        }
    });
    folded
}

impl Scaling {
    /// Features as they are.
    pub fn none(dimensions: usize) -> Self {
        Scaling {
            shift: vec![0.0; dimensions],
            factor: vec![1.0; dimensions],
        }
    }

    /// The number of features.
    pub fn dimensions(&self) -> usize {
        self.shift.len()
    }

    /// Writes it to a state.
    pub fn write(&self, state: &mut Writer) {
        state.array("shift", &self.shift);
        state.array("factor", &self.factor);
    }

    /// What was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let shift: Vec<f64> = state.array("shift")?;
        let dimensions = shift.len().max(1);
        Ok(Scaling {
            shift: state.finite("shift", dimensions)?,
            factor: state.finite("factor", dimensions)?,
        })
    }

    /// The scaled features, row-major.
    pub fn apply(&self, features: &[f32]) -> Vec<f32> {
        let dimensions = self.dimensions();
        let mut scaled = vec![0.0; features.len()];
        scaled
            .par_chunks_mut(CHUNK * dimensions)
            .zip(features.par_chunks(CHUNK * dimensions))
            .for_each(|(scaled, features)| {
                let rows = features.chunks_exact(dimensions);
                for (scaled, row) in scaled.chunks_exact_mut(dimensions).zip(rows) {
                    let columns = self.shift.iter().zip(&self.factor);
                    for ((scaled, &x), (shift, factor)) in scaled.iter_mut().zip(row).zip(columns) {
                        *scaled = ((f64::from(x) - shift) * factor) as f32;
                    }
                }
            });
        scaled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three features: ordinary, constant (with a mean that is not exact), and always 0.
    const FEATURES: [f32; 12] = [
        1.0, 0.1, 0.0, //
        -3.0, 0.1, 0.0, //
        5.0, 0.1, 0.0, //
        1.0, 0.1, 0.0,
    ];

    #[test]
    fn each_scale_does_what_it_says() {
        // Mean 1 and squared deviations 0, 16, 16, 0: deviation √8. The constant becomes 0, or 1 by its magnitude.
        let root = 8.0_f64.sqrt() as f32;
        let cases = [
            (Scale::None, [1.0, -3.0, 5.0, 1.0], 0.1),
            (Scale::Max, [0.2, -0.6, 1.0, 0.2], 1.0),
            (Scale::Standardise, [0.0, -4.0 / root, 4.0 / root, 0.0], 0.0),
        ];
        for (scale, first, second) in cases {
            let scaled = scale.measure(&FEATURES, 3).apply(&FEATURES);
            for (row, first) in scaled.chunks(3).zip(first) {
                let differences = [row[0] - first, row[1] - second, row[2]];
                assert!(
                    differences.iter().all(|d| d.abs() < 1e-6),
                    "{scale:?}: {scaled:?}"
                );
            }
        }
    }

    #[test]
    fn a_constant_over_many_samples_stays_small() {
        let features = vec![0.1_f32; 100_003];
        let scaled = Scale::Standardise.measure(&features, 1).apply(&features);
        assert!(scaled.iter().all(|x| x.abs() < 1e-6));
    }
}
