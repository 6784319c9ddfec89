//! What is minimised: the mean loss of linear scores with an L2 penalty, and its gradient.
//!
//! For n samples with scaled features x that count c each (n in sum), weights W (classes × dimensions) and biases b:
//!
//! - scores z = W x + b
//! - objective = (Σ c · loss(z) + ½ · l2 · ‖W‖²) / n
//! - gradient by W = (Σ c · ∂loss/∂z xᵀ + l2 · W) / n, by b = Σ c · ∂loss/∂z / n
//!
//! See C. M. Bishop, "Pattern Recognition and Machine Learning" (2006), sections 4.3.4 and 7.1.

use super::kernels::{AddGradient, CHUNK, Logits};
use rayon::prelude::*;

/// How far scores are from the true class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// −ln p(true class) with p = softmax(z); its slope is p − y, with y the true class as a unit vector.
    CrossEntropy,
    /// Σ max(0, 1 − y z)² over the classes, y = 1 for the true one and −1 for the others: a machine for each class against
    /// the rest. Its slope is −2 y max(0, 1 − y z).
    SquaredHinge,
}

/// The objective for one set of samples. Parameters are a vector of the weights, class by class, and then the biases.
pub struct Objective<'a> {
    /// samples × dimensions, scaled
    pub features: &'a [f32],
    /// The number of features of a sample.
    pub dimensions: usize,
    /// One label for each sample.
    pub labels: &'a [u32],
    /// What a sample of each class counts.
    pub class_weights: &'a [f64],
    /// How far scores are from the true class.
    pub loss: Loss,
    /// The weight of the penalty beside the summed loss.
    pub l2: f64,
    /// Whether ‖W‖² has the biases in it.
    pub penalise_biases: bool,
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
    loss: f64,
    by_weights: Vec<f64>,
    by_biases: Vec<f64>,
}

impl Objective<'_> {
    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.class_weights.len()
    }

    /// The number of parameters: (dimensions + 1) × classes.
    pub fn parameters(&self) -> usize {
        (self.dimensions + 1) * self.classes()
    }

    /// Objective and gradient together, as both need the logits. Sums over chunks are taken in order, so the result has the
    /// same bits on any number of threads.
    pub fn evaluate(&self, parameters: &[f64]) -> Evaluation {
        let (weights, biases) = parameters.split_at(self.dimensions * self.classes());
        let parts: Vec<Part> = self
            .features
            .par_chunks(CHUNK * self.dimensions)
            .zip(self.labels.par_chunks(CHUNK))
            .map(|(features, labels)| self.part(features, labels, weights, biases))
            .collect();

        let penalised = match self.penalise_biases {
            true => parameters,
            false => weights,
        };
        let squares: f64 = penalised.iter().map(|weight| weight * weight).sum();
        let mut cost = 0.5 * self.l2 * squares;
        let mut gradient = vec![0.0; parameters.len()];
        for (slope, weight) in gradient.iter_mut().zip(penalised) {
            *slope = self.l2 * weight;
        }
        let (by_weights, by_biases) = gradient.split_at_mut(weights.len());
        for part in &parts {
            cost += part.loss;
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
        let mut logits = vec![0.0; labels.len() * self.classes()];
        arch.dispatch(Logits {
            features,
            weights,
            dimensions: self.dimensions,
            logits: &mut logits,
        });
        let mut part = Part {
            loss: 0.0,
            by_weights: vec![0.0; weights.len()],
            by_biases: vec![0.0; self.classes()],
        };
        // The scores become slopes of the loss in place.
        for (row, &label) in logits.chunks_exact_mut(self.classes()).zip(labels) {
            for (logit, bias) in row.iter_mut().zip(biases) {
                *logit += bias;
            }
            let loss = match self.loss {
                Loss::CrossEntropy => cross_entropy(row, label as usize),
                Loss::SquaredHinge => squared_hinge(row, label as usize),
            };
            let counts = self.class_weights[label as usize];
            part.loss += counts * loss;
            for (sum, slope) in part.by_biases.iter_mut().zip(row) {
                *slope *= counts;
                *sum += *slope;
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

/// Turns the scores of one sample into the slopes of its cross-entropy and returns that.
fn cross_entropy(row: &mut [f64], label: usize) -> f64 {
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

/// Turns the scores of one sample into the slopes of its squared hinge loss and returns that.
fn squared_hinge(row: &mut [f64], label: usize) -> f64 {
    let mut loss = 0.0;
    for (class, z) in row.iter_mut().enumerate() {
        let side = if class == label { 1.0 } else { -1.0 };
        let short = f64::max(0.0, 1.0 - side * *z);
        *z = -2.0 * side * short;
        loss += short * short;
    }
    loss
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

    const CLASS_WEIGHTS: [f64; CLASSES] = [1.0, 0.5, 2.0, 0.25, 1.25];

    fn objective<'a>(
        (features, labels): &'a (Vec<f32>, Vec<u32>),
        loss: Loss,
        l2: f64,
    ) -> Objective<'a> {
        Objective {
            features,
            dimensions: DIMENSIONS,
            labels,
            class_weights: &CLASS_WEIGHTS,
            loss,
            l2,
            penalise_biases: loss == Loss::SquaredHinge,
        }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let samples = samples();
        for (loss, l2) in [
            (Loss::CrossEntropy, 0.0),
            (Loss::CrossEntropy, 1.0),
            (Loss::CrossEntropy, 30.0),
            (Loss::SquaredHinge, 0.0),
            (Loss::SquaredHinge, 30.0),
        ] {
            let objective = objective(&samples, loss, l2);
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
                    error < 1e-8,
                    "{index}: {difference} and {}",
                    gradient[index]
                );
            }
        }
    }

    #[test]
    fn the_cost_is_that_of_the_formula() {
        let samples = samples();
        for loss in [Loss::CrossEntropy, Loss::SquaredHinge] {
            let objective = objective(&samples, loss, 2.0);
            let parameters = noise(objective.parameters());
            let (weights, biases) = parameters.split_at(DIMENSIONS * CLASSES);
            let mut expected = weights.iter().map(|w| w * w).sum::<f64>();
            if loss == Loss::SquaredHinge {
                expected += biases.iter().map(|b| b * b).sum::<f64>();
            }
            for (row, &label) in samples.0.chunks(DIMENSIONS).zip(&samples.1) {
                let score = |class: usize| {
                    let weights = &weights[class * DIMENSIONS..][..DIMENSIONS];
                    let products = row.iter().zip(weights).map(|(&x, w)| f64::from(x) * w);
                    products.sum::<f64>() + biases[class]
                };
                let label = label as usize;
                let far = match loss {
                    Loss::CrossEntropy => {
                        let total: f64 = (0..CLASSES).map(|class| score(class).exp()).sum();
                        total.ln() - score(label)
                    }
                    Loss::SquaredHinge => (0..CLASSES)
                        .map(|class| match class == label {
                            true => (1.0 - score(class)).max(0.0).powi(2),
                            false => (1.0 + score(class)).max(0.0).powi(2),
                        })
                        .sum(),
                };
                expected += CLASS_WEIGHTS[label] * far;
            }
            let cost = objective.evaluate(&parameters).cost;
            assert!((cost - expected / SAMPLES as f64).abs() < 1e-12, "{cost}");
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let samples = samples();
        let objective = objective(&samples, Loss::CrossEntropy, 1.0);
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
        let loss = cross_entropy(&mut row, 1);
        assert!((loss - 2000.0).abs() < 1e-3);
        assert!((row[0] - 1.0).abs() < 1e-4 && (row[1] + 1.0).abs() < 1e-4);
    }
}
