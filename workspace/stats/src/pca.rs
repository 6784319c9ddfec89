//! The plane in which vectors vary most.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// The two principal components of some vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Each vector's coordinates along the first and the second component.
    pub points: Vec<[f32; 2]>,
    /// Share of the total variance along each.
    pub explained: [f64; 2],
}

/// Components followed beside the two wanted: they make the iteration converge where the third
/// variance is close to the second.
const OVERSAMPLING: usize = 8;

/// The iteration stops when the variances change by less than this share of the total.
const TOLERANCE: f64 = 1e-9;

/// It stops here at the latest; by then the plane is off by less than a screen shows.
const ITERATIONS: usize = 200;

/// Principal component analysis onto two dimensions, by subspace iteration with a Rayleigh–Ritz
/// step (Golub, Van Loan, *Matrix Computations*, 4th ed., §8.2.4, on the covariance matrix,
/// which is never formed). `values` is `vectors × dims`, row-major; what is not finite counts
/// as the mean of its dimension. The coordinate that is largest by absolute value is positive
/// along each component, so that a plane is always drawn the same way up.
///
/// `None` with fewer than two vectors, no dimension, or no variance.
pub fn principal_plane(values: &[f32], dims: usize) -> Option<Plane> {
    let vectors = values.len().checked_div(dims)?;
    if vectors < 2 || values.len() != vectors * dims {
        return None;
    }
    // One column per vector: the columns of nalgebra's matrices lie together.
    let mut centred = DMatrix::from_iterator(dims, vectors, values.iter().map(|v| f64::from(*v)));
    for mut row in centred.row_iter_mut() {
        let finite = row.iter().filter(|value| value.is_finite());
        let (sum, count) = finite.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
        let mean = if count > 0.0 { sum / count } else { 0.0 };
        row.iter_mut().for_each(|value| {
            *value = if value.is_finite() {
                *value - mean
            } else {
                0.0
            };
        });
    }
    let total = centred.norm_squared();
    if total == 0.0 {
        return None;
    }
    let (basis, variances) = leading(&centred, total);
    let coordinates = basis.tr_mul(&centred);
    let point = |along: usize| -> Vec<f64> {
        let Some(row) = (along < coordinates.nrows()).then(|| coordinates.row(along)) else {
            return vec![0.0; vectors];
        };
        let sign = if row[row.iamax_full().1] < 0.0 {
            -1.0
        } else {
            1.0
        };
        row.iter().map(|value| sign * value).collect()
    };
    let share = |along: usize| {
        variances
            .get(along)
            .map_or(0.0, |variance| variance / total)
    };
    Some(Plane {
        points: (point(0).into_iter().zip(point(1)))
            .map(|(x, y)| [x as f32, y as f32])
            .collect(),
        explained: [share(0), share(1)],
    })
}

/// Orthonormal directions of largest variance, as columns, and the squared lengths along them.
fn leading(centred: &DMatrix<f64>, total: f64) -> (DMatrix<f64>, DVector<f64>) {
    let (dims, vectors) = centred.shape();
    let width = (2 + OVERSAMPLING).min(dims).min(vectors);
    // The start must not be orthogonal to what is looked for: the vectors themselves are not.
    let start = DMatrix::from_fn(dims, width, |row, column| {
        centred[(row, column * vectors / width)] + 1e-3 * ((row * width + column) as f64).sin()
    });
    let mut basis = start.qr().q();
    let mut before = DVector::<f64>::zeros(width);
    for _ in 0..ITERATIONS {
        let along = basis.tr_mul(centred);
        // The best directions within the present subspace.
        let eigen = SymmetricEigen::new(&along * along.transpose());
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let variances = DVector::from_fn(width, |at, _| eigen.eigenvalues[order[at]]);
        let turn = DMatrix::from_fn(width, width, |row, at| eigen.eigenvectors[(row, order[at])]);
        let change = (0..width.min(2))
            .map(|at| (variances[at] - before[at]).abs())
            .fold(0.0, f64::max);
        if change <= TOLERANCE * total {
            return (basis * turn, variances);
        }
        before = variances;
        basis = (centred * along.transpose() * turn).qr().q();
    }
    (basis, before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_found() {
        // Along (3, 4)/5, at −5, 0 and 5; nothing across.
        let plane = principal_plane(&[-3.0, -4.0, 0.0, 0.0, 3.0, 4.0], 2).unwrap();
        assert!((plane.explained[0] - 1.0).abs() < 1e-12);
        let x: Vec<f32> = plane.points.iter().map(|point| point[0].abs()).collect();
        assert!((x[0] - 5.0).abs() < 1e-6 && x[1].abs() < 1e-6 && (x[2] - 5.0).abs() < 1e-6);
        assert!(plane.points.iter().all(|point| point[1].abs() < 1e-6));
    }

    #[test]
    fn nothing_to_find() {
        assert_eq!(principal_plane(&[], 3), None);
        assert_eq!(principal_plane(&[1.0, 2.0], 2), None);
        assert_eq!(principal_plane(&[1.0; 6], 2), None);
        assert_eq!(principal_plane(&[1.0; 5], 2), None);
        assert_eq!(principal_plane(&[1.0], 0), None);
        assert_eq!(principal_plane(&[f32::NAN; 6], 2), None);
    }

    #[test]
    fn one_dimension_has_no_second_component() {
        let plane = principal_plane(&[1.0, 2.0, 6.0], 1).unwrap();
        assert_eq!(plane.explained, [1.0, 0.0]);
        assert_eq!(plane.points, [[-2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]]);
    }

    proptest! {
        /// Against the eigenvalues of the whole covariance matrix.
        #[test]
        fn variances_are_those_of_the_covariance(
            values in prop::collection::vec(-100_i8..100, 20 * 12),
        ) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let Some(plane) = principal_plane(&values, 12) else { return Ok(()) };
            let rows = DMatrix::from_row_iterator(20, 12, values.iter().map(|v| f64::from(*v)));
            let mean = rows.row_mean();
            let centred = DMatrix::from_fn(20, 12, |row, column| rows[(row, column)] - mean[column]);
            let mut eigenvalues: Vec<f64> = SymmetricEigen::new(centred.tr_mul(&centred)).eigenvalues.iter().copied().collect();
            eigenvalues.sort_by(|a, b| b.total_cmp(a));
            let total: f64 = eigenvalues.iter().sum();
            for at in 0..2 {
                let share = eigenvalues[at] / total;
                prop_assert!((plane.explained[at] - share).abs() < 1e-5, "{} {share}", plane.explained[at]);
                let along: f64 = plane.points.iter().map(|point| f64::from(point[at]).powi(2)).sum();
                prop_assert!((along / total - share).abs() < 1e-5, "{} {share}", along / total);
            }
        }
    }
}
