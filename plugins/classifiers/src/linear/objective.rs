//! What is minimised: the mean loss of linear scores with an L2 penalty, and its gradient.
//!
//! For n samples with scaled features x around 0 that count c each (n in sum), weights W (outputs × dimensions) and biases b:
//!
//! - scores z = W x + b
//! - objective = (Σ c · loss(z) + ½ · l2 · ‖W‖²) / n
//! - gradient by W = (Σ c · ∂loss/∂z xᵀ + l2 · W) / n, by b = Σ c · ∂loss/∂z / n
//!
//! There is an output for each class. Of two classes the second alone has one, whose sign tells them apart; so `l2` means the
//! same as where the form was published, and half the work is done.
//!
//! See C. M. Bishop, "Pattern Recognition and Machine Learning" (2006), sections 4.3.2, 4.3.4 and 7.1.

use super::kernels::{AddGradient, Logits, ROWS, Read, Tile};
use super::origin::Origin;
use crate::scaling::CHUNK;
use rayon::prelude::*;
use topwork_sdk::Scores;

/// How far scores are from the true class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// −ln p(true class) with p = softmax(z); its slope is p − y, with y the true class as a unit vector. With one output it
    /// is ln(1 + exp(−y z)), y = 1 for the second class and −1 for the first.
    CrossEntropy,
    /// Σ max(0, 1 − y z)² over the classes, y = 1 for the true one and −1 for the others: a machine for each class against
    /// the rest. Its slope is −2 y max(0, 1 − y z).
    SquaredHinge,
}

impl Loss {
    /// What the outputs of a model fitted by it are.
    pub fn scores(self) -> Scores {
        match self {
            Loss::CrossEntropy => Scores::Logits,
            Loss::SquaredHinge => Scores::Ranking,
        }
    }
}

/// Whether ‖W‖² has the biases in it.
pub enum Biases {
    /// No.
    Free,
    /// It has the squared scores of the origin, of which this is seen from.
    Penalised(Origin),
}

impl Biases {
    /// Penalised at the origin of features that have this mean.
    pub fn penalised(mean: Vec<f64>) -> Self {
        Biases::Penalised(Origin::new(mean))
    }
}

/// The objective for one set of samples. Parameters are a vector of the weights, output by output, and then the biases; with
/// penalised biases in the coordinates of their [`Origin`].
pub struct Objective<'a> {
    /// samples × dimensions, scaled, of mean 0
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
    pub biases: Biases,
}

/// Objective and gradient at some parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The value of the objective.
    pub cost: f64,
    /// One number for each parameter.
    pub gradient: Vec<f64>,
    /// The mean of ∂²loss/∂z² over weighted samples and outputs.
    pub curvature: f64,
}

/// What one chunk of samples adds, before it is divided by their number.
struct Part {
    loss: f64,
    curvature: f64,
    by_weights: Vec<f64>,
    by_biases: Vec<f64>,
}

impl Objective<'_> {
    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.class_weights.len()
    }

    /// The number of scores.
    pub fn outputs(&self) -> usize {
        match self.classes() {
            2 => 1,
            classes => classes,
        }
    }

    /// The number of parameters: (dimensions + 1) × outputs.
    pub fn parameters(&self) -> usize {
        (self.dimensions + 1) * self.outputs()
    }

    /// The weights and biases of the outputs.
    fn weights(&self, parameters: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (weights, biases) = parameters.split_at(self.dimensions * self.outputs());
        let (mut weights, biases) = (weights.to_vec(), biases.to_vec());
        if let Biases::Penalised(origin) = &self.biases {
            let rows = weights.chunks_exact_mut(self.dimensions);
            rows.zip(&biases)
                .for_each(|(w, &bias)| origin.turn(w, bias));
        }
        (weights, biases)
    }

    /// Weights, classes × dimensions, and biases of a model with these parameters. Two classes share what tells them apart:
    /// logits differ by it, and each machine's margin is it.
    pub fn model(&self, parameters: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (weights, biases) = self.weights(parameters);
        if self.classes() != 2 {
            return (weights, biases);
        }
        let share = match self.loss {
            Loss::CrossEntropy => 0.5,
            Loss::SquaredHinge => 1.0,
        };
        let both = |of_second: &[f64]| {
            let times = |factor: f64| of_second.iter().map(move |x| factor * x);
            times(-share).chain(times(share)).collect()
        };
        (both(&weights), both(&biases))
    }

    /// Objective and gradient together, as both need the logits. Sums over chunks are taken in order, so the result has the
    /// same bits on any number of threads.
    pub fn evaluate(&self, parameters: &[f64]) -> Evaluation {
        let (weights, biases) = self.weights(parameters);
        let parts: Vec<Part> = self
            .features
            .par_chunks(CHUNK * self.dimensions)
            .zip(self.labels.par_chunks(CHUNK))
            .map(|(features, labels)| self.part(features, labels, &weights, &biases))
            .collect();

        let (mut cost, mut curvature) = (0.0, 0.0);
        let mut gradient = vec![0.0; parameters.len()];
        let (by_weights, by_biases) = gradient.split_at_mut(weights.len());
        for part in &parts {
            cost += part.loss;
            curvature += part.curvature;
            for (slope, addend) in by_weights.iter_mut().zip(&part.by_weights) {
                *slope += addend;
            }
            for (slope, addend) in by_biases.iter_mut().zip(&part.by_biases) {
                *slope += addend;
            }
        }
        let (penalised, penalised_biases) = parameters.split_at(weights.len());
        let mut squares: f64 = penalised.iter().map(|weight| weight * weight).sum();
        if let Biases::Penalised(origin) = &self.biases {
            let rows = by_weights.chunks_exact_mut(self.dimensions);
            for ((slopes, slope), bias) in rows.zip(by_biases).zip(penalised_biases) {
                *slope += origin.turn_back(slopes) + self.l2 * origin.bias_counts * bias;
                squares += origin.bias_counts * bias * bias;
            }
        }
        cost += 0.5 * self.l2 * squares;
        for (slope, weight) in by_weights.iter_mut().zip(penalised) {
            *slope += self.l2 * weight;
        }
        let samples = self.labels.len() as f64;
        for slope in &mut gradient {
            *slope /= samples;
        }
        Evaluation {
            cost: cost / samples,
            gradient,
            curvature: curvature / (samples * self.outputs() as f64),
        }
    }

    fn part(&self, features: &[f32], labels: &[u32], weights: &[f64], biases: &[f64]) -> Part {
        let arch = pulp::Arch::new();
        let mut part = Part {
            loss: 0.0,
            curvature: 0.0,
            by_weights: vec![0.0; weights.len()],
            by_biases: vec![0.0; biases.len()],
        };
        let mut tile = Tile::new(self.dimensions);
        let mut scores = vec![[0.0; ROWS]; biases.len()];
        let mut slopes = vec![0.0; biases.len()];
        let blocks = features.chunks(ROWS * self.dimensions);
        for (rows, labels) in blocks.zip(labels.chunks(ROWS)) {
            let tile = &mut tile;
            arch.dispatch(Read { tile, rows });
            arch.dispatch(Logits {
                tile,
                weights,
                logits: &mut scores,
            });
            // The scores become slopes of the loss in place. Those of rows that are not there meet features of 0.
            for (row, &label) in labels.iter().enumerate() {
                for ((slope, scores), bias) in slopes.iter_mut().zip(&scores).zip(biases) {
                    *slope = scores[row] + bias;
                }
                let counts = self.class_weights[label as usize];
                part.loss += counts * self.loss.slopes(&mut slopes, label);
                part.curvature += counts * self.loss.curvature(&slopes);
                let columns = scores.iter_mut().zip(&mut part.by_biases);
                for ((scores, sum), slope) in columns.zip(&slopes) {
                    scores[row] = counts * slope;
                    *sum += scores[row];
                }
            }
            arch.dispatch(AddGradient {
                tile,
                residuals: &scores,
                gradient: &mut part.by_weights,
            });
        }
        part
    }
}

impl Loss {
    /// Turns the scores of one sample into the slopes of its loss and returns that.
    fn slopes(self, row: &mut [f64], label: u32) -> f64 {
        match (self, row) {
            (Loss::CrossEntropy, [z]) => logistic(z, side(label == 1)),
            (Loss::CrossEntropy, row) => cross_entropy(row, label as usize),
            (Loss::SquaredHinge, [z]) => squared_hinge(z, side(label == 1)),
            (Loss::SquaredHinge, row) => (0..)
                .zip(row)
                .map(|(class, z)| squared_hinge(z, side(class == label)))
                .sum(),
        }
    }
}

impl Loss {
    /// Σ ∂²loss/∂z² of a sample whose slopes are these. Of the cross-entropy each is p (1 − p), with p the slope's magnitude or
    /// what it lacks to 1.
    fn curvature(self, slopes: &[f64]) -> f64 {
        match self {
            Loss::CrossEntropy => slopes.iter().map(|s| s.abs() * (1.0 - s.abs())).sum(),
            Loss::SquaredHinge => slopes
                .iter()
                .map(|s| if *s == 0.0 { 0.0 } else { 2.0 })
                .sum(),
        }
    }
}

/// The y of a class's own samples and of the others.
fn side(own: bool) -> f64 {
    if own { 1.0 } else { -1.0 }
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

/// The same for two classes with one score.
fn logistic(z: &mut f64, side: f64) -> f64 {
    let margin = side * *z;
    // Of the two forms the one whose exponential is at most 1.
    let small = (-margin.abs()).exp();
    let wrong = match margin < 0.0 {
        true => 1.0 / (1.0 + small),
        false => small / (1.0 + small),
    };
    *z = -side * wrong;
    small.ln_1p() + (-margin).max(0.0)
}

/// Turns a machine's score of one sample into the slope of its squared hinge loss and returns that.
fn squared_hinge(z: &mut f64, side: f64) -> f64 {
    let short = f64::max(0.0, 1.0 - side * *z);
    *z = -2.0 * side * short;
    short * short
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

    /// A mean for the penalised biases.
    fn mean() -> Vec<f64> {
        noise(DIMENSIONS).into_iter().map(|x| 3.0 * x).collect()
    }

    fn objective<'a>(
        features: &'a [f32],
        labels: &'a [u32],
        classes: usize,
        loss: Loss,
        l2: f64,
    ) -> Objective<'a> {
        Objective {
            features,
            dimensions: DIMENSIONS,
            labels,
            class_weights: &CLASS_WEIGHTS[..classes],
            loss,
            l2,
            biases: match loss {
                Loss::CrossEntropy => Biases::Free,
                Loss::SquaredHinge => Biases::penalised(mean()),
            },
        }
    }

    /// The loss, the penalty's weight and the number of classes.
    const CASES: [(Loss, f64, usize); 8] = [
        (Loss::CrossEntropy, 0.0, 5),
        (Loss::CrossEntropy, 1.0, 5),
        (Loss::CrossEntropy, 30.0, 3),
        (Loss::CrossEntropy, 0.0, 2),
        (Loss::CrossEntropy, 30.0, 2),
        (Loss::SquaredHinge, 0.0, 5),
        (Loss::SquaredHinge, 30.0, 5),
        (Loss::SquaredHinge, 30.0, 2),
    ];

    fn check_all(check: impl Fn(&Objective<'_>)) {
        let (features, labels) = samples();
        for (loss, l2, classes) in CASES {
            let labels: Vec<u32> = labels.iter().map(|label| label % classes as u32).collect();
            check(&objective(&features, &labels, classes, loss, l2));
        }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        check_all(|objective| {
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
        });
    }

    /// By the scores of the model for every class.
    #[test]
    fn the_cost_is_that_of_the_formula() {
        check_all(|objective| {
            let parameters = noise(objective.parameters());
            let (weights, biases) = objective.model(&parameters);
            let classes = objective.classes();
            let rows: Vec<&[f64]> = weights.chunks(DIMENSIONS).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            // Of two classes, one row of weights is penalised: the difference of logits, one of two mirrored machines.
            let penalised: Vec<(Vec<f64>, f64)> = match (classes, objective.loss) {
                (2, Loss::CrossEntropy) => {
                    let columns = rows[1].iter().zip(rows[0]);
                    vec![(columns.map(|(b, a)| b - a).collect(), 0.0)]
                }
                (2, Loss::SquaredHinge) => vec![(rows[1].to_vec(), biases[1])],
                _ => rows
                    .iter()
                    .map(|w| w.to_vec())
                    .zip(biases.clone())
                    .collect(),
            };
            let mut expected = 0.0;
            for (weights, bias) in penalised {
                expected += 0.5 * objective.l2 * dot(&weights, &weights);
                if objective.loss == Loss::SquaredHinge {
                    expected += 0.5 * objective.l2 * (bias - dot(&weights, &mean())).powi(2);
                }
            }
            let samples = objective.features.chunks(DIMENSIONS).zip(objective.labels);
            for (row, &label) in samples {
                let row: Vec<f64> = row.iter().map(|&x| x.into()).collect();
                let score = |class: usize| dot(rows[class], &row) + biases[class];
                let label = label as usize;
                let far = match objective.loss {
                    Loss::CrossEntropy => {
                        let total: f64 = (0..classes).map(|class| score(class).exp()).sum();
                        total.ln() - score(label)
                    }
                    Loss::SquaredHinge => (0..classes)
                        .map(|class| match class == label {
                            true => (1.0 - score(class)).max(0.0).powi(2),
                            false => (1.0 + score(class)).max(0.0).powi(2),
                        })
                        .take(if classes == 2 { 1 } else { classes })
                        .sum(),
                };
                expected += CLASS_WEIGHTS[label] * far;
            }
            let cost = objective.evaluate(&parameters).cost;
            assert!(
                (cost - expected / SAMPLES as f64).abs() < 1e-11 * cost,
                "{cost}"
            );
        });
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        check_all(|objective| {
            let parameters = noise(objective.parameters());
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                pool.unwrap().install(|| objective.evaluate(&parameters))
            };
            let one = on(1);
            for threads in [2, 3, 8] {
                assert_eq!(on(threads), one);
            }
        });
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let mut row = [1000.0, -1000.0, 990.0];
        let loss = cross_entropy(&mut row, 1);
        assert!((loss - 2000.0).abs() < 1e-3);
        assert!((row[0] - 1.0).abs() < 1e-4 && (row[1] + 1.0).abs() < 1e-4);
        for (z, expected, slope) in [(2000.0, 2000.0, 1.0), (-2000.0, 0.0, 0.0)] {
            let mut row = [z];
            assert_eq!(Loss::CrossEntropy.slopes(&mut row, 0), expected);
            assert_eq!(row, [slope]);
        }
    }
}
