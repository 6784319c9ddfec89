//! Matrices as views of slices, and their product.
#![allow(unsafe_code)] // `gemm-f32` takes pointers; this module is where bounds are checked for it.

use std::marker::PhantomData;

/// The longest part of an inner size that is summed up by itself.
const DEPTH: usize = 512;

/// A matrix read from a slice with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A whole matrix, row after row.
    ///
    /// # Panics
    /// When the slice is not `rows × cols` long.
    pub(crate) fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(
            values.len(),
            rows * cols,
            "length of a {rows}×{cols} matrix"
        );
        Self {
            values,
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
        }
    }

    /// The columns `from` (included) to `to` (excluded).
    pub(crate) fn columns(self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.cols, "columns {from} to {to}");
        Self {
            values: &self.values[(from * self.col_stride).min(self.values.len())..],
            cols: to - from,
            ..self
        }
    }

    /// The rows `from` (included) to `to` (excluded).
    pub(crate) fn rows(self, from: usize, to: usize) -> Self {
        self.transposed().columns(from, to).transposed()
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Whether every element lies within the slice.
    fn is_covered(&self) -> bool {
        self.rows == 0
            || self.cols == 0
            || (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride
                < self.values.len()
    }
}

/// A matrix written row after row into a slice, or a block of columns of one: the blocks of one matrix
/// can be written by different threads.
pub(crate) struct MatrixMut<'a> {
    first: *mut f32,
    rows: usize,
    cols: usize,
    row_stride: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: a `MatrixMut` is the only way to its elements for as long as it lives, as `&mut [f32]` is.
unsafe impl Send for MatrixMut<'_> {}

impl<'a> MatrixMut<'a> {
    /// A whole matrix, row after row.
    ///
    /// # Panics
    /// When the slice is not `rows × cols` long.
    pub(crate) fn new(values: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(
            values.len(),
            rows * cols,
            "length of a {rows}×{cols} matrix"
        );
        Self {
            first: values.as_mut_ptr(),
            rows,
            cols,
            row_stride: cols,
            slice: PhantomData,
        }
    }

    /// Blocks of `width` columns, from left to right; the last one may be narrower.
    pub(crate) fn into_column_blocks(self, width: usize) -> Vec<MatrixMut<'a>> {
        let starts = (0..self.cols).step_by(width.max(1));
        starts
            .map(|start| MatrixMut {
                // SAFETY: `start` lies within the first row. The blocks share no element, and `self` is
                // used up.
                first: unsafe { self.first.add(start) },
                cols: width.min(self.cols - start),
                ..self
            })
            .collect()
    }

    /// The rows `from` (included) to `to` (excluded) of this block.
    pub(crate) fn rows_between(&mut self, from: usize, to: usize) -> MatrixMut<'_> {
        assert!(from < to && to <= self.rows, "rows {from} to {to}");
        MatrixMut {
            // SAFETY: `from` is a row of this block; `self` is borrowed for as long as they are.
            first: unsafe { self.first.add(from * self.row_stride) },
            rows: to - from,
            ..*self
        }
    }

    /// Row `index` of this block.
    pub(crate) fn row(&mut self, index: usize) -> &mut [f32] {
        assert!(index < self.rows, "row {index} of {}", self.rows);
        // SAFETY: the `cols` elements from the start of a row belong to this block alone (see
        // `into_column_blocks`) and lie within the slice it was made from.
        unsafe {
            std::slice::from_raw_parts_mut(self.first.add(index * self.row_stride), self.cols)
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Sets this matrix to `left · right`.
    pub(crate) fn set_product(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.product(left, right, false);
    }

    /// Adds `left · right` to this matrix.
    pub(crate) fn add_product(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.product(left, right, true);
    }

    /// On the current thread alone: batches are split over threads outside, which is faster for the
    /// sizes met here and keeps the order of every sum the same on any number of threads.
    ///
    /// Every element has the same bits whatever the outer sizes are: a sample alone gives what it gives in a
    /// batch. The crate `gemm` promises no such thing. It takes other kernels where an outer size is 1 or both are
    /// small; what it is made of, `gemm-f32`, takes none of them when asked for the conjugate of the destination,
    /// which is the same for real numbers. And it cuts long inner sizes at places that depend on the outer ones,
    /// of which parts of [`DEPTH`] leave it none.
    fn product(&mut self, left: Matrix<'_>, right: Matrix<'_>, add: bool) {
        assert_eq!(left.cols, right.rows, "inner sizes of a product");
        assert_eq!(
            (left.rows, right.cols),
            (self.rows, self.cols),
            "outer sizes of a product"
        );
        assert!(
            left.is_covered() && right.is_covered(),
            "operands of a product"
        );
        let parts = left.cols.div_ceil(DEPTH).max(1);
        let depth = left.cols.div_ceil(parts).max(1);
        let mut from = 0;
        loop {
            // Its kernels write columns: the product is computed transposed, right · left.
            let multiply = gemm_f32::gemm::f32::get_gemm_fn();
            // SAFETY: both operands were just found to lie within their slices, and the columns and rows from
            // `from` on, of which there are `depth` or what is left, within the operands. `self` covers its
            // elements by construction and shares none with the operands, as they are borrowed at the same
            // time. Strides of slices fit into `isize`.
            unsafe {
                multiply(
                    self.cols,
                    self.rows,
                    depth.min(left.cols - from),
                    self.first,
                    self.row_stride as isize,
                    1,
                    add || from > 0,
                    right.values.as_ptr().add(from * right.row_stride),
                    right.row_stride as isize,
                    right.col_stride as isize,
                    left.values.as_ptr().add(from * left.col_stride),
                    left.row_stride as isize,
                    left.col_stride as isize,
                    1.0,
                    1.0,
                    true,
                    false,
                    false,
                    gemm_common::Parallelism::None,
                );
            }
            from += depth;
            if from >= left.cols {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `left · right` in f64, both row after row.
    fn naive(left: &[f32], right: &[f32], rows: usize, inner: usize, cols: usize) -> Vec<f64> {
        let mut product = vec![0.0; rows * cols];
        for row in 0..rows {
            for col in 0..cols {
                product[row * cols + col] = (0..inner)
                    .map(|k| f64::from(left[row * inner + k]) * f64::from(right[k * cols + col]))
                    .sum();
            }
        }
        product
    }

    fn transpose(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
        let at = |index: usize| values[index % rows * cols + index / rows];
        (0..rows * cols).map(at).collect()
    }

    proptest! {
        #[test]
        fn products_in_column_blocks_equal_a_plain_loop(
            rows in 1usize..20, inner in 1usize..20, cols in 1usize..40, width in 1usize..50, seed: u64,
        ) {
            let mut stream = crate::Stream::new(seed, "matrix");
            let mut draw = |len: usize| -> Vec<f32> {
                (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect()
            };
            let (left, right) = (draw(rows * inner), draw(inner * cols));
            let expected = naive(&left, &right, rows, inner, cols);
            let turned = transpose(&right, inner, cols);
            let mut product = vec![f32::NAN; rows * cols];
            let blocks = MatrixMut::new(&mut product, rows, cols).into_column_blocks(width);
            let left = Matrix::new(&left, rows, inner);
            for (index, mut block) in blocks.into_iter().enumerate() {
                let (from, to) = (index * width, cols.min((index + 1) * width));
                block.set_product(left, Matrix::new(&right, inner, cols).columns(from, to));
                let turned = Matrix::new(&turned, cols, inner).transposed().columns(from, to);
                let half = rows.div_ceil(2);
                for part in [0..half, half..rows].into_iter().filter(|part| !part.is_empty()) {
                    let mut own = block.rows_between(part.start, part.end);
                    own.add_product(left.rows(part.start, part.end), turned);
                }
                prop_assert_eq!(block.row(rows - 1).len(), to - from);
            }
            for (found, expected) in product.iter().zip(expected) {
                prop_assert!((f64::from(*found) - 2.0 * expected).abs() < 1e-4);
            }
        }
    }

    proptest! {
        #[test]
        fn every_element_has_the_same_bits_whatever_the_outer_sizes_are(
            rows in 1usize..90, inner in 1usize..1400, cols in 1usize..90, seed: u64,
            turn_left: bool, turn_right: bool,
        ) {
            let mut stream = crate::Stream::new(seed, "matrix");
            let mut draw = |len: usize| -> Vec<f32> {
                (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect()
            };
            let (left, right) = (draw(rows * inner), draw(inner * cols));
            let turned_right = transpose(&right, inner, cols);
            // Both operands row after row or column after column, as layers pass them forward and backward.
            let product = |rows: std::ops::Range<usize>, cols_of: std::ops::Range<usize>| {
                let part = &left[rows.start * inner..rows.end * inner];
                let turned = transpose(part, rows.len(), inner);
                let left = match turn_left {
                    true => Matrix::new(&turned, inner, rows.len()).transposed(),
                    false => Matrix::new(part, rows.len(), inner),
                };
                let right = match turn_right {
                    true => Matrix::new(&turned_right, cols, inner).transposed(),
                    false => Matrix::new(&right, inner, cols),
                };
                let mut product = vec![f32::NAN; rows.len() * cols_of.len()];
                MatrixMut::new(&mut product, rows.len(), cols_of.len())
                    .set_product(left, right.columns(cols_of.start, cols_of.end));
                product
            };
            let whole = product(0..rows, 0..cols);
            for row in [0, rows / 2, rows - 1] {
                let alone = product(row..row + 1, 0..cols);
                prop_assert_eq!(&alone, &whole[row * cols..(row + 1) * cols], "row {} alone", row);
            }
            for col in [0, cols / 2, cols - 1] {
                let alone = product(0..rows, col..col + 1);
                let expected: Vec<f32> = (0..rows).map(|row| whole[row * cols + col]).collect();
                prop_assert_eq!(alone, expected, "column {} alone", col);
            }
        }
    }

    #[test]
    #[should_panic(expected = "inner sizes")]
    fn sizes_that_do_not_fit_never_reach_the_kernel() {
        let mut product = [0.0; 4];
        let values = [0.0; 6];
        MatrixMut::new(&mut product, 2, 2)
            .set_product(Matrix::new(&values, 2, 3), Matrix::new(&values, 2, 3));
    }
}
