//! The arithmetic on rows of features: single-precision numbers, multiplied and summed in double precision.
//!
//! With the few columns that classes make, a general matrix multiplication would mostly move data about. These loops read each
//! row from memory once, a few rows at a time, and lay them out so that neither products nor sums have to be moved across the
//! lanes of an instruction; so double precision costs little, and the search for the minimum is not disturbed by
//! rounding. They are plain loops in a fixed order without fused operations, compiled for the widest instructions of the
//! processor at hand: the results have the same bits on all of them.

use pulp::{Simd, WithSimd};

/// Rows of a tile: so many products share an instruction, or two.
pub const ROWS: usize = 8;

/// One number for each row of a tile.
pub type Lanes = [f64; ROWS];

/// Rows of weights that one pass over a tile is multiplied with: their sums fit the registers.
const CLASSES_AT_ONCE: usize = 5;

/// Columns of a tile that fit the first-level cache.
const COLUMNS_AT_ONCE: usize = 256;

/// A few rows of features in double precision, both ways round. Where there are fewer, the others are 0.
pub struct Tile {
    /// rows × dimensions
    by_row: Vec<f64>,
    /// dimensions × rows
    by_column: Vec<Lanes>,
}

impl Tile {
    /// For rows of so many features.
    pub fn new(dimensions: usize) -> Self {
        Tile {
            by_row: vec![0.0; ROWS * dimensions],
            by_column: vec![[0.0; ROWS]; dimensions],
        }
    }

    fn dimensions(&self) -> usize {
        self.by_column.len()
    }
}

/// Puts rows into a tile.
pub struct Read<'a> {
    /// Where to.
    pub tile: &'a mut Tile,
    /// at most [`ROWS`] × dimensions
    pub rows: &'a [f32],
}

impl WithSimd for Read<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Tile { by_row, by_column } = self.tile;
        let (there, rest) = by_row.split_at_mut(self.rows.len());
        for (wide, &x) in there.iter_mut().zip(self.rows) {
            *wide = f64::from(x);
        }
        rest.fill(0.0);
        let dimensions = by_column.len();
        let rows: [&[f64]; ROWS] =
            std::array::from_fn(|row| &by_row[row * dimensions..][..dimensions]);
        for (column, lanes) in by_column.iter_mut().enumerate() {
            *lanes = std::array::from_fn(|row| rows[row][column]);
        }
    }
}

/// `logits = weights · featuresᵀ`, without biases.
pub struct Logits<'a> {
    /// The features.
    pub tile: &'a Tile,
    /// classes × dimensions
    pub weights: &'a [f64],
    /// classes × rows
    pub logits: &'a mut [Lanes],
}

impl WithSimd for Logits<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let columns = &self.tile.by_column;
        let blocks = self.weights.chunks(CLASSES_AT_ONCE * columns.len());
        for (weights, logits) in blocks.zip(self.logits.chunks_mut(CLASSES_AT_ONCE)) {
            match logits.len() {
                5 => dots::<5>(columns, weights, logits),
                4 => dots::<4>(columns, weights, logits),
                3 => dots::<3>(columns, weights, logits),
                2 => dots::<2>(columns, weights, logits),
                _ => dots::<1>(columns, weights, logits),
            }
        }
    }
}

/// The products of all rows with `N` rows of weights.
#[inline(always)]
fn dots<const N: usize>(columns: &[Lanes], weights: &[f64], logits: &mut [Lanes]) {
    let weights: [&[f64]; N] =
        std::array::from_fn(|class| &weights[class * columns.len()..][..columns.len()]);
    let mut sums = [[0.0; ROWS]; N];
    for (column, x) in columns.iter().enumerate() {
        for (sums, weights) in sums.iter_mut().zip(&weights) {
            let weight = weights[column];
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += x * weight;
            }
        }
    }
    logits.copy_from_slice(&sums);
}

/// `gradient += residuals · features`.
pub struct AddGradient<'a> {
    /// The features.
    pub tile: &'a Tile,
    /// classes × rows: how fast the loss grows with each score
    pub residuals: &'a [Lanes],
    /// classes × dimensions
    pub gradient: &'a mut [f64],
}

impl WithSimd for AddGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let dimensions = self.tile.dimensions();
        // Some columns after the other, so that those of the rows stay in the cache for all classes.
        for first in (0..dimensions).step_by(COLUMNS_AT_ONCE) {
            let width = COLUMNS_AT_ONCE.min(dimensions - first);
            let rows: [&[f64]; ROWS] =
                std::array::from_fn(|row| &self.tile.by_row[row * dimensions + first..][..width]);
            let gradients = self.gradient.chunks_exact_mut(dimensions);
            for (gradient, factors) in gradients.zip(self.residuals) {
                add_rows(rows, factors, &mut gradient[first..][..width]);
            }
        }
    }
}

/// Adds rows, each times its factor.
#[inline(always)]
fn add_rows(rows: [&[f64]; ROWS], factors: &Lanes, gradient: &mut [f64]) {
    let rows = rows.map(|row| &row[..gradient.len()]);
    for (position, slope) in gradient.iter_mut().enumerate() {
        let mut sum = *slope;
        for (factor, row) in factors.iter().zip(&rows) {
            sum += factor * row[position];
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
        // Around the numbers of columns, of classes and of rows that are handled together.
        for dimensions in [1, 7, 8, 9, 255, 256, 257] {
            for classes in [1, 2, 4, 5, 6, 11] {
                for rows in [1, 3, 7, 8] {
                    check(rows, dimensions, classes);
                }
            }
        }
    }

    fn check(rows: usize, dimensions: usize, classes: usize) {
        let wide = whole_numbers(rows * dimensions, 1);
        let features: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
        let weights = whole_numbers(classes * dimensions, 2);
        let arch = pulp::Arch::new();
        let mut tile = Tile::new(dimensions);
        // What was in it before leaves nothing.
        for rows in [&vec![9.0; ROWS * dimensions], &features] {
            let tile = &mut tile;
            arch.dispatch(Read { tile, rows });
        }
        let tile = &tile;
        let mut logits = vec![[1.0; ROWS]; classes];
        arch.dispatch(Logits {
            tile,
            weights: &weights,
            logits: &mut logits,
        });
        for (class, logits) in logits.iter().enumerate() {
            for (row, logit) in logits.iter().enumerate() {
                let terms = |d: usize| wide[row * dimensions + d] * weights[class * dimensions + d];
                let expected = match row < rows {
                    true => (0..dimensions).map(terms).sum(),
                    false => 0.0,
                };
                assert_eq!(*logit, expected);
            }
        }
        let residuals = whole_numbers(classes * ROWS, 3);
        let mut gradient = vec![1.0; classes * dimensions];
        arch.dispatch(AddGradient {
            tile,
            residuals: residuals.as_chunks().0,
            gradient: &mut gradient,
        });
        for (index, slope) in gradient.iter().enumerate() {
            let (class, d) = (index / dimensions, index % dimensions);
            let terms =
                (0..rows).map(|row| residuals[class * ROWS + row] * wide[row * dimensions + d]);
            assert_eq!(*slope, 1.0 + terms.sum::<f64>());
        }
    }
}
