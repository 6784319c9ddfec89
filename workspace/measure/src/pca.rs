//! The directions in which vectors vary most.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// The two principal components of some vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Each vector's coordinates along the first and the second component.
    pub points: Vec<[f32; 2]>,
    /// Share of the total variance along each.
    pub explained: [f64; 2],
}

/// Components followed beside those wanted: they make the iteration converge where the next variance
/// is close to the last of them.
const OVERSAMPLING: usize = 8;

/// The iteration stops when the variances change by less than this share of the total.
const TOLERANCE: f64 = 1e-9;

/// It stops here at the latest; by then the plane is off by less than a screen shows.
const ITERATIONS: usize = 200;

/// Principal component analysis onto two dimensions, for drawing. `values` is `vectors × dims`,
/// row-major; what is not finite counts as the mean of its dimension. The coordinate that is
/// largest by absolute value is positive along each component, so that a plane is always drawn the
/// same way up.
///
/// `None` with fewer than two vectors, no dimension, or no variance.
pub fn principal_plane(values: &[f32], dims: usize) -> Option<Plane> {
    let (centred, _) = centred(values, dims)?;
    let vectors = centred.ncols();
    let total = centred.norm_squared();
    if total == 0.0 {
        return None;
    }
    let (basis, variances) = leading(&centred, total, 2);
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

/// Principal component analysis fitted to some vectors and applied to others.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalComponents {
    mean: DVector<f64>,
    /// Orthonormal, one column for each component, by falling variance.
    basis: DMatrix<f64>,
}

impl PrincipalComponents {
    /// Those that [`mean`](Self::mean) and [`basis`](Self::basis) have given. `None` where their lengths do not agree.
    pub fn of(mean: Vec<f64>, basis: Vec<f64>) -> Option<Self> {
        let (dims, numbers) = (mean.len(), basis.len());
        let whole = dims > 0 && numbers > 0 && numbers.is_multiple_of(dims);
        whole.then(|| Self {
            mean: DVector::from_vec(mean),
            basis: DMatrix::from_vec(dims, numbers / dims, basis),
        })
    }

    /// How many there are.
    pub fn components(&self) -> usize {
        self.basis.ncols()
    }

    /// What is taken off every vector, `dims` numbers.
    pub fn mean(&self) -> Vec<f64> {
        self.mean.as_slice().to_vec()
    }

    /// The components, one after the other, each of `dims` numbers.
    pub fn basis(&self) -> Vec<f64> {
        self.basis.as_slice().to_vec()
    }

    /// Fits `components` of them to `values`, `vectors × dims`, row-major and finite. The weight
    /// that is largest by absolute value is positive in each, so that signs do not depend on the
    /// way there.
    ///
    /// `None` when the vectors span fewer directions: at most `dims`, and one fewer than vectors.
    pub fn fit(values: &[f32], dims: usize, components: usize) -> Option<Self> {
        let (centred, mean) = centred(values, dims)?;
        let total = centred.norm_squared();
        if components == 0 || components > dims.min(centred.ncols() - 1) || total == 0.0 {
            return None;
        }
        let (basis, variances) = leading(&centred, total, components);
        // Rounding alone gives a direction that is not there some length.
        if variances[components - 1] <= total * f64::from(f32::EPSILON).powi(2) {
            return None;
        }
        let mut basis = basis.columns(0, components).into_owned();
        for mut column in basis.column_iter_mut() {
            if column[column.iamax()] < 0.0 {
                column.neg_mut();
            }
        }
        Some(Self { mean, basis })
    }

    /// The coordinates of `values`, `vectors × dims` as in the fit: `vectors × components`.
    pub fn transform(&self, values: &[f32]) -> Vec<f32> {
        let dims = self.mean.len();
        let mut vectors = DMatrix::from_iterator(
            dims,
            values.len() / dims,
            values.iter().map(|v| f64::from(*v)),
        );
        for mut vector in vectors.column_iter_mut() {
            vector -= &self.mean;
        }
        let coordinates = self.basis.tr_mul(&vectors);
        coordinates.iter().map(|value| *value as f32).collect()
    }
}

/// The vectors as columns with their mean taken away, and the mean. What is not finite counts as
/// the mean. `None` with fewer than two vectors or no dimension.
fn centred(values: &[f32], dims: usize) -> Option<(DMatrix<f64>, DVector<f64>)> {
    let vectors = values.len().checked_div(dims)?;
    if vectors < 2 || values.len() != vectors * dims {
        return None;
    }
    // One column per vector: the columns of nalgebra's matrices lie together.
    let mut centred = DMatrix::from_iterator(dims, vectors, values.iter().map(|v| f64::from(*v)));
    let mut means = DVector::zeros(dims);
    for (mut row, kept) in centred.row_iter_mut().zip(means.iter_mut()) {
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
        *kept = mean;
    }
    Some((centred, means))
}

/// Orthonormal directions of largest variance, as columns, and the squared lengths along them: the
/// `wanted` ones first, then some that helped to find them. Subspace iteration with a Rayleigh–Ritz
/// step (Golub, Van Loan, *Matrix Computations*, 4th ed., §8.2.4) on the covariance matrix.
fn leading(centred: &DMatrix<f64>, total: f64, wanted: usize) -> (DMatrix<f64>, DVector<f64>) {
    let (dims, vectors) = centred.shape();
    let width = (wanted + OVERSAMPLING).min(dims).min(vectors);
    // The start must not be orthogonal to what is looked for: the vectors themselves are not.
    let start = DMatrix::from_fn(dims, width, |row, column| {
        centred[(row, column * vectors / width)] + 1e-3 * ((row * width + column) as f64).sin()
    });
    // With many more vectors than dimensions the matrix is the cheaper one to multiply by.
    let covariance = (vectors > 4 * dims).then(|| centred * centred.transpose());
    let multiply = |basis: &DMatrix<f64>| match &covariance {
        Some(covariance) => covariance * basis,
        None => centred * centred.tr_mul(basis),
    };
    let mut basis = start.qr().q();
    let mut before = DVector::<f64>::zeros(width);
    for _ in 0..ITERATIONS {
        let multiplied = multiply(&basis);
        // The best directions within the present subspace.
        let eigen = SymmetricEigen::new(basis.tr_mul(&multiplied));
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let variances = DVector::from_fn(width, |at, _| eigen.eigenvalues[order[at]]);
        let turn = DMatrix::from_fn(width, width, |row, at| eigen.eigenvectors[(row, order[at])]);
        let change = (0..width.min(wanted))
            .map(|at| (variances[at] - before[at]).abs())
            .fold(0.0, f64::max);
        if change <= TOLERANCE * total {
            return (basis * turn, variances);
        }
        before = variances;
        basis = (multiplied * turn).qr().q();
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

    #[test]
    fn components_are_fitted_to_some_vectors_and_applied_to_others() {
        // Along (3, 4)/5 with variance 50, across with 2: the mean is (1, 1).
        let fitted = PrincipalComponents::fit(&[-2.0, -3.0, 4.0, 5.0, 1.8, 0.4, 0.2, 1.6], 2, 2);
        let fitted = fitted.unwrap();
        let there = fitted.transform(&[1.0, 1.0, 4.0, 5.0, 1.8, 0.4]);
        let expected = [0.0, 0.0, 5.0, 0.0, 0.0, 1.0];
        for (found, expected) in there.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{there:?}");
        }
    }

    #[test]
    fn components_that_are_not_there() {
        let line = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0];
        assert!(PrincipalComponents::fit(&line, 2, 1).is_some());
        for (components, values, dims) in [
            (2, &line[..], 2),
            (0, &line, 2),
            (3, &line, 2),
            (1, &line[..2], 2),
            (1, &[1.0; 6], 2),
            (2, &line[..4], 2),
        ] {
            let fitted = PrincipalComponents::fit(values, dims, components);
            assert_eq!(fitted, None, "{components} of {values:?}");
        }
    }

    proptest! {
        /// However many there are, they are orthonormal and rotate nothing away.
        #[test]
        fn all_components_keep_distances(values in prop::collection::vec(-100_i8..100, 40 * 5)) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let Some(fitted) = PrincipalComponents::fit(&values, 5, 5) else { return Ok(()) };
            let turned = fitted.transform(&values);
            let distance = |of: &[f32], i: usize| -> f64 {
                (0..5).map(|k| f64::from(of[k] - of[5 * i + k]).powi(2)).sum()
            };
            for i in 1..40 {
                let (before, after) = (distance(&values, i), distance(&turned, i));
                prop_assert!((before - after).abs() <= 1e-4 * before.max(1.0), "{before} {after}");
            }
        }

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
