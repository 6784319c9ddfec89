//! Products of large matrices and the Cholesky decomposition, in blocks. Matrices are row-major.
//!
//! nalgebra's product (that of the crate matrixmultiply) works on one thread; here threads share out the rows of the result,
//! always in the same blocks, so that every number comes about in the same way on any number of threads. nalgebra's own Cholesky
//! decomposition goes column by column, which takes ten times as long for a thousand columns.

use nalgebra::{DMatrixView, DMatrixViewMut, Dyn, RealField};
use rayon::prelude::*;

/// Rows of a result that one thread works on at a time.
const ROWS: usize = 64;

/// Columns that the Cholesky decomposition finishes before it brings the rest up to date.
const PANEL: usize = 64;

/// Numbers read as a matrix.
#[derive(Clone, Copy)]
struct View<'a, T> {
    numbers: &'a [T],
    shape: (usize, usize),
    /// How far the next row and the next column are.
    strides: (usize, usize),
}

impl<'a, T> View<'a, T> {
    /// Row-major, from the first of `numbers`.
    fn new(numbers: &'a [T], rows: usize, columns: usize) -> Self {
        View {
            numbers,
            shape: (rows, columns),
            strides: (columns, 1),
        }
    }

    fn of_nalgebra(self) -> DMatrixView<'a, T, Dyn, Dyn>
    where
        T: RealField,
    {
        let ((rows, columns), strides) = (self.shape, self.strides);
        DMatrixView::from_slice_with_strides(self.numbers, rows, columns, strides.0, strides.1)
    }

    /// The transpose, which is the same numbers with the strides exchanged.
    fn transposed(self) -> Self {
        View {
            shape: (self.shape.1, self.shape.0),
            strides: (self.strides.1, self.strides.0),
            ..self
        }
    }
}

/// `result = factor · left · right + keep · result`; the rows of the result are `stride` apart. On the thread that calls.
fn multiply<T: RealField + Copy>(
    factor: T,
    left: View<'_, T>,
    right: View<'_, T>,
    keep: T,
    result: &mut [T],
    stride: usize,
) {
    let ((rows, inner), columns) = (left.shape, right.shape.1);
    // nalgebra 0.35 multiplies small matrices in another way, in which it takes the length of a strided column for
    // the number of its entries and goes on behind its end.
    if rows.min(columns).min(inner) <= 5 {
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = T::zero();
                for place in 0..inner {
                    sum += left.numbers[row * left.strides.0 + place * left.strides.1]
                        * right.numbers[place * right.strides.0 + column * right.strides.1];
                }
                let result = &mut result[row * stride + column];
                *result = factor * sum + keep * *result;
            }
        }
        return;
    }
    let mut result: DMatrixViewMut<'_, T, Dyn, Dyn> =
        DMatrixViewMut::from_slice_with_strides_mut(result, rows, columns, stride, 1);
    result.gemm(factor, &left.of_nalgebra(), &right.of_nalgebra(), keep);
}

/// `products = left · rightᵀ`: left is rows × `dimensions`, right columns × `dimensions`. On the thread that calls.
pub fn products(left: &[f32], right: &[f32], dimensions: usize, products: &mut [f32]) {
    let (rows, columns) = (left.len() / dimensions, right.len() / dimensions);
    let left = View::new(left, rows, dimensions);
    let right = View::new(right, columns, dimensions).transposed();
    products.fill(0.0);
    multiply(1.0, left, right, 0.0, products, columns);
}

/// `gram += rowsᵀ · rows`, below the diagonal and on it; what stands above is left undefined.
pub fn add_gram(gram: &mut [f64], rows: &[f64], dimensions: usize) {
    let count = rows.len() / dimensions;
    let stripes = gram.par_chunks_mut(ROWS * dimensions).enumerate();
    stripes.for_each(|(stripe, gram)| {
        let first = stripe * ROWS;
        let height = gram.len() / dimensions;
        let columns = |first: usize, width: usize| View {
            numbers: &rows[first..],
            shape: (count, width),
            strides: (dimensions, 1),
        };
        let left = columns(first, height).transposed();
        let right = columns(0, first + height);
        multiply(1.0, left, right, 1.0, gram, dimensions);
    });
}

/// The matrix L with L Lᵀ = A, below the diagonal and on it.
pub struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// `matrix` is symmetric, `size` × `size`; only what stands below the diagonal and on it is read. Nothing when it is not
    /// positive definite, as far as rounding lets one see.
    ///
    /// G. H. Golub and C. F. Van Loan, "Matrix Computations" (2013), section 4.2.6.
    pub fn new(mut matrix: Vec<f64>, size: usize) -> Option<Self> {
        let rounding = size as f64 * f64::EPSILON;
        let least: Vec<f64> = (0..size)
            .map(|place| rounding * matrix[place * size + place])
            .collect();
        for first in (0..size).step_by(PANEL) {
            let end = (first + PANEL).min(size);
            factor_block(&mut matrix, size, first..end, &least)?;
            let width = end - first;
            let block: Vec<f64> = (first..end)
                .flat_map(|row| &matrix[row * size + first..row * size + end])
                .copied()
                .collect();
            let below = &mut matrix[end * size..];
            below.par_chunks_mut(size).for_each(|row| {
                let panel = &mut row[first..end];
                for column in 0..width {
                    let known = dot(&panel[..column], &block[column * width..][..column]);
                    panel[column] = (panel[column] - known) / block[column * width + column];
                }
            });
            let panel: Vec<f64> = (below.chunks_exact(size))
                .flat_map(|row| &row[first..end])
                .copied()
                .collect();
            let stripes = below.par_chunks_mut(ROWS * size).enumerate();
            stripes.for_each(|(stripe, rest)| subtract_products(rest, stripe, &panel, size, end));
        }
        Some(Cholesky {
            lower: matrix,
            size,
        })
    }

    /// A matrix that is its own L, as the identity is.
    pub fn of_itself(lower: Vec<f64>, size: usize) -> Self {
        Cholesky { lower, size }
    }

    /// The x with A x = `right`.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let row = |place: usize| &self.lower[place * self.size..][..=place];
        let mut x = right.to_vec();
        for place in 0..self.size {
            let row = row(place);
            x[place] = (x[place] - dot(&row[..place], &x[..place])) / row[place];
        }
        for place in (0..self.size).rev() {
            let row = row(place);
            x[place] /= row[place];
            let found = x[place];
            for (x, factor) in x[..place].iter_mut().zip(row) {
                *x -= factor * found;
            }
        }
        x
    }
}

/// The decomposition of a block on the diagonal, from which all before it is already subtracted.
fn factor_block(
    matrix: &mut [f64],
    size: usize,
    block: std::ops::Range<usize>,
    least: &[f64],
) -> Option<()> {
    for row in block.clone() {
        for column in block.start..=row {
            let known = {
                let of = |row: usize| &matrix[row * size + block.start..row * size + column];
                dot(of(row), of(column))
            };
            let rest = matrix[row * size + column] - known;
            matrix[row * size + column] = if column < row {
                rest / matrix[column * size + column]
            } else if rest > least[row] {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    Some(())
}

/// Subtracts the products of a panel's rows from one stripe of the rows below the panel, which ends before column `end`.
fn subtract_products(rest: &mut [f64], stripe: usize, panel: &[f64], size: usize, end: usize) {
    let panel_width = panel.len() / (size - end);
    let (first, height) = (stripe * ROWS, rest.len() / size);
    let left = View::new(&panel[first * panel_width..], height, panel_width);
    let right = View::new(panel, first + height, panel_width).transposed();
    multiply(-1.0, left, right, 1.0, &mut rest[end..], size);
}

/// The sum of products, in eight strands that can share an instruction.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (lefts, left) = left.as_chunks::<8>();
    let (rights, right) = right.as_chunks::<8>();
    let mut strands = [0.0; 8];
    for (left, right) in lefts.iter().zip(rights) {
        for lane in 0..8 {
            strands[lane] += left[lane] * right[lane];
        }
    }
    let rest = left.iter().zip(right).map(|(left, right)| left * right);
    strands.iter().sum::<f64>() + rest.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(1);
        (0..count).map(|_| random.f64() * 2.0 - 1.0).collect()
    }

    #[test]
    fn products_are_those_of_plain_loops() {
        for (rows, columns, dimensions) in [
            (1, 1, 1),
            (3, 70, 5),
            (70, 3, 9),
            (8, 8, 2),
            (6, 6, 6),
            (65, 130, 19),
            (7, 9, 300),
        ] {
            let numbers: Vec<f32> = noise((rows + columns) * dimensions)
                .into_iter()
                .map(|x| x as f32)
                .collect();
            let (left, right) = numbers.split_at(rows * dimensions);
            let mut found = vec![f32::NAN; rows * columns];
            products(left, right, dimensions, &mut found);
            for (index, found) in found.iter().enumerate() {
                let left = &left[index / columns * dimensions..][..dimensions];
                let right = &right[index % columns * dimensions..][..dimensions];
                let expected: f32 = left.iter().zip(right).map(|(a, b)| a * b).sum();
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_solution_gives_the_right_side_again() {
        for (rows, size) in [(3, 1), (20, 6), (150, 64), (400, 131), (500, 200)] {
            let samples = noise(rows * size);
            let mut gram = vec![0.0; size * size];
            add_gram(&mut gram, &samples, size);
            for place in 0..size {
                gram[place * size + place] += 0.1;
            }
            let full = |row: usize, column: usize| {
                let (row, column) = (row.max(column), row.min(column));
                gram[row * size + column]
            };
            for (row, column) in [(0, 0), (size - 1, 0), (size - 1, size - 1)] {
                let terms = samples.chunks(size).map(|x| x[row] * x[column]);
                let expected = terms.sum::<f64>() + if row == column { 0.1 } else { 0.0 };
                assert!((full(row, column) - expected).abs() < 1e-9);
            }
            let wanted = noise(size);
            let right: Vec<f64> = (0..size)
                .map(|row| {
                    (0..size)
                        .map(|column| full(row, column) * wanted[column])
                        .sum()
                })
                .collect();
            let found = Cholesky::new(gram.clone(), size).unwrap().solve(&right);
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!((found - wanted).abs() < 1e-8, "{found} {wanted}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_noticed() {
        for (matrix, size) in [
            (vec![0.0], 1),
            (vec![1.0, 0.0, 1.0, 1.0], 2),
            (vec![1.0, 0.0, 2.0, 1.0], 2),
        ] {
            assert!(Cholesky::new(matrix, size).is_none());
        }
        // Fewer samples than features.
        let (size, samples) = (100, noise(30 * 100));
        let mut gram = vec![0.0; size * size];
        add_gram(&mut gram, &samples, size);
        assert!(Cholesky::new(gram, size).is_none());
    }
}
