//! Means over folds, whose training sets overlap.

use crate::estimate::Estimate;

/// The mean of figures (of differences, for a pair) over all T · K folds of T repetitions of a
/// K-fold cross-validation, judged by the corrected resampled t test. `test_to_train` is the ratio
/// of the examples a fold leaves out to those it is fitted on: 1 / (K − 1).
///
/// Models of different folds share most of their training examples, so their figures are not
/// independent, and the usual standard error is too small; the corrected one is
/// `√((1 / (T·K) + test_to_train) · s²)` with s² the variance (ddof 1) over the folds, and T·K − 1
/// degrees of freedom.
///
/// `None` with fewer than two folds, a ratio that is negative, or anything that is not finite. Where all
/// folds have the same figure the interval is that alone, and p is 0 unless that is 0.
///
/// Source: C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52 (2003),
/// 239–281; for repeated cross-validation R. R. Bouckaert, E. Frank, "Evaluating the
/// replicability of significance tests for comparing learning algorithms", PAKDD 2004, 3–12.
pub fn corrected_t(folds: &[f64], test_to_train: f64) -> Option<Estimate> {
    let finite = folds.iter().all(|value| value.is_finite()) && test_to_train.is_finite();
    if folds.len() < 2 || !finite || test_to_train < 0.0 {
        return None;
    }
    let count = folds.len() as f64;
    let mean = folds.iter().sum::<f64>() / count;
    let squares: f64 = folds.iter().map(|value| (value - mean).powi(2)).sum();
    let variance = squares / (count - 1.0);
    let error = ((1.0 / count + test_to_train) * variance).sqrt();
    Some(Estimate::by_t(mean, error, count - 1.0))
}
