//! The layers computed in double precision: what others that compute them are held against.

use crate::{Layer, Metric, ScoringLayers, Trees, Votes};

impl ScoringLayers {
    /// The scores of rows of features, one after the other, rows × classes.
    pub fn scores(&self, features: &[f32]) -> Vec<f64> {
        let mut scores = Vec::with_capacity(features.len() / self.features * self.classes);
        for row in features.chunks_exact(self.features) {
            let mut values: Vec<f64> = row.iter().copied().map(f64::from).collect();
            for layer in &self.layers {
                values = layer.compute(values);
            }
            scores.extend(values);
        }
        scores
    }
}

impl Layer {
    fn compute(&self, mut x: Vec<f64>) -> Vec<f64> {
        match self {
            Layer::Scale { shift, factor } => {
                for ((x, shift), factor) in x.iter_mut().zip(shift).zip(factor) {
                    *x = (*x - f64::from(*shift)) * f64::from(*factor);
                }
                x
            }
            Layer::UnitLength => {
                // By the largest first, as squares of very small numbers would be 0.
                let largest = x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
                if largest > 0.0 {
                    x.iter_mut().for_each(|x| *x /= largest);
                    let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
                    x.iter_mut().for_each(|x| *x /= length);
                }
                x
            }
            Layer::Linear { weight, bias } => (weight.chunks_exact(x.len()).zip(bias))
                .map(|(weight, bias)| {
                    let products = weight.iter().zip(&x).map(|(w, x)| f64::from(*w) * x);
                    products.sum::<f64>() + f64::from(*bias)
                })
                .collect(),
            Layer::Distances {
                metric,
                rows,
                precision,
                bias,
            } => (rows.chunks_exact(x.len()).zip(bias).enumerate())
                .map(|(number, (row, bias))| {
                    let precision = precision.as_ref();
                    let precision = precision.map(|all| &all[number * x.len()..][..x.len()]);
                    f64::from(*bias) - half_square(*metric, &x, row, precision)
                })
                .collect(),
            Layer::Neighbours {
                k,
                metric,
                weights,
                rows,
                labels,
                classes,
            } => {
                let rows = rows.chunks_exact(x.len()).map(|row| {
                    let half = half_square(*metric, &x, row, None);
                    match metric {
                        Metric::Euclidean => (2.0 * half).sqrt(),
                        Metric::Cosine => half,
                    }
                });
                let mut nearest: Vec<(f64, usize)> = rows.zip(0..).collect();
                nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
                nearest.truncate(*k);
                vote(*weights, &nearest, labels, *classes)
            }
            Layer::Trees(trees) => trees.compute(&x),
            Layer::Softmax => {
                let logarithm = log_sum_exp(&x);
                x.iter().map(|x| (x - logarithm).exp()).collect()
            }
            Layer::LogSoftmax => {
                let logarithm = log_sum_exp(&x);
                x.iter().map(|x| x - logarithm).collect()
            }
        }
    }
}

/// `½ Σ p (x − r)²`; by the cosine 1 where one of them is 0.
fn half_square(metric: Metric, x: &[f64], row: &[f32], precision: Option<&[f32]>) -> f64 {
    let no_direction = x.iter().all(|x| *x == 0.0) || row.iter().all(|r| *r == 0.0);
    if metric == Metric::Cosine && no_direction {
        return 1.0;
    }
    let columns = x.iter().zip(row).enumerate();
    let squares = columns.map(|(column, (x, r))| {
        let apart = x - f64::from(*r);
        apart * apart * precision.map_or(1.0, |precision| f64::from(precision[column]))
    });
    0.5 * squares.sum::<f64>()
}

fn vote(weights: Votes, nearest: &[(f64, usize)], labels: &[u32], classes: usize) -> Vec<f64> {
    let same = nearest.iter().any(|(distance, _)| *distance == 0.0);
    let least = nearest.first().map_or(0.0, |(distance, _)| *distance);
    let counts = |distance: f64| match (weights, same) {
        (Votes::Uniform, _) => 1.0,
        // As a share, what the nearest counts cancels; so nothing is too small to be told from 0.
        (Votes::Exponential { temperature }, _) => {
            ((least - distance) / f64::from(temperature)).exp()
        }
        (Votes::Distance, true) => f64::from(distance == 0.0),
        (Votes::Distance, false) => 1.0 / distance,
    };
    let mut votes = vec![0.0; classes];
    for (distance, row) in nearest {
        votes[labels[*row] as usize] += counts(*distance);
    }
    let all: f64 = votes.iter().sum();
    votes.iter().map(|votes| votes / all).collect()
}

fn log_sum_exp(x: &[f64]) -> f64 {
    let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + x.iter().map(|x| (x - most).exp()).sum::<f64>().ln()
}

impl Trees {
    fn compute(&self, x: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.outputs];
        for &root in &self.roots {
            let mut node = root as usize;
            while self.child[node] != 0 {
                let right = x[self.feature[node] as usize] > f64::from(self.threshold[node]);
                node = self.child[node] as usize + usize::from(right);
            }
            let leaf = self.feature[node] as usize;
            let values = &self.leaves[leaf * self.outputs..][..self.outputs];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += f64::from(*value);
            }
        }
        let trees = self.roots.len() as f64;
        sums.iter().map(|sum| sum / trees).collect()
    }

    /// How many nodes the longest way has before its leaf.
    pub fn depth(&self) -> usize {
        // A child stands behind its parent, so it is known when its parent is reached from the end.
        let mut below = vec![0_usize; self.child.len()];
        for node in (0..self.child.len()).rev() {
            let child = self.child[node] as usize;
            if child != 0 {
                below[node] = 1 + below[child].max(below[child + 1]);
            }
        }
        let depths = self.roots.iter().map(|root| below[*root as usize]);
        depths.max().unwrap_or(0)
    }
}
