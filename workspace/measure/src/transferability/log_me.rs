//! The evidence that a linear model of features has for the labels.

use super::spectrum::Spectrum;

/// Steps after which the fixed point is taken as found.
const STEPS: usize = 500;

/// It is found when α / β changes by less than this share.
const TOLERANCE: f64 = 1e-9;

/// Added to what is divided by, as in the authors' program: labels may be fitted without an error.
const LEAST: f64 = 1e-5;

/// LogME: the logarithm of the greatest evidence of a Bayesian linear model, per example, mean over the classes, each against the
/// rest with targets of 1 and 0; greater is better.
///
/// K. You, Y. Liu, J. Wang and M. Long, "LogME: practical assessment of pre-trained models for transfer learning" (2021),
/// equation (2), with α and β by the fixed-point iteration of K. You et al., "Ranking and tuning pre-trained models: a new
/// paradigm for exploiting model hubs" (2022), algorithm 3, carried on until it has converged. Features are taken as they
/// are, neither centred nor scaled. The determinant has the directions in which features do not vary, too, which the authors'
/// program leaves out.
pub fn log_me(values: &[f32], dims: usize, labels: &[u32], classes: usize) -> Option<f64> {
    let spectrum = Spectrum::of(values, dims, labels, classes, false)?;
    let evidence = (spectrum.along.iter().zip(&spectrum.counts))
        .map(|(along, count)| evidence(&spectrum, along, *count as f64));
    let mean = evidence.sum::<f64>() / classes as f64;
    mean.is_finite().then_some(mean)
}

/// For the targets of one class, of which the squared length is the number of its examples.
fn evidence(spectrum: &Spectrum, along: &[f64], length: f64) -> f64 {
    let (examples, dims) = (spectrum.examples as f64, spectrum.dims as f64);
    let explained: f64 = along.iter().map(|x| x * x).sum();
    // What no model can explain; below 0 by rounding alone.
    let beyond = (length - explained).max(0.0);
    let over = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
        let pairs = spectrum.squares.iter().zip(along);
        pairs.map(|(square, x)| term(*square, x * x)).sum()
    };
    let (mut alpha, mut beta) = (1.0_f64, 1.0_f64);
    let (mut weights, mut residual) = (0.0, length);
    for _ in 0..STEPS {
        let ratio = alpha / beta;
        let effective = over(&|square, _| square / (square + ratio));
        weights = over(&|square, x2| square * x2 / (square + ratio).powi(2));
        residual = over(&|square, x2| x2 * (ratio / (square + ratio)).powi(2)) + beyond;
        alpha = effective / (weights + LEAST);
        beta = (examples - effective) / (residual + LEAST);
        let next = alpha / beta;
        if (next - ratio).abs() <= TOLERANCE * ratio {
            break;
        }
    }
    let determinant = over(&|square, _| (alpha + beta * square).ln())
        + (dims - spectrum.squares.len() as f64) * alpha.ln();
    let evidence = dims * alpha.ln() + examples * beta.ln()
        - determinant
        - beta * residual
        - alpha * weights
        - examples * std::f64::consts::TAU.ln();
    0.5 * evidence / examples
}
