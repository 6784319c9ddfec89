//! The singular values of features, and what the classes are along their left singular vectors. That is all the estimates need.

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, Dyn, SymmetricEigen};
use rayon::prelude::*;

/// Vectors that are multiplied at a time.
const AT_ONCE: usize = 1024;

/// Columns of a product that one thread works on at a time.
const STRIPE: usize = 64;

/// Of F = U S Vᵀ, as far as its singular values are told from rounding.
pub(super) struct Spectrum {
    /// The number of rows of F.
    pub examples: usize,
    /// The number of its columns.
    pub dims: usize,
    /// s² of each, ascending.
    pub squares: Vec<f64>,
    /// uᵀ y for each of them, class by class: y is 1 for the examples of the class and 0 for all others.
    pub along: Vec<Vec<f64>>,
    /// The examples of each class.
    pub counts: Vec<usize>,
    /// Σ ‖f‖⁴ over the rows.
    pub fourth: f64,
}

impl Spectrum {
    /// Of the values, or of what they are around their mean. `None` for what has no value.
    pub(super) fn of(
        values: &[f32],
        dims: usize,
        labels: &[u32],
        classes: usize,
        centred: bool,
    ) -> Option<Spectrum> {
        let fits = dims > 0 && labels.len().checked_mul(dims) == Some(values.len());
        if !fits || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut counts = vec![0; classes];
        for &label in labels {
            *counts.get_mut(label as usize)? += 1;
        }
        if counts.iter().filter(|count| **count > 0).count() < 2 {
            return None;
        }
        let examples = labels.len();
        let mean = match centred {
            true => mean(values, dims),
            false => vec![0.0; dims],
        };
        let row = |row: &[f32]| -> Vec<f64> {
            let columns = row.iter().zip(&mean);
            columns
                .map(|(value, mean)| f64::from(*value) - mean)
                .collect()
        };
        let rows = |values: &[f32]| {
            values
                .chunks_exact(dims)
                .flat_map(row)
                .collect::<Vec<f64>>()
        };
        let fourth = values.chunks_exact(dims).map(|values| {
            let squares = row(values).into_iter().map(|x| x * x);
            squares.sum::<f64>().powi(2)
        });
        let fourth = fourth.sum();

        // Of the two products the smaller one has all singular values that are not 0.
        let size = dims.min(examples);
        let mut product = DMatrix::zeros(size, size);
        if dims <= examples {
            for values in values.chunks(AT_ONCE * dims) {
                add_products(&mut product, &rows(values));
            }
        } else {
            let all = rows(values);
            for first in (0..dims).step_by(AT_ONCE) {
                let columns = first..dims.min(first + AT_ONCE);
                let turned = columns.flat_map(|column| all.iter().skip(column).step_by(dims));
                add_products(&mut product, &turned.copied().collect::<Vec<f64>>());
            }
        }
        product.fill_upper_triangle_with_lower_triangle();
        let eigen = SymmetricEigen::new(product);
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
        let largest = order.last().map_or(0.0, |last| eigen.eigenvalues[*last]);
        let rounding = largest * f64::EPSILON * dims.max(examples) as f64;
        order.retain(|place| eigen.eigenvalues[*place] > rounding);
        let squares: Vec<f64> = order
            .iter()
            .map(|place| eigen.eigenvalues[*place])
            .collect();

        let sums = (dims <= examples).then(|| {
            let mut sums = vec![vec![0.0; dims]; classes];
            for (values, &label) in values.chunks_exact(dims).zip(labels) {
                let sums = &mut sums[label as usize];
                for (sum, x) in sums.iter_mut().zip(row(values)) {
                    *sum += x;
                }
            }
            sums
        });
        let along = (0..classes).into_par_iter().map(|class| {
            let places = order.iter().zip(&squares);
            places
                .map(|(place, square)| {
                    let vector = eigen.eigenvectors.column(*place);
                    match &sums {
                        // u = F v / s
                        Some(sums) => {
                            let products = vector.iter().zip(&sums[class]);
                            products.map(|(v, sum)| v * sum).sum::<f64>() / square.sqrt()
                        }
                        None => {
                            let own = vector.iter().zip(labels);
                            let own = own.filter(|(_, label)| **label as usize == class);
                            own.map(|(u, _)| u).sum()
                        }
                    }
                })
                .collect()
        });
        Some(Spectrum {
            along: along.collect(),
            squares,
            examples,
            dims,
            counts,
            fourth,
        })
    }
}

fn mean(values: &[f32], dims: usize) -> Vec<f64> {
    let mut mean = vec![0.0; dims];
    for row in values.chunks_exact(dims) {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    let examples = (values.len() / dims) as f64;
    mean.iter_mut().for_each(|sum| *sum /= examples);
    mean
}

/// `products += Σ x xᵀ` over vectors that stand one after the other, below the diagonal and on it. Every number comes about in the
/// same order on any number of threads.
fn add_products(products: &mut DMatrix<f64>, vectors: &[f64]) {
    let size = products.nrows();
    let count = vectors.len() / size;
    let stripes = products.as_mut_slice().par_chunks_mut(STRIPE * size);
    stripes.enumerate().for_each(|(stripe, products)| {
        let first = stripe * STRIPE;
        let (height, width) = (size - first, products.len() / size);
        // nalgebra 0.35 multiplies small matrices in another way, which reads beyond the end of a strided column.
        if height.min(width).min(count) <= 5 {
            for vector in vectors.chunks_exact(size) {
                for column in 0..width {
                    for row in first..size {
                        products[column * size + row] += vector[row] * vector[first + column];
                    }
                }
            }
            return;
        }
        let part = &vectors[first..];
        let left: DMatrixView<'_, f64, Dyn, Dyn> =
            DMatrixView::from_slice_with_strides(part, height, count, 1, size);
        let right: DMatrixView<'_, f64, Dyn, Dyn> =
            DMatrixView::from_slice_with_strides(part, count, width, size, 1);
        let mut products: DMatrixViewMut<'_, f64, Dyn, Dyn> =
            DMatrixViewMut::from_slice_with_strides_mut(
                &mut products[first..],
                height,
                width,
                1,
                size,
            );
        products.gemm(1.0, &left, &right, 1.0);
    });
}
