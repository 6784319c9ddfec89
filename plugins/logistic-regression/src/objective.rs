//! What is minimised: the mean cross-entropy of softmax regression with an L2 penalty, and its gradient.
//!
//! For n samples with scaled features x, weights W (classes × dimensions) and biases b:
//!
//! - logits z = W x + b, probabilities p = softmax(z), cross-entropy −ln p(true class)
//! - objective = (Σ cross-entropy + ½ · l2 · ‖W‖²) / n
//! - gradient by W = (Σ (p − y) xᵀ + l2 · W) / n, by b = Σ (p − y) / n, with y the true class as a unit vector
//!
//! See C. M. Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.4.

use crate::kernels::{AddGradient, CHUNK, Logits};
use rayon::prelude::*;

/// The objective for one set of samples. Parameters are a vector of the weights, class by class, and then the biases.
pub struct Objective<'a> {
    /// samples × dimensions, scaled
    features: &'a [f32],
    dimensions: usize,
    labels: &'a [u32],
    classes: usize,
    l2: f64,
}

/// Objective and gradient at some parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The value of the objective.
    pub cost: f64,
    /// One number for each parameter.
    pub gradient: Vec<f64>,
}

/// What one chunk of samples adds, before it is divided by their number.
struct Part {
    cross_entropy: f64,
    by_weights: Vec<f64>,
    by_biases: Vec<f64>,
}

impl<'a> Objective<'a> {
    /// `features` has one row of `dimensions` numbers and `labels` one number below `classes` for each sample.
    pub fn new(
        features: &'a [f32],
        dimensions: usize,
        labels: &'a [u32],
        classes: usize,
        l2: f64,
    ) -> Self {
        Objective {
            features,
            dimensions,
            labels,
            classes,
            l2,
        }
    }

    /// The number of parameters: (dimensions + 1) × classes.
    pub fn parameters(&self) -> usize {
        (self.dimensions + 1) * self.classes
    }

    /// Objective and gradient together, as both need the logits. Sums over chunks are taken in order, so the result has the
    /// same bits on any number of threads.
    pub fn evaluate(&self, parameters: &[f64]) -> Evaluation {
        let (weights, biases) = parameters.split_at(self.dimensions * self.classes);
        let parts: Vec<Part> = self
            .features
            .par_chunks(CHUNK * self.dimensions)
            .zip(self.labels.par_chunks(CHUNK))
            .map(|(features, labels)| self.part(features, labels, weights, biases))
            .collect();

        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let mut cost = 0.5 * self.l2 * squares;
        let mut gradient = vec![0.0; parameters.len()];
        let (by_weights, by_biases) = gradient.split_at_mut(weights.len());
        for (slope, weight) in by_weights.iter_mut().zip(weights) {
            *slope = self.l2 * weight;
        }
        for part in &parts {
            cost += part.cross_entropy;
            for (slope, addend) in by_weights.iter_mut().zip(&part.by_weights) {
                *slope += addend;
            }
            for (slope, addend) in by_biases.iter_mut().zip(&part.by_biases) {
                *slope += addend;
            }
        }
        let samples = self.labels.len() as f64;
        for slope in &mut gradient {
            *slope /= samples;
        }
        Evaluation {
            cost: cost / samples,
            gradient,
        }
    }

    fn part(&self, features: &[f32], labels: &[u32], weights: &[f64], biases: &[f64]) -> Part {
        let arch = pulp::Arch::new();
        let mut logits = vec![0.0; labels.len() * self.classes];
        arch.dispatch(Logits {
            features,
            weights,
            dimensions: self.dimensions,
            logits: &mut logits,
        });
        let mut part = Part {
            cross_entropy: 0.0,
            by_weights: vec![0.0; weights.len()],
            by_biases: vec![0.0; self.classes],
        };
        // The logits become residuals in place.
        for (row, &label) in logits.chunks_exact_mut(self.classes).zip(labels) {
            for (logit, bias) in row.iter_mut().zip(biases) {
                *logit += bias;
            }
            part.cross_entropy += residuals(row, label as usize);
            for (sum, residual) in part.by_biases.iter_mut().zip(&*row) {
                *sum += residual;
            }
        }
        arch.dispatch(AddGradient {
            features,
            residuals: &logits,
            dimensions: self.dimensions,
            gradient: &mut part.by_weights,
        });
        part
    }
}

/// Turns the logits of one sample into residuals (probability minus 1 for the true class) and returns its cross-entropy.
fn residuals(row: &mut [f64], label: usize) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of_label = row[label] - largest;
    let mut sum = 0.0;
    for z in &mut *row {
        // Relative to the largest, so that nothing overflows.
        *z = (*z - largest).exp();
        sum += *z;
    }
    for z in &mut *row {
        *z /= sum;
    }
    row[label] -= 1.0;
    sum.ln() - of_label
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, in −1..1: a linear congruential generator.
    fn noise(count: usize) -> Vec<f64> {
        let mut state = 1_u64;
        let mut next = || {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            state as f64 / f64::from(1 << 30) - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// 301 samples make three chunks with a rest, 19 features make lanes with a rest, 5 classes a block with a rest.
    const SAMPLES: usize = 301;
    const DIMENSIONS: usize = 19;
    const CLASSES: usize = 5;

    fn samples() -> (Vec<f32>, Vec<u32>) {
        let features = noise(SAMPLES * DIMENSIONS).into_iter().map(|x| x as f32);
        let labels = (0..SAMPLES).map(|sample| (sample * 7 % CLASSES) as u32);
        (features.collect(), labels.collect())
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let (features, labels) = samples();
        for l2 in [0.0, 1.0, 30.0] {
            let objective = Objective::new(&features, DIMENSIONS, &labels, CLASSES, l2);
            let parameters = noise(objective.parameters());
            let gradient = objective.evaluate(&parameters).gradient;
            for index in 0..parameters.len() {
                let step = 1e-5;
                let at = |offset: f64| {
                    let mut moved = parameters.clone();
                    moved[index] += offset;
                    objective.evaluate(&moved).cost
                };
                let difference = (at(step) - at(-step)) / (2.0 * step);
                let error = (difference - gradient[index]).abs();
                assert!(
                    error < 1e-9,
                    "{index}: {difference} and {}",
                    gradient[index]
                );
            }
        }
    }

    #[test]
    fn the_cost_is_that_of_the_formula() {
        let (features, labels) = samples();
        let objective = Objective::new(&features, DIMENSIONS, &labels, CLASSES, 2.0);
        let parameters = noise(objective.parameters());
        let (weights, biases) = parameters.split_at(DIMENSIONS * CLASSES);
        let mut expected = weights.iter().map(|w| w * w).sum::<f64>();
        for (row, &label) in features.chunks(DIMENSIONS).zip(&labels) {
            let logit = |class: usize| {
                let weights = &weights[class * DIMENSIONS..][..DIMENSIONS];
                let products = row.iter().zip(weights).map(|(&x, w)| f64::from(x) * w);
                products.sum::<f64>() + biases[class]
            };
            let total: f64 = (0..CLASSES).map(|class| logit(class).exp()).sum();
            expected += total.ln() - logit(label as usize);
        }
        let cost = objective.evaluate(&parameters).cost;
        assert!((cost - expected / SAMPLES as f64).abs() < 1e-13, "{cost}");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (features, labels) = samples();
        let objective = Objective::new(&features, DIMENSIONS, &labels, CLASSES, 1.0);
        let parameters = noise(objective.parameters());
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| objective.evaluate(&parameters))
        };
        let one = on(1);
        for threads in [2, 3, 8] {
            assert_eq!(on(threads), one);
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let mut row = [1000.0, -1000.0, 990.0];
        let cross_entropy = residuals(&mut row, 1);
        assert!((cross_entropy - 2000.0).abs() < 1e-3);
        assert!((row[0] - 1.0).abs() < 1e-4 && (row[1] + 1.0).abs() < 1e-4);
    }
}
