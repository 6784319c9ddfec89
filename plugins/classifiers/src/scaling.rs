//! What is done to each feature before the fit.

use crate::state::{Reader, Writer};
use rayon::prelude::*;
use serde::Deserialize;
use topwork_sdk::{ClassifierLayers, Error};

/// Rows that are worked on together. The number is fixed, so that sums do not depend on the number of threads; 256 rows of
/// 800 features fit the second-level cache.
pub const CHUNK: usize = 256;

/// How features are brought to a common scale. A large offset that all samples share changes none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Mean 0 and standard deviation 1 (that of the samples, divided by n).
    Standardise,
    /// Largest magnitude 1. A feature that never comes to 0 is first moved so far that its value nearest to 0 becomes 0:
    /// divided by the magnitude of its offset, nothing would be left of it.
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

/// The least and the greatest value of a feature.
type Range = (f64, f64);

impl Scale {
    /// Measures the features, row-major samples × `dimensions`. A feature that is the same in every sample keeps its scale.
    pub fn measure(self, features: &[f32], dimensions: usize) -> Scaling {
        if self == Scale::None {
            return Scaling::none(dimensions);
        }
        let ranges = ranges(features, dimensions);
        let shift: Vec<f64> = match self {
            Scale::Standardise => means_within(features, &ranges),
            _ => (ranges.iter())
                .map(|(low, high)| low.max(0.0).min(*high))
                .collect(),
        };
        let spreads: Vec<f64> = match self {
            Scale::Standardise => deviations(features, &shift),
            _ => (ranges.iter().zip(&shift))
                .map(|((low, high), shift)| f64::max(high - shift, shift - low))
                .collect(),
        };
        let factor = (ranges.iter().zip(spreads))
            // Of a constant, the deviation is nothing but rounding.
            .map(|((low, high), spread)| if low < high { 1.0 / spread } else { 1.0 });
        Scaling {
            factor: factor.collect(),
            shift,
        }
    }
}

fn ranges(features: &[f32], dimensions: usize) -> Vec<Range> {
    let nothing = (f64::INFINITY, f64::NEG_INFINITY);
    fold_columns(features, dimensions, nothing, |(low, high), _, x| {
        (f64::min(low, x.into()), f64::max(high, x.into()))
    })
}

/// The mean of each feature.
pub fn means(features: &[f32], dimensions: usize) -> Vec<f64> {
    means_within(features, &ranges(features, dimensions))
}

/// Summed from the least value up, so that an offset costs no digits and the mean of a constant is that constant.
fn means_within(features: &[f32], ranges: &[Range]) -> Vec<f64> {
    let samples = (features.len() / ranges.len()) as f64;
    let sums = fold_columns(features, ranges.len(), 0.0, |sum, column, x| {
        sum + (f64::from(x) - ranges[column].0)
    });
    let means = ranges.iter().zip(sums);
    means.map(|((low, _), sum)| low + sum / samples).collect()
}

/// Around the mean, as the difference of two large sums would lose its digits.
fn deviations(features: &[f32], means: &[f64]) -> Vec<f64> {
    let samples = (features.len() / means.len()) as f64;
    let squares = fold_columns(features, means.len(), 0.0, |sum, column, x| {
        let centred = f64::from(x) - means[column];
        sum + centred * centred
    });
    squares
        .into_iter()
        .map(|sum| (sum / samples).sqrt())
        .collect()
}

/// Columns folded in one pass over the rows: four cache lines of each.
const COLUMNS_AT_ONCE: usize = 64;

/// Folds every column by `step(so far, column, x)`, from the first row to the last.
///
/// Threads share out the columns and not the rows, so the result does not depend on their number.
fn fold_columns<T: Copy + Send>(
    features: &[f32],
    dimensions: usize,
    start: T,
    step: impl Fn(T, usize, f32) -> T + Sync,
) -> Vec<T> {
    let mut folded = vec![start; dimensions];
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

    /// Adds the layer that scales, if anything is scaled.
    pub fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers {
        match *self == Scaling::none(self.dimensions()) {
            true => layers,
            false => layers.scale(&self.shift, &self.factor),
        }
    }

    /// The same, from this point in the scaled space on: what is computed in single precision loses no digits to what all rows
    /// have in common.
    pub fn around(&self, centre: &[f64]) -> Self {
        let columns = self.shift.iter().zip(&self.factor).zip(centre);
        Scaling {
            shift: columns
                .map(|((shift, factor), centre)| shift + centre / factor)
                .collect(),
            factor: self.factor.clone(),
        }
    }

    /// One row, scaled in double precision.
    pub fn row<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
        let columns = self.shift.iter().zip(&self.factor);
        (row.iter().zip(columns)).map(|(&x, (shift, factor))| (f64::from(x) - shift) * factor)
    }

    /// The same, from the mean of these features on. Where the mean lies by the scaling before comes with it.
    pub fn centred(self, features: &[f32]) -> (Self, Vec<f64>) {
        let means = means(features, self.dimensions());
        let moved = (means.iter().zip(&self.shift).zip(&self.factor))
            .map(|((mean, shift), factor)| (mean - shift) * factor);
        let moved = moved.collect();
        let centred = Scaling {
            shift: means,
            ..self
        };
        (centred, moved)
    }

    /// The scaled features, row-major. What no number of single precision can hold becomes the largest one.
    pub fn apply(&self, features: &[f32]) -> Vec<f32> {
        let dimensions = self.dimensions();
        let mut scaled = vec![0.0; features.len()];
        scaled
            .par_chunks_mut(CHUNK * dimensions)
            .zip(features.par_chunks(CHUNK * dimensions))
            .for_each(|(scaled, features)| {
                let rows = features.chunks_exact(dimensions);
                for (scaled, row) in scaled.chunks_exact_mut(dimensions).zip(rows) {
                    for (scaled, x) in scaled.iter_mut().zip(self.row(row)) {
                        *scaled = x.clamp(f32::MIN.into(), f32::MAX.into()) as f32;
                    }
                }
            });
        scaled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five features: ordinary, constant (with a mean that is not exact), always 0, and two that never come to 0.
    const FEATURES: [f32; 20] = [
        1.0,
        0.1,
        0.0,
        1e6,
        -7.0, //
        -3.0,
        0.1,
        0.0,
        1e6 + 1.0,
        -5.0, //
        5.0,
        0.1,
        0.0,
        1e6 + 4.0,
        -6.0, //
        1.0,
        0.1,
        0.0,
        1e6 + 1.0,
        -6.0,
    ];

    #[test]
    fn each_scale_does_what_it_says() {
        // Squared deviations: 0, 16, 16, 0 from 1, of the fourth 2.25, 0.25, 6.25, 0.25, of the last 1, 1, 0, 0.
        let (first, fourth, last) = (8.0_f64.sqrt(), 1.5, 0.5_f64.sqrt());
        let cases = [
            (Scale::None, FEATURES.map(f64::from)),
            (
                Scale::Max,
                [
                    [0.2, 0.0, 0.0, 0.0, -1.0],
                    [-0.6, 0.0, 0.0, 0.25, 0.0],
                    [1.0, 0.0, 0.0, 1.0, -0.5],
                    [0.2, 0.0, 0.0, 0.25, -0.5],
                ]
                .concat()
                .try_into()
                .unwrap(),
            ),
            (
                Scale::Standardise,
                [
                    [0.0, 0.0, 0.0, -1.5 / fourth, -1.0 / last],
                    [-4.0 / first, 0.0, 0.0, -0.5 / fourth, 1.0 / last],
                    [4.0 / first, 0.0, 0.0, 2.5 / fourth, 0.0],
                    [0.0, 0.0, 0.0, -0.5 / fourth, 0.0],
                ]
                .concat()
                .try_into()
                .unwrap(),
            ),
        ];
        for (scale, expected) in cases {
            let scaled = scale.measure(&FEATURES, 5).apply(&FEATURES);
            let pairs = scaled.iter().zip(expected);
            for (scaled, expected) in pairs {
                let near = (f64::from(*scaled) - expected).abs() < 1e-6;
                assert!(near, "{scale:?}: {scaled} and {expected}");
            }
        }
    }

    #[test]
    fn a_constant_over_many_samples_is_0() {
        let features = vec![0.1_f32; 100_003];
        for scale in [Scale::Standardise, Scale::Max] {
            let scaled = scale.measure(&features, 1).apply(&features);
            assert!(scaled.iter().all(|x| *x == 0.0), "{scale:?}");
        }
    }
}
