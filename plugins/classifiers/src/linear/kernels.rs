//! The arithmetic on rows of features: single-precision numbers, multiplied and summed in double precision.
//!
//! With the few columns that classes make, a general matrix multiplication would mostly move data about. These loops read each
//! row from memory once, which is what limits them; so double precision costs little, and the search for the minimum is
//! not disturbed by rounding. They are plain loops in a fixed order without fused operations, compiled for the widest
//! instructions of the processor at hand: the results have the same bits on all of them.

use pulp::{Simd, WithSimd};

/// Rows that are worked on together. The number is fixed, so that sums do not depend on the number of threads; 256 rows of
/// 800 features fit the second-level cache.
pub const CHUNK: usize = 256;

/// Neighbouring products that are summed apart from each other, so that they can share an instruction.
const LANES: usize = 8;

/// Rows of weights that one pass over a row of features is multiplied with: their sums fit the registers.
const CLASSES_AT_ONCE: usize = 5;

/// Rows of features added in one pass over the gradient, so that it is loaded and stored less often.
const ROWS_AT_ONCE: usize = 4;

/// `logits = features · weightsᵀ`, without biases.
pub struct Logits<'a> {
    /// rows × dimensions
    pub features: &'a [f32],
    /// classes × dimensions
    pub weights: &'a [f64],
    /// The number of features of a row.
    pub dimensions: usize,
    /// rows × classes
    pub logits: &'a mut [f64],
}

impl WithSimd for Logits<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let classes = self.weights.len() / self.dimensions;
        let rows = self.features.chunks_exact(self.dimensions);
        for (row, logits) in rows.zip(self.logits.chunks_exact_mut(classes)) {
            let blocks = self.weights.chunks(CLASSES_AT_ONCE * self.dimensions);
            for (weights, logits) in blocks.zip(logits.chunks_mut(CLASSES_AT_ONCE)) {
                match logits.len() {
                    5 => dots::<5>(row, weights, logits),
                    4 => dots::<4>(row, weights, logits),
                    3 => dots::<3>(row, weights, logits),
                    2 => dots::<2>(row, weights, logits),
                    _ => dots::<1>(row, weights, logits),
                }
            }
        }
    }
}

/// The products of one row with `N` rows of weights.
#[inline(always)]
fn dots<const N: usize>(row: &[f32], weights: &[f64], logits: &mut [f64]) {
    let (row_lanes, row_rest) = row.as_chunks::<LANES>();
    let split: [_; N] = std::array::from_fn(|class| {
        let (lanes, rest) = weights[class * row.len()..][..row.len()].as_chunks::<LANES>();
        (&lanes[..row_lanes.len()], &rest[..row_rest.len()])
    });
    let mut sums = [[0.0; LANES]; N];
    for (position, x) in row_lanes.iter().enumerate() {
        for (sums, (lanes, _)) in sums.iter_mut().zip(&split) {
            let weights = &lanes[position];
            for lane in 0..LANES {
                sums[lane] += f64::from(x[lane]) * weights[lane];
            }
        }
    }
    for ((logit, sums), (_, rest)) in logits.iter_mut().zip(&sums).zip(&split) {
        let rest: f64 = products(row_rest, rest);
        *logit = sums.iter().sum::<f64>() + rest;
    }
}

#[inline(always)]
fn products(row: &[f32], weights: &[f64]) -> f64 {
    let products = row.iter().zip(weights).map(|(&x, w)| f64::from(x) * w);
    products.sum()
}

/// `gradient += residualsᵀ · features`.
pub struct AddGradient<'a> {
    /// rows × dimensions
    pub features: &'a [f32],
    /// rows × classes: predicted probability minus 1 for the true class, minus 0 for the others
    pub residuals: &'a [f64],
    /// The number of features of a row.
    pub dimensions: usize,
    /// classes × dimensions
    pub gradient: &'a mut [f64],
}

impl WithSimd for AddGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let classes = self.gradient.len() / self.dimensions;
        let rows = self.features.chunks(ROWS_AT_ONCE * self.dimensions);
        let residuals = self.residuals.chunks(ROWS_AT_ONCE * classes);
        for (rows, residuals) in rows.zip(residuals) {
            let gradients = self.gradient.chunks_exact_mut(self.dimensions);
            for (class, gradient) in gradients.enumerate() {
                if residuals.len() == ROWS_AT_ONCE * classes {
                    let factors = std::array::from_fn(|row| residuals[row * classes + class]);
                    add_rows::<ROWS_AT_ONCE>(rows, factors, gradient);
                } else {
                    let rows = rows.chunks_exact(self.dimensions);
                    for (row, residuals) in rows.zip(residuals.chunks_exact(classes)) {
                        add_rows::<1>(row, [residuals[class]], gradient);
                    }
                }
            }
        }
    }
}

/// Adds `N` rows, each times its factor.
#[inline(always)]
fn add_rows<const N: usize>(rows: &[f32], factors: [f64; N], gradient: &mut [f64]) {
    let dimensions = gradient.len();
    let split: [&[f32]; N] = std::array::from_fn(|row| &rows[row * dimensions..][..dimensions]);
    for (position, slope) in gradient.iter_mut().enumerate() {
        let mut sum = *slope;
        for (factor, row) in factors.iter().zip(&split) {
            sum += factor * f64::from(row[position]);
        }
        *slope = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, whose products and sums are exact in any order.
    fn whole_numbers(count: usize, salt: usize) -> Vec<f64> {
        let number = |index: usize| ((index * 37 + salt * 11) % 23) as f64 - 11.0;
        (0..count).map(number).collect()
    }

    #[test]
    fn products_and_sums_are_exact_for_all_shapes() {
        // Around the numbers of lanes, of classes and of rows that are handled together.
        for dimensions in [1, 7, 8, 9, 21] {
            for classes in [2, 4, 5, 6, 11] {
                for rows in [1, 3, 4, 9] {
                    check(rows, dimensions, classes);
                }
            }
        }
    }

    fn check(rows: usize, dimensions: usize, classes: usize) {
        let wide = whole_numbers(rows * dimensions, 1);
        let features: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
        let weights = whole_numbers(classes * dimensions, 2);
        let residuals = whole_numbers(rows * classes, 3);
        let mut logits = vec![f64::NAN; rows * classes];
        let mut gradient = vec![1.0; classes * dimensions];
        let arch = pulp::Arch::new();
        arch.dispatch(Logits {
            features: &features,
            weights: &weights,
            dimensions,
            logits: &mut logits,
        });
        arch.dispatch(AddGradient {
            features: &features,
            residuals: &residuals,
            dimensions,
            gradient: &mut gradient,
        });
        for (index, logit) in logits.iter().enumerate() {
            let (row, class) = (index / classes, index % classes);
            let terms = (0..dimensions)
                .map(|d| wide[row * dimensions + d] * weights[class * dimensions + d]);
            assert_eq!(*logit, terms.sum::<f64>());
        }
        for (index, slope) in gradient.iter().enumerate() {
            let (class, d) = (index / dimensions, index % dimensions);
            let terms =
                (0..rows).map(|row| residuals[row * classes + class] * wide[row * dimensions + d]);
            assert_eq!(*slope, 1.0 + terms.sum::<f64>());
        }
    }
}
