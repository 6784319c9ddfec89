//! How much of the variance of features lies between classes.

use super::spectrum::Spectrum;

/// H-score: tr(cov(f)⁻¹ cov(E[f | y])), from 0 to the number of classes less 1; greater is better. In directions in which
/// features do not vary the inverse is 0.
///
/// Y. Bao et al., "An information-theoretic approach to transferability in task transfer learning" (2019), definition 2.
pub fn h_score(values: &[f32], dims: usize, labels: &[u32], classes: usize) -> Option<f64> {
    let spectrum = Spectrum::of(values, dims, labels, classes, true)?;
    Some(between(&spectrum).into_iter().sum())
}

/// The H-score with a covariance that is shrunk towards a multiple of the identity by the share that O. Ledoit and M. Wolf, "A
/// well-conditioned estimator for large-dimensional covariance matrices" (2004), find: with few examples of many dimensions the
/// plain one says little.
///
/// S. Ibrahim, N. Ponomareva and R. Mazumder, "Newer is not always better: rethinking transferability metrics, their
/// peculiarities, stability and performance" (2022), section 4. Covariances are divided by the number of examples. `None`, too,
/// where nothing varies.
pub fn shrunk_h_score(values: &[f32], dims: usize, labels: &[u32], classes: usize) -> Option<f64> {
    let spectrum = Spectrum::of(values, dims, labels, classes, true)?;
    let (examples, dims) = (spectrum.examples as f64, spectrum.dims as f64);
    let trace: f64 = spectrum.squares.iter().sum::<f64>() / examples;
    let squares: f64 = spectrum
        .squares
        .iter()
        .map(|s| (s / examples).powi(2))
        .sum();
    let mean = trace / dims;
    // Means over the dimensions, as in the paper: the distance from the identity, and the part of it that is error.
    let distance = squares / dims - mean * mean;
    let error = (spectrum.fourth / examples - squares) / (dims * examples);
    let shrinkage = match error.min(distance) {
        error if error > 0.0 && dims > 1.0 => error / distance,
        _ => 0.0,
    };
    let terms = spectrum.squares.iter().zip(between(&spectrum));
    let score: f64 = terms
        .map(|(square, between)| {
            let kept = (1.0 - shrinkage) * square / examples;
            between * kept / (kept + shrinkage * mean)
        })
        .sum();
    (mean > 0.0 && score.is_finite()).then_some(score)
}

/// For each direction the variance between the classes as a share of all its variance: Σ (uᵀ y)² / n over the classes.
fn between(spectrum: &Spectrum) -> Vec<f64> {
    let mut between = vec![0.0; spectrum.squares.len()];
    let classes = spectrum.along.iter().zip(&spectrum.counts);
    for (along, &count) in classes.filter(|(_, count)| **count > 0) {
        for (share, x) in between.iter_mut().zip(along) {
            *share += x * x / count as f64;
        }
    }
    between
}
